"""A plan as JSON, and back: what `capacity apply` reads."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from capacity.design import Design
from capacity.errors import CapacityError
from capacity.report import Report, Settings

VERSION = 1


class _Content(BaseModel):
    model_config = ConfigDict(strict=True)


class _Proposed(_Content):
    instance_type: str
    initial_instance_count: int
    minimum_instance_count: int
    maximum_instance_count: int
    target_invocations_per_instance_per_minute: int


class _Plan(_Content):
    capacity_version: int
    settings: _Proposed


def render(report: Report) -> str:
    content = {
        "capacity_version": VERSION,
        "workload": asdict(report.workload),
        "goals": asdict(report.conditions.goals),
        "region": report.region,
        "currency": report.currency,
        "prices": report.prices,
        "assumptions": list(report.assumptions),
        "designs": [_design(design) for design in (*report.shared, *report.others)],
        "recommendation": {
            "design": _design(report.recommendation.design),
            "runner_up": None if report.recommendation.runner_up is None else _design(report.recommendation.runner_up),
            "reasons": list(report.recommendation.reasons),
        },
        "growth": {
            "factor": report.growth.factor,
            "peak_rate": report.growth.peak_rate,
            "rate_per_instance": report.growth.rate_per_instance,
            "designs": [{"factor": factor, **_design(design)} for factor, design in report.growth.designs.items()],
        },
        "settings": asdict(report.settings),
    }
    return json.dumps(_rounded(content), indent=2) + "\n"


def read_settings(path: Path) -> Settings:
    """The settings that the plan in the file at `path` recommends.

    Raises:
        CapacityError: the file cannot be read, or is no plan.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        plan = _Plan.model_validate(content)
    except OSError as error:
        raise CapacityError(f"{path}: cannot be read: {error}.") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}" for fault in error.errors())
        raise CapacityError(f"{path}: is no plan of `python -m capacity plan --json FILE`: {faults}.") from error
    except (ValueError, RecursionError) as error:
        raise CapacityError(f"{path}: is no JSON: {error}.") from error
    if plan.capacity_version != VERSION:
        raise CapacityError(f"{path}: capacity_version is {plan.capacity_version}, not {VERSION}; plan again.")
    return Settings(**plan.settings.model_dump())


def _design(design: Design) -> dict[str, Any]:
    return {**asdict(design), "kind": design.kind.value, "reaches_goals": design.reaches_goals}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
