import io
import multiprocessing
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError
from model_catalog.lock import read_lock
from tests.model_catalog.conftest import MakeModel


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog")


def numbers(catalog: Catalog, name: str = "net") -> list[str]:
    return [version.version for version in catalog.lock.models[name].versions]


def test_adds_a_folder(catalog: Catalog, make_model: MakeModel) -> None:
    added = catalog.add("net", make_model())
    version = added.version
    assert added.is_new
    assert catalog.lock.models["net"].versions == (version,)
    assert (version.version, version.engine, version.slot) == ("1", "mxnet", None)
    assert version.key == f"net/1-{version.sha256[:16]}.tar.gz"
    assert (catalog.directory / version.artifact).stat().st_size == version.size_bytes
    assert catalog.verify() == []
    with tarfile.open(catalog.directory / version.artifact) as archive:
        assert archive.getnames() == ["net-0000.params", "net-shapes.json", "net-symbol.json", "synset.txt"]


def test_identical_content_changes_nothing_whatever_its_form(
    catalog: Catalog, make_model: MakeModel, tmp_path: Path
) -> None:
    folder = make_model()
    first = catalog.add("net", folder)
    before = (catalog.directory / "models.lock.json").read_bytes()
    archive = shutil.make_archive(str(tmp_path / "archive"), "gztar", folder)
    again = catalog.add("net", archive)
    assert (again.is_new, again.version) == (False, first.version)
    assert (catalog.directory / "models.lock.json").read_bytes() == before


def test_adding_again_brings_a_lost_artifact_back(catalog: Catalog, make_model: MakeModel) -> None:
    version = catalog.add("net", make_model()).version
    (catalog.directory / version.artifact).write_bytes(b"damaged")
    assert not catalog.add("net", make_model()).is_new
    assert catalog.verify() == []


def test_the_version_before_a_new_one_stays(catalog: Catalog, make_model: MakeModel) -> None:
    history = []
    for number in range(1, 5):
        catalog.add("net", make_model(content=bytes([number])))
        history.append(numbers(catalog))
    assert history == [["1"], ["1", "2"], ["2", "3"], ["3", "4"]]


@pytest.mark.parametrize(
    ("earlier_versions", "expected"),
    [(1, ["3", "4"]), (2, ["2", "3", "4"]), (9, ["1", "2", "3", "4"])],
)
def test_as_many_earlier_versions_stay_as_are_wanted(
    tmp_path: Path, make_model: MakeModel, earlier_versions: int, expected: list[str]
) -> None:
    catalog = Catalog(tmp_path / "catalog", earlier_versions)
    for number in range(1, 5):
        catalog.add("net", make_model(content=bytes([number])))
    assert numbers(catalog) == expected


def test_going_back_to_earlier_content_is_a_new_version(catalog: Catalog, make_model: MakeModel) -> None:
    first = catalog.add("net", make_model(content=b"1")).version
    catalog.add("net", make_model(content=b"2"))
    third = catalog.add("net", make_model(content=b"1")).version
    assert (third.version, third.sha256) == ("3", first.sha256)
    assert third.key != first.key


def test_a_pinned_model_stays_pinned_with_its_next_version(catalog: Catalog, make_model: MakeModel) -> None:
    catalog.add("net", make_model())
    catalog.add("other", make_model())
    text = (catalog.directory / "models.lock.json").read_text()
    assert "pinned" not in text
    catalog.pin("net")
    catalog.add("net", make_model(content=b"2"))
    pinned = {name: model.pinned for name, model in catalog.lock.models.items()}
    assert pinned == {"net": True, "other": False}
    catalog.pin("net", pinned=False)
    assert not catalog.lock.models["net"].pinned
    with pytest.raises(CatalogError, match="not in the catalog"):
        catalog.pin("nobody")


