"""Synthesis inside the test process: one jsii kernel for all tests of a worker."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model_catalog.lock import Lock, Model, S3Source, Version, version_key
from stacks.application import add_stacks
from stacks.aws_bindings import App
from stacks.project import Project
from stacks.settings_reader import parse_settings

CONTEXT_HASH = "0123456789abcdef" * 4
Stacks = dict[str, dict[str, Any]]

LOCAL = {
    "local_aws": {"endpoint_url": "http://127.0.0.1:4566"},
    "state_backend": "local",
    "region": "us-east-1",
    "account_id": "123456789012",
    "instance_type": "ml.m5.large",
}
SMALL = {"region": "eu-central-1", "account_id": "111111111111", "instance_type": "ml.m5.large"}
# Everything that can be set, so that every resource there is has a golden address.
FULL = {
    "region": "us-east-1",
    "account_id": "222222222222",
    "name_prefix": "fleet",
    "state_bucket": "fleet-terraform-state",
    "instance_type": "ml.c7g.xlarge",
    "initial_instance_count": 2,
    "volume_size_gb": 100,
    "startup_timeout_seconds": 600,
    "model_cache_setting": "Disabled",
    "server_environment": {"MODEL_SERVER_WORKERS": "4"},
    "kms_key_arn": "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "vpc": {
        "subnet_ids": ["subnet-0bbbbbbbbbbbbbbbb", "subnet-0aaaaaaaaaaaaaaaa"],
        "security_group_ids": ["sg-0123456789abcdef0"],
    },
    "tags": {"Team": "vision", "CostCentre": "42"},
    "log_retention_days": 365,
    "deleted_model_retention_days": 90,
    "image": {"platform": "linux/arm64", "container_engine": "podman", "kept_images": 50},
    "auto_scaling": {
        "minimum_instance_count": 2,
        "maximum_instance_count": 6,
        "target_invocations_per_instance_per_minute": 1200,
        "scale_in_cooldown_seconds": 0,
    },
    "deployment": {
        "policy": "linear",
        "step_percent": 25,
        "wait_seconds": 300,
        "termination_wait_seconds": 0,
        "maximum_5xx_errors_per_minute": 0,
        "alarm_names": ["fleet-latency"],
    },
    "callers": {"tenant-a": {"models": ["tenant-a/", "squeezenet"]}, "operations": {"models": ["*"]}},
    "deletion_protection": True,
    "monitoring": {
        "emails": ["on-call@example.com", "Models@example.com"],
        "alarms": {"disk_percent": 80, "model_errors_per_minute": 0},
    },
    "model_list": True,
    "access": {"github": {"repository": "acme/models"}},
}

# A shard for each model of the example: by a hash, by a pin, by a hash.
SHARDED = {
    **SMALL,
    "account_id": "333333333333",
    "callers": {"tenant-a": {"models": ["tenant-a/"]}},
    "shards": {"count": 3, "pins": {"squeezenet": 2}},
    "deletion_protection": False,
    "monitoring": {"topic_arn": "arn:aws:sns:eu-central-1:333333333333:on-call", "dashboard": False},
    "parameters": False,
}

ENVIRONMENTS = {"local": LOCAL, "small": SMALL, "full": FULL, "sharded": SHARDED}


def changed(settings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy of a block of settings with some keys set to other values."""
    return copy.deepcopy(settings) | changes


def version(name: str, number: int) -> Version:
    sha256 = f"{number:x}{len(name):02x}".ljust(64, "e")
    return Version(
        version=str(number),
        sha256=sha256,
        size_bytes=1000 + number,
        engine="mxnet",
        key=version_key(name, str(number), sha256),
    )


def copied(name: str, number: int) -> Version:
    """A version whose artifact is in S3 already."""
    source = S3Source(uri=f"s3://team-models/exports/{name}.tar.gz", etag="0123456789abcdef" * 2, version_id="v1")
    return version(name, number).model_copy(update={"source": source})


def example_lock() -> Lock:
    """Names of every kind, and a model with an earlier version."""
    return Lock(
        models={
            "resnet18": Model(versions=(version("resnet18", 1), version("resnet18", 2))),
            "squeezenet": Model(versions=(version("squeezenet", 1),)),
            "tenant-a/digits.v2": Model(versions=(version("tenant-a/digits.v2", 7),)),
        }
    )


@pytest.fixture(scope="session")
def lock() -> Lock:
    return example_lock()


def synthesise_into(root: Path, environments: dict[str, Any], lock: Lock, context_hash: str = CONTEXT_HASH) -> Path:
    """Synthesise environments, given as blocks of settings; answers the folder of the stacks."""
    project = Project(root, Path("cdktf.out"), Path("models"), Path())
    settings = parse_settings({"environments": environments}, {})
    app = App(outdir=str(root / project.output_directory))
    add_stacks(app, settings, lock, context_hash, project)
    app.synth()
    return root / project.output_directory / "stacks"


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory, lock: Lock) -> Callable[..., Stacks]:
    """Synthesises environments, given as blocks of settings; answers each stack's cdk.tf.json by the stack's name."""

    def run(environments: dict[str, Any], lock: Lock = lock, context_hash: str = CONTEXT_HASH) -> Stacks:
        folder = synthesise_into(tmp_path_factory.mktemp("project"), environments, lock, context_hash)
        return {stack.name: json.loads((stack / "cdk.tf.json").read_text()) for stack in folder.iterdir()}

    return run


@pytest.fixture(scope="session")
def stacks(synthesise: Callable[..., Stacks]) -> Stacks:
    """The stacks of `local`, `small` (defaults only), `full` (everything set) and `sharded` (three shards)."""
    return synthesise(ENVIRONMENTS)
