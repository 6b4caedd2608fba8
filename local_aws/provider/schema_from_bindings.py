"""A type's schema, read out of the installed CDKTF bindings.

`python -m local_aws.provider.schema_from_bindings aws_sqs_queue data.aws_sqs_queue` prints it as schema.json wants it;
`--uncovered` writes the schemas of all types of the bindings (uncovered.py).

The bindings carry their TypeScript sources, whose comments state the flags of every attribute of the provider version
they were made for. They say neither defaults nor what forces a replacement: those are added to schema.json by hand from
the provider's documentation ("Forces new resource").
"""

import base64
import importlib.util
import json
import re
import sys
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tf.gen import tfplugin_pb2 as protocol

from .schema import parse_block
from .uncovered import write_schemas

PACKAGE = "cdktf_cdktf_provider_aws"
GETTERS: dict[str, str | list[Any]] = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getStringMapAttribute": ["map", "string"],
    "getNumberMapAttribute": ["map", "number"],
    "getBooleanMapAttribute": ["map", "bool"],
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    # A type that the bindings have no getter for, such as a map of lists.
    "interpolationForAttribute": "dynamic",
    "cdktf.StringMap": ["map", "string"],
    "cdktf.BooleanMap": ["map", "bool"],
    "cdktf.NumberMap": ["map", "number"],
}
MEMBER = re.compile(
    r"// (?P<name>\w+) - computed: (?P<computed>\w+), optional: (?P<optional>\w+), required: (?P<required>\w+)\n"
    r"\s*(?P<code>.*)"
)
NESTED = re.compile(r"new (\w+?)(List|OutputReference|Map)\(this, \"\w+\"(?:, (true|false))?\)")
TYPE_FOLDER = re.compile(r"package/lib/([^/]+)/index\.js")
DATA_SOURCE_FOLDER = "data-aws-"
BLOCK_FLAG = re.compile(r"^\s+(\w+): \{\n\s*value: .*\n\s*isBlock: (\w+),\n\s*type: \"(\w+)\"", re.MULTILINE)


class BindingsError(Exception):
    """The bindings do not hold what was asked for."""


def typescript_sources(folders: Iterable[str]) -> dict[str, str]:
    """The TypeScript source of each of the bindings' `folders` (`s3-bucket`, `data-aws-region`, `provider`).

    Raises BindingsError when the bindings are not installed or lack a folder.
    """
    wanted = {f"package/lib/{folder}/index.js": folder for folder in folders}
    sources = {}
    with tarfile.open(_archive()) as tar:
        for member in tar:
            if member.name in wanted:
                content = tar.extractfile(member)
                if content is None:
                    raise BindingsError(f"{member.name} is no file in the bindings' archive")
                text = content.read().decode()
                source_map = json.loads(base64.b64decode(text.rsplit("base64,", 1)[1]))
                sources[wanted[member.name]] = source_map["sourcesContent"][0]
            if len(sources) == len(wanted):
                break
    if missing := sorted(set(wanted.values()) - sources.keys()):
        raise BindingsError(f"the installed bindings have no {', '.join(missing)}")
    return sources


def type_folders() -> list[str]:
    """The folders of all resource types and data sources. Raises BindingsError when the bindings are not installed."""
    with tarfile.open(_archive()) as tar:
        matches = [TYPE_FOLDER.fullmatch(name) for name in tar.getnames()]
    return sorted(match[1] for match in matches if match is not None and match[1] != "provider")


def _archive() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BindingsError(f"{PACKAGE} is not installed: run `pipenv sync --dev`")
    return next(Path(spec.origin).parent.glob("_jsii/*.jsii.tgz"))


def folder_of(type_name: str, *, data_source: bool = False) -> str:
    """`aws_s3_bucket` -> `s3-bucket`, or `data-aws-s3-bucket` for the data source of that name."""
    stem = type_name.removeprefix("aws_").replace("_", "-")
    return f"{DATA_SOURCE_FOLDER}{stem}" if data_source else stem


def type_of(folder: str) -> str:
    """`s3-bucket` and `data-aws-s3-bucket` -> `aws_s3_bucket`."""
    return f"aws_{folder.removeprefix(DATA_SOURCE_FOLDER).replace('-', '_')}"


