"""Errors of a user, and of what a command works with, as lines for a person. All others are bugs: a traceback."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.errors import ImageBuilderError
from local_aws.errors import LocalAwsError
from model_catalog.errors import CatalogError
from operations.deployment import SynthesisError
from operations.errors import (
    AdoptionError,
    DestroyError,
    PromotionError,
    RepositoryError,
    SavedPlansError,
    StateError,
    UnknownStackError,
)
from operations.explain import explain
from operations.terraform import TerraformError
from stacks.errors import SettingsError

_EXPECTED = (
    AdoptionError,
    BotoCoreError,
    CatalogError,
    ClientError,
    DestroyError,
    ImageBuilderError,
    LocalAwsError,
    PromotionError,
    RepositoryError,
    SavedPlansError,
    SettingsError,
    StateError,
    SynthesisError,
    TerraformError,
    UnknownStackError,
)


def complaint(error: Exception) -> str | None:
    """The error as it is, what it means and what to do; None for what no user caused."""
    if not isinstance(error, _EXPECTED):
        return None
    parts = [f"error: {error}"]
    explained = None
    if isinstance(error, TerraformError):
        folder = os.path.relpath(error.directory)
        explained = explain(error.output, datetime.now(UTC), error.directory.name, folder)
    elif isinstance(error, (ClientError, BotoCoreError)):
        explained = explain(str(error), datetime.now(UTC))
    if explained is not None:
        parts.append(f"\n{explained}")
    if isinstance(error, TerraformError) and error.command in ("init", "plan"):
        parts.append("Nothing was changed, and no state was written.")
    return "\n".join(parts)
