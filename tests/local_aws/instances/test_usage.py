"""What a process and its children use."""

import subprocess
import sys

from local_aws.instances.usage import usage_of

_CHILD = """
import os, sys
block = bytearray(os.urandom(1 << 20) * 40)
while sum(os.times()[:2]) < 0.5:
    pass
print("ready", flush=True)
sys.stdin.read()
"""
_PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {_CHILD!r}])
"""


def test_children_count_with_their_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        usage = usage_of(process.pid)
        process.stdin.close()
        process.wait()
    assert usage.cpu_seconds >= 0.5
    assert usage.memory_bytes > 40 << 20
    assert usage_of(process.pid) is None
