"""A local AWS as a child process, for programs and tests.

with LocalAws(directory=Path(".local/aws"), port=0) as aws:
    subprocess.run(["terraform", "plan"], env={**os.environ, **aws.environment()})
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from .access_key import AccessKey
from .account import REGION
from .directory import Directory, Running
from .environment import aws_environment
from .errors import NotRunningError, ProviderUnavailableError, RehearsalError, StartError
from .settings import LocalAwsSettings

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 20.0
_PROVIDER_TIMEOUT_SECONDS = 200.0
_POLL_SECONDS = 0.02
# Never through a proxy: only loopback is asked.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def query_status(running: Running) -> dict[str, Any]:
    """What a running local AWS says about itself. Raises OSError when nothing answers."""
    return _ask(running, "/_local/status")


def page_link(running: Running) -> str:
    """A link to the page of a running local AWS, good for one use. Raises OSError when nothing answers."""
    return _ask(running, "/_local/links")["page"]


def query_state(running: Running) -> dict[str, Any]:
    """What the page shows: endpoints, instances, models, alarms, events. Raises OSError when nothing answers."""
    return _ask(running, _ask(running, "/_local/links")["state"].removeprefix(running.url))


def lose_instance(running: Running, endpoint: str, variant: str | None = None) -> dict[str, str]:
    """Let the busiest instance of an endpoint's variant go down, as if its machine had failed; another one replaces it.

    `variant`: None for the first one. Returns endpoint, variant and instance. Raises RehearsalError.
    """
    asked = {"endpoint": endpoint, **({"variant": variant} if variant is not None else {})}
    try:
        return _ask(running, f"/_local/lose-instance?{urllib.parse.urlencode(asked)}", b"", 60)
    except urllib.error.HTTPError as error:
        raise RehearsalError(json.loads(error.read())["message"]) from error


def await_environment(running: Running) -> dict[str, str]:
    """Variables for Terraform, cdktf and boto3 children of a running local AWS; waits for its choice of a provider.

    Raises ProviderUnavailableError.
    """
    status = _await_choice(running)
    return {**status["environment"], **status["terraform"]["environment"]}


def await_provider(running: Running) -> str:
    """The provider that a running local AWS has chosen for Terraform: `hashicorp`, `stand-in` or `none`.

    Raises ProviderUnavailableError.
    """
    return _await_choice(running)["terraform"]["provider"]


def _await_choice(running: Running) -> dict[str, Any]:
    deadline = time.monotonic() + _PROVIDER_TIMEOUT_SECONDS
    while True:
        status = query_status(running)
        terraform = status["terraform"]
        if terraform["error"] is not None:
            raise ProviderUnavailableError(terraform["error"])
        if terraform["provider"] is not None:
            return status
        if time.monotonic() > deadline:
            raise ProviderUnavailableError("The local AWS has not found out which AWS provider Terraform can use.")
        time.sleep(_POLL_SECONDS)


def _ask(running: Running, path: str, body: bytes | None = None, timeout_seconds: float = 10) -> dict[str, Any]:
    """GET, or POST with a body."""
    request = urllib.request.Request(running.url + path, body, {"Authorization": running.key.authorization()})
    with _OPENER.open(request, timeout=timeout_seconds) as answer:
        return json.loads(answer.read())


class LocalAws:
    """Runs `python -m local_aws serve` as a child that ends with this object, or with this process, however that ends.

    Takes the fields of LocalAwsSettings. `log_file` gets the child's messages (default: this process's stderr).
    `python` runs it (default: this process's own).
    Raises StartError with the child's own message, for example that the port is in use.
    """

    def __init__(self, *, log_file: Path | None = None, python: Path | None = None, **settings: Any) -> None:
        self.settings = LocalAwsSettings(**settings)
        self._log_file = log_file
        self._python = str(python or sys.executable)
        self._process: subprocess.Popen[bytes] | None = None
        self._running: Running | None = None

    def __repr__(self) -> str:
        return f"LocalAws(directory={str(self.settings.directory)!r}, url={self._running and self._running.url!r})"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self.running.url

    @property
    def pid(self) -> int:
        return self.running.pid

    @property
    def key(self) -> AccessKey:
        """What calls have to be signed with."""
        return self.running.key

    @property
    def running(self) -> Running:
        if self._running is None:
            raise StartError("The local AWS has not been started.")
        return self._running

    def session(self, region: str = REGION) -> boto3.session.Session:
        """A boto3 session with the key. Its clients need `endpoint_url=aws.url`."""
        return self.running.session(region)

    def status(self) -> dict[str, Any]:
        """What `python -m local_aws status` prints."""
        return query_status(self.running)

    def is_restored(self) -> bool:
        """Whether it has brought back an account that an earlier one saved."""
        return self.status()["restored"]

    def environment(self) -> dict[str, str]:
        """Variables for Terraform, cdktf and boto3 children. Raises ProviderUnavailableError.

        To be laid over an environment that is free of what `environment.UNWANTED` names.
        """
        if self.settings.provider == "none":
            return aws_environment(self.url, self.key, os.environ)
        return await_environment(self.running)

    def provider(self) -> str:
        """The provider that Terraform uses: `hashicorp`, `stand-in` or `none`. Raises ProviderUnavailableError."""
        return await_provider(self.running)

    def page_link(self) -> str:
        """A link to the page, good for one use."""
        return page_link(self.running)

    def state(self) -> dict[str, Any]:
        """What the page shows, as JSON has it."""
        return query_state(self.running)

    def lose_instance(self, endpoint: str, variant: str | None = None) -> dict[str, str]:
        """See `lose_instance` of this module."""
        return lose_instance(self.running, endpoint, variant)

    def start(self) -> None:
        """Start and wait until it answers. Raises StartError."""
        log = self._log_file.open("ab") if self._log_file is not None else None
        try:
            self._process = subprocess.Popen(
                [self._python, "-m", "local_aws", "serve", "--until-stdin-closes", *self._options()],
                cwd=PROJECT_ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        finally:
            if log is not None:
                log.close()
        self._running = self._await_ready(self._process)

    def stop(self) -> None:
        """End it with all its children; waits until everything is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # its guardian ends the instances
            process.wait()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _last_words(self, code: int) -> str:
        if self._log_file is None:
            return f"The local AWS ended with exit code {code}; its message is on standard error."
        lines = self._log_file.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"The local AWS ended with exit code {code}."

    def _options(self) -> list[str]:
        # The child runs in the project's folder.
        given = self.settings.model_copy(update={"directory": self.settings.directory.resolve()})
        if given.record is not None:
            given = given.model_copy(update={"record": given.record.resolve()})
        options = []
        for name in sorted(given.model_fields_set | {"directory"}):
            value = getattr(given, name)
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                options += [option] if value else []
            elif isinstance(value, dict):
                options += [part for key, item in value.items() for part in (option, f"{key}={item}")]
            elif value is not None:
                options += [option, str(value)]
        return options

    def _await_ready(self, process: subprocess.Popen[bytes]) -> Running:
        directory = Directory(self.settings.directory)
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            code = process.poll()
            if code is not None:
                raise StartError(self._last_words(code))
            try:
                running = directory.running()
            except NotRunningError:
                time.sleep(_POLL_SECONDS)
                continue
            if running.pid == process.pid:
                return running
            time.sleep(_POLL_SECONDS)
        raise StartError(f"The local AWS did not start within {_START_TIMEOUT_SECONDS:g} s.")
