"""Saved plans are read back only as they were written, and nobody else may read them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from operations.errors import SavedPlansError
from operations.saved_plans import SavedPlans, prepare_directory, read_saved_plans
from operations.terraform import SavedPlan


@pytest.fixture
def saved(tmp_path: Path) -> SavedPlans:
    """Two plans, sealed."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "plan").write_bytes(b"a plan")
    (made / ".terraform.lock.hcl").write_text("providers")
    prepare_directory(tmp_path / "plans")
    plans = SavedPlans(tmp_path / "plans", "dev", ("models", "endpoint"), tree="1234")
    for stack in plans.stacks:
        plans.add(stack, SavedPlan(made / "plan", {"resource_changes": []}))
    (plans.directory / "review.md").write_text("safe")
    plans.seal()
    return plans


def test_what_was_saved_is_read_back(saved: SavedPlans):
    assert read_saved_plans(saved.directory) == saved
    assert saved.plan_file("models").read_bytes() == b"a plan"
    assert json.loads(saved.json_file("endpoint").read_text()) == {"resource_changes": []}
    assert saved.lock_file("models").read_text() == "providers"


def test_only_the_owner_may_read_it(saved: SavedPlans):
    assert saved.directory.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in saved.directory.iterdir()} == {0o600}


def test_the_usual_tool_checks_it_as_well(saved: SavedPlans):
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(command, cwd=saved.directory, check=False).returncode == 0
    listed = {line.split("  ")[1] for line in (saved.directory / "SHA256SUMS").read_text().splitlines()}
    assert listed == {file.name for file in saved.directory.iterdir()} - {"SHA256SUMS"}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "dev-models.tfplan").write_bytes(b"another"), "dev-models.tfplan: changed since"),
        (lambda folder: (folder / "dev-models.json").unlink(), "dev-models.json: missing"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json: changed since"),
        (lambda folder: (folder / "dev-extra.tfplan").touch(), "dev-extra.tfplan: not among the files"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS: No such file"),
        (lambda folder: (folder / "SHA256SUMS").write_bytes(b"\xff"), "SHA256SUMS: no text"),
        (lambda folder: (folder / "SHA256SUMS").write_text(""), "manifest.json: missing"),
    ],
)
def test_what_is_not_as_it_was_saved_is_refused(saved: SavedPlans, damage: Callable[[Path], None], told: str):
    damage(saved.directory)
    with pytest.raises(SavedPlansError) as refused:
        read_saved_plans(saved.directory)
    assert told in str(refused.value)
    assert "Nothing was changed. Plan again." in str(refused.value)


def test_every_complaint_is_made_at_once(saved: SavedPlans):
    saved.plan_file("models").write_bytes(b"another")
    saved.plan_file("endpoint").unlink()
    with pytest.raises(SavedPlansError, match=r"(?s)dev-endpoint.tfplan: missing.*dev-models.tfplan: changed"):
        read_saved_plans(saved.directory)


@pytest.mark.parametrize("manifest", ["{}", "[]", "nothing", '{"format_version": 2}'])
def test_a_manifest_of_another_kind_is_refused(saved: SavedPlans, manifest: str):
    (saved.directory / "manifest.json").write_text(manifest)
    digests = subprocess.run(
        ["sha256sum", *(file.name for file in saved.directory.iterdir() if file.name != "SHA256SUMS")],
        cwd=saved.directory,
        capture_output=True,
        text=True,
        check=True,
    )
    (saved.directory / "SHA256SUMS").write_text(digests.stdout)
    with pytest.raises(SavedPlansError, match=r"is no manifest|another release"):
        read_saved_plans(saved.directory)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, saved: SavedPlans):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").touch()
    for path, told in ((other, "something else"), (other / "mine", "no folder")):
        with pytest.raises(SavedPlansError, match=told):
            prepare_directory(path)
    assert (other / "mine").exists()
    prepare_directory(saved.directory)
    assert [file.name for file in saved.directory.iterdir()] == ["SHA256SUMS"]
    prepare_directory(saved.directory)
    with pytest.raises(SavedPlansError, match=r"manifest\.json: missing"):
        read_saved_plans(saved.directory)
