"""moto's server application, with its gaps filled, as one WSGI application.

Runs in threads below the gateway (a2wsgi). All of moto's state is in memory: it ends with the process, unless it is
saved (persistence/).
"""

import io
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from botocore import xform_name
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from .aws_chunked import MalformedChunksError
from .gaps.application_autoscaling import AutoScalingGaps
from .gaps.ecr import EcrGaps
from .gaps.errors import GapError
from .gaps.registry import GAPS
from .gaps.s3 import fill_s3_gaps
from .gaps.s3_content import fill_s3_content_gaps, hand_over
from .gaps.service_quotas import ServiceQuotaGaps
from .gaps.sns import fill_sns_gaps
from .gaps.sts import fill_sts_gaps
from .quotas import Quotas
from .signature import signed_service

_Handler = Callable[[dict[str, Any]], dict[str, Any] | None]


GAP_OPERATIONS = frozenset(call for gap in GAPS for call in gap.operations)
"""The calls (service, operation) that do not reach moto as they are. The method that fills the gap is called like the
operation."""


LARGE_BODY = "local_aws.large_body"
"""The key in the ASGI scope of a request's body that is a Content."""


class MotoApplication:
    """moto for every service but SageMaker."""

    def __init__(self, ecr: EcrGaps, scaling: AutoScalingGaps, quotas: Quotas) -> None:
        fill_s3_gaps()
        fill_s3_content_gaps()
        fill_sns_gaps()
        fill_sts_gaps()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._conditional_write_lock = threading.Lock()
        fillers = {"ecr": ecr, "application-autoscaling": scaling, "servicequotas": ServiceQuotaGaps(quotas)}
        self._gaps: dict[tuple[str, str], _Handler] = {
            (service, operation): getattr(fillers[service], xform_name(operation))
            for service, operation in GAP_OPERATIONS
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            _complete_environ(environ)
        except MalformedChunksError as error:
            return _respond_xml(start_response, "IncompleteBody", f"The request body terminated unexpectedly: {error}.")
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        service = signed_service({"authorization": environ.get("HTTP_AUTHORIZATION", "")}, environ["QUERY_STRING"])
        handler = self._gaps.get((service or "", operation))
        if handler is not None:
            request = json.loads(environ["wsgi.input"].read())
            try:
                answer = handler(request)
            except GapError as error:
                body = {"__type": error.code, "message": error.message, **error.fields}
                return _respond(start_response, "400 Bad Request", body)
            if answer is not None:
                return _respond(start_response, "200 OK", answer)
            _replace_body(environ, json.dumps(request).encode())
        if "HTTP_IF_NONE_MATCH" in environ and environ["REQUEST_METHOD"] == "PUT":
            # moto looks for the object, then writes it. Terraform's state lock needs both to be one step.
            with self._conditional_write_lock:
                return self._moto(environ, start_response)
        return self._moto(environ, start_response)


def _complete_environ(environ: dict[str, Any]) -> None:
    """What moto needs and a2wsgi does not give it: the whole body, the undecoded path, the spelling of header names."""
    scope = environ["asgi.scope"]
    _replace_body(environ, environ["wsgi.input"].read())
    if LARGE_BODY in scope:
        hand_over(environ, scope[LARGE_BODY])
    environ["RAW_URI"] = scope["raw_path"].decode("latin-1")
    names = [name.decode("latin-1") for name, _ in scope["headers"]]
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = {
        environ_key_for_header(name): name for name in names if should_preserve_original_header_name(name)
    }


def _replace_body(environ: dict[str, Any], body: bytes) -> None:
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input_terminated"] = True
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def _respond(start_response: Callable[..., Any], status: str, body: dict[str, Any]) -> Iterable[bytes]:
    content = json.dumps(body).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(content)))]
    start_response(status, headers)
    return [content]


def _respond_xml(start_response: Callable[..., Any], code: str, message: str) -> Iterable[bytes]:
    content = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
    start_response("400 Bad Request", [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))])
    return [content]
