"""`python3 -m examples.invoke_endpoint`: sends one input to one model of an endpoint and shows its top labels.

Works with any endpoint of this project: on AWS, or on the local AWS with `--endpoint-url` (or AWS_ENDPOINT_URL). The
endpoint is named, or it is that of the model's shard in an environment of `cdktf.json`.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import requests
import typer
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, PartialCredentialsError

from model_catalog.errors import CatalogError
from stacks.errors import SettingsError

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
BODY_MAXIMUM_BYTES = 6_291_456
_INVOCATION_TIMEOUT_SECONDS = 70
_DOWNLOAD_TIMEOUT_SECONDS = 30
_TOP = 5
_CONTENT_TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x93NUMPY": "application/x-npy",
}
_HINTS = {
    "AccessDeniedException": "the caller needs sagemaker:InvokeEndpoint on this endpoint for this TargetModel.",
    "ExpiredTokenException": "the credentials have expired; sign in again.",
    "InvalidSignatureException": "the credentials are wrong; check the profile.",
    "ModelNotReadyException": "the model is still loading; try again in a moment.",
    "UnrecognizedClientException": "AWS does not know these credentials; check the profile.",
    "ValidationError": "check the endpoint's name, its region, and that the model is deployed.",
}


class InvocationError(Exception):
    """The endpoint could not be asked, or gave no prediction; the text says why and what to do."""


@dataclass(frozen=True)
class Label:
    """One class that the model considers."""

    label: str
    index: int
    score: float


@dataclass(frozen=True)
class Prediction:
    """A model's answer for one input."""

    labels: tuple[Label, ...]
    """The classes with the highest scores, best first."""
    outputs: tuple[float, ...]
    """The scores of all classes, as the network gives them."""

    @property
    def best(self) -> Label:
        return self.labels[0]


def predict(runtime: BaseClient, endpoint: str, target_model: str, input_file: Path) -> Prediction:
    """Send the content of a file to a model and read its answer.

    Args:
        runtime: boto3's `sagemaker-runtime` client.
        target_model: the model's key relative to the endpoint's prefix, from the catalog's lock.
        input_file: a JPEG, a PNG, an npy array or JSON.

    Raises:
        InvocationError: the file cannot be sent, or the endpoint answers with an error.
    """
    try:
        body = input_file.read_bytes()
    except OSError as error:
        raise InvocationError(f"{input_file}: {error.strerror}.") from error
    return predict_bytes(runtime, endpoint, target_model, body)


def predict_bytes(runtime: BaseClient, endpoint: str, target_model: str, body: bytes) -> Prediction:
    """As `predict`, for an input that is in memory already."""
    content_type = content_type_of(body)
    if len(body) > BODY_MAXIMUM_BYTES:
        raise InvocationError(f"the input has {len(body)} bytes; SageMaker takes at most {BODY_MAXIMUM_BYTES}.")
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint,
            TargetModel=target_model,
            ContentType=content_type,
            Accept="application/json",
            Body=body,
        )
        content = answer["Body"].read()
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise InvocationError(
            "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
            "(both `test` for the local AWS)."
        ) from error
    except ClientError as error:
        raise InvocationError(_explain(error.response, target_model)) from error
    except BotoCoreError as error:
        raise InvocationError(f"{endpoint} cannot be reached: {error}") from error
    return read_prediction(content)


def content_type_of(body: bytes) -> str:
    """The media type of an input, from its first bytes; JSON is read to its end.

    Raises:
        InvocationError: it is none of those that the model server takes.
    """
    for beginning, content_type in _CONTENT_TYPES.items():
        if body.startswith(beginning):
            return content_type
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvocationError("the input is neither a JPEG, a PNG, an npy array nor JSON.") from error
    return "application/json"


