"""Models that are in S3 already, on an S3 of moto's in this process."""

import hashlib
import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from model_catalog import __main__ as program
from model_catalog import s3_source
from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError
from model_catalog.lock import parse_lock, render_lock
from tests.model_catalog.conftest import MakeModel

BUCKET = "team-models"
URI = f"s3://{BUCKET}/exports/net=1/net.tar.gz"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog")


def archive(make_model: MakeModel, tmp_path: Path, content: bytes = b"1") -> bytes:
    folder = make_model(content=content)
    return Path(shutil.make_archive(str(tmp_path / "archive"), "gztar", folder)).read_bytes()


def put(s3: Any, body: bytes) -> dict[str, Any]:
    return s3.put_object(Bucket=BUCKET, Key="exports/net=1/net.tar.gz", Body=body)


def test_the_lock_says_where_the_bytes_come_from_and_what_they_are(
    s3, catalog: Catalog, make_model: MakeModel, tmp_path: Path
) -> None:
    body = archive(make_model, tmp_path)
    stored = put(s3, body)
    pieces = []
    added = catalog.add_from_s3("net", URI, s3, progress=lambda *piece: pieces.append(piece))
    version = added.version
    digest = hashlib.sha256(body).hexdigest()
    assert (version.sha256, version.size_bytes, version.engine) == (digest, len(body), "mxnet")
    assert version.key == f"net/1-{digest[:16]}.tar.gz"
    assert version.source.uri == URI
    assert version.source.path == "team-models/exports/net=1/net.tar.gz"
    assert (version.source.etag, version.source.version_id) == (stored["ETag"].strip('"'), stored["VersionId"])
    assert pieces[-1] == (len(body), len(body))
    # Nothing stays on disk, and nothing is missed there.
    assert list((catalog.directory / "artifacts").glob("*.tar.gz")) == []
    assert catalog.verify() == catalog.verify_sources(s3) == []
    assert not catalog.add_from_s3("net", URI, s3, sha256=digest.upper()).is_new


def test_a_bucket_without_versions_has_no_version_to_record(
    s3, catalog: Catalog, make_model: MakeModel, tmp_path: Path
) -> None:
    s3.create_bucket(Bucket="plain")
    s3.put_object(Bucket="plain", Key="net.tar.gz", Body=archive(make_model, tmp_path))
    assert catalog.add_from_s3("net", "s3://plain/net.tar.gz", s3).version.source.version_id is None
    assert "version_id" not in (catalog.directory / "models.lock.json").read_text()


def test_content_that_is_current_already_changes_nothing_wherever_it_lies(
    s3, catalog: Catalog, make_model: MakeModel, tmp_path: Path
) -> None:
    added = catalog.add("net", make_model())
    put(s3, (catalog.directory / added.version.artifact).read_bytes())
    again = catalog.add_from_s3("net", URI, s3)
    assert (again.is_new, again.version) == (False, added.version)

    other = Catalog(tmp_path / "other")
    copied = other.add_from_s3("net", URI, s3)
    again = other.add("net", make_model())
    assert (again.is_new, again.version) == (False, copied.version)
    # What is copied in S3 needs no file here.
    assert list((other.directory / "artifacts").glob("*.tar.gz")) == []


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("s3://team-models/absent.tar.gz", "there is no such object"),
        ("s3://no-such-bucket-here/net.tar.gz", "there is no such object"),
        ("s3://team-models", "an artifact in S3 is s3://BUCKET/KEY"),
        ("s3://team-models/", "an artifact in S3 is s3://BUCKET/KEY"),
        ("s3:/team-models/net.tar.gz", "an artifact in S3 is s3://BUCKET/KEY"),
        ("S3://Team/net.tar.gz", "an artifact in S3 is s3://BUCKET/KEY"),
        ("s3://team-models/a b+c%20.tar.gz", "an artifact in S3 is s3://BUCKET/KEY"),
        ("s3://team-models/net.tar.gz?versionId=1", "an artifact in S3 is s3://BUCKET/KEY"),
        ("s3://team-models/${path.module}.tar.gz", "an artifact in S3 is s3://BUCKET/KEY"),
    ],
)
def test_what_cannot_be_found(s3, catalog: Catalog, uri: str, complaint: str) -> None:
    with pytest.raises(CatalogError, match=complaint) as caught:
        catalog.add_from_s3("net", uri, s3)
    assert str(caught.value).startswith(f"model net ({uri}): ")
    assert not (catalog.directory / "models.lock.json").exists()


