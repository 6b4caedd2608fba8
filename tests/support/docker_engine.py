"""Docker, Podman and a registry, all of Debian, for tests: installed where missing, started, and stopped again.

As root on Debian only. Nothing is pulled: the base of the images is made from Debian's packages and kept in `.local/`.

An engine gets along with every other one on the machine: it has its own bridge, writes no firewall rules, and runs in
its own PID and mount namespaces, so that all its processes and mounts are gone with it, even where the tests are
killed. What the tests make on the machine besides is in a `_Place`, which a process of its own clears then.
"""

import contextlib
import errno
import fcntl
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent.parent
CACHE = PROJECT / ".local" / "docker-tests"
BASE_IMAGE = "model-server-test-base:bookworm"
BASE_PACKAGES = "python3,python3-pip,ca-certificates"
# Program: the package that has it.
_PACKAGES = {
    "dockerd": "docker.io",
    "podman": "podman",
    "docker-registry": "docker-registry",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
}
_START_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 30.0
_CLEAR_TIMEOUT_SECONDS = 30.0
_APT_TIMEOUT_SECONDS = 300.0
_POLL_SECONDS = 0.05
_DEBIANS_DOCKER = Path("/usr/bin/docker")
_MAX_PLACES = 100
_DISK_MIB = 6 << 10
_PLENTY_OF_MEMORY_MIB = 10 << 10
_CGROUPS = Path("/sys/fs/cgroup")
# The process ends with the tests, however they end.
_WITH_THE_TESTS = ["setpriv", "--pdeathsig=KILL", "--"]
_IN_ITS_NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]


class NotHereError(Exception):
    """This machine does not let the tests have an engine; the text says why."""


def why_not() -> str | None:
    """Why the tests that need an engine cannot run here or are not wanted; None where they can.

    DOCKER_TESTS=1 wants them and installs what is missing, 0 does not want them. Without it they run where all is
    installed already, and in CI.
    """
    wanted = os.environ.get("DOCKER_TESTS", "")
    if wanted == "0":
        return "DOCKER_TESTS is 0"
    release = platform.freedesktop_os_release() if sys.platform == "linux" else {}
    if (release.get("ID"), release.get("VERSION_ID")) != ("debian", "12"):
        return "the engine and the registry for the tests are those of Debian 12, and this is another system"
    if os.geteuid() != 0:
        return "starting an engine takes root"
    missing = _missing_packages()
    if missing and wanted != "1" and not os.environ.get("CI"):
        return f"{', '.join(missing)}: not installed; with DOCKER_TESTS=1 the tests install them"
    return None


def install() -> None:
    """Install what is missing with apt-get. Raises NotHereError where that fails."""
    missing = _missing_packages()
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
            _run_apt(["apt-get", "--quiet", *command], environment)


def _missing_packages() -> list[str]:
    return [package for program, package in _PACKAGES.items() if shutil.which(program) is None]


