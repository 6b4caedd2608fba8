"""The head of an HTTP answer."""

import http
from collections.abc import Mapping

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in http.HTTPStatus}


def content_type_field(media_type: str) -> dict[str, str]:
    """The header field that gives an answer's type: exactly the one asked for, since clients compare it as text."""
    return {"content-type": media_type}


def answer_head(status: int, fields: Mapping[str, str], body_bytes: int, keep_alive: bool = True) -> bytes:
    """Status line and fields, up to the body."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
    close = "" if keep_alive else "connection: close\r\n"
    return f"{_STATUS_LINES[status]}{lines}{close}content-length: {body_bytes}\r\n\r\n".encode("latin-1")
