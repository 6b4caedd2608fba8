"""Images become tensors with the right colours, axes, cut and scale."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from container.model_server.artifact.signature import ImageSpec, TensorSpec, default_image, image_for
from container.model_server.errors import InvalidInput
from container.model_server.worker.formats.preprocess import image_to_tensor
from tests.container.conftest import encoded_image

PLAIN = ImageSpec(resize_shorter=None, scale=1.0, mean=(0, 0, 0), std=(1, 1, 1))


def encoded(array: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (5, 7, 3)).astype(np.uint8)


def test_pixels_arrive_in_rgb_planes(pixels: np.ndarray) -> None:
    tensor = image_to_tensor(encoded(pixels), "image/png", PLAIN, (3, 5, 7))
    assert (tensor.shape, tensor.dtype) == ((1, 3, 5, 7), np.float32)
    np.testing.assert_array_equal(tensor[0], pixels.transpose(2, 0, 1))


def test_bgr_and_nhwc(pixels: np.ndarray) -> None:
    spec = PLAIN.model_copy(update={"color": "BGR", "layout": "NHWC"})
    tensor = image_to_tensor(encoded(pixels), "image/png", spec, (5, 7, 3))
    np.testing.assert_array_equal(tensor[0], pixels[:, :, ::-1])


def test_gray() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    spec = default_image((1, 8, 8))
    assert spec is not None
    tensor = image_to_tensor(encoded(pixels), "image/png", spec, (1, 8, 8))
    np.testing.assert_allclose(tensor[0, 0], pixels / 255, atol=1e-6)


def test_normalisation_is_per_channel(pixels: np.ndarray) -> None:
    spec = ImageSpec(resize_shorter=None, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    tensor = image_to_tensor(encoded(pixels), "image/png", spec, (3, 5, 7))
    expected = (pixels / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]
    np.testing.assert_allclose(tensor[0].transpose(1, 2, 0), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (300, 300), (100, 60), (2000, 225)])
def test_the_convention_is_resize_shorter_side_then_centre_cut(size: tuple[int, int]) -> None:
    body = encoded_image("PNG", size)
    spec = image_for(None, (TensorSpec(name="data", shape=(1, 3, 224, 224)),))
    assert spec is not None
    tensor = image_to_tensor(body, "image/png", spec, (3, 224, 224))
    image = Image.open(io.BytesIO(body))
    factor = 256 / min(size)
    resized = image.resize((round(size[0] * factor), round(size[1] * factor)), Image.Resampling.BILINEAR)
    left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
    cut = np.asarray(resized.crop((left, top, left + 224, top + 224))) / 255
    expected = (cut - spec.mean) / spec.std
    assert np.abs(tensor[0].transpose(1, 2, 0) - expected).max() < 0.05


def test_a_large_jpeg_decoded_at_a_fraction_is_the_same_picture() -> None:
    spec = ImageSpec()
    large = encoded_image("JPEG", (1600, 1200))
    small = image_to_tensor(large, "image/jpeg", spec, (3, 224, 224))
    exact = image_to_tensor(encoded_image("PNG", (1600, 1200)), "image/png", spec, (3, 224, 224))
    assert np.abs(small - exact).mean() < 0.02


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_other_kinds_of_png_become_rgb(mode: str) -> None:
    image = Image.new(mode, (8, 8))
    file = io.BytesIO()
    image.save(file, "PNG")
    assert image_to_tensor(file.getvalue(), "image/png", PLAIN, (3, 8, 8)).shape == (1, 3, 8, 8)


def test_cmyk_jpeg_becomes_rgb() -> None:
    body = encoded_image("JPEG", mode="CMYK")
    assert image_to_tensor(body, "image/jpeg", PLAIN, (3, 8, 8)).shape == (1, 3, 8, 8)


def test_one_format_under_the_name_of_another_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not a readable JPEG image"):
        image_to_tensor(encoded_image("PNG"), "image/jpeg", PLAIN, (3, 8, 8))
    with pytest.raises(InvalidInput, match="not a readable PNG image"):
        image_to_tensor(encoded_image("GIF"), "image/png", PLAIN, (3, 8, 8))


def test_what_takes_images_and_what_not() -> None:
    def spec(*shape: int) -> tuple[TensorSpec, ...]:
        return (TensorSpec(name="data", shape=shape),)

    assert image_for(None, spec(1, 3, 224, 224)) == ImageSpec()
    assert image_for(None, spec(1, 4)) is None
    assert image_for(None, spec(1, 5, 8, 8)) is None
    assert image_for(None, spec(1, 4) * 2) is None
    with pytest.raises(ValueError, match="several inputs"):
        image_for(ImageSpec(), spec(1, 4) * 2)
    with pytest.raises(ValueError, match="no RGB image"):
        image_for(ImageSpec(), spec(1, 4))


@pytest.mark.parametrize(("value", "expected"), [(30000, 117), (0, 0), (65535, 255), (128, 0), (129, 1)])
@pytest.mark.parametrize("color", ["GRAY", "RGB"])
def test_gray_of_16_bits_becomes_8(value: int, expected: int, color: str) -> None:
    count = 1 if color == "GRAY" else 3
    spec = ImageSpec(color=color, resize_shorter=None, scale=1, mean=(0,) * count, std=(1,) * count)
    tensor = image_to_tensor(encoded(np.full((8, 8), value, np.uint16)), "image/png", spec, (count, 4, 4))
    assert (tensor == expected).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_exif_orientation_is_a_setting(kind: str, orientation: int) -> None:
    image = Image.fromarray(np.repeat(np.repeat(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, 32, 0), 32, 1))
    image = image.convert("RGB")
    exif = image.getexif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue())))
    width, height = upright.size
    turned = PLAIN.model_copy(update={"exif_orientation": True})
    content = f"image/{kind.lower()}"
    tensor = image_to_tensor(file.getvalue(), content, turned, (3, height, width))
    np.testing.assert_allclose(tensor[0].transpose(1, 2, 0), np.asarray(upright), atol=3)
    as_stored = image_to_tensor(file.getvalue(), content, PLAIN, (3, 64, 96))
    np.testing.assert_allclose(as_stored[0].transpose(1, 2, 0), np.asarray(image), atol=3)


def test_whole_numbers_take_what_a_signature_makes_only_where_they_can_hold_it() -> None:
    def image(dtype: str, **fields: object) -> ImageSpec | None:
        spec = TensorSpec(name="data", shape=(1, 3, 8, 8), dtype=dtype)
        return image_for(PLAIN.model_copy(update=fields), (spec,))

    assert image("uint8") is not None
    assert image("int8", mean=(128, 128, 128)) is not None
    for dtype, fields in (("uint8", {"scale": 1 / 255}), ("uint8", {"mean": (1, 1, 1)}), ("int8", {})):
        with pytest.raises(ValueError, match=f"give values that an input of type {dtype} cannot hold"):
            image(dtype, **fields)
    for dtype in ("bool", "str"):
        with pytest.raises(ValueError, match=f"an input of type {dtype} takes no images"):
            image(dtype)
