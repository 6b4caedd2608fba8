"""Records what Terraform and its provider send, and what they get: one JSON object a line, in order of the answers.

client                             `provider`, or `terraform` for its S3 backend; other programs are left out
service                            of the signature, e.g. `s3`
method, raw_path, query            as sent, without what a presigned URL is signed with
headers, response_headers          names in lower case
status
body, response_body                text; `base64:...` for other bytes; `(N bytes)` for long ones

No credentials: no signature, token or secret is written. tests/local_aws/recordings has such files.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import RecordingError
from .signature import signed_service

MAX_BODY_BYTES = 20_000
"""Longer bodies stand as their number of bytes."""

# What is not named here is left out: who knows what else a client signs with.
_HEADERS = re.compile(
    r"host|content-(type|length|encoding)|transfer-encoding|accept|range|if-[\w-]+|smithy-protocol|x-amzn?-[\w-]+"
)
_SECRET_HEADERS = {"x-amz-security-token", "x-amz-date", "x-amz-signature"}
_SECRET_PARAMETERS = re.compile(
    r"(?:^|&)(?:X-Amz-(?:Credential|Signature|Security-Token|Date)|AWSAccessKeyId|Signature)=[^&]*", re.IGNORECASE
)
_SECRETS = (
    re.compile(r"(?<=chunk-signature=)[0-9a-f]+"),
    re.compile(r"(?<=x-amz-trailer-signature:)[0-9a-f]+"),
    re.compile(r"(?<=<SecretAccessKey>)[^<]*|(?<=<SessionToken>)[^<]*"),
    re.compile(r'(?<="authorizationToken":)\s*"[^"]*"|(?<="[sS]ecretAccessKey":)\s*"[^"]*"'),
    re.compile(r'(?<="[sS]essionToken":)\s*"[^"]*"'),
)


@contextmanager
def open_recording(path: Path | None) -> Iterator[IO[str] | None]:
    """The file, empty at first; None for None. Raises RecordingError."""
    if path is None:
        yield None
        return
    try:
        # What it holds is of the user's account, even though no credentials are in it.
        path.unlink(missing_ok=True)
        path.touch(0o600)
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise RecordingError(path, error) from error
    with file:
        yield file


class Recorder:
    """The ASGI application in front of `application`; writes into `file`."""

    def __init__(self, application: ASGIApp, file: IO[str]) -> None:
        self._application = application
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _decoded(scope.get("headers", ()))
        client = _client(headers.get("user-agent", ""))
        if client is None or scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        sent, received = _Body(), _Body()
        start: Message = {}

        async def record_received() -> Message:
            message = await receive()
            sent.add(message.get("body", b""))
            return message

        async def record_sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            received.add(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._write(client, scope, start, sent, received)
            await send(message)

        await self._application(scope, record_received, record_sent)

    def _write(self, client: str, scope: Scope, start: Message, sent: "_Body", received: "_Body") -> None:
        headers = _decoded(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        line = {
            "client": client,
            "service": signed_service(headers, query),
            "method": scope["method"],
            "raw_path": scope["raw_path"].decode("latin-1"),
            "query": _SECRET_PARAMETERS.sub("", query).removeprefix("&"),
            "headers": {
                name: value
                for name, value in headers.items()
                if _HEADERS.fullmatch(name) and name not in _SECRET_HEADERS
            },
            "body": sent.text(),
            "status": start["status"],
            "response_headers": _decoded(start["headers"]),
            "response_body": received.text(),
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


class _Body:
    """What goes by: the beginning, and how much there is."""

    def __init__(self) -> None:
        self._beginning = bytearray()
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        self._beginning += piece[: MAX_BODY_BYTES - len(self._beginning)]

    def text(self) -> str:
        if self._size > MAX_BODY_BYTES:
            return f"({self._size} bytes)"
        try:
            text = self._beginning.decode()
        except UnicodeDecodeError:
            return f"base64:{base64.b64encode(self._beginning).decode()}"
        for secret in _SECRETS:
            text = secret.sub(_blank, text)
        return text


def _blank(match: re.Match[str]) -> str:
    """As long as before, so that lengths stay true."""
    return re.sub(r"[^\s\"]", "0", match[0])


def _client(user_agent: str) -> str | None:
    if "terraform-provider-aws/" in user_agent:
        return "provider"
    return "terraform" if re.search(r"(Terraform|OpenTofu)/", user_agent) else None


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
