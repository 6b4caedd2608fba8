"""What keeps a load test from starting."""


class LoadTestError(Exception):
    """The test was not started, or cannot write its results. The message says why and what to do."""
