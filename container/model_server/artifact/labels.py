"""The labels of a model's classes: line by line, so that none shifts."""

import codecs
import math
import re
from typing import TYPE_CHECKING, Any

from ..errors import InvalidArtifact

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# Not all that `str.splitlines` takes for the end of a line: form feeds and the like stand inside labels.
_LINE_END = re.compile("\r\n|\n|\r")


def read_labels(content: bytes, file_name: str) -> tuple[str, ...]:
    """The labels in a file, one a line; an empty one for a blank line, but for blank lines at the end.

    UTF-8, or UTF-16 with its byte order mark. Raises InvalidArtifact.
    """
    mark = next((mark for mark in _BYTE_ORDER_MARKS if content.startswith(mark)), b"")
    try:
        text = content[len(mark) :].decode(_BYTE_ORDER_MARKS.get(mark, "utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidArtifact(f"{file_name} is not UTF-8 text") from error
    lines = [line.strip() for line in _LINE_END.split(text)]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InvalidArtifact(f"{file_name} holds no label")
    return tuple(lines)


def fitting(labels: tuple[str, ...], output: "NDArray[Any]") -> tuple[str, ...]:
    """The labels of an output's classes. Blank lines count as classes, or only divide the list, as the number of
    classes says.

    Raises InvalidArtifact where the output is none of scores, or has another number of them.
    """
    classes = math.prod(output.shape[1:])
    if output.ndim < 2 or output.dtype.kind not in "iuf":
        raise InvalidArtifact(
            f"synset.txt labels the scores of classes, but the output is {output.dtype} of shape {list(output.shape)}: "
            "take synset.txt out"
        )
    if len(labels) == classes:
        return labels
    without_blanks = tuple(filter(None, labels))
    if len(without_blanks) == classes:
        return without_blanks
    raise InvalidArtifact(
        f"synset.txt has {len(labels)} labels, but the output has {classes} values an instance: write one line a class"
    )
