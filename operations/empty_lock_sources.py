"""Empty `_meta.sources` of a Pipfile.lock, so that the lock names no package index and a mirror works unchanged.

Run by `make lock`. The hashes pin the packages; pipenv's `verify`, `sync` and
`install --deploy` do not need the sources.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    path = Path(sys.argv[1])
    lock = json.loads(path.read_text())
    lock["_meta"]["sources"] = []
    path.write_text(json.dumps(lock, indent=4) + "\n")


if __name__ == "__main__":
    main()
