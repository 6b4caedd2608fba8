"""What a command that changes an environment did, as the JSON document that `--json` prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any

from operations.complaints import complaint

FAILED_RESULT = "failed"


class Outcome:
    """The document of one command: what it worked on, and what came of it.

    Args:
        environment: a key of cdktf.json's `context.environments`.
    """

    def __init__(self, environment: str) -> None:
        self.result: str | None = None
        self.stacks: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []
        self._environment = environment
        self._more: dict[str, Any] = {}

    def add(self, fields: Mapping[str, Any]) -> None:
        """Fields that only this command has."""
        self._more |= fields

    def stack(self, name: str, **fields: Any) -> None:
        """What is known of a stack by now; later calls for the same stack add to it."""
        self.stacks.setdefault(name, {}).update(fields)

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        stacks = [{"name": name, **fields} for name, fields in self.stacks.items()]
        head = {"environment": self._environment, "result": self.result}
        return {**head, **self._more, "stacks": stacks, "errors": self.errors}


@contextmanager
def reported(outcome: Outcome, *, as_json: bool) -> Iterator[Outcome]:
    """Print the outcome as JSON when the block ends, however it ends; all else goes to standard error."""
    try:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            yield outcome
    except Exception as error:
        outcome.result = FAILED_RESULT
        outcome.errors.append(complaint(error) or f"{type(error).__name__}: {error}")
        raise
    finally:
        if as_json:
            print(json.dumps(outcome.document, indent=2))
