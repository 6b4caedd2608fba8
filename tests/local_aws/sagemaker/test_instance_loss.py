"""An instance goes down under load: what was in flight there fails, and nothing else does."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from local_aws.errors import RehearsalError
from local_aws.process import PROJECT_ROOT
from tests.local_aws.account import Account

MODELS = [f"m{number}" for number in range(8)]
THREADS = 6
HEALTHY_SECONDS = 2.0


@dataclass
class Load:
    """Threads that invoke all models one after the other, until `stop`."""

    account: Account
    endpoint: str
    in_flight: dict[int, str] = field(default_factory=dict)
    failed: list[tuple[int, str]] = field(default_factory=list)
    served: int = 0
    number: int = 0
    enough: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        while not self.enough.is_set():
            with self.lock:
                self.number += 1
                number, model = self.number, MODELS[self.number % len(MODELS)]
                self.in_flight[number] = model
            try:
                self.account.invoke(self.endpoint, model)
            except ClientError:
                with self.lock:
                    self.failed.append((number, model))
            with self.lock:
                self.served += 1
                del self.in_flight[number]

    def snapshot(self) -> dict[int, str]:
        with self.lock:
            return dict(self.in_flight)


def place(account: Account, endpoint: str) -> dict[str, int]:
    """The process that serves each model."""
    return {name: account.invoke(endpoint, name)["pid"] for name in MODELS}


def kill(pid: int) -> None:
    """Returns when the process, its threads and with them its connections are gone."""
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
        while process.status() != psutil.STATUS_ZOMBIE or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1:
            time.sleep(0.001)


def loads(account: Account, endpoint: str, model: str) -> int:
    """How often the container of `model` has loaded it."""
    return account.invoke(endpoint, model)["events"].count(["load", model])


@pytest.mark.parametrize("how", ["lost", "killed"])
def test_no_more_requests_fail_than_were_in_flight(account: Account, how: str) -> None:
    endpoint, prefix = account.serve(InitialInstanceCount=2)
    for name in MODELS:
        account.put_model(prefix, name, invoke_seconds=0.02)
    before = place(account, endpoint)
    assert len(set(before.values())) == 2
    load = Load(account, endpoint)
    with ThreadPoolExecutor(THREADS) as pool:
        runs = [pool.submit(load.run) for _ in range(THREADS)]
        try:
            time.sleep(0.3)
            if how == "lost":
                account.aws.lose_instance(endpoint)
            else:
                kill(before[MODELS[0]])
            in_flight, gone = load.snapshot(), time.monotonic()
            while len(set(place(account, endpoint).values()) - set(before.values())) < 1:
                assert time.monotonic() - gone < HEALTHY_SECONDS
                time.sleep(0.02)
            time.sleep(0.3)
        finally:
            load.enough.set()
        for run in runs:
            run.result()
    after = place(account, endpoint)
    stayed = set(before.values()) & set(after.values())
    assert len(stayed) == 1
    # No model is forgotten. Those of the instance that stayed were not disturbed: they are where they were, and were
    # not loaded again.
    for name in MODELS:
        if before[name] in stayed:
            assert (after[name], loads(account, endpoint, name)) == (before[name], 1)
        else:
            assert after[name] not in before.values()
    # What failed had been sent to the lost instance by then, and was no more than one request a thread.
    assert len(load.failed) <= THREADS
    assert all(number <= max(in_flight) and before[model] not in stayed for number, model in load.failed)
    assert load.served > 50


def test_the_command_says_what_it_did_and_what_cannot_be(account: Account) -> None:
    endpoint, _ = account.serve()
    command = [sys.executable, "-m", "local_aws", "lose-instance", "--directory", str(account.aws.settings.directory)]
    done = subprocess.run(
        [*command, endpoint], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("lost i-")
    assert "of variant AllTraffic" in done.stdout
    failed = subprocess.run(
        [*command, "nowhere"], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert failed.returncode == 1
    assert 'Could not find endpoint "arn:aws:sagemaker' in failed.stderr
    assert "Traceback" not in failed.stderr
    with pytest.raises(RehearsalError, match="no variant Other: only AllTraffic"):
        account.aws.lose_instance(endpoint, "Other")
