"""Bodies of requests to moto: in memory, except for those of large objects, which go into a file as they come in."""

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from .content import PIECE_BYTES, Content, ContentFile
from .signature import access_key_id, signed_service

_NOT_ABOUT_CONTENT = ("acl", "legal-hold", "policy", "retention", "tagging")


def holds_an_object(request: Request) -> bool:
    """Whether the body is the content of an S3 object, or a part of one."""
    is_of_a_key = "/" in request.url.path.removeprefix("/")
    if request.method != "PUT" or not is_of_a_key or any(name in request.query_params for name in _NOT_ABOUT_CONTENT):
        return False
    service = signed_service(request.headers, request.url.query)
    # Only S3 takes signatures of version 2, which name no service.
    return service == "s3" or (service is None and access_key_id(request.headers, request.url.query) is not None)


async def receive_body(receive: Receive, *, may_be_large: bool) -> bytes | Content:
    """The whole body; from PIECE_BYTES on a Content if it `may_be_large`. Raises ClientDisconnect if it never ends."""
    piece = bytearray()
    file: ContentFile | None = None
    has_more = True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece += message.get("body", b"")
        has_more = message.get("more_body", False)
        if may_be_large and (len(piece) >= PIECE_BYTES or (file is not None and not has_more)):
            file = file or ContentFile()
            await to_thread.run_sync(file.append, (bytes(piece),))
            piece.clear()
    return bytes(piece) if file is None else file.whole()