@dataclass(frozen=True)
class Engine:
    """An engine that answers; `environment` makes `docker` talk to it."""

    environment: dict[str, str]

    def docker(self, *arguments: str, check: bool = True) -> str:
        """What `docker ARGUMENTS` prints; with `check` false also why it failed. Raises RuntimeError.

        Its warnings (of IPv4 forwarding, on some machines) go to standard error and are no part of the answer.
        """
        answer = subprocess.run(
            ["docker", *arguments],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode == 0:
            return answer.stdout.strip()
        reason = (answer.stdout + answer.stderr).strip()
        if check:
            raise RuntimeError(f"docker {' '.join(arguments)}: exit code {answer.returncode}: {reason}")
        return reason

    def import_base(self) -> str:
        """Make a base image with Debian's Python; returns its name. Raises NotHereError."""
        CACHE.mkdir(parents=True, exist_ok=True)
        archive = CACHE / "base-with-pip.tar"
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not archive.exists():
                part = archive.with_suffix(".part.tar")
                work = CACHE / "work"
                work.mkdir(exist_ok=True)
                leave_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")]
                options = ["--quiet", "--variant=apt", f"--include={BASE_PACKAGES}", *leave_out]
                # In memory: dpkg waits for the disk after each file.
                in_memory = ["sh", "-ec", f'mount -t tmpfs tmpfs "{work}"; TMPDIR="{work}" exec "$@"', "sh"]
                command = [*_WITH_THE_TESTS, *_IN_ITS_NAMESPACES, *in_memory]
                _run([*command, "mmdebstrap", *options, "bookworm", str(part)])
                work.rmdir()
                part.rename(archive)
        self.docker("import", str(archive), BASE_IMAGE)
        return BASE_IMAGE


@contextlib.contextmanager
def running_engine(disk_mib: int | None = None) -> Iterator[Engine]:
    """An engine of the tests' own.

    Its containers are reached through ports that they publish on loopback; they reach nothing but each other.

    Args:
        disk_mib: size of the disk for its data, which is in memory; None for enough, in memory where there is plenty.

    Raises:
        NotHereError: it does not start.
    """
    with _place() as place:
        folder = place.folder
        # Debian's client has BuildKit built in; another one may come first on PATH and need a plugin for it.
        binaries = folder / "bin"
        binaries.mkdir()
        (binaries / "docker").symlink_to(_DEBIANS_DOCKER)
        host = f"unix://{folder / 'docker.sock'}"
        engine = Engine({"DOCKER_HOST": host, "PATH": f"{binaries}:{os.environ['PATH']}", "DOCKER_CONFIG": str(folder)})
        place.add_bridge()
        log = folder / "dockerd.log"
        data = folder / "data"
        if disk_mib is None and psutil.virtual_memory().available > _PLENTY_OF_MEMORY_MIB << 20:
            disk_mib = _DISK_MIB
        # Both folders have fixed names, and the machine's own engine may use them too.
        mounts = [(Path("/etc/docker"), 1), (Path("/run/containerd"), 1)]
        if disk_mib is not None:
            mounts.append((data, disk_mib))
        for mount, _ in mounts:
            mount.mkdir(parents=True, exist_ok=True)
        prepare = "".join(f"mount -t tmpfs -o size={size_mib}m tmpfs {mount}; " for mount, size_mib in mounts)
        command = [
            "sh", "-ec", f'{prepare} exec "$@"', "sh",
            "dockerd", f"--host={host}", f"--data-root={data}", f"--exec-root={folder / 'exec'}",
            f"--pidfile={folder / 'docker.pid'}", f"--cgroup-parent=/{place.name}", f"--bridge={place.name}",
            "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
        ]  # fmt: skip
        with _running([*_WITH_THE_TESTS, *_IN_ITS_NAMESPACES, *command], log) as process:
            try:
                _wait_until(lambda: "Server Version" in engine.docker("info", check=False), process, log)
                yield engine
            finally:
                # With the first process of a PID namespace all others go; unshare ends when they are gone.
                for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                    os.kill(int(child), signal.SIGKILL)


class DebianRegistry:
    """Debian's docker-registry on a free loopback port, for the user AWS, with its storage in one folder."""

    USER = "AWS"
    PASSWORD = "123456789012-auth-token"
    _BCRYPT = "$2b$05$abcdefghijklmnopqrstuu/4ofrUS75HrKu6f.iuRo0I/XlrmpqlC"

    def __init__(self, folder: Path) -> None:
        self._stack = contextlib.ExitStack()
        self._log = folder / "registry.log"
        self._configuration = folder / "registry.yml"
        self.address = f"127.0.0.1:{free_port()}"
        (folder / "htpasswd").write_text(f"{self.USER}:{self._BCRYPT}\n")
        self._configuration.write_text(
            "version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'storage'}}}}}\n"
            f"http: {{addr: '{self.address}'}}\n"
            f"auth: {{htpasswd: {{realm: tests, path: {folder / 'htpasswd'}}}}}\n"
        )

    def __enter__(self) -> "DebianRegistry":
        command = [*_WITH_THE_TESTS, "docker-registry", "serve", str(self._configuration)]
        process = self._stack.enter_context(_running(command, self._log))
        host, port = self.address.split(":")

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((host, int(port))) == 0

        _wait_until(answers, process, self._log)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@contextlib.contextmanager
def small_disk(size_mib: int) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    with _place() as place:
        _run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(place.folder)])
        yield place.folder


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


