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


class PromotionError(Exception):
    """An image cannot be given to another environment. Nothing was changed."""


class RepositoryError(Exception):
    """Git could not answer: no such branch, no repository, no git."""


class SavedPlansError(Exception):
    """Saved plans cannot be used as they are. Nothing was changed. The message has every complaint."""


class DestroyError(Exception):
    """An environment, or a part of it, is not destroyed. The message says what is in the way and what to do."""
