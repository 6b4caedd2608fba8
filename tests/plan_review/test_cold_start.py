"""What the review says of models that an update of their endpoint makes cold."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan_review.cold_start import ColdModels, read_load_times
from plan_review.errors import ReviewError
from plan_review.formats import json as json_format
from plan_review.formats import markdown, text
from plan_review.models import artifacts_after
from plan_review.places import places_of
from plan_review.review import Review, review
from tests.plan_review.conftest import saved_plan, settings

SCENARIOS = (("model-new-version", "dev-models"), ("endpoint-new-image", "dev-endpoint"))


def reviewed(times: dict[str, float] | None, *names: tuple[str, str]) -> Review:
    given_settings = settings()
    plans = [saved_plan(*name) for name in names]
    return review(plans, type(given_settings)(**{**_fields(given_settings), "load_times": times}))


def _fields(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__slots__}


def digests() -> list[str]:
    plan = saved_plan(*SCENARIOS[0])
    return [artifact.sha256[:16] for artifact in artifacts_after(plan, places_of([plan]))]


def test_an_update_says_how_many_models_are_cold_and_for_how_long() -> None:
    times = dict.fromkeys(digests(), 0.25)
    result = reviewed(times, *SCENARIOS)
    (cold,) = [stack.cold for stack in result.stacks if stack.cold is not None]
    assert cold.count == len(cold.seconds)
    assert set(cold.seconds) == {0.25}
    for written in (markdown.render(result), text.render(result, width=1000)):
        assert f"Cold start: {cold.text}" in written
    assert "250 ms at the median, 250 ms at most" in cold.text
    stacks = {stack["name"]: stack["cold_models"] for stack in json.loads(json_format.render(result))["stacks"]}
    assert stacks["dev-models"] is None
    assert stacks["dev-endpoint"]["models"] == cold.count
    assert stacks["dev-endpoint"]["load_seconds_longest"] == 0.25


def test_a_model_with_two_versions_is_one_model() -> None:
    result = reviewed({}, *SCENARIOS)
    (cold,) = [stack.cold for stack in result.stacks if stack.cold is not None]
    plan = saved_plan(*SCENARIOS[0])
    artifacts = list(artifacts_after(plan, places_of([plan])))
    assert cold.count == len({artifact.folder for artifact in artifacts}) < len(artifacts)
    assert "the lock file has no load times" in cold.text


@pytest.mark.parametrize(
    ("times", "names"),
    [
        (None, SCENARIOS),
        ({}, SCENARIOS[1:]),
        ({}, (SCENARIOS[0], ("models-no-change", "dev-endpoint"))),
    ],
    ids=["without the lock file", "without the plan of the models", "without an update"],
)
def test_otherwise_nothing_is_said(times: dict[str, float] | None, names: tuple[tuple[str, str], ...]) -> None:
    result = reviewed(times, *names)
    assert "Cold start" not in markdown.render(result)
    assert all(stack.cold is None for stack in result.stacks)


def test_what_is_not_known_of_some_models_is_said() -> None:
    assert ColdModels(3, (0.5, 2.0)).text.endswith(
        "1.2 s at the median, 2.0 s at most, 2.5 s in all of 2 of them, as measured when they were added and without "
        "the download"
    )
    assert ColdModels(1, (0.04,)).text.startswith("the only model is cold on the new instances")


def test_load_times_are_read_by_digest(tmp_path: Path) -> None:
    file = tmp_path / "models.lock.json"
    versions = [{"sha256": "a" * 64, "observed": {"load_seconds": 0.5}}, {"sha256": "b" * 64}]
    file.write_text(json.dumps({"models": {"m": {"versions": versions}}}))
    assert read_load_times(file) == {"a" * 16: 0.5}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_no_other_file_is_taken_for_a_lock_file(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    file = tmp_path_factory.mktemp("lock") / "models.lock.json"
    file.write_text(json.dumps({"models": content}))
    if content == {}:
        assert read_load_times(file) == {}
        return
    with pytest.raises(ReviewError, match=r"is no lock file"):
        read_load_times(file)


def test_a_lock_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="cannot be read"):
        read_load_times(tmp_path / "none")
