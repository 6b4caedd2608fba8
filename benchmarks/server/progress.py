"""Lines that tell a person where a run is."""

import time

_STARTED = time.monotonic()


def say(line: str) -> None:
    """Print a line with the time since the program started."""
    seconds = int(time.monotonic() - _STARTED)
    print(f"[{seconds // 60:2d}:{seconds % 60:02d}] {line}", flush=True)
