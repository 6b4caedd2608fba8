"""Metric math: what is evaluated, and that the rest is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.cloudwatch.metric_math import Expression, UnsupportedExpressionError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m1", 6),
        ("100 * errors / m1", 50),
        ("-(m1 - errors) + 0.5", -2.5),
        ("m1 / zero", None),
        ("m1 + missing", None),
        ("FILL(missing, 0) + m1", 6),
        ("FILL(m1, 0)", 6),
        ("FILL(100 * errors / zero, 7)", 7),
    ],
)
def test_values(text: str, expected: float | None) -> None:
    assert Expression(text).value({"m1": 6, "errors": 3, "zero": 0, "missing": None}) == expected


def test_ids() -> None:
    assert Expression("100 * FILL(e, 0) / (m - 1)").ids == {"e", "m"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SUM(METRICS())", "`SUM(METRICS())` is not among what it knows"),
        ("SELECT AVG(x) FROM y", "cannot be read"),
        ("IF(m1 > 3, 1, 0)", "is not among"),
        ("ANOMALY_DETECTION_BAND(m1, 2)", "is not among"),
        ("m1 ** 2", "is not among"),
        ("FILL(m1, REPEAT)", "FILL takes a number"),
        ("m1 if m2 else m3", "is not among"),
        ("True", "is not among"),
        ("", "cannot be read"),
        ("(" * 3000, "cannot be read"),
    ],
)
def test_what_is_not_evaluated_is_refused(text: str, why: str) -> None:
    with pytest.raises(UnsupportedExpressionError, match="does not evaluate the metric math expression") as error:
        Expression(text)
    assert why in str(error.value)


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = Expression(text)
    except UnsupportedExpressionError:
        return
    expression.value(dict.fromkeys(expression.ids, 1.0))
