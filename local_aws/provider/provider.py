"""Plan, apply, read and import by the table of resource types; no gRPC here."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from .clients import aws_errors, error_text
from .errors import Problem, ProviderError
from .planning import Plan, plan_change, with_defaults
from .resource import Call, DataSource, Resource
from .schema import Block, ProviderSchema
from .settings import ProviderSettings
from .settling import settle
from .uncovered import not_covered
from .validation import load_demands, validate_config
from .values import UNKNOWN, has_unknown, is_empty, without_unknown

ResourceState = dict[str, Any]


class Provider:
    """The logic of the stand-in: everything that a provider configuration (ProviderSettings) is not part of."""

    def __init__(
        self, schema: ProviderSchema, resources: Mapping[str, Resource], data_sources: Mapping[str, DataSource]
    ):
        self.schema = schema
        self._resources = resources
        self._data_sources = data_sources
        self._demands = load_demands()
        self._wordings = {
            name: {tuple(path.split(".")): wording for path, wording in resource.wordings.items()}
            for name, resource in resources.items()
        }

    def block(self, type_name: str, *, data_source: bool = False) -> Block:
        """The schema of a covered type. Raises ProviderError for any other."""
        covered = self.schema.data_sources if data_source else self.schema.resources
        if type_name not in covered:
            raise not_covered(type_name, data_source=data_source)
        return covered[type_name]

    def validate(self, type_name: str, config: ResourceState, *, data_source: bool = False) -> list[Problem]:
        """What is wrong with a configuration: what the real provider would say, and what the stand-in cannot do."""
        block = self.block(type_name, data_source=data_source)
        entry = (self._data_sources if data_source else self._resources)[type_name]
        demands = self._demands.get(f"data.{type_name}" if data_source else type_name, {})
        return validate_config(block, block.conform(config), demands) + [
            Problem(
                f"{type_name}: {name} is not covered by the local AWS's stand-in provider",
                f"Take {name} out, or add it to the entry of {type_name} in "
                f"{entry.read.__module__.replace('.', '/')}.py "
                '(local_aws/provider/README.md, "Adding an argument").',
                (name.split(".")[0],),
            )
            for name in entry.unsupported
            if _is_set(config, name.split("."))
        ]

    def plan(
        self,
        settings: ProviderSettings,
        type_name: str,
        prior: ResourceState | None,
        proposed: ResourceState,
        config: ResourceState,
    ) -> Plan:
        """The planned state of a creation (`prior` None) or an update."""
        block, resource = self.block(type_name), self._resources[type_name]
        plan = plan_change(block, prior, proposed, config, self._wordings[type_name])
        planned = plan.planned
        resource.customize(config, planned)
        if "region" in block.attributes and config["region"] is None:
            planned["region"] = settings.region
            if prior is not None and prior["region"] not in (None, settings.region):
                plan.replace.append(("region",))
        if "tags_all" in block.attributes:
            planned["tags_all"] = _planned_tags(settings, prior, planned)
        if prior is not None and planned != prior:
            for name in resource.replan(prior, planned):
                planned[name] = UNKNOWN
        return plan

    def create(
        self, settings: ProviderSettings, type_name: str, planned: ResourceState
    ) -> tuple[ResourceState | None, list[Problem]]:
        """Make the resource. Returns its state (None: nothing was made) and what went wrong.

        A state with a problem is a resource that exists but is not what was asked for: Terraform taints it.
        """
        block, resource = self.block(type_name), self._resources[type_name]
        state = self._with_tags(settings, block, planned)
        try:
            with aws_errors(f"creating {_label(type_name, planned)}", settings.clients.settings.endpoint_url):
                state["id"] = resource.create(self._call(settings, type_name, without_unknown(state)))
        except ProviderError as error:
            return None, error.problems
        return self._settle(settings, type_name, state)

    def update(
        self, settings: ProviderSettings, type_name: str, prior: ResourceState, planned: ResourceState
    ) -> tuple[ResourceState, list[Problem]]:
        """Change the resource in place. On a problem the earlier state stays: the next refresh sees what was done."""
        block, resource = self.block(type_name), self._resources[type_name]
        state = self._with_tags(settings, block, planned)
        state["id"] = prior["id"]
        call = self._call(settings, type_name, without_unknown(state), prior=prior)
        try:
            with aws_errors(f"updating {_label(type_name, prior)}", settings.clients.settings.endpoint_url):
                if "tags_all" in block.attributes:
                    self._change_tags(resource, call)
                if resource.update is not None and any(
                    state[name] != prior[name] for name in block.names if name not in ("tags", "tags_all")
                ):
                    resource.update(call)
                if resource.ready is not None:
                    resource.ready(call)
        except ProviderError as error:
            return prior, error.problems
        return self._settle(settings, type_name, state, wait=False)

    def delete(self, settings: ProviderSettings, type_name: str, prior: ResourceState) -> None:
        """Remove the resource; one that is gone already is no error. Raises ProviderError."""
        resource = self._resources[type_name]
        with aws_errors(f"deleting {_label(type_name, prior)}", settings.clients.settings.endpoint_url):
            _unless_missing(resource, lambda: resource.delete(self._call(settings, type_name, prior)))

    def read(self, settings: ProviderSettings, type_name: str, current: ResourceState) -> ResourceState | None:
        """The state as AWS has it now, or None when the resource is gone. Raises ProviderError."""
        return self._read(settings, type_name, current, current, is_refresh=True)

    def import_state(self, settings: ProviderSettings, type_name: str, identifier: str) -> ResourceState:
        """The state of the resource with an import id, or only what the id contains when there is none.

        Terraform then reads it, finds nothing, and says so in its own words. Raises ProviderError.
        """
        block, resource = self.block(type_name), self._resources[type_name]
        stub = block.conform({})
        stub["id"] = identifier
        with aws_errors(f"importing {type_name} ({identifier})", settings.clients.settings.endpoint_url):
            stub |= resource.imports(identifier)
        if "region" in block.attributes:
            stub["region"] = settings.region
        state = self._read(settings, type_name, stub, None)
        if state is None:
            return stub
        for name, value in stub.items():
            if is_empty(state[name]) and not is_empty(value):
                state[name] = value
        return with_defaults(block, state)

    def read_data(self, settings: ProviderSettings, type_name: str, config: ResourceState) -> ResourceState:
        """A data source's attributes. Raises ProviderError."""
        block, source = self.block(type_name, data_source=True), self._data_sources[type_name]
        state = with_defaults(block, config)
        if "region" in block.attributes and state["region"] is None:
            state["region"] = settings.region
        call = Call(settings.clients, source.service, block, state)
        with aws_errors(f"reading data.{type_name}", settings.clients.settings.endpoint_url):
            return settle(block, dict(state), dict(source.read(call)))

    def _settle(
        self, settings: ProviderSettings, type_name: str, state: ResourceState, *, wait: bool = True
    ) -> tuple[ResourceState, list[Problem]]:
        block, resource = self.block(type_name), self._resources[type_name]
        try:
            with aws_errors(f"waiting for {_label(type_name, state)}", settings.clients.settings.endpoint_url):
                if wait and resource.ready is not None:
                    resource.ready(self._call(settings, type_name, state))
            settled = self._read(settings, type_name, state, state, is_apply=True)
        except ProviderError as error:
            return settle(block, state, {}, is_apply=True), error.problems
        if settled is None:
            return settle(block, state, {}, is_apply=True), [
                Problem(f"{_label(type_name, state)} is not there after it was made")
            ]
        return settled, []

    def _read(
        self,
        settings: ProviderSettings,
        type_name: str,
        current: ResourceState,
        reference: ResourceState | None,
        *,
        is_refresh: bool = False,
        is_apply: bool = False,
    ) -> ResourceState | None:
        block, resource = self.block(type_name), self._resources[type_name]
        known = current if is_refresh else without_unknown(current)
        call = self._call(settings, type_name, known, refresh=settings.refresh if is_refresh else None)
        with aws_errors(f"reading {_label(type_name, current)}", settings.clients.settings.endpoint_url):
            found = _unless_missing(resource, lambda: resource.read(call))
        if found is None:
            return None
        actual = {"id": current["id"], **found}
        if "tags_all" in block.attributes:
            _split_tags(settings, current, actual)
        return settle(block, reference, actual, self._wordings[type_name], is_apply=is_apply)

    def _with_tags(self, settings: ProviderSettings, block: Block, planned: ResourceState) -> ResourceState:
        state = dict(planned)
        if "tags_all" in block.attributes and state["tags_all"] is UNKNOWN:
            state["tags_all"] = {**_default_tags(settings, planned), **(planned["tags"] or {})}
        return state

    def _change_tags(self, resource: Resource, call: Call) -> None:
        before, after = (call.prior or {}).get("tags_all") or {}, call.tags
        if before == after:
            return
        if resource.tag is None:
            raise ProviderError(Problem("tags cannot be changed: the type's entry has no `tag`"))
        changed = {key: value for key, value in after.items() if before.get(key) != value}
        resource.tag(call, changed, [key for key in before if key not in after])

    def _call(self, settings: ProviderSettings, type_name: str, state: ResourceState, **more: Any) -> Call:
        block, resource = self.block(type_name), self._resources[type_name]
        return Call(settings.clients, resource.service, block, state, directory=settings.directory, **more)


