"""An artifact whose loads end workers is tried less and less often, and apart from others."""

from container.model_server.errors import WorkerCrashed
from container.model_server.hosting.quarantine import Quarantine


def test_pauses_double_up_to_a_minute() -> None:
    now = 0.0
    quarantine = Quarantine(lambda: now)
    pauses = []
    for _ in range(10):
        quarantine.note("/bad")
        started = now
        while True:
            try:
                quarantine.check("/bad")
                break
            except WorkerCrashed as error:
                assert "in a row; it is tried again in" in error.message
                now += 0.5
        pauses.append(now - started)
    assert pauses == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    quarantine.check("/good")


def test_what_loaded_is_not_held_back_but_stays_apart() -> None:
    quarantine = Quarantine(lambda: 0.0)
    for _ in range(3):
        quarantine.note("/bad")
    quarantine.loaded("/bad")
    quarantine.check("/bad")
    assert quarantine.holds("/bad")
    quarantine.loaded("/good")
    assert not quarantine.holds("/good")
