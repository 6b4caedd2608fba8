"""Runs the command line, and turns what went wrong into lines and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from mme.application import application

ERROR, INTERRUPTED = 1, 130
"""Exit codes. A wrong command line is an error: 2 is what a review that needs approval ends with."""
_PROJECT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; a user's mistake is a message, never a traceback.

    Args:
        arguments: default: those of the process.
    """
    try:
        return application(args=arguments, prog_name="mme", standalone_mode=False) or 0
    except typer.TyperException as error:
        print(f"error: {_wrong_command_line(error)}", file=sys.stderr)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has enough. What is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ModuleNotFoundError as error:
        if error.name is None or (_PROJECT / error.name.partition(".")[0]).exists():
            raise
        print(f"error: {error.name} is not installed: run `make setup`", file=sys.stderr)
    except Exception as error:
        lines = _complaints(error)
        if not lines:
            raise
        print(*lines, sep="\n", file=sys.stderr)
    return ERROR


def _wrong_command_line(error: typer.TyperException) -> str:
    """What was wrong, and the help of that command."""
    context = getattr(error, "ctx", None)
    path = "mme" if context is None else context.command_path
    message = error.format_message()
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} See `{path} --help`."


def _complaints(error: Exception) -> list[str]:
    """What a user did wrong, line by line; empty for a bug."""
    from capacity.errors import CapacityError
    from demo.errors import DemoError
    from examples.invoke_endpoint import InvocationError
    from model_catalog.errors import CatalogError
    from operations.complaints import complaint

    if isinstance(error, (CapacityError, CatalogError)):
        return [f"error: {line}" for line in error.complaints]
    if isinstance(error, (DemoError, InvocationError)):
        return [f"error: {error}"]
    text = complaint(error)
    return [] if text is None else [text]
