"""Free TCP ports on loopback, in blocks: a container gets one to listen on and a range for its own use."""

import os
import random
import socket
import threading
from dataclasses import dataclass

_FIRST, _LAST = 20_000, 31_999
"""Below Linux's ephemeral ports (from 32,768), so that no outgoing connection takes one meanwhile."""

BLOCK_SIZE = 16


@dataclass(frozen=True)
class PortBlock:
    """`bind_port` to listen on; `first` to `last` are SageMaker's SAGEMAKER_SAFE_PORT_RANGE."""

    bind_port: int

    @property
    def safe_range(self) -> str:
        return f"{self.bind_port + 1}-{self.bind_port + BLOCK_SIZE - 1}"


class PortAllocator:
    """Hands out blocks that nobody listens in. Two allocators start looking at different places."""

    def __init__(self) -> None:
        self._random = random.Random(os.getpid())
        self._taken: set[int] = set()
        self._lock = threading.Lock()

    def take(self) -> PortBlock:
        """Raises OSError when no block is free."""
        starts = list(range(_FIRST, _LAST - BLOCK_SIZE, BLOCK_SIZE))
        self._random.shuffle(starts)
        with self._lock:
            for start in starts:
                if start not in self._taken and all(_is_free(port) for port in range(start, start + BLOCK_SIZE)):
                    self._taken.add(start)
                    return PortBlock(start)
        raise OSError(f"no {BLOCK_SIZE} consecutive free ports between {_FIRST} and {_LAST} on 127.0.0.1")

    def give_back(self, block: PortBlock) -> None:
        with self._lock:
            self._taken.discard(block.bind_port)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
