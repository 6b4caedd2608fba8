"""What an endpoint is and does, from SageMaker and CloudWatch. A part that cannot be read is missing, and says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from model_catalog.lock import Lock
from operations.connection import Connection, Shard
from operations.metrics import MODEL_NAMESPACE, Metric, read_metrics
from plan_review.prices import bundled_prices

_INVOCATIONS, _INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
_PERIOD_SECONDS = 300
_DAY_SECONDS = 86_400
_HOUR_SECONDS = 3600
_MICROSECONDS = 1_000_000
_NEEDS = {
    "endpoint": "sagemaker:DescribeEndpoint and sagemaker:DescribeEndpointConfig",
    "metrics": "cloudwatch:GetMetricData",
    "models": "cloudwatch:GetMetricData",
    "alarms": "cloudwatch:DescribeAlarms",
    "cost": "cloudwatch:GetMetricData",
}
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Instances:
    """The endpoint as SageMaker describes it."""

    status: str
    configuration: str
    instance_type: str | None
    current: int
    desired: int
    created: datetime
    updated: datetime
    failure: str | None = None


@dataclass(frozen=True)
class Load:
    """Invocations of the last minutes. Seconds and percentages are None where nothing was measured."""

    invocations: int
    errors_4xx: int
    errors_5xx: int
    hits: int
    misses: int
    latency_seconds: float | None
    """Average time of the container, without the load."""
    longest_seconds: float | None
    cold_seconds: float | None
    """Average wait for a model that had to be loaded."""
    loaded_models: float | None
    """Average for each instance."""
    cpu_percent: float | None
    memory_percent: float | None

    @property
    def hit_ratio(self) -> float | None:
        """The part of the invocations that found their model loaded."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else None


@dataclass(frozen=True)
class ModelLoad:
    """One model in the same time, as its server measured it.

    `timed`: of how many answers CloudWatch has the time. The server reports the last 100 of each minute.
    """

    name: str
    timed: int
    average_milliseconds: float
    longest_milliseconds: float


@dataclass(frozen=True)
class Alarm:
    """An alarm and its state: OK, ALARM or INSUFFICIENT_DATA; `missing` if there is no such alarm."""

    name: str
    state: str


@dataclass(frozen=True)
class Cost:
    """An estimate of what the instances cost since the beginning of the month, at list price."""

    instance_hours: float
    amount: float | None
    currency: str
    basis: str


