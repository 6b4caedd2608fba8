"""What can go wrong in the demo itself."""


class DemoError(Exception):
    """Something the demo promises did not happen."""