def test_another_digest_and_no_digest_at_all(s3, catalog: Catalog, make_model: MakeModel, tmp_path: Path) -> None:
    body = archive(make_model, tmp_path)
    put(s3, body)
    with pytest.raises(CatalogError, match=f"its sha256 is {hashlib.sha256(body).hexdigest()}, not {'0' * 64}"):
        catalog.add_from_s3("net", URI, s3, sha256="0" * 64)
    with pytest.raises(CatalogError, match="a sha256 is 64 hexadecimal digits, not 'abc'"):
        catalog.add_from_s3("net", URI, s3, sha256="abc")
    assert not (catalog.directory / "models.lock.json").exists()


def test_an_archive_the_server_would_refuse_is_refused(
    s3, catalog: Catalog, make_model: MakeModel, tmp_path: Path
) -> None:
    put(s3, b"not an archive")
    with pytest.raises(CatalogError, match=r"model net \(s3://"):
        catalog.add_from_s3("net", URI, s3)
    (make_model() / "net-shapes.json").unlink()
    put(s3, Path(shutil.make_archive(str(tmp_path / "bad"), "gztar", tmp_path / "sources" / "net")).read_bytes())
    with pytest.raises(CatalogError, match=r"net-shapes\.json is missing"):
        catalog.add_from_s3("net", URI, s3)


