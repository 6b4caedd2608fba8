import json

import pytest

from benchmarks import scale
from benchmarks.synthesis import synthetic_lock
from local_aws.process import LocalAws


def size(models: int, **changes: float) -> dict[str, float]:
    """A measured size whose space grows by a tenth of a MiB a model."""
    linear = {"json_bytes": 1000 + 900 * models, "plan_peak_memory_mib": 80 + 0.1 * models}
    return {"models": models, "synth_cpu_seconds": 3.0, "plan_cpu_ratio": 1.1, **linear, **changes}


def test_a_size_is_measured_with_real_terraform(tmp_path):
    with LocalAws(directory=tmp_path / "aws", port=0, provider="stand-in", log_file=tmp_path / "log") as aws:
        measured = scale.Growth(tmp_path, aws.url, aws.environment()).measure(10, 1)
    assert measured["models"] == 10
    assert measured["plan_ratio"] == measured["plan_seconds"] / measured["bare_plan_seconds"] > 0
    assert measured["synth_seconds"] == measured["raw"]["synth"]["seconds"][0] > 0
    assert measured["plan_peak_memory_mib"] > 10
    assert (tmp_path / "10" / "bare" / "plan").is_file()
    stack = tmp_path / "10" / "cdktf.out" / "stacks" / "local-models"
    assert (stack / "plan").is_file()
    assert measured["json_bytes"] == (stack / "cdk.tf.json").stat().st_size


def test_the_bare_configuration_has_one_flat_block_for_each_model():
    text = scale.bare_configuration(synthetic_lock(7), "http://127.0.0.1:1")
    assert text.count('resource "aws_s3_object"') == 7
    assert "for_each" not in text
    assert "{{" not in text


def test_what_a_model_more_adds():
    assert scale.growth_per_model([size(10), size(100), size(1000)], "json_bytes") == [900, 900]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"synth_cpu_seconds": 6.1}, "synthesis takes 6.1 s of CPU time, not 6"),
        ({"plan_cpu_ratio": 1.31}, "the plan takes 1.31 times the CPU time of the bare plan, not 1.3"),
        ({"json_bytes": 1000 + 2 * 900 * 4000}, "json_bytes grows faster than the number of models"),
        ({"plan_peak_memory_mib": 4000.0}, "plan_peak_memory_mib grows faster than the number of models"),
    ],
)
def test_a_missed_target_is_told(changes, complaint):
    (missed,) = scale.missed_targets([size(100), size(1000), size(4000, **changes)])
    assert complaint in missed
    assert scale.missed_targets([size(100), size(1000), size(4000)]) == []


def test_the_page_in_git_tells_the_numbers_in_git_and_what_they_miss():
    result = json.loads(scale.RESULT.read_text())
    assert [measured["models"] for measured in result["sizes"]] == list(scale.SIZES)
    assert scale.missed_targets(result["sizes"]) == result["missed_targets"]
    assert result["sizes"][-1]["synth_cpu_seconds"] <= scale.TARGET_SYNTH_SECONDS
    assert scale.RESULT.with_suffix(".md").read_text() == scale.page(result)


def test_the_plot_is_drawn(tmp_path):
    path = scale.plot(json.loads(scale.RESULT.read_text()), tmp_path / "scale.svg")
    assert path.read_text() == scale.RESULT.with_suffix(".svg").read_text()
