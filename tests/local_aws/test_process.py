"""Start and stop: one process, clear messages, nothing left behind however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_aws.access_key import AccessKey
from local_aws.directory import Directory, Running
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
    account = Account(aws)
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
        key = AccessKey(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"])
        assert len(key.id) == 20
        assert exports["AWS_CONFIG_FILE"] == "/dev/null"
        Account(Running(server.pid, exports["AWS_ENDPOINT_URL"], key)).prepare()

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


def test_files_are_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    umask = os.umask(0)
    try:
        settings = {"port": 0, "provider": "none", "runtime": "process", "log_file": tmp_path / "log"}
        with LocalAws(directory=tmp_path / "aws", **settings):
            modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "aws").iterdir()}
    finally:
        os.umask(umask)
    assert modes == {"lock": 0o600, "running.json": 0o600, "run": 0o700}


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_within_three_seconds_with_an_invocation_in_flight(tmp_path: Path, ending: signal.Signals) -> None:
    aws = LocalAws(directory=tmp_path / "aws", port=0, provider="none", runtime="process", log_file=tmp_path / "log")
    aws.start()
    try:
        account = Account(aws)
        account.prepare()
        endpoint, prefix = account.serve()
        account.put_model(prefix, "slow", invoke_seconds=50)
        with ThreadPoolExecutor(1) as pool:
            invocation = pool.submit(account.invoke, endpoint, "slow")
            time.sleep(1)
            processes = [psutil.Process(aws.pid), *psutil.Process(aws.pid).children(recursive=True)]
            started = time.monotonic()
            os.kill(aws.pid, ending)
            assert gone(processes, 10)
            assert time.monotonic() - started < 3
            assert invocation.exception(10) is not None
    finally:
        aws.stop()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_start_after_a_kill_says_what_it_found(tmp_path: Path) -> None:
    directory, settings = tmp_path / "aws", {"port": 0, "provider": "none", "runtime": "process"}
    first = LocalAws(directory=directory, **settings, log_file=tmp_path / "log")
    first.start()
    try:
        processes, scratch = run_endpoint(first)
        pid = first.pid
        guardian = next(process for process in processes if "guardian.py" in " ".join(process.cmdline()))
        instances = [process for process in processes if process.pid not in (pid, guardian.pid)]
        assert len(instances) == 2
        guardian.kill()
        os.kill(pid, signal.SIGKILL)
        assert scratch.exists()
        with LocalAws(directory=directory, **settings, log_file=tmp_path / "second.log") as second:
            assert gone(instances)
            assert not scratch.exists()
            assert Account(second).sagemaker.list_endpoints()["Endpoints"] == []
    finally:
        first.stop()
    said = (tmp_path / "second.log").read_text()
    assert f"the local AWS that ran here (pid {pid}) was killed; its account is lost. Ended now: process " in said


def test_stop_goes_by_the_lock_and_not_by_a_pid(tmp_path: Path) -> None:
    """A file left behind that names the pid of another process: that process lives on."""
    directory = tmp_path / "aws"
    directory.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            key = {"id": "x", "secret": "y"}
            state = {"pid": other.pid, "url": "http://127.0.0.1:1", "key": key}
            (directory / "running.json").write_text(json.dumps(state))
            (directory / "lock").write_text(str(other.pid))
            for name in ("stop", "status", "env"):
                answer = command(name, "--directory", str(directory))
                assert (answer.returncode, answer.stderr.count("\n")) == (1, 1)
                assert "No local AWS runs in" in answer.stderr
            assert other.poll() is None
        finally:
            other.kill()


def test_stop_ends_one_that_is_still_starting(tmp_path: Path) -> None:
    place = Directory(tmp_path / "aws")
    program = (
        "import time; from pathlib import Path; from local_aws.directory import Directory\n"
        f"place = Directory(Path({str(tmp_path / 'aws')!r}))\n"
        "place.acquire(); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT_ROOT, stdout=subprocess.PIPE) as starting:
        starting.stdout.readline()
        assert place.stop(10) == starting.pid
        assert starting.wait(5) == -signal.SIGTERM


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_shell_with_stale_variables_hears_that_the_local_aws_has_ended(
    tmp_path: Path, ending: signal.Signals
) -> None:
    (tmp_path / "work").mkdir()
    bucket = 'resource "aws_s3_bucket" "b" {}\n'
    (tmp_path / "work" / "main.tf").write_text(f'{bucket}provider "aws" {{\n  region = "us-east-1"\n}}\n')
    shell = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def run(lines: str, script: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", "-c", f"{lines}\ncd {tmp_path / 'work'}\n{script}"]
        return subprocess.run(command, env=shell, capture_output=True, text=True, check=False)

    with LocalAws(
        directory=tmp_path / "aws", port=0, provider="stand-in", runtime="process", log_file=tmp_path / "log"
    ) as aws:
        sockets = Path(aws.environment()["LOCAL_AWS_PROVIDER_SOCKET"]).parent
        lines = command("env", "--directory", str(tmp_path / "aws")).stdout
        ran = run(lines, "terraform init -no-color && terraform plan -no-color")
        assert "1 to add" in ran.stdout, ran.stderr
        children = psutil.Process(aws.pid).children()
        os.kill(aws.pid, ending)
        assert gone([psutil.Process(aws.pid), *children] if psutil.pid_exists(aws.pid) else children)
    assert not sockets.exists()
    for script in ("terraform plan -no-color", "terraform init -no-color && terraform plan -no-color"):
        ran = run(lines, script)
        assert ran.returncode == 1
        assert f"the local AWS of this shell's variables ({aws.url}) is not running" in " ".join(ran.stderr.split())
        assert 'eval "$(python -m local_aws env)"' in " ".join(ran.stderr.split())
