import subprocess
import sys

from benchmarks.server.processes import Memory, measure_memory, parse_smaps_rollup, processor_seconds

ROLLUP = """\
00400000-7ffd1000 ---p 00000000 00:00 0                                  [rollup]
Rss:               10000 kB
Pss:                5000 kB
Pss_Anon:           1000 kB
Pss_File:           3900 kB
Shared_Clean:       6000 kB
Private_Clean:       700 kB
Private_Dirty:      3300 kB
"""


def test_pages_of_files_are_told_beside_private_memory():
    """Private_Clean is a file that only one process maps: page cache, not memory that the process has written."""
    assert parse_smaps_rollup(ROLLUP) == Memory(3300 * 1024, 3900 * 1024, 5000 * 1024, processes=1)


def test_children_count_too():
    program = (
        "import subprocess, sys; block = b'x' * 30_000_000;"
        "child = subprocess.Popen([sys.executable, '-c', "
        "\"block = b'x' * 30_000_000; print(len(block), flush=True); input()\"], stdin=subprocess.PIPE);"
        "input(); child.communicate(b'\\n')"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()  # the child has its block
        memory = measure_memory(process.pid)
        used = processor_seconds(process.pid)
        process.communicate(b"\n")
    assert memory.processes == 2
    assert 60_000_000 < memory.private_bytes < 120_000_000
    assert 0 < used < 60
    assert measure_memory(process.pid).processes == 0
    assert processor_seconds(process.pid) == 0
