"""What can be wrong with a catalog."""

from collections.abc import Iterable


class CatalogError(Exception):
    """The catalog, its lock file or a model that is to be added is not as it must be; holds every complaint found."""

    def __init__(self, complaints: str | Iterable[str]) -> None:
        self.complaints = (complaints,) if isinstance(complaints, str) else tuple(complaints)
        super().__init__("\n".join(self.complaints))
