"""The stand-in behind Terraform's plugin protocol 6: gRPC in, the Provider's answers out."""

import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tf.gen import tfplugin_pb2 as protocol
from tf.gen import tfplugin_pb2_grpc as services

from ..access_key import AccessKey
from .caller import working_directory
from .clients import ClientPool, require_loopback
from .data_sources import DATA_SOURCES
from .errors import Problem, ProviderError
from .messages import attribute_path, covered_schemas, diagnostics
from .provider import Provider
from .resources import RESOURCES
from .schema import Block, load_schema
from .settings import ProviderSettings, read_settings
from .uncovered import announced_schemas
from .values import pack, unpack, unpack_json

# What `hashicorp/aws` stands for in Terraform and in OpenTofu.
PROVIDER_ADDRESSES = ("registry.terraform.io/hashicorp/aws", "registry.opentofu.org/hashicorp/aws")
WORKERS = 32
REMEMBERED_CONNECTIONS = 512
LOG = logging.getLogger(__name__)


class ProviderServer:
    """The stand-in provider, served on a free loopback port until stopped.

    `endpoint_url` is the local AWS (loopback, else ProviderError), `key` what it is called with. A TCP port and not a
    unix socket, because gRPC tells one connection from another on TCP only: a provider configuration belongs to a
    connection, and so does the folder where Terraform runs.
    """

    def __init__(self, endpoint_url: str, key: AccessKey) -> None:
        self.endpoint_url = require_loopback(endpoint_url)
        self._key = key
        self._port: int | None = None
        self._server: grpc.Server | None = None

    def start(self) -> None:
        """Start serving; returns when connections are accepted."""
        provider = Provider(load_schema(), RESOURCES, DATA_SOURCES)
        self._server = grpc.server(
            ThreadPoolExecutor(WORKERS, thread_name_prefix="provider"),
            options=[
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        services.add_ProviderServicer_to_server(_Servicer(provider, self.endpoint_url, self._key), self._server)
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self, grace_seconds: float = 5) -> None:
        """Stop serving, letting calls in flight finish for `grace_seconds`."""
        if self._server is not None:
            self._server.stop(grace_seconds).wait()
            self._server = None

    def reattach_environment(self) -> str:
        """The value of TF_REATTACH_PROVIDERS that makes Terraform or OpenTofu use this server for hashicorp/aws."""
        server = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "tcp", "String": f"127.0.0.1:{self._port}"},
        }
        return json.dumps(dict.fromkeys(PROVIDER_ADDRESSES, server))


class _Connections:
    """The provider configuration of each connection; the least recently used are forgotten."""

    def __init__(self) -> None:
        self._settings: OrderedDict[str, ProviderSettings] = OrderedDict()
        self._lock = threading.Lock()

    def configure(self, peer: str, settings: ProviderSettings) -> None:
        with self._lock:
            self._settings[peer] = settings
            self._settings.move_to_end(peer)
            while len(self._settings) > REMEMBERED_CONNECTIONS:
                self._settings.popitem(last=False)

    def settings(self, peer: str) -> ProviderSettings:
        with self._lock:
            settings = self._settings.get(peer)
            if settings is None:
                raise ProviderError(
                    Problem("The provider is not configured on this connection", "Run Terraform again.")
                )
            self._settings.move_to_end(peer)
            return settings


class _Servicer(services.ProviderServicer):
    """Translation only: each method unpacks, asks the Provider, packs."""

    def __init__(self, provider: Provider, endpoint_url: str, key: AccessKey):
        self._provider = provider
        self._schema = provider.schema
        self._covered = covered_schemas(provider.schema)
        self._endpoint_url = endpoint_url
        self._clients = ClientPool(key)
        self._connections = _Connections()

    def GetMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        schemas = self._schemas(context)
        return protocol.GetMetadata.Response(
            server_capabilities=schemas.server_capabilities,
            resources=[protocol.GetMetadata.ResourceMetadata(type_name=name) for name in schemas.resource_schemas],
            data_sources=[
                protocol.GetMetadata.DataSourceMetadata(type_name=name) for name in schemas.data_source_schemas
            ],
        )

    def GetProviderSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._schemas(context)

    def _schemas(self, context: grpc.ServicerContext) -> protocol.GetProviderSchema.Response:
        """Every type of hashicorp/aws: Terraform's own complaint about a missing one would name the real provider."""
        response = protocol.GetProviderSchema.Response()
        response.CopyFrom(announced_schemas(working_directory(context.peer())))
        # A map's entries are replaced, not merged.
        response.MergeFrom(self._covered)
        return response

    def ValidateProviderConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return protocol.ValidateProviderConfig.Response()

    def ConfigureProvider(self, request: Any, context: grpc.ServicerContext) -> Any:
        def work(response: Any) -> None:
            config = _state(self._schema.provider, request.config)
            settings, warnings = read_settings(
                config, self._endpoint_url, self._clients, working_directory(context.peer())
            )
            self._connections.configure(context.peer(), settings)
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
            state = self._provider.read(self._connections.settings(context.peer()), request.type_name, current)
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
                self._connections.settings(context.peer()),
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
            settings = self._connections.settings(context.peer())
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
            settings = self._connections.settings(context.peer())
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
            state = self._provider.read_data(self._connections.settings(context.peer()), request.type_name, config)
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
