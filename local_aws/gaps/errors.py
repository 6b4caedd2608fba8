"""An AWS error as a gap's answer."""

from typing import Any


class GapError(Exception):
    """An error of the service: `code` as AWS names it, `message` for people, `fields` beside them in the body."""

    def __init__(self, code: str, message: str, **fields: Any) -> None:
        self.code = code
        self.message = message
        self.fields = fields
        super().__init__(message)