@dataclass(frozen=True)
class Observation:
    """One endpoint. `missing` says of each part that could not be read why."""

    endpoint: str
    models: int
    minutes: int
    instances: Instances | None = None
    load: Load | None = None
    slowest: tuple[ModelLoad, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cost: Cost | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


def observe(connection: Connection, shard: Shard, minutes: int, slowest: int, now: datetime) -> Observation:
    """Look at one endpoint.

    Args:
        connection: the environment.
        shard: which of its endpoints.
        minutes: how far back load and models are counted.
        slowest: how many models to name.
        now: the end of that time.

    Raises:
        BotoCoreError: there are no credentials, or AWS cannot be reached.
    """
    names, missing = shard.names, dict[str, str]()

    def attempt(part: str, read: Callable[[], _Part]) -> _Part | None:
        try:
            return read()
        except ClientError as error:
            missing[part] = _why(part, error)
            return None

    cloudwatch = connection.client("cloudwatch")
    of_variant = (("EndpointName", names.endpoint), ("VariantName", connection.settings.variant_name))
    span = _Span.of(minutes, now)
    instances = attempt("endpoint", lambda: _instances(connection.client("sagemaker"), names.endpoint))
    if instances is None and "Could not find" in missing["endpoint"]:
        return Observation(names.endpoint, len(shard.lock.models), minutes, missing=missing)
    wanted = [names.errors_alarm, *connection.settings.deployment.alarm_names]
    return Observation(
        endpoint=names.endpoint,
        models=len(shard.lock.models),
        minutes=minutes,
        instances=instances,
        load=attempt("metrics", lambda: _load(cloudwatch, of_variant, span)),
        slowest=attempt("models", lambda: _slowest(cloudwatch, shard.lock, span, slowest)) or (),
        alarms=attempt("alarms", lambda: _alarms(cloudwatch, wanted)) or (),
        cost=attempt("cost", lambda: _cost(cloudwatch, of_variant, instances, connection.settings.region, now)),
        missing=missing,
    )


def _why(part: str, error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return f"no permission: it needs {_NEEDS[part]}" if code in _DENIED else f"{code}: {message}"


@dataclass(frozen=True)
class _Span:
    start: datetime
    end: datetime

    @classmethod
    def of(cls, minutes: int, now: datetime) -> _Span:
        """The last minutes, from a full period on: CloudWatch counts whole ones."""
        first = int((now - timedelta(minutes=minutes)).timestamp()) // _PERIOD_SECONDS * _PERIOD_SECONDS
        return cls(datetime.fromtimestamp(first, UTC), now)


def _instances(sagemaker: Any, endpoint: str) -> Instances:
    found = sagemaker.describe_endpoint(EndpointName=endpoint)
    configuration = found.get("EndpointConfigName", "")
    variants = found.get("ProductionVariants", ())
    types: set[str] = set()
    if configuration:
        described = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
        types = {variant["InstanceType"] for variant in described["ProductionVariants"] if "InstanceType" in variant}
    return Instances(
        status=found["EndpointStatus"],
        configuration=configuration,
        instance_type=" + ".join(sorted(types)) or None,
        current=sum(variant.get("CurrentInstanceCount", 0) for variant in variants),
        desired=sum(variant.get("DesiredInstanceCount", 0) for variant in variants),
        created=found["CreationTime"],
        updated=found["LastModifiedTime"],
        failure=found.get("FailureReason"),
    )


_LOAD = (
    (_INVOCATIONS, "Invocations", "Sum"),
    (_INVOCATIONS, "Invocation4XXErrors", "Sum"),
    (_INVOCATIONS, "Invocation5XXErrors", "Sum"),
    (_INVOCATIONS, "ModelCacheHit", "Sum"),
    (_INVOCATIONS, "ModelCacheHit", "SampleCount"),
    (_INVOCATIONS, "ModelLatency", "Sum"),
    (_INVOCATIONS, "ModelLatency", "SampleCount"),
    (_INVOCATIONS, "ModelLatency", "Maximum"),
    (_INVOCATIONS, "ModelLoadingWaitTime", "Sum"),
    (_INSTANCES, "LoadedModelCount", "Average"),
    (_INSTANCES, "CPUUtilization", "Average"),
    (_INSTANCES, "MemoryUtilization", "Average"),
)


def _load(cloudwatch: Any, dimensions: tuple[tuple[str, str], ...], span: _Span) -> Load:
    metrics = [Metric(namespace, name, statistic, dimensions) for namespace, name, statistic in _LOAD]
    values = read_metrics(cloudwatch, metrics, span.start, span.end, _PERIOD_SECONDS)
    found = {(name, statistic): series for (_, name, statistic), series in zip(_LOAD, values, strict=True)}

    def total(name: str, statistic: str = "Sum") -> float:
        return sum(found[name, statistic])

    def average(name: str) -> float | None:
        series = found[name, "Average"]
        return sum(series) / len(series) if series else None

    hits, answered = round(total("ModelCacheHit")), round(total("ModelCacheHit", "SampleCount"))
    measured, longest = total("ModelLatency", "SampleCount"), found["ModelLatency", "Maximum"]
    # A model that is loaded already is waited for 0 microseconds.
    waited, misses = total("ModelLoadingWaitTime") / _MICROSECONDS, answered - hits
    return Load(
        invocations=round(total("Invocations")),
        errors_4xx=round(total("Invocation4XXErrors")),
        errors_5xx=round(total("Invocation5XXErrors")),
        hits=hits,
        misses=misses,
        latency_seconds=total("ModelLatency") / measured / _MICROSECONDS if measured else None,
        longest_seconds=max(longest) / _MICROSECONDS if longest else None,
        cold_seconds=waited / misses if misses else None,
        loaded_models=average("LoadedModelCount"),
        cpu_percent=average("CPUUtilization"),
        memory_percent=average("MemoryUtilization"),
    )


def _slowest(cloudwatch: Any, lock: Lock, span: _Span, count: int) -> tuple[ModelLoad, ...]:
    statistics = ("SampleCount", "Sum", "Maximum")
    models = sorted(lock.models)
    metrics = [
        Metric(MODEL_NAMESPACE, "Latency", statistic, (("Model", lock.models[name].current.key),))
        for name in models
        for statistic in statistics
    ]
    values = read_metrics(cloudwatch, metrics, span.start, span.end, _PERIOD_SECONDS)
    found = []
    for number, name in enumerate(models):
        samples, sums, longest = values[3 * number : 3 * number + 3]
        if sum(samples):
            found.append(ModelLoad(name, round(sum(samples)), sum(sums) / sum(samples), max(longest)))
    return tuple(sorted(found, key=lambda item: -item.average_milliseconds)[:count])


def _alarms(cloudwatch: Any, wanted: list[str]) -> tuple[Alarm, ...]:
    answer = cloudwatch.describe_alarms(AlarmNames=wanted, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    states = {
        alarm["AlarmName"]: alarm["StateValue"]
        for kind in ("MetricAlarms", "CompositeAlarms")
        for alarm in answer.get(kind, ())
    }
    return tuple(Alarm(name, states.get(name, "missing")) for name in wanted)


def _cost(
    cloudwatch: Any,
    dimensions: tuple[tuple[str, str], ...],
    instances: Instances | None,
    region: str,
    now: datetime,
) -> Cost | None:
    """Every instance sends LoadedModelCount once a minute: the number of samples is that of instance minutes."""
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    samples = Metric(_INSTANCES, "LoadedModelCount", "SampleCount", dimensions)
    hours = sum(read_metrics(cloudwatch, [samples], month, now, _DAY_SECONDS)[0]) / 60
    basis = "instance minutes that CloudWatch has"
    if not hours and instances is not None:
        hours = instances.current * (now - max(instances.created, month)).total_seconds() / _HOUR_SECONDS
        basis = "today's number of instances since the endpoint's creation"
    table = bundled_prices()
    type_ = None if instances is None else instances.instance_type
    prices = table.regions.get(region)
    price = None if prices is None or type_ is None else prices.per_hour.get(type_)
    return Cost(hours, None if price is None else price * hours, table.currency, basis)
