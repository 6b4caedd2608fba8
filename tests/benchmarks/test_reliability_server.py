"""The short form of the experiments with faults of the model server, and what their page and their parsers say."""

import random
from pathlib import Path

import pytest

from benchmarks.reliability.model_server.experiments import EXPERIMENTS
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.malformed_requests import malformed
from benchmarks.reliability.model_server.page import page
from benchmarks.reliability.model_server.raw_http import Answer, NotAnAnswer, answers

# How fast a machine that does other work is healthy again says little about the server.
_OF_A_QUIET_MACHINE = "not healthy within"


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_short_form_holds(name: str, tmp_path: Path) -> None:
    findings = EXPERIMENTS[name](Ground(tmp_path, seed=1, is_short=True))
    assert findings
    complaints = [complaint for finding in findings for complaint in finding.complaints]
    assert [complaint for complaint in complaints if _OF_A_QUIET_MACHINE not in complaint] == []
    assert all(finding.reached for finding in findings)


def test_a_case_can_be_made_again_from_its_number() -> None:
    first, again, other = (malformed(random.Random(seed), 7) for seed in ("1 a", "1 a", "1 b"))
    assert first == again != other
    kinds = {malformed(random.Random(number), number).kind for number in range(200)}
    assert len(kinds) == 9


def test_answers_are_told_apart_and_what_is_none_is_said() -> None:
    one = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    refused = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    assert answers(interim + one + refused) == [Answer(200, b"hi"), Answer(404, b"")]
    for broken in (b"x", one[:-1], b"HTTP/1.1 200 OK\r\n\r\n", b"hi" + one):
        with pytest.raises(NotAnAnswer):
            answers(broken)


def test_the_page_says_what_did_not_hold() -> None:
    finding = {"experiment": "a", "to_reach": "b", "reached": "c", "complaints": [], "figures": {}}
    machine = {"processor": "p", "cores": 2, "load_average_before": 0.5}
    run = {
        "form": "full",
        "seed": 1,
        "seconds": 2.5,
        "when": "2026-01-02T03:04:05",
        "commit": "0123456789",
        "machine": machine,
        "findings": [finding],
    }
    text = page({"kills": run})
    assert "| a | b | c | yes |" in text and "Not held" not in text
    assert "| kills | full | 1 | 2.5 | 2026-01-02 | 0123456789 | p, 2 cores, load 0.5 before |" in text
    text = page({"kills": run | {"findings": [finding | {"complaints": ["it broke"]}]}})
    assert "| a | b | c | no |" in text and "- a: it broke" in text
