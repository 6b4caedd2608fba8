"""Metric math, the simple part: + - * / and parentheses over metrics and numbers, and FILL with a number.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

_LARGEST = 1e300
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class UnsupportedExpressionError(ValueError):
    """The expression is wrong, or more than the local AWS evaluates."""


class Expression:
    """An expression over the ids of other queries. Raises UnsupportedExpressionError."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._unsupported("it cannot be read") from error
        self.ids: set[str] = set()
        self._check(self._tree)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def value(self, values: Mapping[str, float | None]) -> float | None:
        """The result for `values` by id. None, a missing datapoint, where one that it needs is missing, and for a
        division by zero."""
        return self._value(self._tree, values)

    def _check(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and _is_number(node.value):
            return
        if isinstance(node, ast.Name):
            self.ids.add(node.id)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self._check(node.operand)
        elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            self._check(node.left)
            self._check(node.right)
        elif isinstance(node, ast.Call) and _is_fill(node):
            metric, number = node.args
            if not isinstance(number, ast.Constant):
                raise self._unsupported("FILL takes a number as its second argument here")
            self._check(metric)
            self._check(number)
        else:
            raise self._unsupported(f"`{ast.unparse(node)}` is not among what it knows")

    def _value(self, node: Any, values: Mapping[str, float | None]) -> float | None:
        if isinstance(node, ast.Constant):
            number: Any = node.value  # `_check` took numbers only
            return float(number)
        if isinstance(node, ast.Name):
            return values.get(node.id)
        if isinstance(node, ast.UnaryOp):
            operand = self._value(node.operand, values)
            return None if operand is None else -operand
        if isinstance(node, ast.Call):
            filled = self._value(node.args[0], values)
            return self._value(node.args[1], values) if filled is None else filled
        return _apply(node.op, self._value(node.left, values), self._value(node.right, values))

    def _unsupported(self, why: str) -> UnsupportedExpressionError:
        return UnsupportedExpressionError(
            f"The local AWS does not evaluate the metric math expression '{self.text}': {why}. It knows + - * /, "
            "parentheses, numbers, ids of metrics, and FILL(metric, number)."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _is_fill(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "FILL" and len(call.args) == 2 and not call.keywords


def _apply(operation: ast.operator, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    try:
        return _OPERATORS[type(operation)](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
