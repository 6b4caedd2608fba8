"""A trial load in a process of its own, for `model_catalog add`: `python -m container.model_server.trial`."""
