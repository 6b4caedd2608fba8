"""The port of the local AWS, apart from the server: a port in use is reported before anything heavy is loaded."""

import socket

from .errors import PortInUseError

_BACKLOG = 1024


def listen(port: int) -> socket.socket:
    """Listen on `port` of 127.0.0.1; 0 takes a free one. Raises PortInUseError."""
    # With the protocol named, asyncio turns Nagle's algorithm off: 40 ms less a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortInUseError(port) from error
    return listener


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
