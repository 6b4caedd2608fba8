"""A Docker engine and the registry of Debian for tests: installed where they are missing, started, and stopped again.

As root on Debian only. Nothing is pulled: the base of the images is made from Debian's packages and kept in `.local/`.
"""

import contextlib
import fcntl
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
CACHE = PROJECT / ".local" / "docker-tests"
BASE_IMAGE = "model-server-test-base:bookworm"
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
# Program: the package that has it.
_PACKAGES = {
    "dockerd": "docker.io",
    "docker-registry": "docker-registry",
    "mmdebstrap": "mmdebstrap",
    "iptables": "iptables",
    "ip": "iproute2",
}
_START_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 30.0
_APT_TIMEOUT_SECONDS = 300.0
_POLL_SECONDS = 0.05
_DEBIANS_DOCKER = Path("/usr/bin/docker")


def why_not() -> str | None:
    """Why the tests that need an engine cannot run here or are not wanted; None where they can.

    DOCKER_TESTS=1 wants them and installs what is missing, 0 does not want them. Without it they run where all is
    installed already, and in CI.
    """
    wanted = os.environ.get("DOCKER_TESTS", "")
    if wanted == "0":
        return "DOCKER_TESTS is 0"
    if sys.platform != "linux" or platform.freedesktop_os_release().get("ID") != "debian":
        return "the engine and the registry for the tests come from Debian's packages, and this is not Debian"
    if os.geteuid() != 0:
        return "starting an engine takes root"
    missing = [package for program, package in _PACKAGES.items() if shutil.which(program) is None]
    if missing and wanted != "1" and not os.environ.get("CI"):
        return f"{', '.join(missing)}: not installed; with DOCKER_TESTS=1 the tests install them"
    return None


def install() -> None:
    """Install what is missing with apt-get."""
    missing = [package for program, package in _PACKAGES.items() if shutil.which(program) is None]
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
            _run_apt(["apt-get", "--quiet", *command], environment)


@dataclass(frozen=True)
class Engine:
    """An engine that answers; `environment` makes `docker` talk to it."""

    environment: dict[str, str]

    def docker(self, *arguments: str, check: bool = True) -> str:
        """What `docker ARGUMENTS` prints, both streams. Raises CalledProcessError."""
        answer = subprocess.run(
            ["docker", *arguments],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and answer.returncode != 0:
            raise RuntimeError(f"docker {' '.join(arguments)}: exit code {answer.returncode}: {answer.stdout}")
        return answer.stdout.strip()

    def import_base(self) -> str:
        """Make a base image with Debian's Python; returns its name."""
        CACHE.mkdir(parents=True, exist_ok=True)
        archive = CACHE / "base-bookworm.tar"
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not archive.exists():
                part = archive.with_suffix(".part.tar")
                leave_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")]
                options = ["--quiet", "--variant=minbase", f"--include={BASE_PACKAGES}", *leave_out]
                _run(["mmdebstrap", *options, "bookworm", str(part)])
                part.rename(archive)
        self.docker("import", str(archive), BASE_IMAGE)
        return BASE_IMAGE


def present_engine() -> Engine | None:
    """The engine that `docker` talks to already, None where none answers."""
    engine = Engine({})
    answers = shutil.which("docker") is not None and "Server Version" in engine.docker("info", check=False)
    return engine if answers else None


@contextlib.contextmanager
def running_engine(*, data: Path | None = None, has_network: bool = True) -> Iterator[Engine]:
    """An engine of the tests' own; its data in `data` where that is given.

    Without network it can build what needs none; several of that kind can run beside each other.
    """
    # Short, because sockets are there, whose paths may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    # Debian's client has BuildKit built in; another one may come first on PATH and need a plugin for it.
    binaries = folder / "bin"
    binaries.mkdir()
    (binaries / "docker").symlink_to(_DEBIANS_DOCKER)
    host = f"unix://{folder / 'docker.sock'}"
    engine = Engine({"DOCKER_HOST": host, "PATH": f"{binaries}:{os.environ['PATH']}", "DOCKER_CONFIG": str(folder)})
    command = [
        "dockerd", f"--host={host}", f"--data-root={data or folder / 'data'}", f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'docker.pid'}",
    ]  # fmt: skip
    if not has_network:
        # In a network of its own: an engine without a bridge removes docker0, another engine's included.
        command = ["unshare", "--net", *command, "--bridge=none", "--iptables=false", "--ip-forward=false"]
    log = folder / "dockerd.log"
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        if has_network:
            stack.enter_context(_only_one())
            stack.enter_context(_restored_network())
        stack.enter_context(_running(command, log))
        _wait_until(lambda: "Server Version" in engine.docker("info", check=False), "dockerd", log)
        stack.callback(_remove_containers, engine)
        yield engine


