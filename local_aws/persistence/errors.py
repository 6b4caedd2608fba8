"""What keeps a saved account from being used. Each says what is wrong, where, and what to do."""

from pathlib import Path

from ..errors import LocalAwsError


class UnsafeStateError(LocalAwsError):
    """Somebody else can write what was saved: it is not read, because reading it could run their code."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(
            f"The saved account is not used: {path} {found}. It holds pickled Python objects, so anyone who can write "
            "it could run code as you. If nobody else has written there, make it yours alone "
            f"(`chown -R $(id -u) {path}; chmod -R go= {path}`); otherwise remove it, which empties the account."
        )


class UnreadableStateError(LocalAwsError):
    """What was saved is damaged, or was written by another version."""

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        super().__init__(f"The saved account cannot be read: {path}: {why}. {remedy}")


class StateFolderError(LocalAwsError):
    """The folder for what is saved cannot be made or written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"--persist: {path}: {error.strerror}. Make room and give yourself permission there, or choose another "
            "place with --directory."
        )
