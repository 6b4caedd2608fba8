import itertools
import socket
from concurrent.futures import ThreadPoolExecutor

from local_aws.instances.ports import BLOCK_SIZE, PortAllocator


def test_blocks_are_apart_also_when_taken_side_by_side() -> None:
    allocator = PortAllocator()
    with ThreadPoolExecutor(8) as pool:
        starts = sorted(block.bind_port for block in pool.map(lambda _: allocator.take(), range(40)))
    assert all(later - earlier >= BLOCK_SIZE for earlier, later in itertools.pairwise(starts))


def test_block_with_a_listener_in_it_is_not_given_out() -> None:
    block = PortAllocator().take()
    with socket.create_server(("127.0.0.1", block.bind_port + 3)):
        taken = set()
        allocator = PortAllocator()
        for _ in range(50):
            taken.add(allocator.take().bind_port)
        assert block.bind_port not in taken


def test_safe_range_follows_the_port_to_listen_on() -> None:
    block = PortAllocator().take()
    assert block.safe_range == f"{block.bind_port + 1}-{block.bind_port + BLOCK_SIZE - 1}"
