"""A process of its own for tests that synthesise with other bindings: synthesise_examples.py FOLDER."""

import sys
from pathlib import Path

from tests.stacks.conftest import ENVIRONMENTS, example_lock, synthesise_into

if __name__ == "__main__":
    print(synthesise_into(Path(sys.argv[1]), ENVIRONMENTS, example_lock()))