def _remove_containers(engine: Engine) -> None:
    left = engine.docker("ps", "--all", "--quiet", check=False).split()
    if left:
        engine.docker("rm", "--force", *left, check=False)


class DebianRegistry:
    """Debian's docker-registry on a free loopback port, for the user AWS, with its storage in one folder."""

    USER = "AWS"
    PASSWORD = "123456789012-auth-token"
    _BCRYPT = "$2b$05$abcdefghijklmnopqrstuu/4ofrUS75HrKu6f.iuRo0I/XlrmpqlC"

    def __init__(self, folder: Path, storage: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._stack = contextlib.ExitStack()
        self._log = folder / "registry.log"
        self._configuration = folder / "registry.yml"
        self.storage = storage or folder / "storage"
        self.address = f"127.0.0.1:{free_port()}"
        (folder / "htpasswd").write_text(f"{self.USER}:{self._BCRYPT}\n")
        self._configuration.write_text(
            "version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.storage}}}}}\n"
            f"http: {{addr: '{self.address}'}}\n"
            f"auth: {{htpasswd: {{realm: tests, path: {folder / 'htpasswd'}}}}}\n"
        )

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def start(self) -> None:
        self._stack.enter_context(_running(["docker-registry", "serve", str(self._configuration)], self._log))
        host, port = self.address.split(":")

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((host, int(port))) == 0

        _wait_until(answers, "docker-registry", self._log)

    def stop(self) -> None:
        self._stack.close()

    def __enter__(self) -> "DebianRegistry":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextlib.contextmanager
def small_disk(folder: Path, size_mib: int) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    folder.mkdir(parents=True)
    _run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(folder)])
    try:
        yield folder
    finally:
        _run(["umount", "--lazy", str(folder)])


def build_environment(folder: Path, base_image: str) -> dict[str, str]:
    """How an image is built on this machine: pip reaches its index as it does outside, and the image keeps nothing."""
    answer = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    lines = ["[global]"]
    certificates = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    for setting in answer.stdout.splitlines():
        name, _, value = setting.partition("=")
        name, value = name.rpartition(".")[2], value.strip("'\"")
        if name == "cert":
            certificates = value
        elif name in ("index-url", "extra-index-url", "trusted-host", "proxy", "default-timeout", "retries"):
            lines.append(f"{name.removeprefix('default-')} = {value}")
    lines.append("cert = /run/secrets/ca.pem")
    (folder / "pip.conf").write_text("\n".join(lines) + "\n")
    return {
        "IMAGE_BASE": base_image,
        "IMAGE_BUILD_NETWORK": "host",
        "IMAGE_BUILD_SECRETS": f"pip.conf={folder / 'pip.conf'},ca.pem={certificates}",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Wait for the engine of another run of the tests: two would share one bridge and one firewall."""
    with Path(shutil.which("dockerd") or "/usr/sbin/dockerd").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _restored_network() -> Iterator[None]:
    """An engine makes a bridge and firewall rules, and leaves them."""
    rules = _run(["iptables-save"])
    try:
        yield
    finally:
        subprocess.run(["iptables-restore"], input=rules, text=True, check=True)
        subprocess.run(["ip", "link", "delete", "docker0"], check=False, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(condition, what: str, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} does not answer: {log.read_text()[-2000:]}")
        time.sleep(_POLL_SECONDS)


def _run_apt(command: list[str], environment: dict[str, str]) -> None:
    """Another apt-get may be under way, such as the one that a fresh machine starts by itself."""
    deadline = time.monotonic() + _APT_TIMEOUT_SECONDS
    while True:
        try:
            _run(command, environment)
            return
        except RuntimeError as error:
            if "Could not get lock" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(1)


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    answer = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {answer.returncode}: {answer.stderr[-2000:]}")
    return answer.stdout
