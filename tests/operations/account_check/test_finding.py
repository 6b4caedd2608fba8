import pytest

from operations.account_check.finding import Finding, document, exit_code

OK, NOTE = Finding("clock", "ok", "agrees"), Finding("scaling role", "note", "is not there yet", "create it")
PROBLEM, UNKNOWN = Finding("quota", "problem", "is 0", "raise it"), Finding("key", "unknown", "needs a right")


def test_a_line_has_what_was_found_and_what_to_do():
    assert PROBLEM.line == "problem  quota: is 0. To do: raise it"
    assert OK.line == "ok       clock: agrees"


@pytest.mark.parametrize(
    ("findings", "code"), [([OK, NOTE], 0), ([OK, UNKNOWN], 2), ([UNKNOWN, PROBLEM, OK], 1), ([], 0)]
)
def test_the_worst_decides(findings, code):
    assert exit_code(findings) == code


def test_the_document_has_everything():
    assert document("dev", [UNKNOWN]) == {
        "environment": "dev",
        "exit_code": 2,
        "findings": [{"check": "key", "status": "unknown", "text": "needs a right", "advice": None}],
    }
