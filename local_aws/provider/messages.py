"""What the provider answers, in the messages of Terraform's plugin protocol."""

from collections.abc import Iterable

from tf.gen import tfplugin_pb2 as protocol

from .errors import Problem
from .schema import Block, ProviderSchema


def covered_schemas(schema: ProviderSchema) -> protocol.GetProviderSchema.Response:
    return protocol.GetProviderSchema.Response(
        provider=_schema_message(schema.provider),
        resource_schemas={name: _schema_message(block) for name, block in schema.resources.items()},
        data_source_schemas={name: _schema_message(block) for name, block in schema.data_sources.items()},
        provider_meta=protocol.Schema(block=protocol.Schema.Block()),
        server_capabilities=protocol.ServerCapabilities(get_provider_schema_optional=True),
    )


def _schema_message(block: Block) -> protocol.Schema:
    return protocol.Schema(version=block.version, block=block.message())


def diagnostics(problems: Iterable[Problem]) -> Iterable[protocol.Diagnostic]:
    for problem in problems:
        severity = protocol.Diagnostic.WARNING if problem.is_warning else protocol.Diagnostic.ERROR
        yield protocol.Diagnostic(
            severity=severity,
            summary=problem.summary,
            detail=problem.detail,
            attribute=attribute_path(problem.attribute) if problem.attribute else None,
        )


def attribute_path(steps: Iterable[str | int]) -> protocol.AttributePath:
    return protocol.AttributePath(
        steps=[
            protocol.AttributePath.Step(attribute_name=step)
            if isinstance(step, str)
            else protocol.AttributePath.Step(element_key_int=step)
            for step in steps
        ]
    )
