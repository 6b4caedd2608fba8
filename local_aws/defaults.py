"""Defaults of a local AWS. The help shows these before anything else is imported."""

from pathlib import Path
from typing import Final

PORT = 4566
DIRECTORY = Path(".local/aws")
CHOICE: Final = "auto"
"""Of Terraform's provider, and of what runs the instances."""
LOAD_TIMEOUT_SECONDS = 360.0
INVOCATION_TIMEOUT_SECONDS = 60.0
TIME_FACTOR = 1.0
ARTIFACT_CACHE_BYTES = 10 * 1024**3
