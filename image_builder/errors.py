"""What can go wrong while an image is built and pushed."""


class ImageBuilderError(Exception):
    """A problem that the person who deploys can solve; its text says what was wrong, where, and what to do."""
