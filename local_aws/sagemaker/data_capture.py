"""Data capture: a sample of the requests and answers of endpoints, as JSON lines in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

import base64
import json
import logging
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from botocore.exceptions import ClientError

from ..periodic import PeriodicThread
from .s3_uri import S3Uri

logger = logging.getLogger(__name__)

_PERIOD_SECONDS = 5.0
_MODES = {"Input": ("Input",), "Output": ("Output",), "InputAndOutput": ("Input", "Output")}


@dataclass(frozen=True)
class Message:
    """A request's or an answer's body."""

    body: bytes
    content_type: str | None


@dataclass(frozen=True)
class CapturePlan:
    """An enabled DataCaptureConfig."""

    destination: S3Uri
    percentage: int
    modes: frozenset[str]
    """Of `Input` and `Output`."""

    csv_types: frozenset[str] = frozenset()
    json_types: frozenset[str] = frozenset()
    kms_key: str | None = None

    @classmethod
    def read(cls, config: dict[str, Any] | None) -> Self | None:
        """None where nothing is to be captured."""
        if config is None or not config.get("EnableCapture", True):
            return None
        types = config.get("CaptureContentTypeHeader") or {}
        return cls(
            destination=S3Uri.parse(config["DestinationS3Uri"]),
            percentage=config["InitialSamplingPercentage"],
            modes=frozenset(mode for item in config["CaptureOptions"] for mode in _MODES[item["CaptureMode"]]),
            csv_types=frozenset(types.get("CsvContentTypes") or ()),
            json_types=frozenset(types.get("JsonContentTypes") or ()),
            kms_key=config.get("KmsKeyId") or None,
        )

    def line(self, request: Message, answer: Message, metadata: dict[str, Any]) -> str:
        """One invocation as JSON."""
        data = {}
        if "Input" in self.modes:
            data["endpointInput"] = self._side("INPUT", request)
        if "Output" in self.modes:
            data["endpointOutput"] = self._side("OUTPUT", answer)
        return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})

    def _side(self, mode: str, message: Message) -> dict[str, Any]:
        """Text where a content type of the configuration says so, otherwise in base64."""
        kind = (message.content_type or "").partition(";")[0].strip()
        encoding = "CSV" if kind in self.csv_types else "JSON" if kind in self.json_types else "BASE64"
        data = base64.b64encode(message.body).decode()
        if encoding != "BASE64":
            data = message.body.decode("utf-8", "replace")
        return {"observedContentType": message.content_type, "mode": mode, "data": data, "encoding": encoding}


class DataCapture:
    """Gathers lines; a thread writes those of each endpoint and variant into a file of their own.

    Args:
        client: returns an S3 client; called when there is something to write.
        sample: a number from 0 to below 1 for each invocation.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        sample: Callable[[], float] = random.random,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._sample = sample
        self._clock = clock
        self._lines: dict[tuple[CapturePlan, str, str], list[str]] = defaultdict(list)
        self._lock = threading.Lock()
        self._thread = PeriodicThread("data capture", self.flush, _PERIOD_SECONDS)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def discard(self) -> None:
        """Forget what is not written yet."""
        with self._lock:
            self._lines.clear()

    def record(
        self,
        plan: CapturePlan,
        place: tuple[str, str],
        request: Message,
        answer: Message,
        metadata: dict[str, Any],
    ) -> None:
        """An invocation that was answered. `place`: endpoint and variant."""
        if self._sample() * 100 >= plan.percentage:
            return
        known = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{self._clock():%Y-%m-%dT%H:%M:%SZ}"}
        line = plan.line(request, answer, {**metadata, **known})
        with self._lock:
            self._lines[plan, *place].append(line)

    def flush(self) -> None:
        """Write what was gathered since the last time."""
        with self._lock:
            gathered, self._lines = self._lines, defaultdict(list)
        for (plan, endpoint, variant), lines in gathered.items():
            now = self._clock()
            name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
            prefix = plan.destination.key.strip("/")
            key = "/".join(part for part in (prefix, endpoint, variant, f"{now:%Y/%m/%d/%H}", name) if part)
            encryption = {}
            if plan.kms_key is not None:
                encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": plan.kms_key}
            body = "".join(f"{line}\n" for line in lines).encode()
            try:
                self._client().put_object(Bucket=plan.destination.bucket, Key=key, Body=body, **encryption)
            except ClientError as error:
                logger.warning("endpoint %s: captured data cannot be written: %s", endpoint, error)
