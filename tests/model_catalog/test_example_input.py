"""Inputs that are made from what the lock file records: the server must take every one of them."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.model_server.artifact.signature import TensorSpec
from container.model_server.worker.formats.decode import decode_request
from model_catalog.example_input import BODY_MAXIMUM_BYTES, ExampleInput, example_input
from model_catalog.lock import Observed, Tensor, Version

TYPES = (
    *("float16", "float32", "float64", "bool", "str"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
SHAPES = st.lists(st.integers(1, 4), max_size=4).map(lambda sizes: (1, *sizes))


def version(*inputs: Tensor, observed: bool = True) -> Version:
    seen = Observed(inputs=inputs, outputs=(), load_seconds=0.1) if observed else None
    return Version(
        version="1",
        sha256="ab" * 32,
        size_bytes=1,
        engine="code",
        key="m/1-abababababababab.tar.gz",
        slot=1,
        observed=seen,
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TYPES), SHAPES), min_size=1, max_size=3))
def test_the_server_decodes_it_to_zeros_of_the_recorded_shapes(inputs: list[tuple[str, tuple[int, ...]]]) -> None:
    tensors = [Tensor(name=f"input{number}", dtype=dtype, shape=shape) for number, (dtype, shape) in enumerate(inputs)]
    made = example_input("m", version(*tensors))
    assert made is not None
    assert made.origin == "signature"
    specs = tuple(TensorSpec(name=item.name, shape=item.shape, dtype=item.dtype) for item in tensors)
    arrays = decode_request(made.body, made.content_type, specs, None)
    for item in tensors:
        assert arrays[item.name].shape == item.shape
        assert not np.any(arrays[item.name] != ("" if item.dtype == "str" else 0))


def test_a_large_input_is_compressed() -> None:
    tensor = Tensor(name="data", dtype="float32", shape=(8, 3, 512, 512))
    made = example_input("m", version(tensor))
    assert made is not None
    assert math.prod(tensor.shape) * 4 > BODY_MAXIMUM_BYTES > 100 * len(made.body)
    specs = (TensorSpec(name="data", shape=tensor.shape),)
    assert decode_request(made.body, made.content_type, specs, None)["data"].shape == tensor.shape


@pytest.mark.parametrize(
    "of",
    [
        version(),
        version(observed=False),
        version(Tensor(name="data", dtype="float32", shape=(1, 3, 4096, 4096))),
    ],
    ids=["own code", "never tried", "larger than the server expands"],
)
def test_sometimes_there_is_none(of: Version) -> None:
    assert example_input("m", of) is None


def test_a_sample_is_preferred(tmp_path: Path) -> None:
    (tmp_path / "tenant").mkdir()
    (tmp_path / "tenant" / "m.PNG").write_bytes(b"no sample: suffixes are in lower case")
    (tmp_path / "tenant" / "m.csv").write_bytes(b"1,2")
    tensor = Tensor(name="data", dtype="float32", shape=(1, 2))
    assert example_input("tenant/m", version(tensor), tmp_path) == ExampleInput(b"1,2", "text/csv", "sample")
    other = example_input("m", version(tensor), tmp_path)
    assert other is not None
    assert other.origin == "signature"
