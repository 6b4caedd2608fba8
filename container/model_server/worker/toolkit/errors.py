"""What artifacts' own code may raise to choose the status of the answer."""

from ...errors import UnsupportedContentType


class UnsupportedFormatError(UnsupportedContentType):
    """A content type that the code does not know: answered 415."""

    def __init__(self, content_type: str) -> None:
        super().__init__(f"content type {content_type} is not supported by this model's code")

    @property
    def kind(self) -> str:
        return UnsupportedContentType.__name__


class BaseInferenceToolkitError(Exception):
    """An error with the status of its answer, 400 to 599; any other becomes 500."""

    def __init__(self, status_code: int, message: str, phrase: str) -> None:
        super().__init__(status_code, message, phrase)
        self.status_code = status_code
        self.message = message
        self.phrase = phrase


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """The same, with a message of its own where none is given."""

    def __init__(self, status_code: int, message: str | None = None, phrase: str | None = None) -> None:
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)
