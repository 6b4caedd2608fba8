from dataclasses import replace

import pytest

from image_builder.errors import ImageBuilderError
from image_builder.repository import OCI_MANIFEST
from image_builder.requirements import DOCKER_MANIFEST, REQUIRED_LABELS, ImageDescription, check_image

GOOD = ImageDescription("linux", "amd64", REQUIRED_LABELS, ("/serve",))
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
INSPECTION = {"Os": "linux", "Architecture": "amd64", "Config": {"Labels": REQUIRED_LABELS, "Entrypoint": ["/serve"]}}


@pytest.mark.parametrize(
    "image",
    [
        GOOD,
        replace(GOOD, manifest_type=DOCKER_MANIFEST),
        ImageDescription.from_inspection(INSPECTION | {"ManifestType": DOCKER_MANIFEST}),  # as podman tells it
        ImageDescription.from_inspection(INSPECTION | {"Descriptor": {"mediaType": DOCKER_MANIFEST}}),  # docker
        ImageDescription.from_inspection(INSPECTION | {"Descriptor": None}),
    ],
)
def test_a_good_image_passes(image: ImageDescription) -> None:
    check_image(image, "linux/amd64", "image")


@pytest.mark.parametrize(
    ("image", "complaints"),
    [
        (
            ImageDescription("linux", "arm64", REQUIRED_LABELS, ("/serve",)),
            ["linux/arm64, the endpoint needs linux/amd64"],
        ),
        (
            ImageDescription("linux", "amd64", {}, ("/serve",)),
            ["multi-models=true is missing", "bind-to-port=true is missing"],
        ),
        (
            ImageDescription("linux", "amd64", dict.fromkeys(REQUIRED_LABELS, "false"), ("/serve",)),
            ["multi-models=true is 'false'"],
        ),
        (ImageDescription("linux", "amd64", REQUIRED_LABELS, ()), ["no ENTRYPOINT"]),
        (ImageDescription("linux", "amd64", REQUIRED_LABELS, ("/bin/sh", "-c", "serve")), ["shell form"]),
        (replace(GOOD, manifest_type=OCI_MANIFEST), [f"media type {OCI_MANIFEST}", "podman build --format docker"]),
        (ImageDescription.from_inspection(INSPECTION | {"ManifestType": OCI_MANIFEST}), [OCI_MANIFEST]),
        (ImageDescription.from_inspection(INSPECTION | {"Descriptor": {"mediaType": OCI_INDEX}}), [OCI_INDEX]),
        (ImageDescription.from_config({}, None), ["unknown/unknown", "multi-models=true is missing", "no ENTRYPOINT"]),
        (ImageDescription.from_inspection({"Config": None}), ["unknown/unknown"]),
    ],
)
def test_every_reason_is_given(image: ImageDescription, complaints: list[str]) -> None:
    with pytest.raises(ImageBuilderError) as caught:
        check_image(image, "linux/amd64", "the-image")
    assert str(caught.value).startswith("the-image cannot serve")
    for complaint in complaints:
        assert complaint in str(caught.value)
