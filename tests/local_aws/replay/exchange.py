"""One recorded request with its answer, in the format of local_aws/recording.py."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

IDENTIFIERS = (
    re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    re.compile(r"(?<=scalable-target/)[0-9a-z]+"),
)
"""What the account gives a name that nobody can foresee, wherever it stands."""

RECORDINGS = Path(__file__).parent.parent / "recordings"


@dataclass(frozen=True)
class Exchange:
    """A line of a recording."""

    client: str
    service: str
    method: str
    raw_path: str
    query: str
    headers: dict[str, str]
    body: str
    status: int
    response_headers: dict[str, str]
    response_body: str

    @property
    def operation(self) -> str:
        """`SageMaker.CreateModel`, `GetRole`, `GET bucket lifecycle`, `PUT key`: enough to name the kind of call."""
        if "x-amz-target" in self.headers:
            return self.headers["x-amz-target"]
        if self.service != "s3":
            return parse_qs(self.body).get("Action", ["?"])[0] if self.raw_path == "/" else self.raw_path
        if self.raw_path.startswith("/v20180820/"):
            return f"{self.method} S3 Control tags"
        kind = "key" if self.raw_path.count("/") > 1 else "bucket"
        subresources = sorted(
            part.removesuffix("=") for part in self.query.split("&") if part.endswith("=") and part != "prefix="
        )
        return " ".join((self.method, kind, *subresources))

    @property
    def has_comparable_body(self) -> bool:
        """Whether the answer's body is there, not only its length, and does not depend on who is quicker."""
        # What an endpoint has left while it is deleted depends on how far its deletion is.
        return not self.response_body.endswith(" bytes)") and '"EndpointStatus": "Deleting"' not in self.response_body


def exchanges(name: str) -> Iterator[Exchange]:
    """Those of `recordings/NAME.jsonl.gz`."""
    with gzip.open(RECORDINGS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            fields: dict[str, Any] = json.loads(line)
            yield Exchange(**fields)
