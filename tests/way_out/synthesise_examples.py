"""A process of its own for tests that synthesise with other bindings: synthesise_examples.py FOLDER."""

import os
import sys
from pathlib import Path

from way_out.cdk_terrain import choose_bindings

if __name__ == "__main__":
    choose_bindings(os.environ)
    from tests.stacks.conftest import ENVIRONMENTS, example_lock, synthesise_into

    print(synthesise_into(Path(sys.argv[1]), ENVIRONMENTS, example_lock()))
