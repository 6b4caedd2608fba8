import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_builder.dockerignore import IgnoreRules, parse
from image_builder.errors import ImageBuilderError

NAMES = st.text("ab.-_", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
COUNT = settings(max_examples=100, derandomize=True, deadline=None)


@pytest.mark.parametrize(
    ("text", "excluded", "kept"),
    [
        ("", [], ["a", "a/b"]),
        ("a", ["a", "a/b", "a/b/c"], ["b/a", "ab", "A"]),
        ("/a/", ["a", "a/b"], ["b/a"]),
        ("./a/../b", ["b", "b/c"], ["a"]),
        ("*/temp*", ["x/temp", "x/temporary.txt", "x/temp/y"], ["temp", "x/y/temp"]),
        ("temp?", ["tempa", "tempa/x"], ["temp", "tempab", "x/tempa"]),
        ("*.md", ["README.md"], ["docs/README.md", "README.mdx"]),
        ("**/*.pyc", ["a.pyc", "x/a.pyc", "x/y/a.pyc"], ["a.py", "a.pyc.txt"]),
        ("**/__pycache__", ["__pycache__/a", "x/y/__pycache__/a"], ["pycache"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["z", "b/a/z"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b"]),
        ("*.md\n!README.md", ["a.md"], ["README.md"]),
        ("*.md\n!README*.md\nREADME-secret.md", ["a.md", "README-secret.md"], ["README.md", "README-x.md"]),
        ("*\n! server ", ["a", "x/y"], ["server", "server/main.py"]),
        ("# a\n\n   \n#b", [], ["a", "b", "# a"]),
        (" # a", ["# a"], ["a"]),
        ("[ab].txt", ["a.txt", "b.txt"], ["c.txt"]),
        ("[^ab].txt", ["c.txt"], ["a.txt"]),
        ("[a-c].txt", ["b.txt"], ["d.txt"]),
        (r"\*.txt", ["*.txt"], ["a.txt"]),
        ("a+(b).txt", ["a+(b).txt"], ["aab.txt"]),
        ("\ufeffa\r\nb\r", ["a", "b"], ["c"]),
        ("äö/*", ["äö/x"], ["ao/x"]),
    ],
)
def test_follows_the_engines_rules(text: str, excluded: list[str], kept: list[str]) -> None:
    rules = IgnoreRules(text)
    assert {path: rules.excludes(path) for path in excluded + kept} == {
        **dict.fromkeys(excluded, True),
        **dict.fromkeys(kept, False),
    }


@pytest.mark.parametrize(("text", "complaint"), [("a\n!\n", "line 2"), ("[a", "'\\[a'"), ("[z-a]", "z-a")])
def test_a_wrong_pattern_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ImageBuilderError, match=complaint):
        IgnoreRules(text)


@COUNT
@given(PATHS, PATHS)
def test_a_plain_path_excludes_itself_and_what_lies_below(pattern: str, below: str) -> None:
    rules = IgnoreRules(pattern)
    assert rules.excludes(pattern)
    assert rules.excludes(f"{pattern}/{below}")
    assert rules.excludes(below) == (below == pattern or below.startswith(f"{pattern}/"))


@COUNT
@given(st.lists(st.sampled_from(["a", "!a", "**/b", "!*/b", "*.c", "!a/b.c"]), max_size=6), PATHS)
def test_the_last_pattern_that_matches_decides(patterns: list[str], path: str) -> None:
    text = "\n".join(patterns)
    assert not IgnoreRules(f"{text}\n!{path}").excludes(path)
    assert IgnoreRules(f"{text}\n{path}").excludes(path)


@COUNT
@given(st.lists(PATHS, max_size=4), st.lists(st.sampled_from(["", "   ", "#x", "# !a"]), max_size=4), PATHS)
def test_comments_and_empty_lines_change_nothing(patterns: list[str], noise: list[str], path: str) -> None:
    plain = IgnoreRules("\n".join(patterns))
    noisy = IgnoreRules("\n".join([*noise, *(line for pattern in patterns for line in (pattern, *noise))]))
    assert noisy.patterns == plain.patterns
    assert noisy.excludes(path) == plain.excludes(path)


@COUNT
@given(PATHS, PATHS)
def test_one_star_stays_in_its_folder_and_two_do_not(folder: str, path: str) -> None:
    assert IgnoreRules(f"{folder}/*").excludes(f"{folder}/{path}")
    single = [pattern.expression.fullmatch(f"{folder}/{path}") for pattern in parse(f"{folder}/*")]
    double = [pattern.expression.fullmatch(f"{folder}/{path}") for pattern in parse(f"{folder}/**")]
    assert bool(single[0]) == ("/" not in path)
    assert double[0]


@COUNT
@given(st.text("ab/*?[]^-!\\|&~.# \n", max_size=20), PATHS)
def test_any_text_is_read_or_refused_with_a_reason(text: str, path: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            rules = IgnoreRules(text)
        except ImageBuilderError as error:
            assert ".dockerignore" in str(error)
        else:
            assert rules.excludes(path) in (True, False)
