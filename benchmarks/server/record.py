"""The results that are kept: for each kind of processor the latest of each part, and when it was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from .targets import Value


class Part(TypedDict):
    """One part of a run.

    Keys:
        measured: "date" (the part's end), "minutes", load averages before and after.
        versions: of the libraries and servers that took part.
        numbers: by name.
    """

    measured: dict[str, Value]
    versions: dict[str, str]
    numbers: dict[str, Value]


class Entry(TypedDict):
    """The latest results of one kind of processor."""

    machine: dict[str, Value]
    parts: dict[str, Part]


@dataclass(frozen=True)
class Record:
    """server.json.

    Attributes:
        latest: the processor kind of the latest run.
        processors: entries by processor kind.
    """

    latest: str
    processors: Mapping[str, Entry]

    @property
    def entry(self) -> Entry:
        """The latest run's."""
        return self.processors[self.latest]

    def merged(self, machine: Mapping[str, Value], parts: Mapping[str, Part]) -> "Record":
        """The record after a run of these parts. A part is replaced as a whole: no number of one run stands beside
        another's within it, and so no ratio is across runs."""
        kind = str(machine["processor"])
        before = self.processors.get(kind)
        kept = before["parts"] if before else {}
        entry = Entry(machine=dict(machine), parts={**kept, **parts})
        return Record(kind, {**self.processors, kind: entry})

    def as_json(self) -> dict[str, object]:
        return {"latest": self.latest, "processors": dict(self.processors)}


def read_record(content: Mapping[str, object] | None) -> Record:
    """The record in server.json's content; an empty one where there is no file yet."""
    return Record("", {}) if content is None else Record(content["latest"], content["processors"])


def numbers_of(entry: Entry) -> dict[str, Value]:
    """All numbers of an entry, by name."""
    return {name: value for part in entry["parts"].values() for name, value in part["numbers"].items()}
