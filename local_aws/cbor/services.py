"""The services that speak Smithy RPC v2 CBOR, by botocore's models, each prepared for both ways of a translation."""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

PROTOCOL = "smithy-rpc-v2-cbor"
_KIND = "service-2"
# A model begins with its metadata: enough to see whether it names the protocol, without parsing megabytes.
_HEAD_CHARACTERS = 8192
_TEXT = {"__Text": {"type": "string"}}
_ERROR_MEMBERS = {"__type": {"shape": "__Text"}, "message": {"shape": "__Text"}}


class CborService:
    """A service's model. Its errors have the members `__type` and `message` (or `Message`), as on the wire."""

    def __init__(self, name: str) -> None:
        """`name`: as botocore knows the service."""
        description = Loader().load_service_model(name, _KIND)
        for shape in description["shapes"].values():
            if shape.get("exception"):
                has_message = {"message", "Message"} & shape["members"].keys()
                shape["members"] |= {"__type": _ERROR_MEMBERS["__type"]} if has_message else _ERROR_MEMBERS
        description["shapes"] |= _TEXT
        self._model = ServiceModel(description, name)

    def operation(self, name: str) -> OperationModel | None:
        """None where the service has no operation of this name."""
        return self._model.operation_model(name) if name in self._model.operation_names else None

    def answer(self, operation: OperationModel) -> OperationModel | None:
        """A pseudo-operation that takes what the operation gives, for botocore serialises inputs only; None where it
        gives nothing.
        """
        return None if operation.output_shape is None else _taking(operation.output_shape.name, self._model)

    def error(self, code: str) -> OperationModel | None:
        """The like for the error of this name, or else of this code; None where the model has neither."""
        named = {shape.error_code: shape.name for shape in self._model.error_shapes}
        named |= {shape.name: shape.name for shape in self._model.error_shapes}
        return _taking(named[code], self._model) if code in named else None


def _taking(shape: str, model: ServiceModel) -> OperationModel:
    return OperationModel({"name": "Answer", "input": {"shape": shape}}, model)


ANY_ERROR = _taking(
    "Error",
    ServiceModel(
        {
            "metadata": {"targetPrefix": "Any", "serviceId": "Any", "endpointPrefix": "any"},
            "shapes": {"Error": {"type": "structure", "members": _ERROR_MEMBERS}, **_TEXT},
            "operations": {},
        }
    ),
)
"""The pseudo-operation that takes an error of no model."""


@cache
def find_service(target: str) -> CborService | None:
    """The service of `/service/TARGET/...`; None where none of this name speaks this protocol and JSON."""
    # Smithy says: the service's name without its namespace; botocore's models have the namespace with some.
    name = _names_by_target().get(target.rpartition(".")[2])
    return None if name is None else CborService(name)


@cache
def _names_by_target() -> Mapping[str, str]:
    loader = Loader()
    names = {}
    for name in loader.list_available_services(_KIND):
        metadata = _metadata(name, loader.determine_latest_version(name, _KIND))
        if {PROTOCOL, "json"} <= set(metadata.get("protocols", ())):
            names[metadata["targetPrefix"].rpartition(".")[2]] = name
    return names


def _metadata(name: str, version: str) -> dict[str, Any]:
    path = Path(botocore.__file__).parent / "data" / name / version / f"{_KIND}.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as model:
        head = model.read(_HEAD_CHARACTERS)
        try:
            return json.JSONDecoder().raw_decode(head, head.index("{", head.index('"metadata"')))[0]
        except ValueError:
            return json.loads(head + model.read())["metadata"]
