"""What a model takes: the shapes of its inputs, and how an image becomes one of them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class TensorSpec(BaseModel):
    """One input. `shape[0]` is the batch the network is bound for; an item has the shape `shape[1:]`."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1)
    shape: tuple[int, ...] = Field(min_length=1)
    dtype: str = "float32"

    @model_validator(mode="after")
    def _positive(self) -> "TensorSpec":
        if any(size < 1 for size in self.shape):
            raise ValueError(f"every dimension of {self.name!r} must be at least 1, got {list(self.shape)}")
        return self

    @property
    def item_shape(self) -> tuple[int, ...]:
        return self.shape[1:]

    @property
    def batch(self) -> int:
        return self.shape[0]


class ImageSpec(BaseModel):
    """How an image becomes a float32 tensor. Without a `signature.json` this is the MXNet model zoo's convention.

    The image is resized (bilinear, antialiased) until its shorter side is `resize_shorter`, the centre of the input's
    height and width is cut out, and each channel becomes `(value * scale - mean) / std`. With `resize_shorter` null
    the image is squeezed to the input's height and width instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Literal["NCHW", "NHWC"] = "NCHW"
    color: Literal["RGB", "BGR", "GRAY"] = "RGB"
    resize_shorter: int | None = Field(256, ge=1, le=8192)
    scale: float = Field(1 / 255, gt=0)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    @model_validator(mode="after")
    def _per_channel(self) -> "ImageSpec":
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                raise ValueError(f"{name} must have {self.channels} value(s) for {self.color}, got {len(values)}")
        if any(value <= 0 for value in self.std):
            raise ValueError("std must be above 0")
        return self

    @property
    def channels(self) -> int:
        return 1 if self.color == "GRAY" else 3

    def size(self, item_shape: tuple[int, ...]) -> tuple[int, int]:
        """(width, height) that an item of this shape has. Raises ValueError where it is no such image."""
        if len(item_shape) == 3:
            channels, height, width = (
                item_shape if self.layout == "NCHW" else (item_shape[2], item_shape[0], item_shape[1])
            )
            if channels == self.channels:
                return width, height
        raise ValueError(f"an input of shape {list(item_shape)} is no {self.color} image in {self.layout} layout")


def image_for(given: ImageSpec | None, inputs: tuple[TensorSpec, ...]) -> ImageSpec | None:
    """How images become the model's input: as `given` by its `signature.json`, else by convention.

    None where the model takes no images. Raises ValueError where what is given does not fit the input's shape.
    """
    if len(inputs) != 1:
        if given is not None:
            raise ValueError("a model of several inputs takes no images")
        return None
    if given is None:
        return default_image(inputs[0].item_shape)
    given.size(inputs[0].item_shape)
    return given


def default_image(item_shape: tuple[int, ...]) -> ImageSpec | None:
    """The convention for a checkpoint without `signature.json`; None where the input is not an image."""
    if len(item_shape) != 3:
        return None
    channels, height, width = item_shape
    if channels == 3:
        return ImageSpec(resize_shorter=max(round(min(height, width) * 256 / 224), height, width))
    if channels == 1:
        return ImageSpec(color="GRAY", resize_shorter=None, mean=(0.0,), std=(1.0,))
    return None
