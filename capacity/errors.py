"""What a user can get wrong: a trace, an option, a setting."""

from collections.abc import Iterable

SHOWN_COMPLAINTS = 20


class CapacityError(Exception):
    """The input cannot be used. Holds every complaint, each a sentence that names the file and the line or key."""

    def __init__(self, complaints: str | Iterable[str]) -> None:
        self.complaints = (complaints,) if isinstance(complaints, str) else tuple(complaints)
        super().__init__("\n".join(self.complaints))


class Complaints:
    """Collects the faults of one file; the first are kept in full, the rest are counted."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._shown: list[str] = []
        self._count = 0

    def add(self, line: int, message: str) -> None:
        self._count += 1
        if len(self._shown) < SHOWN_COMPLAINTS:
            self._shown.append(f"{self._source}:{line}: {message}")

    def raise_if_any(self) -> None:
        """Raises:
        CapacityError: a fault was added.
        """
        if self._count > len(self._shown):
            self._shown.append(f"{self._source}: {self._count - len(self._shown):,} more lines have faults.")
        if self._shown:
            raise CapacityError(self._shown)
