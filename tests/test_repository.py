"""What is in the repository: sources, not what tools write beside them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST_BYTES = 1024 * 1024


def tracked(*options: str) -> list[str]:
    command = ["git", "ls-files", "-z", *options]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name]


def test_nothing_that_is_ignored_is_tracked() -> None:
    assert tracked("--cached", "--ignored", "--exclude-standard") == []


def test_no_cache_of_a_tool_and_no_large_file_is_tracked() -> None:
    files = tracked()
    assert [name for name in files if "cache" in name.split("/")[0] and name.startswith(".")] == []
    sizes = {name: (ROOT / name).stat().st_size for name in files if (ROOT / name).is_file()}
    assert {name: size for name, size in sizes.items() if size > LARGEST_BYTES} == {}
