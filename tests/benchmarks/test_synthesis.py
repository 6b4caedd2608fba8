import json

import pytest

from benchmarks import synthesis
from model_catalog.lock import read_lock, write_lock


def test_the_catalog_it_measures_with_is_one_the_application_reads(tmp_path):
    write_lock(tmp_path, synthesis.synthetic_lock(50))
    assert len(read_lock(tmp_path).models) == 50


def test_a_synthesis_is_measured(tmp_path):
    measured = synthesis.grow(10, 1, str(tmp_path))
    assert measured["models"] == 10
    assert measured["cpu_seconds"][0] > 0
    assert measured["median_seconds"] == measured["seconds"][0] > 0
    written = json.loads((tmp_path / "stacks" / "prod-models" / "cdk.tf.json").read_text())
    assert len(written["resource"]["aws_s3_object"]) == 10
    assert measured["models_stack_json_bytes"] == (tmp_path / "stacks" / "prod-models" / "cdk.tf.json").stat().st_size


def test_a_failing_process_is_not_measured():
    with pytest.raises(RuntimeError, match="failed with exit code 3"):
        synthesis.timed(["-c", "raise SystemExit(3)"])


def test_the_numbers_in_git_meet_the_targets():
    result = json.loads(synthesis.RESULT.read_text())
    assert result["cold_process"]["ratio_of_medians"] <= synthesis.TARGET_RATIO
    largest = result["growth"][-1]
    assert largest["models"] == 4000
    assert largest["median_cpu_seconds"] <= synthesis.TARGET_SECONDS_FOR_4000
    assert synthesis.tables(result)