def test_versions_are_not_reused_after_a_removal(catalog: Catalog, make_model: MakeModel) -> None:
    catalog.add("net", make_model(content=b"1"))
    catalog.add("net", make_model(content=b"2"))
    catalog.remove("net")
    assert catalog.lock.models == {}
    assert catalog.add("net", make_model(content=b"3")).version.version == "3"
    assert catalog.lock.retired == {}
    assert numbers(catalog) == ["3"]


def test_removing_what_is_not_there_names_what_is(catalog: Catalog, make_model: MakeModel) -> None:
    catalog.add("net", make_model())
    with pytest.raises(CatalogError, match="model other: not in the catalog\\. Models there: net"):
        catalog.remove("other")


def test_prune_deletes_only_what_no_version_refers_to(catalog: Catalog, make_model: MakeModel) -> None:
    kept = [catalog.add(name, make_model(content=name.encode())).version for name in ("a", "b")]
    gone = catalog.add("c", make_model(content=b"c")).version
    catalog.remove("c")
    assert catalog.prune() == [catalog.directory / gone.artifact]
    assert catalog.verify() == []
    assert all((catalog.directory / version.artifact).exists() for version in kept)


def test_verify_names_what_is_missing_and_what_differs(catalog: Catalog, make_model: MakeModel) -> None:
    missing = catalog.add("a", make_model(content=b"a")).version
    damaged = catalog.add("b", make_model(content=b"b")).version
    (catalog.directory / missing.artifact).unlink()
    with (catalog.directory / damaged.artifact).open("ab") as file:
        file.write(b"!")
    absent, differing = catalog.verify()
    assert absent.startswith("model a, version 1: ")
    assert "is missing" in absent
    assert f"{damaged.size_bytes + 1} bytes" in differing
    assert damaged.sha256 in differing
    assert catalog.verify(missing_ok=True) == [differing]


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        ("net", "nowhere", "there is no such file or folder"),
        ("net", "file.zip", "a model is a folder, a .tar.gz archive or a .onnx"),
        ("net", "damaged.tar.gz", "not a .tar.gz"),
        ("net", "escaping.tar.gz", "points outside"),
        ("net", "empty", "the artifact holds no model"),
        ("a b", "net", "model 'a b': a name is"),
        ("no_ther", "net", "models no-ther, no_ther: their versions would have the same Terraform address"),
    ],
)
def test_what_is_refused_leaves_the_catalog_as_it_was(
    catalog: Catalog, make_model: MakeModel, name: str, source: str, complaint: str
) -> None:
    folder = make_model()
    catalog.add("no-ther", folder)
    before = sorted((path, path.stat().st_size) for path in catalog.directory.rglob("*"))
    sources = folder.parent
    (sources / "file.zip").touch()
    (sources / "damaged.tar.gz").write_bytes(b"\x1f\x8b nonsense")
    (sources / "empty").mkdir()
    with tarfile.open(sources / "escaping.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    with pytest.raises(CatalogError, match=complaint):
        catalog.add(name, sources / source)
    assert sorted((path, path.stat().st_size) for path in catalog.directory.rglob("*")) == before


def test_a_damaged_lock_is_not_written_over(catalog: Catalog, make_model: MakeModel) -> None:
    catalog.add("net", make_model())
    lock_file = catalog.directory / "models.lock.json"
    lock_file.write_text("<<<<<<< HEAD")
    with pytest.raises(CatalogError, match="not valid JSON"):
        catalog.add("other", make_model(content=b"2"))
    assert lock_file.read_text() == "<<<<<<< HEAD"


def test_at_least_one_earlier_version_stays(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="earlier_versions must be 1 or more, not 0"):
        Catalog(tmp_path, earlier_versions=0)


class TestPromote:
    def test_an_environment_keeps_what_was_promoted_to_it_last(self, catalog: Catalog, make_model: MakeModel) -> None:
        history = []
        for number in range(1, 6):
            catalog.add("net", make_model(content=bytes([number])))
            if number != 3:
                assert catalog.promote("net", str(number), "prod")
            history.append((numbers(catalog), catalog.lock.models["net"].promoted["prod"]))
        assert history == [
            (["1"], ("1",)),
            (["1", "2"], ("1", "2")),
            (["1", "2", "3"], ("1", "2")),
            (["1", "2", "3", "4"], ("2", "4")),
            (["2", "4", "5"], ("4", "5")),
        ]
        assert [version.version for version in catalog.lock.in_environment("prod").models["net"].versions] == ["4", "5"]
        assert catalog.lock.in_environment("test").models == {}

    def test_an_earlier_version_may_become_current_again(self, catalog: Catalog, make_model: MakeModel) -> None:
        for number in range(1, 3):
            catalog.add("net", make_model(content=bytes([number])))
            catalog.promote("net", str(number), "prod")
        assert catalog.promote("net", "1", "prod")
        assert not catalog.promote("net", "1", "prod")
        assert catalog.lock.in_environment("prod").target_model("net").startswith("net/1-")

    def test_what_is_not_there_is_named(self, catalog: Catalog, make_model: MakeModel) -> None:
        catalog.add("net", make_model())
        with pytest.raises(CatalogError, match="has no version 7, only 1"):
            catalog.promote("net", "7", "prod")
        with pytest.raises(CatalogError, match="model other: not in the catalog"):
            catalog.promote("other", "1", "prod")


class TestRestore:
    def test_a_removed_version_gets_its_number_and_key_again(
        self, catalog: Catalog, make_model: MakeModel, tmp_path: Path
    ) -> None:
        first = catalog.add("net", make_model(content=b"1")).version
        second = catalog.add("net", make_model(content=b"2")).version
        kept = tmp_path / "kept.tar.gz"
        shutil.copyfile(catalog.directory / first.artifact, kept)
        catalog.remove("net")
        catalog.prune()
        assert catalog.restore("net", "1", kept) == first
        assert catalog.verify() == []
        # The number 2 was used: it stays noted, and no other content gets it.
        assert catalog.lock.retired == {"net": "2"}
        assert catalog.add("net", make_model(content=b"3")).version.version == "3"
        assert numbers(catalog) == ["1", "3"]
        with pytest.raises(CatalogError, match="version 1 is in the catalog"):
            catalog.restore("net", "1", kept)
        assert second.version == "2"

    def test_what_is_no_model_changes_nothing(self, catalog: Catalog, make_model: MakeModel, tmp_path: Path) -> None:
        catalog.add("net", make_model())
        broken = tmp_path / "broken.tar.gz"
        broken.write_bytes(b"no archive")
        before = (catalog.directory / "models.lock.json").read_bytes()
        with pytest.raises(CatalogError):
            catalog.restore("gone", "1", broken)
        assert (catalog.directory / "models.lock.json").read_bytes() == before


def _add(directory: Path, folder: Path, name: str) -> None:
    Catalog(directory).add(name, folder)


def test_two_processes_may_add_at_once(tmp_path: Path, make_model: MakeModel) -> None:
    processes = multiprocessing.get_context("forkserver")
    jobs = [(f"model-{number}", make_model(f"model-{number}", bytes([number]))) for number in range(6)]
    running = [processes.Process(target=_add, args=(tmp_path / "catalog", folder, name)) for name, folder in jobs]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0] * 6
    assert sorted(read_lock(tmp_path / "catalog").models) == [name for name, _ in jobs]
    assert Catalog(tmp_path / "catalog").verify() == []
    assert [path.name for path in (tmp_path / "catalog" / "artifacts").iterdir() if path.name.startswith(".add")] == []


def test_verify_reads_again_what_has_changed_only(catalog: Catalog, make_model: MakeModel) -> None:
    artifact = catalog.directory / catalog.add("net", make_model()).version.artifact
    assert catalog.verify() == []
    status = artifact.stat()
    content = artifact.read_bytes()
    artifact.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(artifact, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert catalog.verify() == []  # the same size and time of change: taken for the same file
    os.utime(artifact, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert len(catalog.verify()) == 1
    (artifact.parent / ".digests.json").write_text("not JSON")
    assert len(catalog.verify()) == 1
