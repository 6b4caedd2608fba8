"""The dashboard of an endpoint, as CloudWatch's JSON.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

import json
from collections.abc import Sequence
from typing import Any

from stacks.alarms import INSTANCES, INVOCATIONS
from stacks.names import Names

# What the model server writes itself (container/model_server/telemetry/events.py).
SERVER = "MultiModelServer"
_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 6
# Of thousands of models, those with the most of a metric.
_BUSIEST = 20


def dashboard_body(names: Names, alarm_arns: Sequence[str]) -> str:
    """The dashboard of the endpoint of `names`: its alarms, SageMaker's metrics, and the server's of each model."""
    graphs = [*_sagemaker(names), *_server(names)]
    widgets: list[dict[str, Any]] = [
        {
            "type": "alarm",
            "x": 0,
            "y": 0,
            "width": _COLUMNS * _WIDTH,
            "height": 3,
            "properties": {"title": names.endpoint, "alarms": list(alarm_arns)},
        }
    ]
    for number, graph in enumerate(graphs):
        row, column = divmod(number, _COLUMNS)
        place = {"x": column * _WIDTH, "y": 3 + row * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}
        properties = {"region": names.settings.region, "view": "timeSeries", "stacked": False, "period": 60, **graph}
        widgets.append({"type": "metric", **place, "properties": properties})
    # On several lines, as CDKTF's HCL drops the backslashes of a text on one.
    return json.dumps({"widgets": widgets}, indent=1)


def _sagemaker(names: Names) -> list[dict[str, Any]]:
    def graph(title: str, namespace: str, *metrics: tuple[str, str], unit: str = "") -> dict[str, Any]:
        place = ["EndpointName", names.endpoint, "VariantName", names.settings.variant_name]
        lines = [[namespace, metric, *place, {"stat": stat, "label": _label(metric, stat)}] for metric, stat in metrics]
        return {"title": title, "metrics": lines, **({"yAxis": {"left": {"label": unit, "min": 0}}} if unit else {})}

    return [
        graph(
            "Calls and errors",
            INVOCATIONS,
            ("Invocations", "Sum"),
            ("Invocation4XXErrors", "Sum"),
            ("Invocation5XXErrors", "Sum"),
            ("InvocationModelErrors", "Sum"),
            unit="calls a minute",
        ),
        graph(
            "Latency",
            INVOCATIONS,
            ("ModelLatency", "p50"),
            ("ModelLatency", "p99"),
            ("OverheadLatency", "p99"),
            unit="µs",
        ),
        graph(
            "Loading and unloading",
            INVOCATIONS,
            ("ModelLoadingWaitTime", "Average"),
            ("ModelDownloadingTime", "Average"),
            ("ModelLoadingTime", "Average"),
            ("ModelUnloadingTime", "Average"),
            unit="µs",
        ),
        graph(
            "Calls that found their model loaded (1 is all)", INVOCATIONS, ("ModelCacheHit", "Average"), unit="ratio"
        ),
        graph(
            "Loads and unloads", INVOCATIONS, ("ModelLoadingTime", "SampleCount"), ("ModelUnloadingTime", "SampleCount")
        ),
        graph(
            "Loaded models on an instance", INSTANCES, ("LoadedModelCount", "Average"), ("LoadedModelCount", "Maximum")
        ),
        graph("Calls for each instance", INVOCATIONS, ("InvocationsPerInstance", "Sum"), unit="calls a minute"),
        graph(
            "Memory and disk",
            INSTANCES,
            ("MemoryUtilization", "Maximum"),
            ("DiskUtilization", "Maximum"),
            unit="percent",
        ),
        graph("CPU (100 for each core)", INSTANCES, ("CPUUtilization", "Average"), unit="percent"),
    ]


def _label(metric: str, stat: str) -> str:
    return metric if stat in ("Sum", "Average") else f"{metric} {stat}"


def _server(names: Names) -> list[dict[str, Any]]:
    place = f'EndpointName="{names.endpoint}" VariantName="{names.settings.variant_name}"'

    def models(title: str, metric: str, stat: str, unit: str) -> dict[str, Any]:
        found = f"SEARCH('{{{SERVER},EndpointName,VariantName,Model}} MetricName=\"{metric}\" {place}', '{stat}', 60)"
        busiest = f"SLICE(SORT({found}, MAX, DESC), 0, {_BUSIEST})"
        return {
            "title": f"{title}, the {_BUSIEST} models with the most",
            "metrics": [[{"expression": busiest, "label": "${PROP('Dim.Model')}", "id": "models"}]],
            "yAxis": {"left": {"label": unit, "min": 0}},
        }

    return [
        models("Calls by model", "Invocations", "Sum", "calls a minute"),
        models("Errors by model", "Errors", "Sum", "errors a minute"),
        models("Latency by model, p99", "Latency", "p99", "ms"),
        models("Memory by model", "MemoryUsed", "Maximum", "bytes"),
    ]
