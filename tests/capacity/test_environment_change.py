"""A plan in an environment's settings: the lines that change, the cost, and what is refused."""

import json
from pathlib import Path

import pytest

from capacity.environment_change import propose, write_change
from capacity.errors import CapacityError
from capacity.report import Settings
from tests.capacity.conftest import PRICES

ROOT = Path(__file__).parents[2]
WANTED = Settings("ml.m5.xlarge", 3, 3, 6, 900)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cdktf.json"
    path.write_text((ROOT / "cdktf.json").read_text())
    return path


def test_only_the_settings_change(file: Path) -> None:
    before = file.read_text()
    change = propose(file, "prod", WANTED, scaling=True)
    assert file.read_text() == before
    write_change(file, change)
    removed = [line[1:].strip() for line in change.diff.splitlines() if line.startswith("-") and line[1] != "-"]
    assert removed == [
        '"initial_instance_count": 2,',
        '"minimum_instance_count": 2,',
        '"target_invocations_per_instance_per_minute": 1200',
    ]
    assert len(file.read_text().splitlines()) == len(before.splitlines())
    prod = json.loads(file.read_text())["context"]["environments"]["prod"]
    assert prod["instance_type"] == "ml.m5.xlarge"
    assert prod["auto_scaling"]["target_invocations_per_instance_per_minute"] == 900
    assert propose(file, "prod", WANTED, scaling=True).diff == ""


def test_scaling_is_added_where_there_is_none_or_left_alone(file: Path) -> None:
    added = propose(file, "dev", WANTED, scaling=True)
    assert added.after.auto_scaling is not None
    assert added.after.auto_scaling.maximum_instance_count == 6
    assert propose(file, "dev", WANTED, scaling=False).after.auto_scaling is None


def test_the_cost_is_compared_at_the_initial_counts(file: Path) -> None:
    sentence = propose(file, "dev", WANTED, scaling=True).cost_sentence(PRICES)
    assert sentence.startswith("Cost: 100 USD a month before, 750 after (+650)")
    unknown = propose(file, "dev", Settings("ml.c5.large", 1, 1, 2, 10), scaling=True)
    assert unknown.cost_sentence(PRICES) == "Cost: no price is known for ml.c5.large in us-east-1."


@pytest.mark.parametrize(
    ("wanted", "scaling", "complaint"),
    [
        (Settings("ml.m6g.large", 3, 3, 6, 900), True, "image.platform: must be linux/arm64"),
        (Settings("m5.large", 3, 3, 6, 900), True, "instance_type: must be"),
        (Settings("ml.m5.large", 9, 3, 6, 900), True, "initial_instance_count: must be from"),
        (Settings("ml.m5.large", 9, 9, 9, 900), False, "initial_instance_count: must be from"),
    ],
)
def test_what_the_settings_refuse_is_refused(file: Path, wanted: Settings, scaling: bool, complaint: str) -> None:
    before = file.read_text()
    with pytest.raises(CapacityError) as caught:
        propose(file, "prod", wanted, scaling=scaling)
    assert "nothing is written" in caught.value.complaints[0]
    assert complaint in caught.value.complaints[1]
    assert file.read_text() == before


def test_faults_of_the_file_are_reported(file: Path) -> None:
    with pytest.raises(CapacityError, match="there is no environment 'stage'; there are dev, local, prod"):
        propose(file, "stage", WANTED, scaling=True)
    file.write_text("{")
    with pytest.raises(CapacityError, match="not valid JSON"):
        propose(file, "dev", WANTED, scaling=True)
