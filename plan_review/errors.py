"""The one error a user can cause: a file that cannot be reviewed, or settings that make no sense."""


class ReviewError(Exception):
    """A plan, policy or acceptance file cannot be used.

    The text names the file, what is wrong and what to do; for a plan it is one line.
    """
