"""What a rehearsal knows of the provider that it runs with."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from boto3.session import Session

from demo.rehearsal import Rehearsal
from operations.terraform import SavedPlan


def plan_of(**actions: list[str]) -> SavedPlan:
    changes: list[dict[str, Any]] = [
        {"address": f"{type_}.bucket", "change": {"actions": done}} for type_, done in actions.items()
    ]
    return SavedPlan(Path("plan"), {"resource_changes": changes})


@pytest.mark.parametrize(
    ("provider", "actions", "waits"),
    [
        ("hashicorp", {"aws_s3_bucket": ["create"], "aws_s3_bucket_lifecycle_configuration": ["create"]}, True),
        ("hashicorp", {"aws_s3_bucket_lifecycle_configuration": ["update"]}, True),
        ("hashicorp", {"aws_s3_bucket_lifecycle_configuration": ["delete"]}, False),
        ("hashicorp", {"aws_s3_bucket": ["create"]}, False),
        ("stand-in", {"aws_s3_bucket_lifecycle_configuration": ["create"]}, False),
    ],
)
def test_waits_of_the_provider_are_announced(
    tmp_path: Path, provider: str, actions: dict[str, list[str]], waits: bool
) -> None:
    aws = SimpleNamespace(url="http://127.0.0.1:1", provider=lambda: provider, environment=dict, session=Session)
    said = Rehearsal(tmp_path, aws).long_wait(plan_of(**actions))
    assert (said is not None) is waits
    assert not waits or "about a minute" in said
