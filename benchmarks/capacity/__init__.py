"""The capacity plan's simulation: how fast it is, and how close to an endpoint that replays the same trace."""