def read_prediction(content: bytes) -> Prediction:
    """The answer of the model server for the first instance.

    Raises:
        InvocationError: the answer is not that of a classifier.
    """
    try:
        answer = json.loads(content)
        outputs = tuple(float(score) for score in answer["outputs"][0])
        if "labels" in answer:
            found: Sequence[Mapping[str, Any]] = answer["labels"][0]
            labels = tuple(Label(str(entry["label"]), int(entry["index"]), float(entry["score"])) for entry in found)
        else:
            best = sorted(range(len(outputs)), key=lambda index: -outputs[index])[:_TOP]
            labels = tuple(Label(f"class {index}", index, outputs[index]) for index in best)
        if not labels:
            raise ValueError("no labels")
    except (ValueError, LookupError, TypeError) as error:
        text = content[:200].decode("utf-8", "replace")
        raise InvocationError(f"the answer holds no scores of classes; it begins with: {text}") from error
    return Prediction(labels, outputs)


def read_input(location: str) -> bytes:
    """The content of a file, or of an http(s) URL.

    Raises:
        InvocationError: it cannot be read, or is larger than an endpoint takes.
    """
    if not location.startswith(("http://", "https://")):
        try:
            return Path(location).read_bytes()
        except OSError as error:
            raise InvocationError(f"{location}: {error.strerror}.") from error
    try:
        with requests.get(location, stream=True, timeout=_DOWNLOAD_TIMEOUT_SECONDS) as answer:
            answer.raise_for_status()
            body = b""
            for chunk in answer.iter_content(1 << 16):
                body += chunk
                if len(body) > BODY_MAXIMUM_BYTES:
                    raise InvocationError(f"{location}: larger than the {BODY_MAXIMUM_BYTES} bytes SageMaker takes.")
            return body
    except requests.RequestException as error:
        raise InvocationError(f"{location}: {error}") from error


def check_endpoint_url(url: str) -> None:
    """Inputs and signatures go to AWS or stay on this machine.

    Raises:
        InvocationError: the URL is neither AWS's nor of this machine.
    """
    host = urlsplit(url).hostname or ""
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    is_aws = url.startswith("https://") and host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    if not (is_aws or (is_loopback and url.startswith(("http://", "https://")))):
        raise InvocationError(
            f"{url}: an endpoint URL is that of the local AWS, such as http://127.0.0.1:4566, or one of AWS's own; "
            "leave it out for AWS."
        )


def _explain(response: Mapping[str, Any], target_model: str) -> str:
    code, message = response["Error"].get("Code", "Error"), response["Error"].get("Message", "")
    if code == "ModelError":
        return (
            f"the model {target_model} answered with status {response.get('OriginalStatusCode', 'unknown')}: "
            f"{response.get('OriginalMessage', message)}"
        )
    return f"{code}: {message}" + (f"\n{_HINTS[code]}" if code in _HINTS else "")


def predict_twice(
    endpoint: str, target_model: str, body: bytes, *, region: str | None, endpoint_url: str | None
) -> tuple[Prediction, tuple[float, float]]:
    """Send an input twice, for the first call may have to load the model; the answer, and the calls' milliseconds.

    Raises:
        InvocationError: there is no region, or the endpoint answers with an error.
    """
    try:
        runtime = boto3.client(
            "sagemaker-runtime",
            endpoint_url=endpoint_url,
            region_name=region,
            config=Config(read_timeout=_INVOCATION_TIMEOUT_SECONDS, retries={"total_max_attempts": 1}),
        )
    except NoRegionError as error:
        raise InvocationError("no region is set; give --region or set AWS_REGION.") from error
    except BotoCoreError as error:
        raise InvocationError(str(error)) from error
    milliseconds = []
    for _ in range(2):
        started = time.perf_counter()
        prediction = predict_bytes(runtime, endpoint, target_model, body)
        milliseconds.append((time.perf_counter() - started) * 1000)
    return prediction, (milliseconds[0], milliseconds[1])


def main() -> int:
    from examples.commands import invoke  # noqa: PLC0415 - the command is defined where `mme` finds it without boto3

    try:
        typer.run(invoke)
    except (InvocationError, CatalogError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
