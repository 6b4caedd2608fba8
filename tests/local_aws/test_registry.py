"""The registry of the local ECR, as a container engine talks to it."""

import hashlib
import json
from typing import Any

import pytest
import requests

from local_aws.access_key import KeyRing
from local_aws.blobs import digest_of
from local_aws.gaps.ecr import REGISTRY_PURPOSE
from tests.local_aws.account import Account, unique

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class Client:
    """Pushes and pulls as docker does, for one repository."""

    def __init__(self, account: Account, name: str) -> None:
        self._url = account.url
        self._base = f"{account.url}/v2/{name}"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = ("AWS", KeyRing(account.key).token_for(REGISTRY_PURPOSE))

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        url = self._url + path if path.startswith("/v2/") else f"{self._base}/{path}"
        return self._session.request(method, url, timeout=10, **arguments)

    def upload(self, *pieces: bytes, digest: str | None = None) -> requests.Response:
        started = self.call("POST", "blobs/uploads/")
        assert started.status_code == 202
        place = started.headers["Location"]
        received = 0
        for piece in pieces:
            answer = self.call("PATCH", place, data=piece)
            received += len(piece)
            assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{received - 1}")
        expected = digest or digest_of(b"".join(pieces))
        return self.call("PUT", place, params={"digest": expected})

    def push(self, tag: str, *layers: bytes) -> tuple[requests.Response, str]:
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}}).encode()
        for blob in (config, *layers):
            assert self.upload(blob).status_code == 201
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "config": {"digest": digest_of(config), "size": len(config)},
                "layers": [{"digest": digest_of(layer), "size": len(layer)} for layer in layers],
            },
            indent=1,
        )
        headers = {"Content-Type": MANIFEST_TYPE}
        return self.call("PUT", f"manifests/{tag}", data=manifest, headers=headers), manifest

    def error(self, answer: requests.Response) -> tuple[int, str]:
        (error,) = answer.json()["errors"]
        assert error["message"]
        return answer.status_code, error["code"]


@pytest.fixture
def name(account: Account) -> str:
    name = unique("pushed/image")
    account.ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    return name


@pytest.fixture
def client(account: Account, name: str) -> Client:
    return Client(account, name)


def test_it_is_a_registry(client: Client) -> None:
    answer = client.call("GET", "/v2/")
    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_what_is_pushed_is_an_image_of_the_repository(client: Client, account: Account, name: str) -> None:
    answer, manifest = client.push("1", b"layer one", b"layer two")
    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == digest_of(manifest.encode())
    (image,) = account.ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1"}])["images"]
    assert image["imageManifest"] == manifest
    assert image["imageId"]["imageDigest"] == digest_of(manifest.encode())
    url = account.ecr.get_download_url_for_layer(repositoryName=name, layerDigest=digest_of(b"layer two"))
    assert requests.get(url["downloadUrl"], timeout=10).content == b"layer two"


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_pull(client: Client, by: str) -> None:
    _, manifest = client.push("1", b"layer")
    reference = "1" if by == "tag" else digest_of(manifest.encode())
    for method in ("HEAD", "GET"):
        answer = client.call(method, f"manifests/{reference}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, MANIFEST_TYPE)
        assert answer.headers["Docker-Content-Digest"] == digest_of(manifest.encode())
    assert answer.text == manifest
    assert client.call("HEAD", f"blobs/{digest_of(b'layer')}").headers["Content-Length"] == "5"
    assert client.call("GET", f"blobs/{digest_of(b'layer')}").content == b"layer"


def test_layers_come_in_pieces(client: Client) -> None:
    pieces = [bytes([number]) * 100_000 for number in range(5)]
    assert client.upload(*pieces).status_code == 201
    content = b"".join(pieces)
    assert hashlib.sha256(client.call("GET", f"blobs/{digest_of(content)}").content).digest() == (
        hashlib.sha256(content).digest()
    )


def test_damaged_content_is_refused(client: Client) -> None:
    wrong = f"sha256:{'0' * 64}"
    assert client.error(client.upload(b"content", digest=wrong)) == (400, "DIGEST_INVALID")
    assert client.error(client.call("GET", f"blobs/{wrong}")) == (404, "BLOB_UNKNOWN")
    assert client.error(client.call("GET", f"blobs/{digest_of(b'content')}")) == (404, "BLOB_UNKNOWN")


def test_a_layer_belongs_to_its_repository(client: Client, account: Account) -> None:
    client.upload(b"mine")
    other = unique("other")
    account.ecr.create_repository(repositoryName=other)
    answer = Client(account, other).call("GET", f"blobs/{digest_of(b'mine')}")
    assert client.error(answer) == (404, "BLOB_UNKNOWN")


def test_a_tag_is_immutable_and_the_same_push_again_is_no_error(client: Client, account: Account, name: str) -> None:
    assert client.push("1", b"first")[0].status_code == 201
    assert client.push("1", b"first")[0].status_code == 201
    answer, _ = client.push("1", b"second")
    assert client.error(answer) == (403, "DENIED")
    assert "cannot be overwritten because the repository is immutable" in answer.text
    assert len(account.ecr.describe_images(repositoryName=name)["imageDetails"]) == 1


def test_an_unknown_repository(account: Account) -> None:
    client = Client(account, "none")
    assert client.error(client.call("POST", "blobs/uploads/")) == (404, "NAME_UNKNOWN")
    assert client.error(client.call("GET", "manifests/1")) == (404, "NAME_UNKNOWN")


def test_manifests_that_are_refused(client: Client) -> None:
    index = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
    answer = client.call("PUT", "manifests/1", data=b"{}", headers=index)
    assert client.error(answer) == (400, "MANIFEST_INVALID")
    assert "provenance" in answer.text
    plain = {"Content-Type": MANIFEST_TYPE}
    missing = {"schemaVersion": 2, "config": {"digest": f"sha256:{'1' * 64}"}, "layers": []}
    answer = client.call("PUT", "manifests/1", data=json.dumps(missing), headers=plain)
    assert client.error(answer) == (404, "BLOB_UNKNOWN")
    assert client.call("PUT", "manifests/1", data=b"\xff", headers=plain).status_code == 400
    assert client.error(client.call("GET", "manifests/1")) == (404, "MANIFEST_UNKNOWN")


def test_unknown_uploads_and_routes(client: Client) -> None:
    assert client.error(client.call("PATCH", f"blobs/uploads/{'0' * 32}")) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert client.error(client.call("DELETE", "manifests/1")) == (404, "UNSUPPORTED")
