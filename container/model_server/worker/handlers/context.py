"""The context that artifacts' own functions may take: what AWS's toolkit gives them, which is multi-model-server's.

https://github.com/awslabs/multi-model-server/blob/master/mms/context.py. One request is answered at a time, so that
the index, which is there for batches, is always 0.
"""

from collections.abc import Mapping
from typing import Any

# The server says these itself.
_FRAMING = {"connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade", "x-request-id"}


class Headers(dict[str, str]):
    """A request's header fields. Their names are compared without regard to case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in fields.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class RequestProcessor:
    """One request's header fields, and the status and fields of its answer."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = Headers(headers)
        self._status = 200
        self._phrase: str | None = None
        self._answer_headers: dict[str, str] = {}

    def get_request_property(self, key: str) -> str | None:
        return self._headers.get(key)

    def get_request_properties(self) -> Headers:
        return self._headers

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        self._status, self._phrase = code, reason_phrase

    def get_response_status_code(self) -> int:
        return self._status

    def get_response_status_phrase(self) -> str | None:
        return self._phrase

    def add_response_property(self, key: str, value: str) -> None:
        self._answer_headers[key] = value

    def get_response_headers(self) -> dict[str, str]:
        return self._answer_headers

    def get_response_header(self, key: str) -> str | None:
        return self._answer_headers.get(key)


class Context:
    """A model's context. `begin` gives it the next request."""

    def __init__(self, model_name: str, model_dir: str) -> None:
        self.model_name = model_name
        self.manifest: dict[str, object] = {}
        self.metrics = None
        self.system_properties = {
            "model_dir": model_dir,
            "gpu_id": None,
            "batch_size": 1,
            "server_name": "model_server",
            "server_version": "1",
        }
        self.begin({}, "")

    def begin(self, headers: Mapping[str, str], request_id: str) -> None:
        self.request_ids = {0: request_id}
        self.request_processor = [RequestProcessor(headers)]

    def get_request_id(self, idx: int = 0) -> str | None:
        return self.request_ids.get(idx)

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx: int) -> Headers:
        return self.request_processor[idx].get_request_properties()

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        return self.get_response_headers(idx).get("content-type")

    def get_response_status(self, idx: int) -> tuple[int, str | None]:
        request = self.request_processor[idx]
        return request.get_response_status_code(), request.get_response_status_phrase()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.request_processor[idx].report_status(code, phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        self.set_response_status(code, phrase)

    def get_response_headers(self, idx: int) -> dict[str, str]:
        return self.request_processor[idx].get_response_headers()

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.request_processor[idx].add_response_property(key, value)

    # What the server takes from it.

    def chosen_status(self) -> int:
        """The answer's status. Raises ValueError for one that no answer can have."""
        status = self.request_processor[0].get_response_status_code()
        if not isinstance(status, int) or not 200 <= status <= 599 or status in (204, 205, 304):
            raise ValueError(f"status {status!r} cannot be that of an answer with a body")
        return status

    def chosen_headers(self) -> dict[str, str]:
        """The answer's fields, those left out that the server says itself. Raises ValueError for one that cannot be
        sent."""
        chosen = {}
        for name, value in self.get_response_headers(0).items():
            field, text = str(name).lower(), str(value)
            if field in _FRAMING:
                continue
            if not field.replace("-", "").replace("_", "").isalnum() or not field.isascii() or not _is_text(text):
                raise ValueError(f"{name!r}: {value!r} cannot be a header field")
            chosen[field] = text
        return chosen


def _is_text(value: str) -> bool:
    return value.isprintable() and all(ord(character) < 256 for character in value)
