import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_builder.dockerfile import instructions, read_dockerfile
from image_builder.errors import ImageBuilderError

COUNT = settings(max_examples=100, derandomize=True, deadline=None)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("FROM a\nLABEL b=1 c=2", {"b": "1", "c": "2"}),
        ("from a\nlabel b=1", {"b": "1"}),
        ('FROM a\nLABEL "b c"="d e" f=g\\ h', {"b c": "d e", "f": "g h"}),
        ("FROM a\nLABEL b=1 \\\n  # why\n\n  c=2\nLABEL b=3", {"b": "3", "c": "2"}),
        ("FROM a\nLABEL old the value", {"old": "the value"}),
        ("FROM a\nLABEL b=$VERSION", {"b": "$VERSION"}),
        ("FROM a\nLABEL b='$x y'", {"b": "$x y"}),
        ("LABEL b=1\nFROM a", {}),
        ("FROM a\nLABEL b=1\nFROM c", {}),
        ("FROM a AS Build\nLABEL b=1\nFROM --platform=linux/amd64 build\nLABEL c=2", {"b": "1", "c": "2"}),
        ("FROM a\nLABEL b=1\nFROM 0", {"b": "1"}),
        ("FROM a\nRUN <<EOF\nLABEL b=1\nEOF\nLABEL c=2", {"c": "2"}),
        ("FROM a\nRUN cat <<-'ONE' <<TWO\nLABEL b=1\n\tONE\nLABEL c=2\nTWO\nLABEL d=3", {"d": "3"}),
        ("# escape=`\nFROM a\nLABEL b=1 `\n  c=2", {"b": "1", "c": "2"}),
        ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a\nLABEL b=1 `\n  c=2", {"b": "1", "c": "2"}),
        ("FROM a\r\nLABEL b=1\r\n", {"b": "1"}),
    ],
)
def test_reads_labels(text: str, labels: dict[str, str]) -> None:
    assert read_dockerfile(text).labels == labels


@pytest.mark.parametrize(
    ("text", "entrypoint"),
    [
        ("FROM a", []),
        ('FROM a\nENTRYPOINT ["/serve", "x y"]', ["/serve", "x y"]),
        ('FROM a\nENTRYPOINT ["/serve", \\\n  "x"]', ["/serve", "x"]),
        ("FROM a\nENTRYPOINT serve now", ["/bin/sh", "-c", "serve now"]),
        ('FROM a\nENTRYPOINT ["x"]\nENTRYPOINT []', []),
        ('FROM a AS b\nENTRYPOINT ["x"]\nFROM b', ["x"]),
    ],
)
def test_reads_the_entry_point(text: str, entrypoint: list[str]) -> None:
    assert read_dockerfile(text).entrypoint == entrypoint


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no FROM"),
        ("# nothing", "no FROM"),
        ("\nFROM", "line 2: FROM needs an image"),
        ("FROM a\n\nLABEL b='1", "line 3: No closing quotation"),
        ("FROM a\nLABEL b=1 c", "line 2: 'c' is not a label"),
        ("FROM a\nLABEL b", "line 2: the label 'b' has no value"),
    ],
)
def test_a_fault_names_its_line(text: str, complaint: str) -> None:
    with pytest.raises(ImageBuilderError, match=complaint):
        read_dockerfile(text)


@COUNT
@given(
    st.dictionaries(
        st.text("abc.-", min_size=1, max_size=5), st.text("ab =#'\\\"$", max_size=8), min_size=1, max_size=4
    )
)
def test_quoted_labels_come_back(labels: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = " \\\n  ".join(f"{quoted(name)}={quoted(value)}" for name, value in labels.items())
    assert read_dockerfile(f"FROM a\nLABEL {lines}\n").labels == labels


@COUNT
@given(
    st.lists(st.sampled_from(["FROM a", "LABEL b=1", "RUN x \\", "# c", "", "  y", "RUN <<E", "E", "\\"]), max_size=8)
)
def test_any_text_is_read_or_refused_with_a_reason(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = list(instructions(text))
    assert [number for number, _, _ in found] == sorted({number for number, _, _ in found})
    try:
        read_dockerfile(text)
    except ImageBuilderError as error:
        assert "Dockerfile" in str(error)
