import pytest

from image_builder.errors import ImageBuilderError
from image_builder.requirements import REQUIRED_LABELS, ImageDescription, check_image

GOOD = ImageDescription("linux", "amd64", REQUIRED_LABELS, ("/serve",))


def test_a_good_image_passes() -> None:
    check_image(GOOD, "linux/amd64", "image")


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
        (ImageDescription.from_config({}), ["unknown/unknown", "multi-models=true is missing", "no ENTRYPOINT"]),
        (ImageDescription.from_inspection({"Config": None}), ["unknown/unknown"]),
    ],
)
def test_every_reason_is_given(image: ImageDescription, complaints: list[str]) -> None:
    with pytest.raises(ImageBuilderError) as caught:
        check_image(image, "linux/amd64", "the-image")
    assert str(caught.value).startswith("the-image cannot serve")
    for complaint in complaints:
        assert complaint in str(caught.value)
