"""Start and stop: one process, clear messages, nothing left behind however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_aws.process import PROJECT_ROOT, LocalAws
from tests.local_aws.account import Account


def command(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def gone(processes: list[psutil.Process], timeout_seconds: float = 20) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=timeout_seconds)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def run_endpoint(aws: LocalAws) -> tuple[list[psutil.Process], Path]:
    """An endpoint with two instances: all processes of the local AWS, and an instance's scratch folder."""
    account = Account(aws.url)
    account.prepare()
    endpoint, prefix = account.serve(InitialInstanceCount=2)
    account.put_model(prefix, "m")
    scratch = Path(account.invoke(endpoint, "m")["environment"]["TMPDIR"])
    main = psutil.Process(aws.pid)
    processes = [main, *main.children(recursive=True)]
    assert len(processes) == 4  # itself, its guardian, two instances
    assert scratch.is_dir()
    return processes, scratch


@pytest.mark.parametrize("ending", ["stop", "interrupt", "kill"])
def test_nothing_stays(tmp_path: Path, ending: str) -> None:
    directory = tmp_path / "aws"
    aws = LocalAws(directory=directory, port=0, provider="none", runtime="process", log_file=tmp_path / "log")
    aws.start()
    try:
        processes, scratch = run_endpoint(aws)
        started = time.monotonic()
        if ending == "stop":
            aws.stop()
        else:
            os.kill(aws.pid, signal.SIGINT if ending == "interrupt" else signal.SIGKILL)
        assert gone(processes)
        assert time.monotonic() - started < 15
    finally:
        aws.stop()
    assert not scratch.exists()
    assert not (directory / "run").exists()
    if ending != "kill":
        assert not directory.exists()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from local_aws.process import LocalAws\n"
        f"aws = LocalAws(directory=Path({str(tmp_path / 'aws')!r}), port=0, provider='none', runtime='process')\n"
        "aws.start(); print(aws.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert gone([child])


def test_commands(tmp_path: Path) -> None:
    place = ("--directory", str(tmp_path / "aws"))
    machine = {"AWS_PROFILE": "no-such-profile", "AWS_ACCESS_KEY_ID": "the machine's own", "HTTP_PROXY": "http://x:1"}
    server = subprocess.Popen(
        [sys.executable, "-m", "local_aws", "serve", "--port", "0", *place],
        cwd=PROJECT_ROOT,
        env={**os.environ, **machine, "LOCAL_AWS_PROVIDER": "none"},
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "aws" / "running.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        status = json.loads(command("status", *place).stdout)
        assert status["pid"] == server.pid
        exports = dict(
            line.removeprefix("export ").split("=", 1)
            for line in command("env", *place).stdout.splitlines()
            if line.startswith("export ")
        )
        assert exports["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        assert exports["AWS_ACCESS_KEY_ID"] == "test"
        assert exports["AWS_CONFIG_FILE"] == "/dev/null"
        Account(exports["AWS_ENDPOINT_URL"]).prepare()

        second = command("serve", "--port", "0", *place)
        assert second.returncode == 1
        assert f"used by another local AWS (pid {server.pid} at {exports['AWS_ENDPOINT_URL']})" in second.stderr

        assert command("stop", *place).stdout == f"stopped (pid {server.pid})\n"
        assert server.wait(5) == 0
    finally:
        server.kill()
        server.wait()
    for name in ("status", "stop", "env"):
        answer = command(name, *place)
        assert answer.returncode == 1
        assert answer.stderr.count("\n") == 1
        assert "No local AWS runs in" in answer.stderr


def test_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = command("serve", "--port", str(port), "--directory", str(tmp_path / "aws"))
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert f"Port {port} on 127.0.0.1 is in use." in answer.stderr
    assert "--port" in answer.stderr
    assert not (tmp_path / "aws").exists()


def test_wrong_settings(tmp_path: Path) -> None:
    answer = command("serve", "--provider", "x", "--load-timeout-seconds", "0", "--directory", str(tmp_path / "aws"))
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "provider" in answer.stderr
    assert "load_timeout_seconds" in answer.stderr


def test_start_error_is_the_childs_message(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings: dict[str, Any] = {"directory": tmp_path / "aws", "port": other.getsockname()[1]}
        with (
            pytest.raises(Exception, match=r"Port \d+ on 127.0.0.1 is in use"),
            LocalAws(**settings, log_file=tmp_path / "log"),
        ):
            pass
