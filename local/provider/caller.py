"""Where Terraform runs: its relative paths start there, and a reattached provider is not its child."""

import re
from pathlib import Path

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
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid is not None:
                return Path(psutil.Process(connection.pid).cwd())
    except psutil.AccessDenied:
        # macOS shows a user the connections of single processes only.
        return _search(port)
    except psutil.NoSuchProcess:
        pass
    return None


def _search(port: int) -> Path | None:
    for process in psutil.process_iter(["name"]):
        if not (process.info["name"] or "").startswith(("terraform", "tofu")):
            continue
        try:
            if any(connection.laddr.port == port for connection in process.net_connections("tcp") if connection.laddr):
                return Path(process.cwd())
        except psutil.Error:
            continue
    return None
