"""The types of hashicorp/aws of which the stand-in knows the arguments only: it says that it does not cover them.

Terraform checks a configuration against a type's schema before it asks the provider, so that takes the type's whole
schema. Terraform needs half a second for two thousand schemas, on every command: it gets those of the types that its
configuration mentions, and of all others the name.

`uncovered.xz` is the message with all of them, read out of the installed bindings:
`python -m local_aws.provider.schema_from_bindings --uncovered` writes it again.
"""

import json
import lzma
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tf.gen import tfplugin_pb2 as protocol

from .errors import Problem, ProviderError

TYPE_NAME = re.compile(rb"\baws_\w+")
CONFIGURATION_FILES = ("*.tf", "*.tf.json", "*.tofu", "*.tofu.json")
MODULES_FILE = Path(".terraform/modules/modules.json")
SCHEMAS_FILE = Path(__file__).with_name("uncovered.xz")


@cache
def uncovered_schemas() -> protocol.GetProviderSchema.Response:
    """The schemas of all types of the bindings, the covered ones among them."""
    return protocol.GetProviderSchema.Response.FromString(lzma.decompress(SCHEMAS_FILE.read_bytes()))


def announced_schemas(folder: Path) -> protocol.GetProviderSchema.Response:
    """All types for a Terraform that runs in `folder`, with their schemas those that its configuration mentions."""
    everything = uncovered_schemas()
    response = protocol.GetProviderSchema.Response()
    response.CopyFrom(_names())
    for name in _mentioned(folder):
        if name in everything.resource_schemas:
            response.resource_schemas[name].CopyFrom(everything.resource_schemas[name])
        if name in everything.data_source_schemas:
            response.data_source_schemas[name].CopyFrom(everything.data_source_schemas[name])
    return response


@cache
def _names() -> protocol.GetProviderSchema.Response:
    nothing = protocol.Schema(block=protocol.Schema.Block())
    everything = uncovered_schemas()
    return protocol.GetProviderSchema.Response(
        resource_schemas=dict.fromkeys(everything.resource_schemas, nothing),
        data_source_schemas=dict.fromkeys(everything.data_source_schemas, nothing),
    )


def _mentioned(folder: Path) -> set[str]:
    """What may be a type's name in the configuration in a folder and in its modules."""
    found: set[bytes] = set()
    for file in _configuration_files(folder):
        try:
            found.update(TYPE_NAME.findall(file.read_bytes()))
        except OSError:
            continue  # Terraform says that it cannot be read
    return {name.decode() for name in found}


def _configuration_files(folder: Path) -> Iterator[Path]:
    folders = [folder]
    try:
        modules = json.loads((folder / MODULES_FILE).read_bytes())["Modules"]
        folders += [folder / module["Dir"] for module in modules if module["Dir"] != "."]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no modules
    for place in folders:
        for pattern in CONFIGURATION_FILES:
            yield from place.glob(pattern)


def write_schemas(schemas: protocol.GetProviderSchema.Response) -> None:
    # Deterministic, so that the same bindings make the same file.
    SCHEMAS_FILE.write_bytes(lzma.compress(schemas.SerializeToString(deterministic=True)))


def not_covered(type_name: str, *, data_source: bool = False) -> ProviderError:
    """The complaint about a type that has no entry."""
    label = f"data.{type_name}" if data_source else type_name
    return ProviderError(
        Problem(
            f"the stand-in provider does not cover {label}",
            "The local AWS serves a stand-in for hashicorp/aws to this Terraform run, and it has this project's "
            f"resource types and a few more. Take {label} out, use the real provider (LOCAL_AWS_PROVIDER=hashicorp, "
            "where Terraform can install it), or add the type: local_aws/provider/README.md, "
            '"Adding a type".',
        )
    )
