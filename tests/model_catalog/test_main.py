import io
import json
import os
import sys
import tarfile
from pathlib import Path

import pytest

from model_catalog.__main__ import main
from tests.model_catalog.conftest import MakeModel
from tests.support.checkpoints import dense_network, save_checkpoint
from tests.support.limits import largest_file


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the program in an empty folder; returns its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CATALOG_DIRECTORY", raising=False)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["model_catalog", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        output = capsys.readouterr()
        code = caught.value.code
        return (code if isinstance(code, int) else 0), output.out, output.err

    return call


def test_the_life_of_a_model(run, make_model: MakeModel, tmp_path: Path) -> None:
    folder = make_model()
    code, output, _ = run("add", "net", folder, "--no-check")
    assert (code, output.startswith("Added net version 1: ")) == (0, True)
    code, output, _ = run("add", "net", folder, "--no-check")
    assert (code, output.startswith("Nothing changed: net holds this content already")) == (0, True)
    version = json.loads((tmp_path / "models" / "models.lock.json").read_text())["models"]["net"]["versions"][0]
    assert run("target-model", "net") == (0, f"{version['key']}\n", "")
    _, output, _ = run("list")
    assert output.splitlines() == [
        "name\tversion\tengine\tsize_bytes\ttarget_model\tsource",
        f"net\t1\tmxnet\t{version['size_bytes']}\t{version['key']}\tartifacts/{version['sha256']}.tar.gz",
    ]
    assert run("verify")[0] == 0
    (tmp_path / "models" / "artifacts" / f"{version['sha256']}.tar.gz").unlink()
    code, _, errors = run("verify")
    assert (code, "is missing" in errors) == (1, True)
    assert run("verify", "--missing-ok")[0] == 0
    assert run("pin", "net") == (0, "net is pinned: `make warm` loads it first.\n", "")
    assert run("unpin", "net") == (0, "net is not pinned.\n", "")
    assert run("remove", "net")[0] == 0
    assert run("prune") == (0, "There was nothing to delete.\n", "")


def test_a_checkpoint_becomes_onnx_and_the_lock_tells_how_equal_they_are(run, tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", dense_network(), (1, 4))
    (tmp_path / "rows.json").write_text("[[1, 2, 3, 4]]")
    arguments = ("add", "net", folder, "--to-onnx", "--samples", tmp_path / "rows.json", "--tolerance", "1e-6")
    code, output, errors = run(*arguments)
    assert code == 0
    assert errors in ("", f"Converting {folder} ...\n")  # the line comes after 3 seconds
    converted, added, seen = output.splitlines()
    assert converted.startswith("Converted to ONNX: outputs equal within ")
    assert converted.endswith(" on 1 sample (allowed: 1e-06)")
    assert added.startswith("Added net version 1: ")
    assert seen.startswith("Loaded and run once: data float32[1, 4] -> softmax_output float32[1, 3]; loaded in ")
    version = json.loads((tmp_path / "models" / "models.lock.json").read_text())["models"]["net"]["versions"][0]
    assert version["engine"] == "onnxruntime"
    assert version["conversion"]["samples"] == 1
    assert 0 <= version["conversion"]["largest_difference"] <= version["conversion"]["tolerance"] == 1e-6
    run("add", "checkpoint", folder, "--no-check")
    lock = json.loads((tmp_path / "models" / "models.lock.json").read_text())
    assert version["conversion"]["checkpoint_sha256"] == lock["models"]["checkpoint"]["versions"][0]["sha256"]
    assert run(*arguments)[1].splitlines()[1].startswith("Nothing changed: net holds this content already")


def test_options_that_do_not_go_together_are_all_named(run, make_model: MakeModel) -> None:
    code, _, errors = run("add", "net", "s3://bucket-name/net.tar.gz", "--to-onnx")
    assert (code, errors) == (
        1,
        "error: --to-onnx is for checkpoints on disk; S3 copies an artifact as it is. Download it first.\n",
    )
    code, _, errors = run("add", "net", make_model(), "--samples", "x.jpg", "--sha256", "ab" * 32)
    assert (code, len(errors.splitlines())) == (1, 2)
    assert "--samples and --tolerance are for --to-onnx" in errors


def test_mistakes_are_answered_with_lines_not_tracebacks(run, make_model: MakeModel) -> None:
    folder = make_model()
    (folder / "net-0000.params").unlink()
    (folder / "net-shapes.json").unlink()
    code, output, errors = run("add", "net", folder)
    assert (code, output) == (1, "")
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 2
    code, _, errors = run("list")
    assert (code, errors.startswith("error: models/models.lock.json: the lock file is missing")) == (1, True)


@pytest.mark.parametrize(
    ("context", "kept"),
    [
        ({}, ["2", "3"]),
        ({"context": {"catalog": {"earlier_versions": 2}}}, ["1", "2", "3"]),
        ({"context": {"catalog": {}}}, ["2", "3"]),
    ],
)
def test_the_applications_setting_says_how_many_versions_stay(
    run, make_model: MakeModel, tmp_path: Path, context: dict, kept: list[str]
) -> None:
    (tmp_path / "cdktf.json").write_text(json.dumps(context))
    for content in (b"1", b"2", b"3"):
        run("--catalog", "other", "add", "net", make_model(content=content), "--no-check")
    versions = json.loads((tmp_path / "other" / "models.lock.json").read_text())["models"]["net"]["versions"]
    assert [version["version"] for version in versions] == kept


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "cannot be read"),
        ('{"context": {"catalog": {"earlier_versions": "2"}}}', "must be a whole number, not '2'"),
    ],
)
def test_a_wrong_setting_is_named(run, tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "cdktf.json").write_text(text)
    code, _, errors = run("list")
    assert code == 1
    assert errors.startswith("error: cdktf.json: ")
    assert complaint in errors


def _archive(path: Path, name: str, content: bytes) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_a_full_disk_is_a_line_with_the_place_and_changes_nothing(
    run, make_model: MakeModel, tmp_path: Path, packed: bool
) -> None:
    source = make_model()
    (source / "vocabulary.bin").write_bytes(os.urandom(300_000))
    if packed:
        source = _archive(tmp_path / "big.tar.gz", "vocabulary.bin", os.urandom(300_000))
    with largest_file(100_000):
        code, output, error = run("add", "net", source, "--no-check")
    assert (code, output) == (1, "")
    assert error.splitlines()[-1].startswith("error: ") and "Traceback" not in error
    assert ("vocabulary.bin" if packed else "models/artifacts") in error
    assert "Free space" in error and "The lock file was not changed." in error
    assert not (tmp_path / "models" / "models.lock.json").exists()
    assert [path.name for path in (tmp_path / "models" / "artifacts").iterdir() if path.name != ".lock"] == []


def test_a_path_too_long_for_the_system_is_a_line(run, tmp_path: Path) -> None:
    archive = _archive(tmp_path / "long.tar.gz", "/".join(["x" * 200] * 25), b"x")
    code, _, error = run("add", "net", archive, "--no-check")
    assert code == 1
    assert "error: model net" in error and "is a path of 5024 bytes" in error


def test_a_folder_that_cannot_be_written_is_a_line(run, make_model: MakeModel, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, error = run("--catalog", tmp_path / "file" / "models", "add", "net", make_model(), "--no-check")
    assert code == 1
    assert f"error: {tmp_path}/file" in error and "Not a directory" in error
