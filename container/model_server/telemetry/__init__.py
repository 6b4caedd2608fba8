"""What the front process tells: event lines, metrics, the access log."""
