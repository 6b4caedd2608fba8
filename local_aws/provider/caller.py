"""Where Terraform runs: its relative paths start there, and a reattached provider is not its child."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

TCP_PEER = re.compile(r"ipv[46]:(?:127\.0\.0\.1|\[::1\]|%5B::1%5D):(\d+)$")


def working_directory(peer: str) -> Path | None:
    """The working directory of the process at the other end of a loopback connection (gRPC's name of the peer).

    None when no process of this user has that connection.
    """
    match = TCP_PEER.match(peer)
    if match is None:
        return None
    port = int(match[1])
    # Its port alone does not tell the connection: others may leave from the same one, for somewhere else.
    own = psutil.Process().net_connections("tcp")
    served = {connection.laddr.port for connection in own if connection.raddr and connection.raddr.port == port}

    def is_its(connection: Any) -> bool:
        ends = connection.laddr and connection.raddr
        return bool(ends) and connection.laddr.port == port and connection.raddr.port in served

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.pid is not None and is_its(connection):
                return Path(psutil.Process(connection.pid).cwd())
    except psutil.AccessDenied:
        # macOS shows a user the connections of single processes only.
        return _search(is_its)
    except psutil.NoSuchProcess:
        pass
    return None


def _search(is_its: Callable[[Any], bool]) -> Path | None:
    for process in psutil.process_iter(["name"]):
        if not (process.info["name"] or "").startswith(("terraform", "tofu")):
            continue
        try:
            if any(map(is_its, process.net_connections("tcp"))):
                return Path(process.cwd())
        except psutil.Error:
            continue
    return None