class Refusing:
    """An S3 client whose reads all fail."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_object(self, **_: Any) -> Any:
        raise self.error

    head_object = get_object


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject"), r"refuses.*\(AccessDenied\).*s3:GetObject"),
        (ClientError({"Error": {"Code": "403"}}, "HeadObject"), r"refuses.*\(403\)"),
        (ClientError({"Error": {"Code": "InvalidObjectState"}}, "GetObject"), "restore it first"),
        (ClientError({"Error": {"Code": "SlowDown", "Message": "Later"}}, "GetObject"), "SlowDown.*Later"),
        (EndpointConnectionError(endpoint_url="https://s3"), "S3 cannot be asked"),
    ],
)
def test_what_cannot_be_read(catalog: Catalog, error: Exception, complaint: str) -> None:
    with pytest.raises(CatalogError, match=complaint):
        catalog.add_from_s3("net", URI, Refusing(error))


def test_what_s3_cannot_copy_in_one_request_is_not_read(monkeypatch: pytest.MonkeyPatch, s3, tmp_path: Path) -> None:
    put(s3, b"12345")
    monkeypatch.setattr(s3_source, "COPY_MAXIMUM_BYTES", 4)
    with pytest.raises(CatalogError, match=r"has 5 bytes, and S3 copies at most 4 .*add the file"):
        s3_source.fetch(s3, URI, io.BytesIO())


def test_an_artifact_that_changed_since_is_told(s3, catalog: Catalog, make_model: MakeModel, tmp_path: Path) -> None:
    put(s3, archive(make_model, tmp_path))
    catalog.add_from_s3("net", URI, s3)
    put(s3, b"other")
    (complaint,) = catalog.verify_sources(s3)
    assert complaint.startswith(f"model net, version 1: {URI}: it was changed since it was added")
    s3.delete_object(Bucket=BUCKET, Key="exports/net=1/net.tar.gz")
    assert catalog.verify_sources(s3) == [f"model net, version 1: {URI}: there is no such object."]


def test_uploaded_and_copied_versions_follow_one_another_like_any_others(
    s3, tmp_path: Path, make_model: MakeModel
) -> None:
    catalog = Catalog(tmp_path / "catalog")
    history = []
    for number, in_s3 in enumerate((False, True, True, False, False), start=1):
        content = bytes([number])
        if in_s3:
            put(s3, archive(make_model, tmp_path, content))
            catalog.add_from_s3("net", URI, s3)
        else:
            catalog.add("net", make_model(content=content))
        versions = catalog.lock.models["net"].versions
        history.append([(version.version, version.source is not None) for version in versions])
    assert history == [
        [("1", False)],
        [("1", False), ("2", True)],
        [("2", True), ("3", True)],
        [("3", True), ("4", False)],
        [("4", False), ("5", False)],
    ]


def test_removing_and_pruning(s3, catalog: Catalog, make_model: MakeModel, tmp_path: Path) -> None:
    put(s3, archive(make_model, tmp_path))
    version = catalog.add_from_s3("net", URI, s3).version
    leftover = catalog.directory / version.artifact
    leftover.write_bytes(b"of before")
    assert catalog.prune() == [leftover]
    catalog.remove("net")
    assert catalog.lock.retired == {"net": "1"}
    assert s3.head_object(Bucket=BUCKET, Key="exports/net=1/net.tar.gz")["ContentLength"] > 0
    assert catalog.add_from_s3("net", URI, s3).version.version == "2"


@pytest.mark.parametrize(
    "source",
    [
        {"uri": "s3://b/k", "etag": "0" * 32},
        {"uri": "s3://bucket/${k}", "etag": "0" * 32},
        {"uri": "s3://bucket/k", "etag": "x"},
        {"uri": "s3://bucket/k"},
        {"uri": "s3://bucket/k", "etag": "0" * 32, "more": 1},
    ],
)
def test_a_source_that_nobody_wrote_is_refused(source: dict[str, Any]) -> None:
    sha256 = "a" * 64
    version = {"version": "1", "sha256": sha256, "size_bytes": 1, "engine": "mxnet", "source": source}
    version["key"] = f"net/1-{sha256[:16]}.tar.gz"
    with pytest.raises(CatalogError, match=r"models\.net\.versions\[0\]\.source"):
        parse_lock(json.dumps({"lock_version": 1, "models": {"net": {"versions": [version]}}}))
    version["source"] = {"uri": "s3://bucket/k", "etag": "0" * 32 + "-7"}
    text = json.dumps({"lock_version": 1, "models": {"net": {"versions": [version]}}})
    assert parse_lock(render_lock(parse_lock(text))) == parse_lock(text)


class TestProgram:
    @pytest.fixture
    def run(self, s3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("CATALOG_DIRECTORY", raising=False)

        def call(*arguments: str) -> tuple[int, str, str]:
            monkeypatch.setattr(sys, "argv", ["model_catalog", *arguments])
            with pytest.raises(SystemExit) as caught:
                program.main()
            output = capsys.readouterr()
            return int(caught.value.code or 0), output.out, output.err

        return call

    def test_the_life_of_a_model_in_s3(self, run, s3, make_model: MakeModel, tmp_path: Path) -> None:
        body = archive(make_model, tmp_path)
        put(s3, body)
        code, output, errors = run("add", "net", URI, "--sha256", hashlib.sha256(body).hexdigest(), "--no-check")
        assert (code, output.startswith(f"Added net version 1: {len(body)} bytes, ")) == (0, True)
        assert errors in ("", f"Reading {URI}: 0 of 0 MiB ...\n")  # the line comes after 3 seconds
        assert run("list")[1].splitlines()[1].endswith(f"\t{URI}")
        assert run("verify", "--s3") == (0, "The artifacts on disk and in S3 are those of the lock file.\n", "")
        put(s3, b"other")
        assert run("verify")[0] == 0
        code, _, errors = run("verify", "--s3")
        assert (code, "changed since it was added" in errors) == (1, True)

    def test_a_digest_is_for_artifacts_in_s3(self, run, make_model: MakeModel) -> None:
        code, _, errors = run("add", "net", str(make_model()), "--sha256", "0" * 64)
        assert (code, errors.startswith("error: --sha256 is for artifacts in S3")) == (1, True)

    def test_a_pin_of_a_removed_model_is_to_go_as_well(self, run, make_model: MakeModel, tmp_path: Path) -> None:
        environments = {"dev": {"shards": {"count": 2, "pins": {"net": 2}}}, "prod": {"shards": {"count": 2}}, "x": {}}
        (tmp_path / "cdktf.json").write_text(json.dumps({"context": {"environments": environments}}))
        run("add", "net", str(make_model()), "--no-check")
        _, output, _ = run("remove", "net")
        assert output.splitlines()[1:] == ["Take net out of environments.dev.shards.pins in cdktf.json as well."]
