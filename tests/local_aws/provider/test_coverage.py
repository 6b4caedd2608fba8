"""No argument is silently ignored: each reaches AWS's API, is refused, or is in a list here with its reason."""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.model import Shape

from local_aws.access_key import AccessKey
from local_aws.provider import resource as resource_module
from local_aws.provider.clients import Clients, ClientSettings, isolated_session
from local_aws.provider.data_sources import DATA_SOURCES
from local_aws.provider.provider import Provider
from local_aws.provider.resource import Call
from local_aws.provider.resources import RESOURCES, sagemaker
from local_aws.provider.schema import Attribute, Block, load_schema

SCHEMA = load_schema()
PROVIDER = Provider(SCHEMA, RESOURCES, DATA_SOURCES)
# Arguments that are no business of the API's.
WITHOUT_REQUEST = {
    "aws_s3_object.override_provider.default_tags.tags": "changes tags_all, which is sent",
    "data.aws_ecr_image.most_recent": "chooses among the images that are answered",
    "data.aws_s3_object.tags": "replaced by the object's tags, as by the real one",
    "aws_s3_object_copy.override_provider.default_tags.tags": "changes tags_all, which is sent",
}
# What else has to be set for anything to be asked.
NEEDED = {
    "aws_ecr_image": {"image_tag": "7"},
    "aws_s3_object": {"version_id": "7"},
    "aws_s3_object_copy": {"version_id": "7"},
}
EVERYWHERE = {
    "id": "refused by the provider's library",
    "tags_all": "replaced by `tags` and the provider's default tags, as by the real one",
    "timeouts": "how long the provider waits: nothing here takes that long",
}
PAGING = re.compile("next|marker|truncated", re.IGNORECASE)


def paths(block: Block, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every argument of a block and of the blocks in it."""
    for name, attribute in block.attributes.items():
        if attribute.is_settable:
            yield (*before, name)
    for name, nested in block.blocks.items():
        yield from paths(nested.block, (*before, name))


def filled(block: Block, path: tuple[str, ...]) -> dict[str, Any]:
    """The arguments that are required, and the one at `path` with what it is in."""
    value = block.conform({})
    for name, attribute in block.attributes.items():
        if attribute.required or path == (name,):
            value[name] = sample(attribute, is_chosen=path == (name,))
    for name, nested in block.blocks.items():
        inside = path[1:] if path[:1] == (name,) else ()
        if nested.min_items or inside:
            inner = filled(nested.block, inside)
            value[name] = inner if nested.nesting == "single" else [inner]
    return value


def sample(attribute: Attribute, *, is_chosen: bool) -> Any:
    kind = attribute.type if isinstance(attribute.type, str) else attribute.type[0]
    texts = {"string": "42", "number": 42, "bool": True, "map": {"k": "42"}, "list": ["42"], "set": ["42"]}
    others = {"string": "7", "number": 7, "bool": False, "map": {"k": "7"}, "list": ["7"], "set": ["7"]}
    return (texts if is_chosen else others)[kind]


class Recorder(Clients):
    """boto3 clients that send nothing: they note what was asked, and answer something of the right form."""

    requests: list[tuple[str, str, Mapping[str, Any]]]

    def _make(self, service: str, region: str) -> BaseClient:
        client = super()._make(service, region)
        client._make_api_call = partial(self._note, client, region)
        return client

    def _note(self, client: BaseClient, region: str, operation: str, parameters: Mapping[str, Any]) -> Any:
        readable = {name: item.read() if hasattr(item, "read") else item for name, item in parameters.items()}
        self.requests.append((region, operation, readable))
        if operation in ("HeadBucket", "DescribeEndpoint"):
            code = "404" if operation == "HeadBucket" else "ValidationException"
            raise ClientError({"Error": {"Code": code}}, operation)
        shape = client.meta.service_model.operation_model(operation).output_shape
        return {} if shape is None else answer(shape)


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder(ClientSettings("http://127.0.0.1:1", "us-east-1"), isolated_session(AccessKey.generate()))


def answer(shape: Shape, depth: int = 0) -> Any:
    if shape.type_name == "structure":
        return {name: answer(member, depth + 1) for name, member in shape.members.items() if not PAGING.search(name)}
    if shape.type_name == "list":
        return [answer(shape.member, depth + 1)] if depth < 3 else []
    values = {"boolean": False, "integer": 1, "long": 1, "float": 1.0, "double": 1.0, "map": {}, "blob": b""}
    if shape.type_name == "timestamp":
        return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return values.get(shape.type_name, (getattr(shape, "enum", None) or ["7"])[0])


def requests(recorder: Recorder, type_name: str, path: tuple[str, ...], *, data_source: bool) -> list[Any]:
    """What is asked of AWS in a life of a resource step by step; with a data source, what it answers as well."""
    block = SCHEMA.data_sources[type_name] if data_source else SCHEMA.resources[type_name]
    state, prior = filled(block, path), filled(block, ())
    for item in (state, prior):
        item |= {name: value for name, value in NEEDED.get(type_name, {}).items() if item[name] is None}
        item["id"] = "an-id:x/y"
        if "tags_all" in block.names:
            item["tags_all"] = item["tags"]
    if data_source:
        source = DATA_SOURCES[type_name]
        return [_asked(recorder, source.read, Call(recorder, source.service, block, state))]
    entry = RESOURCES[type_name]
    call = Call(recorder, entry.service, block, state)
    update = [] if entry.update is None else [(entry.update, replace(call, prior=prior))]
    steps = [(entry.create, call), (entry.read, call), *update, (entry.delete, call)]
    return [_asked(recorder, work, call)[0] for work, call in steps]


def _asked(recorder: Recorder, work: Callable[[Call], Any], call: Call) -> tuple[list[Any], Any]:
    recorder.requests = []
    try:
        result = work(call)
    except Exception as error:  # noqa: BLE001 - answers are made up: what counts is what was asked until then
        result = type(error).__name__
    return recorder.requests, result


def is_refused(type_name: str, path: tuple[str, ...], *, data_source: bool) -> bool:
    block = PROVIDER.block(type_name, data_source=data_source)
    problems = PROVIDER.validate(type_name, filled(block, path), data_source=data_source)
    return any("is not covered by" in problem.summary for problem in problems)


@pytest.mark.parametrize("name", [*sorted(RESOURCES), *(f"data.{name}" for name in sorted(DATA_SOURCES))])
def test_every_argument_is_implemented_or_refused(
    name: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource_module, "unique_suffix", lambda: "unique")
    monkeypatch.setattr(sagemaker, "unique_suffix", lambda: "unique")
    data_source, type_name = name.startswith("data."), name.removeprefix("data.")
    block = PROVIDER.block(type_name, data_source=data_source)
    without = requests(recorder, type_name, (), data_source=data_source)
    ignored = [
        dotted
        for path in paths(block)
        if (dotted := ".".join(path)) not in EVERYWHERE
        and path[0] not in EVERYWHERE
        and f"{name}.{dotted}" not in WITHOUT_REQUEST
        and not is_refused(type_name, path, data_source=data_source)
        and requests(recorder, type_name, path, data_source=data_source) == without
    ]
    assert ignored == []
