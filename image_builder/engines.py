"""The container engines: found, asked whether they answer, and made to build, inspect and push."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from image_builder.errors import CommandError, EngineTimeoutError, ImageBuilderError
from image_builder.repository import Credentials
from image_builder.requirements import ImageDescription
from image_builder.settings import is_loopback

ENGINES = ("docker", "podman", "finch")
Report = Callable[[str], None]
_LAST_LINES = 20
_ASK_TIMEOUT_SECONDS = 30.0
_PUSH_PAUSES_SECONDS = (1.0, 4.0, 10.0)
# What a second attempt at a push cannot change.
_FINAL_PUSH_FAILURES = ("denied", "unauthorized", "no basic auth", "does not exist", "immutable", "no space left")


class Engine:
    """A container engine with docker's command line.

    Args:
        name: docker, podman or finch.
        report: takes each line that the engine writes.
        push_pauses_seconds: how long to wait before each further attempt at a push that broke off.
    """

    def __init__(self, name: str, report: Report, push_pauses_seconds: Sequence[float] = _PUSH_PAUSES_SECONDS) -> None:
        self.name = name
        self._report = report
        self._push_pauses_seconds = push_pauses_seconds

    def why_unusable(self) -> str | None:
        """None where the engine is installed and answers; otherwise the reason."""
        if shutil.which(self.name) is None:
            return f"{self.name} is not installed"
        try:
            answer = self._ask("info")
        except EngineTimeoutError as error:
            return str(error)
        if answer.returncode == 0:
            return None
        lines = [line.strip() for line in (answer.stdout + answer.stderr).splitlines() if line.strip()]
        # Some versions of docker say it among other things, and end with a line that says nothing.
        reasons = [line for line in lines if line.startswith("ERROR:")] or lines[-1:] or ["no reason given"]
        return f"{self.name} is installed but does not answer: {reasons[0].removeprefix('ERROR: ')}"

    def build(
        self, context: Path, reference: str, platform: str, labels: Mapping[str, str], extra_options: Sequence[str] = ()
    ) -> None:
        """Build the context for one platform, as one plain image of docker's kind.

        SageMaker rejects indexes, which attestations make, and OCI's manifests, which podman makes unless told, and
        docker may make where containerd keeps its images.

        Raises:
            CommandError: with the build's exit code and its last lines.
        """
        command = ["build"]
        environment = dict(os.environ)
        if self.name == "docker":
            if self._ask("buildx", "version").returncode == 0:
                command = ["buildx", "build", "--output=type=docker,oci-mediatypes=false"]
            else:
                environment["DOCKER_BUILDKIT"] = "1"  # before 23.0 docker has BuildKit, but not as its default
        known_options = self._ask(*command[:2], "--help").stdout
        options = [f"--platform={platform}", f"--tag={reference}"]
        options += [f"--label={name}={value}" for name, value in labels.items()]
        if "--provenance" in known_options and self.name != "podman":
            options += ["--provenance=false", "--sbom=false"]
        if self.name == "podman":
            options.append("--format=docker")
        if "--progress" in known_options:
            options.append("--progress=plain")
        self._run(f"{self.name} build", [*command, *options, *extra_options, str(context)], environment=environment)

    def inspect(self, reference: str) -> tuple[ImageDescription, int]:
        """What a built image says of itself, and its size in bytes."""
        answer = self._ask("image", "inspect", reference)
        if answer.returncode != 0:
            raise CommandError(f"{self.name} image inspect {reference}", answer.returncode, answer.stderr.splitlines())
        try:
            inspection = json.loads(answer.stdout)[0]
            return ImageDescription.from_inspection(inspection), int(inspection.get("Size", 0))
        except (ValueError, LookupError, TypeError) as error:
            raise ImageBuilderError(
                f"{self.name} image inspect {reference} gave no readable answer: {error}."
            ) from error

    def tag(self, reference: str, other: str) -> None:
        """Give a built image a second name."""
        self._run(f"{self.name} tag", ["tag", reference, other])

    def untag(self, reference: str) -> None:
        """Take a name away from an image that has another one."""
        self._ask("image", "rm", reference)

    def push(self, reference: str, credentials: Credentials) -> None:
        """Log in to the reference's registry and push, again where the connection broke.

        Docker and Podman keep the login in a folder that is gone afterwards; the password goes through standard input.

        Raises:
            CommandError: the login failed, or the last attempt at the push did.
        """
        registry = reference.split("/", maxsplit=1)[0]
        # The local AWS's registry has no TLS. The other engines expect none of this machine's own registries.
        options = ["--tls-verify=false"] if self.name == "podman" and is_loopback(f"//{registry}") else []
        with self._login_environment() as environment:
            self._run(
                f"{self.name} login",
                ["login", *options, "--username", credentials.username, "--password-stdin", registry],
                environment=environment,
                standard_input=credentials.password,
            )
            for attempt in range(len(self._push_pauses_seconds) + 1):
                try:
                    self._run(f"{self.name} push", ["push", *options, reference], environment=environment)
                    return
                except CommandError as error:
                    text = "\n".join(error.last_lines).lower()
                    is_final = any(failure in text for failure in _FINAL_PUSH_FAILURES)
                    if is_final or attempt == len(self._push_pauses_seconds):
                        raise
                    pause_seconds = self._push_pauses_seconds[attempt]
                    self._report(f"The push broke off; next attempt in {pause_seconds:g} s.")
                    time.sleep(pause_seconds)

    @contextmanager
    def _login_environment(self) -> Iterator[dict[str, str]]:
        environment = dict(os.environ)
        with tempfile.TemporaryDirectory(prefix="image-builder-") as name:
            folder = Path(name)
            if self.name == "podman":
                environment["REGISTRY_AUTH_FILE"] = str(folder / "auth.json")
            elif self.name == "docker":
                self._copy_docker_context(folder)
                environment["DOCKER_CONFIG"] = str(folder)
            yield environment

    @staticmethod
    def _copy_docker_context(folder: Path) -> None:
        """Docker finds its daemon through the context that its configuration names: the push needs the same one."""
        configured = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        try:
            context = json.loads((configured / "config.json").read_text(encoding="utf-8")).get("currentContext")
        except (OSError, ValueError, AttributeError):
            return
        if context:
            (folder / "config.json").write_text(json.dumps({"currentContext": context}), encoding="utf-8")
            (folder / "contexts").symlink_to((configured / "contexts").absolute())

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self.name, *arguments],
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=_ASK_TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineTimeoutError(
                f"{self.name} {arguments[0]}: no answer within {_ASK_TIMEOUT_SECONDS:g} s"
            ) from error

    def _run(
        self,
        what: str,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        standard_input: str = "",
    ) -> None:
        """Run to the end, passing every line on."""
        last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        with subprocess.Popen(
            [self.name, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise ImageBuilderError(f"{what}: the engine's output cannot be read.")
            try:
                process.stdin.write(standard_input)
                process.stdin.close()
            except BrokenPipeError:
                pass  # it ended before it read; its exit code says why
            for line in process.stdout:
                last_lines.append(line.rstrip())
                self._report(line.rstrip())
        if process.returncode != 0:
            raise CommandError(what, process.returncode, last_lines)


def find_engine(setting: str, report: Report) -> tuple[Engine | None, str]:
    """The engine to use, or None with the reason why there is none.

    Args:
        setting: `auto`, `none`, or the name of an engine.
    """
    if setting == "none":
        return None, "CONTAINER_ENGINE is none"
    reasons = []
    for name in ENGINES if setting == "auto" else (setting,):
        engine = Engine(name, report)
        reason = engine.why_unusable()
        if reason is None:
            return engine, ""
        reasons.append(reason)
    return None, "; ".join(reasons)
