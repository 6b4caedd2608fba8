"""The image installs what is tested: requirements.txt is the closure of requirements.in at Pipfile.lock's versions."""

import json
import re
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


def lines(name: str) -> list[str]:
    text = (ROOT / "container" / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_every_pin_is_the_locked_one() -> None:
    locked = json.loads((ROOT / "Pipfile.lock").read_text())["local"]
    for line in lines("requirements.txt"):
        name, _, version = line.split()[0].partition("==")
        assert f"=={version}" == locked[name]["version"], name
        hashes = HASH.findall(line)
        assert hashes and set(hashes) <= set(locked[name]["hashes"]), name
        assert HASH.sub("", line).split() == [f"{name}=={version}"], name


def test_the_closure_is_complete_and_has_nothing_more() -> None:
    open_names = [canonicalize_name(name) for name in lines("requirements.in")]
    closure = set()
    while open_names:
        name = open_names.pop()
        if name not in closure:
            closure.add(name)
            needed = [Requirement(text) for text in requires(name) or []]
            open_names += [
                canonicalize_name(r.name) for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})
            ]
    assert [line.split("==")[0] for line in lines("requirements.txt")] == sorted(closure)
