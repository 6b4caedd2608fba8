"""Sends the requests of a recording to a local AWS, one after the other, with the identifiers that it gave itself."""

import base64
import hashlib
import http.client
import json
import random
import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from local_aws.process import LocalAws
from tests.local_aws.account import FAKE_CONTAINER, Account, Signature
from tests.local_aws.replay.answers import Answer
from tests.local_aws.replay.exchange import IDENTIFIERS, Exchange

_LENGTH = re.compile(r"\((\d+) bytes\)")
_IMAGE = re.compile(r'"[^"]*/([^":/]+):([^"]+)"')
_ALARM = re.compile(r'"AlarmName":"([^"]+)"')
_SETTLED_SECONDS = 30.0
_CHANGES = ("SageMaker.CreateEndpoint", "SageMaker.UpdateEndpoint", "SageMaker.DeleteEndpoint")
_IN_CHANGE = ("Creating", "Updating", "Deleting")


class Player:
    """`play` yields every exchange with the answer of now.

    Long bodies are not in the recordings: as many other bytes are sent instead (they are artifacts, which the container
    of the tests does not read, and states, which only Terraform does). What Terraform did not send is not in them
    either, and done here: alarms of others that an update watches are there from the start, and the image is pushed as
    soon as its repository is there. What takes time on both sides is waited for: before anything but a look at an
    endpoint, no endpoint is in change.
    """

    def __init__(self, aws: LocalAws) -> None:
        self._account = Account(aws)
        self._address = urlsplit(aws.url).netloc
        self._connection = http.client.HTTPConnection(self._address, timeout=60)
        self._ids: dict[str, str] = {}
        self._changing: set[str] = set()

    def close(self) -> None:
        self._connection.close()

    def play(self, exchanges: list[Exchange]) -> Iterator[tuple[Exchange, Answer]]:
        images = {
            match.groups()
            for exchange in exchanges
            if exchange.operation == "SageMaker.CreateModel"
            for match in _IMAGE.finditer(exchange.body)
            if ".dkr.ecr." in match[0]
        }
        self._create_alarms(exchanges)
        for exchange in exchanges:
            looks = exchange.operation == "SageMaker.DescribeEndpoint"
            if not looks or json.loads(exchange.response_body)["EndpointStatus"] not in _IN_CHANGE:
                self._await_endpoints()
            answer = self._send(exchange)
            self._learn(exchange, answer)
            yield exchange, answer
            if exchange.operation.endswith(".CreateRepository"):
                for repository, tag in sorted(images):
                    self._account.push(FAKE_CONTAINER, repository, tag)
            if exchange.operation in (
                "SageMaker.CreateEndpoint",
                "SageMaker.UpdateEndpoint",
                "SageMaker.DeleteEndpoint",
            ):
                self._changing.add(json.loads(exchange.body)["EndpointName"])

    def _create_alarms(self, exchanges: list[Exchange]) -> None:
        made = {name for exchange in exchanges for name in parse_qs(exchange.body).get("AlarmName", ())}
        watched = {name for exchange in exchanges for name in _ALARM.findall(exchange.body)}
        for name in sorted(watched - made):
            self._account.put_alarm(name, "Others")

    def _send(self, exchange: Exchange) -> Answer:
        headers = {name: self._mapped(value) for name, value in exchange.headers.items()}
        host = re.sub(r":\d+$", f":{self._address.rpartition(':')[2]}", headers["host"])
        body = self._body(exchange, headers)
        target = self._mapped(exchange.raw_path + (f"?{exchange.query}" if exchange.query else ""))
        if host != self._address:
            target = f"http://{host}{target}"  # as to a proxy
        self._connection.putrequest(exchange.method, target, skip_host=True, skip_accept_encoding=True)
        headers |= {
            "host": host,
            "content-length": str(len(body)),
        }
        if not headers.get("x-amz-content-sha256", "").startswith("STREAMING"):
            headers.pop("x-amz-content-sha256", None)  # of the bytes that were sent then
        url = target if host != self._address else f"http://{host}{target}"
        headers = Signature(self._account.key, exchange.service).headers(exchange.method, url, headers, body)
        for name, value in headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders(body)
        response = self._connection.getresponse()
        content = response.read()
        answered = {name.lower(): value for name, value in response.getheaders()}
        try:
            return response.status, answered, content.decode()
        except UnicodeDecodeError:
            return response.status, answered, f"base64:{base64.b64encode(content).decode()}"

    def _body(self, exchange: Exchange, headers: dict[str, str]) -> bytes:
        """The bytes to send; where others take the place of long ones, with their checksums."""
        if exchange.body.startswith("base64:"):
            return base64.b64decode(exchange.body.removeprefix("base64:"))
        length = _LENGTH.fullmatch(exchange.body)
        if length is None:
            return self._mapped(exchange.body).encode()
        body = random.Random(exchange.raw_path).randbytes(int(length[1]))
        digest = hashlib.sha256(body)
        headers["x-amz-content-sha256"] = digest.hexdigest()
        headers["x-amz-checksum-sha256"] = base64.b64encode(digest.digest()).decode()
        return body

    def _mapped(self, text: str) -> str:
        for identifier in IDENTIFIERS:
            text = identifier.sub(lambda match: self._ids.get(match[0], match[0]), text)
        return text

    def _learn(self, exchange: Exchange, answer: Answer) -> None:
        """Which identifiers stand for which: those at the same place of both answers."""
        _, headers, body = answer
        version = "x-amz-version-id"
        if version in exchange.response_headers and version in headers:
            self._ids[exchange.response_headers[version]] = headers[version]
        for identifier in IDENTIFIERS:
            recorded, found = set(identifier.findall(exchange.response_body)), set(identifier.findall(body))
            if len(recorded) == len(found) == 1:  # of several, the order may be another
                self._ids[recorded.pop()] = found.pop()

    def _await_endpoints(self) -> None:
        deadline = time.monotonic() + _SETTLED_SECONDS
        for endpoint in sorted(self._changing):
            while self._status(endpoint) in _IN_CHANGE:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{endpoint} is still in change")
                time.sleep(0.05)
        self._changing.clear()

    def _status(self, endpoint: str) -> str | None:
        sagemaker = self._account.sagemaker
        try:
            return sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"]
        except sagemaker.exceptions.ClientError:
            return None
