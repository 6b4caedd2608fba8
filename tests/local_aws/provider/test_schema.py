"""schema.json against the bindings that the stacks are written with: same names, types and flags."""

from pathlib import Path
from typing import Any

import pytest
from tf.gen import tfplugin_pb2 as protocol

from local_aws.provider import schema_from_bindings
from local_aws.provider.data_sources import DATA_SOURCES
from local_aws.provider.resources import RESOURCES
from local_aws.provider.schema import Block, load_schema
from local_aws.provider.schema_from_bindings import (
    folder_of,
    read_block,
    schema_messages,
    type_folders,
    type_of,
    typescript_sources,
)
from local_aws.provider.uncovered import announced_schemas, uncovered_schemas

SCHEMA = load_schema()


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    folders = [folder_of(name) for name in SCHEMA.resources]
    folders += [folder_of(name, data_source=True) for name in SCHEMA.data_sources]
    return typescript_sources(folders)


def test_schema_and_table_have_the_same_types() -> None:
    assert SCHEMA.resources.keys() == RESOURCES.keys()
    assert SCHEMA.data_sources.keys() == DATA_SOURCES.keys()


@pytest.mark.parametrize("type_name", sorted(SCHEMA.resources))
def test_resource_is_the_bindings(type_name: str, sources: dict[str, str]) -> None:
    assert_same(SCHEMA.resources[type_name], read_block(sources[folder_of(type_name)]), type_name)


@pytest.mark.parametrize("type_name", sorted(SCHEMA.data_sources))
def test_data_source_is_the_bindings(type_name: str, sources: dict[str, str]) -> None:
    block = read_block(sources[folder_of(type_name, data_source=True)])
    assert_same(SCHEMA.data_sources[type_name], block, type_name)


def assert_same(block: Block, bindings: dict[str, Any], where: str) -> None:
    assert block.names == bindings.keys(), where
    for name, attribute in block.attributes.items():
        flags = {flag for flag in ("required", "optional", "computed") if getattr(attribute, flag)}
        said = bindings[name]
        assert flags == said.keys() & {"required", "optional", "computed"}, f"{where}.{name}"
        assert attribute.type == said["type"], f"{where}.{name}"
        assert not (attribute.computed and not attribute.is_settable and attribute.default is not None)
    for name, nested in block.blocks.items():
        said = bindings[name]
        assert nested.nesting == said["nesting"], f"{where}.{name}"
        assert nested.min_items == (1 if said.get("required") else 0), f"{where}.{name}"
        assert_same(nested.block, said["block"], f"{where}.{name}")


@pytest.mark.parametrize("type_name", sorted({**RESOURCES, **DATA_SOURCES}))
def test_entries_speak_of_arguments_that_exist(type_name: str) -> None:
    for table, blocks in ((RESOURCES, SCHEMA.resources), (DATA_SOURCES, SCHEMA.data_sources)):
        if type_name in table:
            entry = table[type_name]
            for path in (*entry.unsupported, *getattr(entry, "same", ())):
                assert_path(blocks[type_name], path.split("."))


def assert_path(block: Block, path: list[str]) -> None:
    assert path[0] in block.names, path
    if len(path) > 1:
        assert_path(block.blocks[path[0]].block, path[1:])


def test_types_with_tags_can_change_them() -> None:
    assert [
        name for name, block in SCHEMA.resources.items() if "tags_all" in block.names and not RESOURCES[name].tag
    ] == []


def test_message_for_terraform() -> None:
    message = SCHEMA.resources["aws_sagemaker_endpoint"].message()
    attributes = {attribute.name: attribute for attribute in message.attributes}
    assert attributes["tags"].type == b'["map", "string"]'
    assert (attributes["arn"].computed, attributes["arn"].optional) == (True, False)
    deployment = message.block_types[0]
    assert (deployment.type_name, deployment.nesting) == ("deployment_config", protocol.Schema.NestedBlock.LIST)
    assert deployment.max_items == 1


def test_every_type_of_the_bindings_is_announced() -> None:
    folders = type_folders()
    everything = uncovered_schemas()
    data_sources = {type_of(folder) for folder in folders if folder.startswith("data-aws-")}
    assert set(everything.data_source_schemas) == data_sources
    assert set(everything.resource_schemas) == {
        type_of(folder) for folder in folders if not folder.startswith("data-aws-")
    }
    # Every hundredth, to see that the file is the bindings'; all of them would take half a minute.
    sources = typescript_sources(folders[::100])
    again = schema_messages(sources)
    for name, schema in again.resource_schemas.items():
        assert everything.resource_schemas[name] == schema
    for name, schema in again.data_source_schemas.items():
        assert everything.data_source_schemas[name] == schema


def test_only_what_a_configuration_mentions_has_its_schema(tmp_path: Path) -> None:
    (tmp_path / "main.tf.json").write_text('{"resource": {"aws_sqs_queue": {"q": {}}}}')
    (tmp_path / "notes.txt").write_text("aws_lambda_function")
    schemas = announced_schemas(tmp_path)
    assert len(schemas.resource_schemas) == len(uncovered_schemas().resource_schemas)
    assert {name for name, schema in schemas.resource_schemas.items() if schema.block.attributes} == {"aws_sqs_queue"}
    assert {name for name, schema in schemas.data_source_schemas.items() if schema.block.attributes} == {
        "aws_sqs_queue"
    }


def test_printing_a_type_for_a_new_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema_from_bindings.main(["aws_sqs_queue", "data.aws_sqs_queue"]) == 0
    assert '"visibility_timeout_seconds"' in capsys.readouterr().out
    assert schema_from_bindings.main(["aws_no_such_thing"]) == 1
    assert "no-such-thing" in capsys.readouterr().err
    assert schema_from_bindings.main([]) == 2
