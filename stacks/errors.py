"""What can be wrong with the settings."""

from collections.abc import Iterable


class SettingsError(Exception):
    """The settings are not as they must be; holds every complaint found, each naming its key and what is allowed."""

    def __init__(self, complaints: str | Iterable[str]) -> None:
        self.complaints = (complaints,) if isinstance(complaints, str) else tuple(complaints)
        super().__init__("\n".join(self.complaints))
