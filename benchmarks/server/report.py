"""The results as a page for people."""

from collections.abc import Mapping
from pathlib import Path

from .targets import TARGETS, Value

TEMPLATE = Path(__file__).with_name("report_template.md")


def render_report(result: Mapping[str, Value]) -> str:
    """The page, in Markdown. Raises KeyError when the result lacks a number that the template names."""
    rows = [
        f"| {target.measure} | {target.text} | {target.show(value)} | {target.margin(value)} |"
        for target in TARGETS
        for value in [float(result[target.key])]
    ]
    return TEMPLATE.read_text().format(targets="\n".join(rows), **result)
