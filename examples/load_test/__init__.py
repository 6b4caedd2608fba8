"""An open-loop load test of an endpoint: `python -m examples.load_test`."""
