"""What can stop a run; each carries a sentence for the person who started it."""


class BenchmarkError(Exception):
    """The run cannot go on; the message says what was wrong and what to do."""


class UnexpectedAnswerError(BenchmarkError):
    """A server answered a request otherwise than the measure needs.

    Attributes:
        status: HTTP status of the answer.
    """

    def __init__(self, request: str, status: int, body: bytes) -> None:
        super().__init__(f"{request} was answered with {status}: {body[:500].decode(errors='replace')}")
        self.status = status