def _unless_missing(resource: Resource, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ClientError as error:
        if error_text(error).startswith(resource.missing):
            return None
        raise


def _default_tags(settings: ProviderSettings, planned: ResourceState) -> Mapping[str, str]:
    for override in planned.get("override_provider") or ():
        for block in override["default_tags"]:
            return block["tags"] or {}
    return settings.default_tags


def _planned_tags(settings: ProviderSettings, prior: ResourceState | None, planned: ResourceState) -> Any:
    if has_unknown(planned["tags"]):
        return UNKNOWN
    merged = {**_default_tags(settings, planned), **(planned["tags"] or {})}
    if prior is None:
        return merged or UNKNOWN
    return prior["tags_all"] if is_empty(merged) and is_empty(prior["tags_all"]) else merged


def _split_tags(settings: ProviderSettings, current: ResourceState, actual: ResourceState) -> None:
    """`tags` is what the resource itself asked for, `tags_all` that and the provider's default tags."""
    if "tags" not in actual:
        return
    everything = settings.own_tags(actual["tags"] or {})
    defaults = _default_tags(settings, current)
    asked = current["tags"] or {}
    actual["tags_all"] = everything
    actual["tags"] = {key: value for key, value in everything.items() if key in asked or defaults.get(key) != value}


def _is_set(value: Any, path: list[str]) -> bool:
    if not path:
        return not is_empty(value) or value is UNKNOWN or value is False or value == 0
    if isinstance(value, list):
        return any(_is_set(item, path) for item in value)
    if not isinstance(value, dict) or value.get(path[0]) is None:
        return False
    return _is_set(value[path[0]], path[1:])


def _label(type_name: str, state: Mapping[str, Any]) -> str:
    for name in ("id", "name", "bucket", "key"):
        value = state.get(name)
        if value is not None and value is not UNKNOWN:
            return f"{type_name} ({value})"
    return type_name