@dataclass(frozen=True)
class _Place:
    """A name on this machine: that of a folder, of a bridge, and of the cgroups of an engine's containers."""

    number: int

    @property
    def name(self) -> str:
        return f"engine-test-{self.number}"

    @property
    def folder(self) -> Path:
        # A short path, because sockets are there, whose paths may have 107 bytes.
        return Path("/var/tmp") / self.name

    def add_bridge(self) -> None:
        """Raises NotHereError."""
        # Addresses for tests of networks (RFC 2544), which no network uses.
        address = f"198.18.{self.number}.1/24"
        _run(["ip", "link", "add", self.name, "type", "bridge"])
        _run(["ip", "address", "add", address, "dev", self.name])
        _run(["ip", "link", "set", self.name, "up"])

    def clear(self) -> None:
        """Remove whatever is there; nothing need be. Waits for processes that are on their way out."""
        deadline = time.monotonic() + _CLEAR_TIMEOUT_SECONDS
        while True:
            try:
                self._clear()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)

    def _clear(self) -> None:
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in mounts:
            if Path(mount) == self.folder:
                _run(["umount", "--lazy", mount])
        if Path("/sys/class/net", self.name).exists():
            _run(["ip", "link", "delete", self.name])
        for group in [*_CGROUPS.glob(self.name), *_CGROUPS.glob(f"*/{self.name}")]:
            for folder, _, _ in os.walk(group, topdown=False):
                Path(folder).rmdir()
        if self.folder.exists():
            shutil.rmtree(self.folder)


@contextlib.contextmanager
def _place() -> Iterator[_Place]:
    """A place that no other run of the tests has, and that is clear again afterwards.

    This file as a program clears it when the pipe from here is closed, so also where the tests are killed. The lock is
    a socket without a file: it goes with the last process that has it, which is that program.
    """
    for number in range(_MAX_PLACES):
        place = _Place(number)
        with socket.socket(socket.AF_UNIX) as lock:
            try:
                lock.bind(f"\0{place.name}")
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            place.clear()  # the machine may have been switched off meanwhile
            cleaner = subprocess.Popen(
                [sys.executable, "-m", __name__, str(number)],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        with cleaner:  # closes the pipe and waits
            place.folder.mkdir(mode=0o700)
            yield place
        if cleaner.returncode != 0:
            raise RuntimeError(f"{place} was not cleared")
        return
    raise NotHereError(f"{_MAX_PLACES} engines of tests run on this machine already")


@contextlib.contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotHereError(f"what the tests started does not answer: {log.read_text()[-2000:]}")
        time.sleep(_POLL_SECONDS)


def _run_apt(command: list[str], environment: dict[str, str]) -> None:
    """Another apt-get may be under way, such as the one that a fresh machine starts by itself."""
    deadline = time.monotonic() + _APT_TIMEOUT_SECONDS
    while True:
        try:
            _run(command, environment)
            return
        except NotHereError as error:
            if "Could not get lock" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(1)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Raises NotHereError with the command's last words."""
    answer = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise NotHereError(f"{' '.join(command)}: exit code {answer.returncode}: {answer.stderr[-2000:]}")


if __name__ == "__main__":
    sys.stdin.read()
    _Place(int(sys.argv[1])).clear()
