"""Recognisable secrets in variables, credentials and `server_environment`: where do they turn up?"""

from __future__ import annotations

import gzip
import io
import secrets
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.reliability.ground import ENVIRONMENT, Ground

OF_THE_ENVIRONMENT, OF_THE_SERVER = "variables and credentials", "server_environment"
MUST_HOLD = ("synthesised JSON", "plans and their JSON", "states")
"""Terraform itself writes every value there, so they hold what `server_environment` has. Nothing else may."""

_COMMANDS = {
    "plan": ("plan", ENVIRONMENT, "--format", "markdown"),
    "plan --save": ("plan", ENVIRONMENT, "--save", ".local/saved"),
    "review": ("review", ".local/saved", "--format", "json"),
    "deploy": ("deploy", ENVIRONMENT, "--yes"),
    "plan of a change": ("plan", ENVIRONMENT, "--format", "text"),
    "deploy of a change": ("deploy", ENVIRONMENT, "--yes"),
    "status": ("status", ENVIRONMENT),
    "status --json": ("status", ENVIRONMENT, "--json"),
    "state-history": ("state-history", ENVIRONMENT, "endpoint"),
    "adopt": ("adopt", ENVIRONMENT, "endpoint"),
    "unlock": ("unlock", ENVIRONMENT, "endpoint", "00000000-0000-0000-0000-000000000000"),
    "check-account": ("check-account", ENVIRONMENT),
}


@dataclass(frozen=True)
class Search:
    """Where the planted secrets were found.

    Attributes:
        looked_at: how many texts and files of each place were searched.
        found: how many of them held a secret, by the place and whose secret it is.
        open_files: files that hold a secret and that others than their owner may read.
        failed: the commands that did not do their work.
    """

    looked_at: Counter[str] = field(default_factory=Counter)
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    open_files: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def misplaced(self) -> list[str]:
        """The places that hold a secret and must not."""
        return sorted(
            f"{place}: {kind}"
            for place, kind in self.found
            if kind == OF_THE_ENVIRONMENT or not place.startswith(MUST_HOLD)
        )


def plant_secrets(ground: Ground, report: Callable[[str], None]) -> Search:
    """Plant the secrets, run every command that shows something, and search everything that it wrote."""
    of_environment, of_server = _secret(), _secret()
    planted = {OF_THE_ENVIRONMENT: of_environment.encode(), OF_THE_SERVER: of_server.encode()}
    ground.variables = _variables(ground.directory.parent, of_environment)
    ground.change_settings(server_environment=_server_environment(of_server, 1))
    search = Search()
    for name, arguments in _COMMANDS.items():
        if name == "plan of a change":
            ground.change_settings(server_environment=_server_environment(of_server, 2))
        done = ground.run("operations", *arguments)
        if done.returncode not in ((1,) if name == "unlock" else (0, 2)) or "Traceback" in done.stdout:
            search.failed.append(f"{name}: {done.stdout[-1500:]}")
        _look(search, f"output of {name.split(maxsplit=1)[0]}", done.stdout.encode(), planted)
    _search_files(search, ground.directory, planted)
    _search_account(search, ground, planted)
    report(f"{sum(search.looked_at.values())} texts and files searched, misplaced: {search.misplaced or 'none'}")
    return search


def _secret() -> str:
    """40 characters, as AWS's secret keys have."""
    return f"Planted0{secrets.token_hex(16)}"


def _server_environment(secret: str, version: int) -> dict[str, str]:
    return {"DB_PASSWORD": f"{secret}-{version}", "SERVICE_URL": f"https://anna:{secret}-{version}@db.example.com/"}


def _variables(directory: Path, secret: str) -> dict[str, str]:
    credentials = directory / "credentials"
    credentials.write_text(f"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {secret}\n")
    return {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": secret,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "GITHUB_TOKEN": secret,
        "HF_TOKEN": secret,
        "TF_VAR_password": secret,
        "PIP_INDEX_URL": f"https://anna:{secret}@packages.example.com/simple",
        "PIP_EXTRA_INDEX_URL": f"https://anna:{secret}@packages.example.com/simple",
    }


def _look(search: Search, place: str, content: bytes, planted: dict[str, bytes]) -> bool:
    """Count what `content` holds; whether it holds anything."""
    search.looked_at[place] += 1
    kinds = [kind for kind, secret in planted.items() if secret in content]
    search.found.update((place, kind) for kind in kinds)
    return bool(kinds)


def _search_files(search: Search, directory: Path, planted: dict[str, bytes]) -> None:
    for file in _files(directory):
        content = b"\0".join(_contents(file.read_bytes()))
        if _look(search, _place(file.relative_to(directory)), content, planted) and not _is_private(file, directory):
            search.open_files.append(str(file.relative_to(directory)))


def _files(directory: Path) -> Iterator[Path]:
    """What the commands wrote: not the settings, in which the secrets were planted, nor git's own files."""
    for folder in ("cdktf.out", ".local"):
        for file in sorted((directory / folder).rglob("*")):
            if file.is_file() and not file.is_symlink():
                yield file


def _contents(content: bytes) -> Iterator[bytes]:
    """A file's content, unpacked where it is an archive: a plan file is a ZIP archive."""
    yield content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)


def _place(file: Path) -> str:
    name = file.name
    if file.parts[:2] == (".local", "aws"):
        return "files of the local AWS: images, instances"
    if name == "cdk.tf.json":
        return "synthesised JSON"
    if ".tfstate" in name:
        return "states"
    if name.startswith("review."):
        return "saved reviews"
    if name == "plan" or name.endswith(".tfplan") or (name.startswith(f"{ENVIRONMENT}-") and name.endswith(".json")):
        return "plans and their JSON"
    return "other files"


def _is_private(file: Path, directory: Path) -> bool:
    """Whether nobody but the owner can read it, by its own mode or by that of a folder above it."""
    above = [folder for folder in file.parents if folder.is_relative_to(directory) and folder != directory]
    return not file.stat().st_mode & 0o077 or any(not folder.stat().st_mode & 0o077 for folder in above)


def _search_account(search: Search, ground: Ground, planted: dict[str, bytes]) -> None:
    """What the account holds: the objects of the buckets, and the log of the endpoint."""
    s3, logs = (ground.session().client(service, endpoint_url=ground.url()) for service in ("s3", "logs"))
    for bucket in s3.list_buckets()["Buckets"]:
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ()):
            content = s3.get_object(Bucket=bucket["Name"], Key=item["Key"])["Body"].read()
            place = "states" if item["Key"].endswith(".tfstate") else "objects of the models"
            _look(search, place, b"\0".join(_contents(content)), planted)
    for group in logs.describe_log_groups()["logGroups"]:
        for stream in logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]:
            events = logs.get_log_events(logGroupName=group["logGroupName"], logStreamName=stream["logStreamName"])
            text = "\n".join(event["message"] for event in events["events"])
            _look(search, "log of the endpoint", text.encode(), planted)


def document(search: Search) -> dict[str, object]:
    """The search for the page."""
    places = [
        {
            "place": place,
            "looked_at": count,
            **{kind: search.found[place, kind] for kind in (OF_THE_ENVIRONMENT, OF_THE_SERVER)},
        }
        for place, count in sorted(search.looked_at.items())
    ]
    return {
        "places": places,
        "misplaced": search.misplaced,
        "open_files": sorted(search.open_files),
        "failed": search.failed,
    }
