"""The list of slow tests in tests/conftest.py names tests that there are."""

from pathlib import Path

import pytest

from tests.conftest import SLOW

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("nodeid", SLOW)
def test_what_is_left_to_the_slow_run_exists(nodeid: str) -> None:
    file, _, test = nodeid.partition("::")
    assert (ROOT / file).exists()
    assert not test or f"def {test.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8")
