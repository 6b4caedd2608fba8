"""What a model takes: the shapes of its inputs, and how an image becomes one of them."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
ElementType = Literal[
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "str",
]


class TensorSpec(BaseModel):
    """One input: what an instance of it looks like.

    `dtype` is numpy's name of the element type, or `str` for text. Where `batched`, `shape[0]` is the batch the network
    is bound for and an item has the shape `shape[1:]`; else the whole tensor belongs to one instance. A scalar has the
    shape `()`.
    """

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1)
    shape: tuple[Annotated[int, Field(strict=True)], ...]
    dtype: ElementType = "float32"
    batched: bool = Field(default=True, exclude=True)

    @model_validator(mode="after")
    def _positive(self) -> "TensorSpec":
        if any(size < 1 for size in self.shape):
            raise ValueError(f"every dimension of {self.name!r} must be at least 1, got {list(self.shape)}")
        return self

    @property
    def item_shape(self) -> tuple[int, ...]:
        return self.shape[1:] if self.batched else self.shape

    @property
    def batch(self) -> int:
        """How many instances the network takes at once, as far as this input says."""
        return self.shape[0] if self.batched else 1


def share_batch(specs: Iterable[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Mark which inputs have the batch as their first dimension.

    All have, where their first dimensions are the same number. Where they differ, those of 1 take one instance at a
    time and all others, like scalars, belong to one instance as a whole.
    """
    specs = tuple(specs)
    firsts = {spec.shape[0] for spec in specs if spec.shape}
    batch = next(iter(firsts)) if len(firsts) == 1 and all(spec.shape for spec in specs) else 1
    return tuple(spec.model_copy(update={"batched": bool(spec.shape) and spec.shape[0] == batch}) for spec in specs)


class ImageSpec(BaseModel):
    """How an image becomes a tensor. Without a `signature.json` this is the MXNet model zoo's convention.

    The image is resized (bilinear, antialiased) until its shorter side is `resize_shorter`, the centre of the input's
    height and width is cut out, and each channel becomes `(value * scale - mean) / std`. With `resize_shorter` null
    the image is squeezed to the input's height and width instead. With `exif_orientation` it is first turned the way
    its EXIF tag says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Literal["NCHW", "NHWC"] = "NCHW"
    color: Literal["RGB", "BGR", "GRAY"] = "RGB"
    resize_shorter: int | None = Field(256, ge=1, le=8192)
    scale: float = Field(1 / 255, gt=0)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    exif_orientation: bool = False

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

    None where the model takes no images. Raises ValueError where what is given does not fit the input's shape or type.
    """
    if len(inputs) != 1:
        if given is not None:
            raise ValueError("a model of several inputs takes no images")
        return None
    (spec,) = inputs
    if given is None:
        return default_image(spec.item_shape, spec.dtype)
    given.size(spec.item_shape)
    if spec.dtype in ("bool", "str"):
        raise ValueError(f"an input of type {spec.dtype} takes no images")
    if not spec.dtype.startswith("float"):
        _check_whole(given, spec.dtype)
    return given


def default_image(item_shape: tuple[int, ...], dtype: str = "float32") -> ImageSpec | None:
    """The convention for a model without `signature.json`; None where the input is not an image.

    Whole-number inputs get the pixels as they are.
    """
    if len(item_shape) != 3 or dtype in ("bool", "str", "int8"):
        return None
    channels, height, width = item_shape
    if channels not in (1, 3):
        return None
    plain: dict[str, Any] = {"scale": 1.0, "mean": (0.0,) * channels, "std": (1.0,) * channels}
    whole = not dtype.startswith("float")
    if channels == 3:
        shorter = max(round(min(height, width) * 256 / 224), height, width)
        return ImageSpec(resize_shorter=shorter, **plain if whole else {})
    values = plain if whole else {"mean": (0.0,), "std": (1.0,)}
    return ImageSpec(color="GRAY", resize_shorter=None, **values)


def _check_whole(image: ImageSpec, dtype: str) -> None:
    """Every one of a pixel's 256 values must become a number that the input can hold."""
    bits = int(dtype.lstrip("uint"))
    lowest, highest = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for mean, std in zip(image.mean, image.std, strict=True):
        values = [(pixel * image.scale - mean) / std for pixel in range(256)]
        if any(abs(value - round(value)) > 1e-6 or not lowest <= round(value) <= highest for value in values):
            raise ValueError(
                f"scale {image.scale:g}, mean {mean:g} and std {std:g} give values that an input of type {dtype} "
                "cannot hold; raw pixels are scale 1, mean 0 and std 1"
            )
