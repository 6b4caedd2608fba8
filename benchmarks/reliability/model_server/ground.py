"""What every experiment gets: a folder, chance with a seed, its size, and servers."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.server.model_server import model_server
from benchmarks.server.server_process import ServerProcess


@dataclass
class Ground:
    """Where one experiment takes place.

    Attributes:
        directory: an empty folder of its own.
        seed: of all that the experiment leaves to chance.
        is_short: whether it is only to show that the experiment works and that nothing fails at once.
        report: takes lines about the progress.
    """

    directory: Path
    seed: int
    is_short: bool
    report: Callable[[str], None] = print
    _servers: int = field(default=0, init=False)

    def count(self, full: int, short: int) -> int:
        """How often something is done."""
        return short if self.is_short else full

    def chance(self, name: object = "") -> random.Random:
        """Chance that depends on the seed and the name only, so that one case can be repeated alone."""
        return random.Random(f"{self.seed} {name}")

    @contextmanager
    def serving(
        self, *, workers: int = 2, memory_mib: int | None = None, prefix: Sequence[str] = (), **settings: str
    ) -> Iterator[ServerProcess]:
        """A running server; it ends with the block.

        Args:
            workers: processes that models share.
            memory_mib: its memory budget.
            prefix: a program that runs it, with its arguments.
            settings: further environment variables.
        """
        self._servers += 1
        directory = self.directory / f"server-{self._servers}"
        with model_server(directory, workers, memory_mib, settings=settings, prefix=prefix) as server:
            yield server
