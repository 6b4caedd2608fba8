"""Which fleet takes a request: the serving one, or while an update shifts traffic one of two."""

import threading

from .fleet import Fleet, Variant


class Traffic:
    """The requests of one endpoint."""

    def __init__(self, fleet: Fleet) -> None:
        self._serving = fleet
        self._arriving: Fleet | None = None
        self._fraction = 0.0
        self._credit = 0.0
        self._lock = threading.Lock()

    @property
    def serving(self) -> Fleet:
        """The fleet of the endpoint's configuration."""
        return self._serving

    @property
    def arriving(self) -> Fleet | None:
        """The fleet of the configuration that an update brings."""
        return self._arriving

    @property
    def arriving_fraction(self) -> float:
        """How much of the traffic the arriving fleet has, 0 to 1."""
        return self._fraction

    def shift(self, fleet: Fleet, fraction: float) -> None:
        """Send `fraction` of the requests (0 to 1) to `fleet`, which an update brings."""
        with self._lock:
            self._arriving, self._fraction, self._credit = fleet, fraction, 0.0

    def settle(self, fleet: Fleet) -> None:
        """Send every request to `fleet`."""
        with self._lock:
            self._serving, self._arriving, self._fraction = fleet, None, 0.0

    def variant(self, name: str | None) -> Variant | None:
        """The next request's variant: the one called `name`, or one drawn by weight; None where there is none."""
        return self._next_fleet().variant(name)

    def _next_fleet(self) -> Fleet:
        """In exact proportion rather than at random: of ten requests a tenth is one."""
        with self._lock:
            if self._arriving is None:
                return self._serving
            self._credit += self._fraction
            if self._credit < 1 - 1e-9:
                return self._serving
            self._credit -= 1
            return self._arriving
