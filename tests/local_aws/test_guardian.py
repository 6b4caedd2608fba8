"""The guardian ends what is listed when its pipe closes, and nothing else."""

import subprocess
import sys
import time
from pathlib import Path

from local_aws.guardian import Guardian


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


def test_listed_groups_and_folders_go(tmp_path: Path) -> None:
    (tmp_path / "listed with spaces").mkdir()
    (tmp_path / "kept").mkdir()
    listed, kept = sleeper(), sleeper()
    try:
        guardian = Guardian()
        for process in (listed, kept):
            guardian.watch_group(process.pid)
        for name in ("listed with spaces", "kept"):
            guardian.watch_folder(tmp_path / name)
        guardian.forget_group(kept.pid)
        guardian.forget_folder(tmp_path / "kept")
        guardian.stop()
        assert listed.wait(5) < 0
        time.sleep(0.1)
        assert kept.poll() is None
        assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    finally:
        for process in (listed, kept):
            process.kill()
            process.wait()


def test_a_guardian_that_is_gone_does_no_harm() -> None:
    guardian = Guardian()
    subprocess.run(["kill", "-9", str(guardian.pid)], check=True)
    time.sleep(0.1)
    for pid in range(100_000, 100_010):
        guardian.watch_group(pid)
    guardian.stop()
