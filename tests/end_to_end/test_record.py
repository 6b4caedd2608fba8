"""The recording of chains, with two steps of a short one."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.example_models import ExampleModel
from operations.deployment import PROJECT_DIRECTORY
from tests.end_to_end import record as program
from tests.end_to_end.chains import CHAINS, Step

SHORT = (
    Step("base", {"tags": {"Team": "ml"}}, models=("breast-cancer",), copies_model=True),
    Step("logs", {"log_retention_days": 30, "tags": None}),
)
STACKS = ("state", "image", "models", "endpoint")


def actions(plan: dict[str, Any]) -> dict[str, list[str]]:
    changes = {change["address"]: change["change"]["actions"] for change in plan.get("resource_changes", ())}
    return {address: done for address, done in changes.items() if done != ["no-op"]}


def test_a_chain_is_recorded(
    tmp_path: Path, provider: str, example_models: dict[str, ExampleModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "CHAINS", {**CHAINS, "short": SHORT})
    program.record("short", tmp_path, provider, example_models)

    def read(name: str) -> dict[str, Any]:
        return json.loads((tmp_path / "short" / name).read_text())

    kinds = {"plan", "second", "state"}
    for step, found in (("00-base", {*kinds, "preview"}), ("01-logs", kinds)):
        names = {path.name for path in (tmp_path / "short" / step).iterdir()}
        assert names == {f"{stack}.{kind}.json" for stack in STACKS for kind in found}
    for stack in STACKS:
        assert actions(read(f"00-base/{stack}.preview.json")) == actions(read(f"00-base/{stack}.plan.json")) != {}
        for step in ("00-base", "01-logs"):
            assert actions(read(f"{step}/{stack}.second.json")) == {}
            assert read(f"{step}/{stack}.state.json")["values"]["root_module"]["resources"]
    assert actions(read("00-base/models.plan.json"))["aws_s3_object_copy.copied_v1"] == ["create"]
    assert actions(read("01-logs/endpoint.plan.json"))["aws_cloudwatch_log_group.logs"] == ["update"]

    lines = gzip.decompress((tmp_path / "short.jsonl.gz").read_bytes()).decode().splitlines()
    recorded = [json.loads(line) for line in lines]
    # The stand-in is a client like any other, and not recorded.
    assert {line["client"] for line in recorded} == {"terraform", *(["provider"] if provider == "hashicorp" else [])}
    assert {"GET", "PUT", "DELETE"} <= {line["method"] for line in recorded}
    # Everything was destroyed at the end, and nothing else is left.
    assert {path.name for path in tmp_path.iterdir()} == {"short", "short.jsonl.gz", "short.log"}
    assert "Traceback" not in (tmp_path / "short.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("{folder}/new", "main", "other"), "there is no chain other; the chains are main, scaling, kms0, kms\n"),
        (("{folder}",), "{folder} is not empty: name another folder\n"),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "tests.end_to_end.record", *(item.format(folder=tmp_path) for item in arguments)]
    done = subprocess.run(command, cwd=PROJECT_DIRECTORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, complaint.format(folder=tmp_path))
