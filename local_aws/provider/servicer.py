"""Terraform's plugin protocol 6 for one provider process: gRPC in, the Provider's answers out."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from tf.gen import tfplugin_pb2 as protocol
from tf.gen import tfplugin_pb2_grpc as services

from .clients import ClientPool
from .errors import Problem, ProviderError
from .messages import attribute_path, diagnostics
from .provider import Provider
from .schema import Block
from .settings import ProviderSettings, read_settings
from .uncovered import announced_schemas
from .values import pack, unpack, unpack_json

LOG = logging.getLogger(__name__)


class Servicer(services.ProviderServicer):
    """Translation only: each method unpacks, asks the Provider, packs.

    One serves one provider process, which Terraform starts in `directory` and configures once. `covered` are the
    schemas of the types that have an entry; they and `clients` are shared by all.
    """

    def __init__(
        self,
        provider: Provider,
        covered: protocol.GetProviderSchema.Response,
        endpoint_url: str,
        clients: ClientPool,
        directory: Path,
    ) -> None:
        self._provider = provider
        self._covered = covered
        self._schema = provider.schema
        self._endpoint_url = endpoint_url
        self._clients = clients
        self._directory = directory
        self._configured: ProviderSettings | None = None

    @property
    def _settings(self) -> ProviderSettings:
        if self._configured is None:
            raise ProviderError(Problem("The provider is not configured", "Run Terraform again."))
        return self._configured

    def GetMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        schemas = self._schemas()
        return protocol.GetMetadata.Response(
            server_capabilities=schemas.server_capabilities,
            resources=[protocol.GetMetadata.ResourceMetadata(type_name=name) for name in schemas.resource_schemas],
            data_sources=[
                protocol.GetMetadata.DataSourceMetadata(type_name=name) for name in schemas.data_source_schemas
            ],
        )

    def GetProviderSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._schemas()

    def _schemas(self) -> protocol.GetProviderSchema.Response:
        """Every type of hashicorp/aws: Terraform's own complaint about a missing one would name the real provider."""
        response = announced_schemas(self._directory)
        # A map's entries are replaced, not merged.
        response.MergeFrom(self._covered)
        return response

    def ValidateProviderConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return protocol.ValidateProviderConfig.Response()

    def ConfigureProvider(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            config = _state(self._schema.provider, request.config)
            self._configured, warnings = read_settings(config, self._endpoint_url, self._clients, self._directory)
            response.diagnostics.extend(diagnostics(warnings))

        return _answer(protocol.ConfigureProvider.Response(), work)

    def ValidateResourceConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            config = unpack(request.config.msgpack)
            response.diagnostics.extend(diagnostics(self._provider.validate(request.type_name, config)))

        return _answer(protocol.ValidateResourceConfig.Response(), work)

    def ValidateDataResourceConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            config = unpack(request.config.msgpack)
            problems = self._provider.validate(request.type_name, config, data_source=True)
            response.diagnostics.extend(diagnostics(problems))

        return _answer(protocol.ValidateDataResourceConfig.Response(), work)

    def UpgradeResourceState(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            block = self._provider.block(request.type_name)
            response.upgraded_state.msgpack = pack(block.conform(unpack_json(request.raw_state.json)))

        return _answer(protocol.UpgradeResourceState.Response(), work)

    def ReadResource(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            current = _state(self._provider.block(request.type_name), request.current_state)
            state = self._provider.read(self._settings, request.type_name, current)
            response.new_state.msgpack = pack(state)
            response.private = request.private

        return _answer(protocol.ReadResource.Response(), work)

    def PlanResourceChange(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            response.planned_private = request.prior_private
            block = self._provider.block(request.type_name)
            proposed = _state(block, request.proposed_new_state)
            if proposed is None:
                response.planned_state.CopyFrom(request.proposed_new_state)
                return
            plan = self._provider.plan(
                self._settings,
                request.type_name,
                _state(block, request.prior_state),
                proposed,
                _state(block, request.config),
            )
            response.planned_state.msgpack = pack(plan.planned)
            response.requires_replace.extend(attribute_path(path) for path in plan.replace)

        return _answer(protocol.PlanResourceChange.Response(legacy_type_system=True), work)

    def ApplyResourceChange(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            response.private = request.planned_private
            block = self._provider.block(request.type_name)
            settings = self._settings
            prior, planned = _state(block, request.prior_state), _state(block, request.planned_state)
            response.new_state.msgpack = request.prior_state.msgpack
            problems: list[Problem] = []
            if planned is None:
                self._provider.delete(settings, request.type_name, prior)
                state = None
            elif prior is None:
                state, problems = self._provider.create(settings, request.type_name, planned)
            else:
                state, problems = self._provider.update(settings, request.type_name, prior, planned)
            response.new_state.msgpack = pack(state)
            response.diagnostics.extend(diagnostics(problems))

        return _answer(protocol.ApplyResourceChange.Response(legacy_type_system=True), work)

    def ImportResourceState(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            settings = self._settings
            state = self._provider.import_state(settings, request.type_name, request.id)
            response.imported_resources.append(
                protocol.ImportResourceState.ImportedResource(
                    type_name=request.type_name, state=protocol.DynamicValue(msgpack=pack(state))
                )
            )

        return _answer(protocol.ImportResourceState.Response(), work)

    def ReadDataSource(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            config = _state(self._provider.block(request.type_name, data_source=True), request.config)
            state = self._provider.read_data(self._settings, request.type_name, config)
            response.state.msgpack = pack(state)

        return _answer(protocol.ReadDataSource.Response(), work)

    def GetFunctions(self, request: Any, context: grpc.ServicerContext) -> Any:
        return protocol.GetFunctions.Response()

    def StopProvider(self, request: Any, context: grpc.ServicerContext) -> Any:
        return protocol.StopProvider.Response()


def _answer(response: Any, work: Callable[[Any], None]) -> Any:
    """The response as `work` fills it; what goes wrong becomes its diagnostics."""
    try:
        work(response)
    except ProviderError as error:
        response.diagnostics.extend(diagnostics(error.problems))
    except Exception as error:  # the one border: the traceback goes to the log, a sentence to Terraform
        LOG.exception("the stand-in provider failed")
        problem = Problem(
            f"A defect of the local AWS's stand-in provider: {type(error).__name__}: {error}",
            "The traceback is in the local AWS's log.",
        )
        response.diagnostics.extend(diagnostics([problem]))
    return response


def _state(block: Block, value: protocol.DynamicValue) -> Any:
    state = unpack(value.msgpack)
    return block.conform(state) if block.has_numbers else state
