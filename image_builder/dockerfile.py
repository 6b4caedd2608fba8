"""The labels and the entry point that a Dockerfile gives its image, read without an engine.

Reads what the build context's snapshot needs: LABEL and ENTRYPOINT of the last stage and of the stages it starts
from. Variables are left as they stand; labels of a base image are not known here.
https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from image_builder.errors import ImageBuilderError

_ESCAPE_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*(?P<escape>[\\`])\s*", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#\s*[a-zA-Z]+\s*=.*")
_HEREDOC = re.compile(r"<<(?P<tabs>-?)(?P<quote>[\"']?)(?P<word>[A-Za-z_][A-Za-z0-9_]*)(?P=quote)")
_HEREDOC_INSTRUCTIONS = ("RUN", "COPY", "ADD")
_FROM = re.compile(r"(--\S+\s+)*(?P<base>\S+)(\s+AS\s+(?P<name>\S+))?", re.IGNORECASE)


@dataclass
class Stage:
    """What a stage says about the image that it makes."""

    labels: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)


def read_dockerfile(text: str) -> Stage:
    """The labels and entry point of the image that the Dockerfile builds.

    Raises:
        ImageBuilderError: there is no FROM, or a LABEL or ENTRYPOINT cannot be read.
    """
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for number, instruction, arguments in instructions(text):
        try:
            if instruction == "FROM":
                match = _FROM.fullmatch(arguments)
                if match is None:
                    raise ValueError("FROM needs an image")
                base = stages.get(match["base"].lower(), Stage())
                stage = Stage(dict(base.labels), list(base.entrypoint))
                stages[str(len(stages))] = stage
                if match["name"]:
                    stages[match["name"].lower()] = stage
            elif instruction == "LABEL" and stage is not None:
                stage.labels.update(_labels(arguments))
            elif instruction == "ENTRYPOINT" and stage is not None:
                stage.entrypoint = _command(arguments)
        except ValueError as error:
            raise ImageBuilderError(f"Dockerfile, line {number}: {error}.") from error
    if stage is None:
        raise ImageBuilderError("Dockerfile: it has no FROM.")
    return stage


def instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """The instructions as (line number, name in capitals, arguments): continuation lines joined, comments and
    here-documents left out."""
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape_character(lines)
    position = 0
    while position < len(lines):
        start, logical, goes_on = position, "", True
        while goes_on and position < len(lines):
            line = lines[position]
            position += 1
            if line.lstrip().startswith("#") or (logical and not line.strip()):
                continue
            if not logical:
                start = position
            stripped = line.rstrip()
            goes_on = stripped.endswith(escape)
            logical += stripped.removesuffix(escape) if goes_on else line
            if not logical.strip():
                goes_on = False
        words = logical.strip().split(maxsplit=1)
        if not words:
            continue
        instruction, arguments = words[0].upper(), words[1] if len(words) > 1 else ""
        if instruction in _HEREDOC_INSTRUCTIONS:
            for heredoc in _HEREDOC.finditer(arguments):
                position = _end_of_heredoc(lines, position, heredoc["word"], bool(heredoc["tabs"]))
        yield start, instruction, arguments


def _escape_character(lines: list[str]) -> str:
    for line in lines:
        match = _ESCAPE_DIRECTIVE.fullmatch(line.strip())
        if match:
            return match["escape"]
        if not _DIRECTIVE.fullmatch(line.strip()):
            break
    return "\\"


def _end_of_heredoc(lines: list[str], position: int, word: str, strips_tabs: bool) -> int:
    while position < len(lines):
        line = lines[position].lstrip("\t") if strips_tabs else lines[position]
        position += 1
        if line == word:
            break
    return position


def _labels(arguments: str) -> dict[str, str]:
    words = shlex.split(arguments)
    if words and "=" not in words[0]:
        # The old form: one label, the rest of the line is its value.
        key, _, value = arguments.partition(" ")
        if not value.strip():
            raise ValueError(f"the label {key!r} has no value")
        return {shlex.split(key)[0]: " ".join(shlex.split(value))}
    labels = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise ValueError(f"{word!r} is not a label; write NAME=VALUE")
        labels[key] = value
    return labels


def _command(arguments: str) -> list[str]:
    try:
        command = json.loads(arguments)
    except ValueError:
        command = None
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        return command
    return ["/bin/sh", "-c", arguments] if arguments else []
