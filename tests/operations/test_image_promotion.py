import json
from pathlib import Path
from typing import Any

import pytest

from operations.errors import PromotionError
from operations.image_promotion import name_image, running_image

DIGEST = f"sha256:{'ab' * 32}"
IMAGE = f"111111111111.dkr.ecr.eu-central-1.amazonaws.com/multi-model-dev-model-server@{DIGEST}"


class SageMaker:
    def __init__(self, status: str, *images: str):
        self.answer: dict[str, Any] = {
            "EndpointStatus": status,
            "ProductionVariants": [{"DeployedImages": [{"ResolvedImage": image} for image in images]}],
        }

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        assert EndpointName == "fleet"
        return self.answer


def test_the_image_that_serves_is_found_by_its_digest():
    assert running_image(SageMaker("InService", IMAGE), "fleet") == IMAGE


@pytest.mark.parametrize(
    ("sagemaker", "complaint"),
    [
        (SageMaker("Updating", IMAGE), "is Updating: only an image that serves"),
        (SageMaker("InService"), "it runs none with a digest"),
        (SageMaker("InService", IMAGE, IMAGE.replace("ab", "cd")), "must run one image"),
    ],
)
def test_no_other_image_is_promoted(sagemaker: SageMaker, complaint: str):
    with pytest.raises(PromotionError, match=complaint):
        running_image(sagemaker, "fleet")


def test_one_line_of_the_settings_changes(tmp_path: Path):
    path = tmp_path / "cdktf.json"
    content = {"context": {"environments": {"dev": {"region": "a"}, "prod": {"image": {"prebuilt_uri": "old"}}}}}
    path.write_text(json.dumps(content, indent=2) + "\n")
    before = path.read_text().splitlines()
    assert name_image(path, "prod", IMAGE) == "old"
    after = path.read_text().splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ('          "prebuilt_uri": "old"', f'          "prebuilt_uri": "{IMAGE}"')
    ]
    assert name_image(path, "prod", IMAGE) == IMAGE
    with pytest.raises(PromotionError, match="no environment test, only dev, prod"):
        name_image(path, "test", IMAGE)
