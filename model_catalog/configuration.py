"""What cdktf.json says of the catalog and its environments. Its other settings are not looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model_catalog.errors import CatalogError

CONTEXT_FILE = Path("cdktf.json")


def takes_promoted_only(environment: Any) -> bool:
    return isinstance(environment, dict) and environment.get("promoted_models_only") is True


def configured_earlier_versions() -> int:
    """`catalog.earlier_versions` of cdktf.json's context, 1 where it is not set."""
    catalog = configured("catalog")
    value = catalog.get("earlier_versions", 1) if isinstance(catalog, dict) else None
    if type(value) is not int:
        raise CatalogError(f"{CONTEXT_FILE}: catalog.earlier_versions must be a whole number, not {value!r}.")
    return value


def keys_that_pin(name: str, block: Any, path: str) -> Iterator[str]:
    """The keys below `path` of the settings that pin a model to a shard."""
    if not isinstance(block, dict):
        return
    for key, value in block.items():
        if key == "pins" and isinstance(value, dict) and name in value:
            yield f"{path}.pins"
        yield from keys_that_pin(name, value, f"{path}.{key}")


def configured(key: str) -> dict[str, Any]:
    """A block of cdktf.json's context, empty where there is none."""
    if not CONTEXT_FILE.is_file():
        return {}
    try:
        return json.loads(CONTEXT_FILE.read_text(encoding="utf-8")).get("context", {}).get(key, {})
    except (ValueError, AttributeError) as error:
        raise CatalogError(f"{CONTEXT_FILE}: cannot be read: {error}.") from error
