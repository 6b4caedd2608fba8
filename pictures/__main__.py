"""`python -m pictures`: draws the pictures of the documentation and of the benchmarks' pages from what is in git."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pictures import architecture

ROOT = Path(__file__).resolve().parent.parent


def draw(root: Path = ROOT) -> Iterator[Path]:
    """Write every picture that git holds the numbers of; their paths."""
    from benchmarks.scale import plot  # noqa: PLC0415 - matplotlib and the benchmark's packages

    file = root / "docs" / "architecture.svg"
    file.write_text(architecture.render(), encoding="utf-8")
    yield file
    numbers = root / "benchmarks" / "scale.json"
    yield plot(json.loads(numbers.read_text(encoding="utf-8")), numbers.with_suffix(".svg"))


def main() -> int:
    for path in draw():
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
