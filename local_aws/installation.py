"""Terraform's CLI configuration with one more mirror: the user's own, and the stand-in's in front.

Terraform takes one file with one `provider_installation` block, and asks every method of it that is not told to leave a
provider out. So what the user has is kept to the letter, and each method gets an exclusion.
https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .errors import ProviderUnavailableError

PROVIDER_ADDRESSES = ("registry.terraform.io/hashicorp/aws", "registry.opentofu.org/hashicorp/aws")
"""What `hashicorp/aws` stands for in Terraform and in OpenTofu."""

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|//[^\n]*|/\*.*?\*/|[{}]', re.DOTALL)
_BLOCK_NAME = re.compile(r'(\w+)"?\s*=?\s*$')
_EXCLUDE = re.compile(r"\bexclude\s*=\s*\[")
_PLUGIN_CACHE = re.compile(r"^[ \t]*plugin_cache_dir[ \t]*=.*$", re.MULTILINE)
_OVERRIDDEN = re.compile(r'"(?:[\w.-]+/)?hashicorp/aws"')
_LABELLED = ("host", "credentials", "credentials_helper")
_OVERRIDES = "dev_overrides"


class _Block(NamedTuple):
    name: str
    start: int
    """Of the text between the braces, as `end`."""
    end: int


def with_mirror(files: Mapping[Path, str], mirror: Path, implied: Iterable[Path]) -> str:
    """The text of a CLI configuration.

    Args:
        files: the user's configuration files and their texts, in Terraform's order.
        mirror: where hashicorp/aws is to come from.
        implied: the folders where Terraform looks for providers without being told.

    Raises:
        ProviderUnavailableError: a development override of hashicorp/aws goes before every mirror.
    """
    own = _mirror_method(mirror, f"include = {_names(PROVIDER_ADDRESSES)}")
    texts, has_installation = [], False
    for file, text in files.items():
        # The plugin cache is for the real provider: the stand-in must not get into it under its name.
        merged = _PLUGIN_CACHE.sub("", _as_hcl(text))
        for block in reversed([found for found in _blocks(merged) if found.name == "provider_installation"]):
            has_installation = True
            body = _with_own(file, merged[block.start : block.end], own)
            merged = merged[: block.start] + body + merged[block.end :]
        texts.append(merged.rstrip() + "\n")
    if not has_installation:
        texts.append(f"provider_installation {{\n{own}{''.join(_default_methods(implied))}}}\n")
    return "\n".join(texts)


def _with_own(file: Path, body: str, own: str) -> str:
    """The body of a `provider_installation` block, with our method before all others but development overrides."""
    place = len(body)
    for block in reversed(list(_blocks(body))):
        if block.name == _OVERRIDES:
            if _OVERRIDDEN.search(body, block.start, block.end):
                raise ProviderUnavailableError(
                    f"{file}: dev_overrides names hashicorp/aws, and Terraform would use that in place of the local "
                    "AWS's stand-in. Remove it, or set LOCAL_AWS_PROVIDER=hashicorp."
                )
            continue
        inside = _excluding(body[block.start : block.end])
        body = body[: block.start] + inside + body[block.end :]
        place = body.rindex(block.name, 0, block.start)
        if body[place - 1 : place] == '"':
            place -= 1
    if place >= len(body.rstrip()):
        return f"{body.rstrip()}\n{own}"
    return f"{body[:place].rstrip()}\n{own}  {body[place:]}"


def _excluding(method: str) -> str:
    """A method's body that leaves hashicorp/aws to others."""
    code = _TOKEN.sub(lambda token: " " * len(token[0]), method)
    found = _EXCLUDE.search(code)
    if found is None:
        return f"{method.rstrip()}\n    exclude = {_names(PROVIDER_ADDRESSES)}\n  "
    return f"{method[: found.end()]}{_names(PROVIDER_ADDRESSES)[1:-1]}, {method[found.end() :]}"


def _default_methods(implied: Iterable[Path]) -> Iterator[str]:
    """What Terraform does without `provider_installation`: what a folder holds does not come from a registry."""
    local = set()
    for folder in implied:
        held = {path.relative_to(folder).as_posix() for path in folder.glob("*/*/*") if path.is_dir()}
        if held:
            yield _mirror_method(folder, f"exclude = {_names(PROVIDER_ADDRESSES)}")
        local |= held
    yield f"  direct {{\n    exclude = {_names(sorted({*local, *PROVIDER_ADDRESSES}))}\n  }}\n"


def _mirror_method(folder: Path, condition: str) -> str:
    return f"  filesystem_mirror {{\n    path    = {json.dumps(str(folder))}\n    {condition}\n  }}\n"


def _names(addresses: Iterable[str]) -> str:
    return json.dumps(list(addresses))


def _blocks(text: str) -> Iterator[_Block]:
    """The blocks of the text that are not inside another one."""
    depth, start, name, last = 0, 0, "", 0
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            if depth == 0:
                found = _BLOCK_NAME.search(text, last, token.start())
                name, start = found[1] if found else "", token.end()
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if depth == 0:
                yield _Block(name, start, token.start())
        if token[0][0] != '"':
            last = token.end()


def _as_hcl(text: str) -> str:
    """The text of a file in either syntax, as HCL. JSON that Terraform cannot read either stays as it is."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        document = json.loads(text)
    except ValueError:
        return text
    return "".join(_written(name, value) for name, value in document.items())


def _written(name: str, value: Any) -> str:
    if name in _LABELLED:
        return "".join(
            f"{name} {json.dumps(label)} {_body(content)}\n" for one in _many(value) for label, content in one.items()
        )
    if name == "provider_installation":
        methods = [
            f"  {method} {_body(content)}\n"
            for one in _many(value)
            for method, contents in one.items()
            for content in _many(contents)
        ]
        return f"{name} {{\n{''.join(methods)}}}\n"
    return f"{name} = {_body(value) if isinstance(value, dict) else json.dumps(value)}\n"


def _body(content: Mapping[str, Any]) -> str:
    lines = [
        f"{json.dumps(key)} = {_body(value) if isinstance(value, dict) else json.dumps(value)}\n"
        for key, value in content.items()
    ]
    return "{\n" + "".join(lines) + "}"


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
