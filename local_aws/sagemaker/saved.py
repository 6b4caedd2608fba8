"""Models, endpoint configurations and endpoints as JSON, for an account that survives a restart; and back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .fleet import DeployedImage, Variant
from .model_containers import is_direct, read_containers
from .records import Endpoint, EndpointConfig, Model, Record, Table
from .traffic import Traffic


@dataclass(frozen=True)
class SavedVariant:
    """What a production variant ran. `properties`: its DesiredInstanceCount and DesiredWeight."""

    model: Model
    properties: dict[str, Any]
    images: tuple[DeployedImage, ...]
    deployed: datetime


def write_record(record: Record) -> dict[str, Any]:
    return {
        "name": record.name,
        "arn": record.arn,
        "created": record.created.isoformat(),
        "request": record.request,
    }


def read_model(document: dict[str, Any]) -> Model:
    request = document["request"]
    return Model(**_record(document), containers=read_containers(request), is_direct=is_direct(request))


def read_config(document: dict[str, Any]) -> EndpointConfig:
    return EndpointConfig(**_record(document))


def write_endpoint(endpoint: Endpoint, traffic: Traffic | None) -> dict[str, Any]:
    """`traffic`: what runs behind it, None while nothing does."""
    variants = endpoint.saved_variants
    if traffic is not None:
        variants = {name: _write_variant(variant) for name, variant in traffic.serving.variants.items()}
    return {
        **write_record(endpoint),
        "status": endpoint.status,
        "config": None if endpoint.config is None else write_record(endpoint.config),
        "pending": None if endpoint.pending is None else write_record(endpoint.pending),
        "failure_reason": endpoint.failure_reason,
        "deployment_config": endpoint.deployment_config,
        "modified": endpoint.modified.isoformat(),
        "variants": variants,
    }


def read_endpoint(document: dict[str, Any], configs: Table[EndpointConfig]) -> Endpoint:
    """`configs`: those of the account. The endpoint's own may be deleted, or another one may have its name."""
    modified = datetime.fromisoformat(document["modified"])
    return Endpoint(
        **_record(document),
        status=document["status"],
        config=_config(document["config"], configs),
        pending=_config(document["pending"], configs),
        pending_since=modified if document["pending"] is not None else None,
        failure_reason=document["failure_reason"],
        deployment_config=document["deployment_config"],
        modified=modified,
        saved_variants=document["variants"],
    )


def read_variants(documents: dict[str, Any]) -> dict[str, SavedVariant]:
    return {
        name: SavedVariant(
            read_model(document["model"]),
            document["properties"],
            tuple(DeployedImage(*image) for image in document["images"]),
            datetime.fromisoformat(document["deployed"]),
        )
        for name, document in documents.items()
    }


def interruption(endpoint: Endpoint) -> str | None:
    """The FailureReason of an endpoint that is started again: an update that was under way comes to nothing."""
    if endpoint.pending is None or endpoint.is_idle:
        return None if endpoint.status == "Failed" else endpoint.failure_reason
    return (
        f"The local AWS ended during the update to configuration {endpoint.pending.name}. "
        f"The endpoint runs configuration {endpoint.serving.name} again."
    )


def _write_variant(variant: Variant) -> dict[str, Any]:
    return {
        "model": write_record(variant.plan.model),
        "properties": {"DesiredInstanceCount": variant.desired_count, "DesiredWeight": variant.desired_weight},
        "images": [[image.specified, image.resolved] for image in variant.images],
        "deployed": variant.deployed.isoformat(),
    }


def _record(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": document["name"],
        "arn": document["arn"],
        "created": datetime.fromisoformat(document["created"]),
        "request": document["request"],
    }


def _config(document: dict[str, Any] | None, configs: Table[EndpointConfig]) -> EndpointConfig | None:
    if document is None:
        return None
    made = read_config(document)
    found = configs.find(made.name)
    return found if found is not None and found.created == made.created else made
