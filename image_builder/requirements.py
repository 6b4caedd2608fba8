"""What SageMaker demands of an image before a multi-model endpoint may use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from image_builder.errors import ImageBuilderError

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
"""The one kind of manifest that CreateModel takes: "Unsupported manifest media type" is its answer to OCI's, which ECR
takes and which podman, and docker with containerd's image store, may push.
https://github.com/aws/amazon-sagemaker-feedback/issues/180"""
# https://docs.aws.amazon.com/sagemaker/latest/dg/build-multi-model-build-container.html
REQUIRED_LABELS = {
    "com.amazonaws.sagemaker.capabilities.multi-models": "true",
    "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true",
}


@dataclass(frozen=True)
class ImageDescription:
    """What an image says of itself. `manifest_type`: the media type of its manifest; None where that is not told."""

    operating_system: str
    architecture: str
    labels: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    manifest_type: str | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], manifest_type: str | None) -> "ImageDescription":
        """Read an image configuration, the blob that the manifest names."""
        return cls.from_parts(config.get("os"), config.get("architecture"), config.get("config"), manifest_type)

    @classmethod
    def from_inspection(cls, inspection: Mapping[str, Any]) -> "ImageDescription":
        """Read what `docker image inspect` prints for one image.

        Podman tells the manifest's type, docker where containerd keeps its images. Docker's own store has one type.
        """
        descriptor = inspection.get("Descriptor") or {}
        return cls.from_parts(
            inspection.get("Os"),
            inspection.get("Architecture"),
            inspection.get("Config"),
            inspection.get("ManifestType") or descriptor.get("mediaType"),
        )

    @classmethod
    def from_parts(
        cls, system: str | None, architecture: str | None, run: Mapping[str, Any] | None, manifest_type: str | None
    ) -> "ImageDescription":
        run = run or {}
        return cls(
            operating_system=system or "unknown",
            architecture=architecture or "unknown",
            labels=run.get("Labels") or {},
            entrypoint=tuple(run.get("Entrypoint") or ()),
            manifest_type=manifest_type,
        )


def check_image(image: ImageDescription, platform: str, what: str) -> None:
    """Refuse an image that SageMaker would refuse, or could not start.

    Args:
        platform: what the endpoint's instances run, such as linux/amd64.
        what: how the error names the image.

    Raises:
        ImageBuilderError: with every reason.
    """
    complaints = []
    if image.manifest_type not in (None, DOCKER_MANIFEST):
        complaints.append(
            f"its manifest is of the media type {image.manifest_type}, and SageMaker takes {DOCKER_MANIFEST} only "
            "(podman build --format docker; docker buildx build --provenance=false "
            "--output type=docker,oci-mediatypes=false)"
        )
    found = f"{image.operating_system}/{image.architecture}"
    if found != platform:
        complaints.append(f"its platform is {found}, the endpoint needs {platform}")
    for label, value in REQUIRED_LABELS.items():
        if image.labels.get(label) != value:
            there = f"is {image.labels[label]!r}" if label in image.labels else "is missing"
            complaints.append(f"the label {label}={value} {there}")
    if not image.entrypoint:
        complaints.append("it has no ENTRYPOINT, so `serve` would not be found")
    elif image.entrypoint[:2] == ("/bin/sh", "-c"):
        complaints.append(
            "its ENTRYPOINT is in shell form, which ignores `serve` and SIGTERM; write it as a JSON array"
        )
    if complaints:
        raise ImageBuilderError(f"{what} cannot serve a multi-model endpoint: {'; '.join(complaints)}.")
