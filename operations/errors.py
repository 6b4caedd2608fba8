"""What stands in the way of a command on a state; each message says what to do."""

from __future__ import annotations


class StateError(Exception):
    """A state, or what holds it, is not as the command needs it. Nothing was written."""


class DamagedStateError(StateError):
    """A state file that Terraform could not read."""


class AdoptionError(Exception):
    """What exists cannot be taken over as it is. Nothing was changed."""


class UnknownStackError(Exception):
    """The environment has no stack of this name."""