def schema_messages(sources: Mapping[str, str]) -> protocol.GetProviderSchema.Response:
    """The schemas of TypeScript sources by folder, as Terraform gets them."""
    response = protocol.GetProviderSchema.Response()
    for folder, source in sources.items():
        is_data_source = folder.startswith(DATA_SOURCE_FOLDER)
        schemas = response.data_source_schemas if is_data_source else response.resource_schemas
        block = parse_block(read_block(source)).message()
        _make_lists_of_dynamic_sets(block)
        schemas[type_of(folder)].block.CopyFrom(block)
    return response


def _make_lists_of_dynamic_sets(block: protocol.Schema.Block) -> bool:
    """Terraform allows dynamic types in no set. Returns whether the block has any."""
    is_dynamic = any(attribute.type == b'"dynamic"' for attribute in block.attributes)
    for nested in block.block_types:
        if _make_lists_of_dynamic_sets(nested.block):
            is_dynamic = True
            if nested.nesting == protocol.Schema.NestedBlock.SET:
                nested.nesting = protocol.Schema.NestedBlock.LIST
    return is_dynamic


def read_block(source: str) -> dict[str, Any]:
    """The schema of the construct that a TypeScript source defines, in the form of schema.json."""
    classes = {
        match[1]: match[2]
        for match in re.finditer(r"^export class (\w+) extends [\w.]+ \{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL)
    }
    synthesis = {
        match[1][0].upper() + match[1][1:]: match[2]
        for match in re.finditer(
            r"^export function (\w+)ToHclTerraform\(.*?\{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL
        )
    }
    top = re.findall(r"^export class (\w+) extends cdktf\.Terraform(?:Resource|DataSource|Provider) ", source, re.M)
    if len(top) != 1:
        raise BindingsError("no single construct found: the bindings' sources have changed their form")
    return _block(top[0], top[0], classes, synthesis)


def _block(name: str, class_name: str, classes: dict[str, str], synthesis: dict[str, str]) -> dict[str, Any]:
    body = classes[class_name]
    flags = {m[1]: (m[2] == "true", m[3]) for m in BLOCK_FLAG.finditer(synthesis.get(name, body))}
    block: dict[str, Any] = {}
    for member in MEMBER.finditer(body):
        attribute: dict[str, Any] = {
            flag: True for flag in ("required", "optional", "computed") if member[flag] == "true"
        }
        nested = NESTED.search(member["code"])
        if nested and f"{nested[1]}OutputReference" in classes:
            inner = _block(nested[1], f"{nested[1]}OutputReference", classes, synthesis)
            is_block, kind = flags.get(member["name"], (False, "set" if nested[3] == "true" else "list"))
            # The bindings call a map of objects a block, which it is not for Terraform.
            if is_block and kind != "map":
                attribute |= {"block": inner, "nesting": "single" if kind == "struct" else kind}
                if nested[2] == "OutputReference" and kind != "struct":
                    attribute["max_items"] = 1
            else:
                attribute["type"] = [kind, ["object", {key: value["type"] for key, value in inner.items()}]]
        else:
            attribute["type"] = _type(member, body)
        block[member["name"]] = attribute
    return dict(sorted(block.items()))


def _type(member: re.Match[str], body: str) -> str | list[Any]:
    quoted = re.escape(member["name"])
    getter = re.search(rf"(cdktf\.Fn\.tolist\()?this\.(\w+)\('{quoted}'\)", body)
    if getter:
        kind = GETTERS[getter[2]]
        return ["set", kind[1]] if getter[1] and isinstance(kind, list) else kind
    built = re.search(rf"new (cdktf\.\w+)\(this, \"{quoted}\"", body)
    if built:
        return GETTERS[built[1]]
    # A provider's arguments have no getters that read state: their field says the type.
    if "boolean" in member["code"]:
        return "bool"
    if "number" in member["code"]:
        return "number"
    if "string[]" in member["code"]:
        return ["set", "string"]
    return ["map", "string"] if "{ [key" in member["code"] else "string"


def main(arguments: list[str]) -> int:
    """Print the schema of each type named (`data.aws_region` for a data source) as JSON for schema.json."""
    if not arguments:
        print(
            "usage: python -m local_aws.provider.schema_from_bindings --uncovered|aws_TYPE|data.aws_TYPE ...",
            file=sys.stderr,
        )
        return 2
    if arguments == ["--uncovered"]:
        try:
            write_schemas(schema_messages(typescript_sources(type_folders())))
        except BindingsError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    folders = {name: folder_of(name.removeprefix("data."), data_source=name.startswith("data.")) for name in arguments}
    try:
        sources = typescript_sources(folders.values())
        print(json.dumps({name: read_block(sources[folder]) for name, folder in folders.items()}, indent=1))
    except BindingsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
