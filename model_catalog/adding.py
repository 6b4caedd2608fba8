"""What the command `add` works with, and what it prints; its client of S3 serves `verify`, too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from model_catalog.catalog import Added, Convert
from model_catalog.errors import CatalogError
from model_catalog.estimator_files import is_estimator
from model_catalog.lock import Observed
from model_catalog.s3_source import Progress


def print_outcome(added: Added, *, converted: bool) -> None:
    version = added.version
    if version.conversion is not None and converted:
        checked = version.conversion
        print(
            f"Converted to ONNX: outputs equal within {checked.largest_difference:.2g} on {checked.samples} "
            f"sample{'s' if checked.samples > 1 else ''} (allowed: {checked.tolerance:g})"
        )
    if not added.is_new:
        print(f"Nothing changed: {added.name} holds this content already, TargetModel {version.key}")
        return
    print(f"Added {added.name} version {version.version}: {version.size_bytes} bytes, TargetModel {version.key}")
    if version.observed is not None:
        print(f"Loaded and run once: {_seen(version.observed)}")


def _seen(observed: Observed) -> str:
    tensors = [
        ", ".join(f"{tensor.name} {tensor.dtype}{list(tensor.shape)}" for tensor in side)
        for side in (observed.inputs, observed.outputs)
    ]
    sides = f"{tensors[0]} -> {tensors[1]}; " if any(tensors) else ""
    memory = "" if observed.memory_bytes is None else f", {observed.memory_bytes / 1024**2:.1f} MiB"
    return f"{sides}loaded in {observed.load_seconds:.2f} s{memory}"


def conversion(source: Path, samples: list[Path] | None, tolerance: float | None) -> Convert:
    # Imports numpy, which no other command needs.
    from model_catalog.conversion import DEFAULT_TOLERANCE, convert_to_onnx  # noqa: PLC0415
    from model_catalog.estimators import convert_estimator  # noqa: PLC0415

    tolerance = DEFAULT_TOLERANCE if tolerance is None else tolerance
    convert = convert_estimator if is_estimator(source) else convert_to_onnx
    return functools.partial(convert, samples=samples or (), tolerance=tolerance)


def reading(what: str, show: Callable[[str], None]) -> Progress:
    """Reports how far a read has come."""
    return lambda done_bytes, total_bytes: show(f"Reading {what}: {done_bytes >> 20} of {total_bytes >> 20} MiB")


def s3_client() -> BaseClient:
    try:
        return boto3.client("s3", config=Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=60))
    except BotoCoreError as error:
        raise CatalogError(f"S3 cannot be asked: {error}") from error
