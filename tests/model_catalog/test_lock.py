import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_catalog.errors import CatalogError
from model_catalog.lock import (
    Conversion,
    Lock,
    Model,
    Version,
    parse_lock,
    read_lock,
    render_lock,
    version_key,
    write_lock,
)

COUNT = settings(max_examples=100, derandomize=True, deadline=None)


def version(name: str, number: int = 1, slot: int | None = None, sha256: str = "ab" * 32) -> Version:
    key = version_key(name, str(number), sha256)
    return Version(version=str(number), sha256=sha256, size_bytes=10, engine="mxnet", key=key, slot=slot)


@st.composite
def conversions(draw: st.DrawFn) -> Conversion:
    tolerance = draw(st.floats(1e-12, 1, exclude_min=True))
    return Conversion(
        checkpoint_sha256="cd" * 32,
        samples=draw(st.integers(1, 1000)),
        tolerance=tolerance,
        largest_difference=draw(st.floats(0, tolerance)),
        versions=draw(st.dictionaries(st.sampled_from(["mxnet", "onnx"]), st.sampled_from(["1.9.1", "2"]))),
    )


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    names = draw(st.lists(st.from_regex(r"\A[a-z]{1,6}\Z"), unique=True, max_size=4))
    models = {}
    for name in names:
        numbers = sorted(draw(st.sets(st.integers(1, 10_000), min_size=1, max_size=3)))
        hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
        models[name] = Model(
            versions=tuple(
                version(name, number, None, draw(hashes)).model_copy(
                    update={"conversion": draw(st.none() | conversions())}
                )
                for number in numbers
            ),
            promoted=draw(st.dictionaries(st.sampled_from(["prod", "test"]), st.just((str(numbers[0]),)))),
        )
    return Lock(models=models, retired=draw(st.sampled_from([{}, {"gone": "3"}])))


@COUNT
@given(locks())
def test_what_is_written_is_read_and_written_the_same(lock: Lock) -> None:
    text = render_lock(lock)
    assert parse_lock(text) == lock
    assert render_lock(parse_lock(text)) == text


@COUNT
@given(locks(), st.randoms(use_true_random=False))
def test_the_order_in_the_file_does_not_matter(lock: Lock, random: Any) -> None:
    content = json.loads(render_lock(lock))
    items = list(content["models"].items())
    random.shuffle(items)
    assert render_lock(parse_lock(json.dumps(content | {"models": dict(items)}))) == render_lock(lock)


@COUNT
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["models", "lock_version", "versions", "a"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_json_is_a_lock_or_refused_with_reasons(content: Any) -> None:
    try:
        lock = parse_lock(json.dumps(content))
    except CatalogError as error:
        assert error.complaints
        assert all(error.complaints)
    else:
        assert parse_lock(render_lock(lock)) == lock


def test_reads_what_it_wrote(tmp_path: Path) -> None:
    lock = Lock(models={"net": Model(versions=(version("net"),))})
    write_lock(tmp_path, lock)
    write_lock(tmp_path, lock)
    assert read_lock(tmp_path) == lock
    assert [path.name for path in tmp_path.iterdir()] == ["models.lock.json"]


def test_names_current_versions_and_addresses(tmp_path: Path) -> None:
    older, newer = version("a-b", 1), version("a-b", 2)
    lock = Lock(models={"a-b": Model(versions=(older, newer))})
    assert lock.models["a-b"].current == newer
    assert lock.target_model("a-b") == newer.key == "a-b/2-abababababababab.tar.gz"
    assert (older.resource_name("a-b"), newer.resource_name("a-b")) == ("a_b_v1", "a_b_v2")
    assert newer.artifact == f"artifacts/{'ab' * 32}.tar.gz"
    with pytest.raises(CatalogError, match="model b: not in the catalog\\. Models there: a-b"):
        lock.target_model("b")


def test_the_committed_lock_is_in_its_own_form() -> None:
    directory = Path(__file__).parents[2] / "models"
    assert (directory / "models.lock.json").read_text() == render_lock(read_lock(directory))


def test_every_fault_is_found_at_once(tmp_path: Path) -> None:
    good = version("x").model_dump()
    content = {
        "lock_version": 1,
        "models": {
            "net": {"versions": [good | {"sha256": "xyz", "size_bytes": 0, "engine": "tf", "slot": 0}]},
            "same": {
                "versions": [version("same", 2).model_dump(), version("same", 1).model_dump()],
                "promoted": {"prod": ["7"], "test": ["1", "1"]},
            },
            "two": {"versions": [version("two", 1, 1).model_dump(), version("two", 2, 2).model_dump()]},
            "two-v2": {"versions": [version("two-v2", 1, 1).model_dump()]},
            "key": {"versions": [version("key").model_dump() | {"key": "other"}]},
            "far": {
                "versions": [
                    version("far").model_dump()
                    | {
                        "conversion": {
                            "checkpoint_sha256": "cd" * 32,
                            "samples": 1,
                            "tolerance": 1e-05,
                            "largest_difference": 0.5,
                            "versions": {},
                        }
                    }
                ]
            },
            "a.b": {"versions": [version("a.b").model_dump()]},
            "a_b": {"versions": [version("a_b").model_dump()]},
            "none": {"versions": []},
            "-": {"versions": [version("-").model_dump()]},
        },
        "retired": {},
        "extra": 1,
    }
    (tmp_path / "models.lock.json").write_text(json.dumps(content))
    with pytest.raises(CatalogError) as caught:
        read_lock(tmp_path)
    text = "\n".join(caught.value.complaints)
    for part in (
        "models.net.versions[0].sha256: String should match",
        "models.net.versions[0].size_bytes: Input should be greater than 0, not 0",
        "models.net.versions[0].engine: Input should be 'mxnet', 'onnxruntime' or 'code', not 'tf'",
        "models.net.versions[0].slot",
        "models.same: versions count up, newest last, none twice; here they are [2, 1]",
        "models.same.promoted.prod: the catalog has no version 7, only [2, 1]",
        "models.same.promoted.test: no version stands there twice",
        "models.two-v2: version 1 was at the address two_v2, which is now the one of version 2 of two",
        "models.key: the key of version 1 is key/1-abababababababab.tar.gz, not other",
        "models a.b, a_b: their versions would have the same Terraform addresses, such as aws_s3_object.a_b_v1",
        "models.far.versions[0].conversion: Value error, largest_difference is above the tolerance of 1e-05",
        "models.none.versions",
        "model '-'",
        "extra: Extra inputs are not permitted",
    ):
        assert part in text
    assert all(complaint.startswith(str(tmp_path)) for complaint in caught.value.complaints)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<<<<<<< HEAD", "not valid JSON"),
        ("[]", "a lock file is an object"),
        ('{"lock_version": 2, "models": {}}', "lock_version is 2"),
        ('{"lock_version": 1, "models": {}, "models": {}}', "'models' stands there twice"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_file_that_is_no_lock_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "models.lock.json").write_text(text)
    with pytest.raises(CatalogError, match=complaint):
        read_lock(tmp_path)


def test_a_missing_lock_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="the lock file is missing"):
        read_lock(tmp_path)


def test_a_failed_write_leaves_the_old_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lock(tmp_path, Lock())
    monkeypatch.setattr("model_catalog.lock.os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_lock(tmp_path, Lock(models={"net": Model(versions=(version("net"),))}))
    monkeypatch.undo()
    assert read_lock(tmp_path) == Lock()
    assert [path.name for path in tmp_path.iterdir()] == ["models.lock.json"]
