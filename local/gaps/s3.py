"""S3: bucket policies.

moto denies a request that a conditional Deny statement names, whether its condition holds or not. The stacks' buckets
refuse requests without TLS; loopback stands in for TLS here, so that condition never holds.
"""

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def evaluate_bucket_policies() -> None:
    """Make moto's buckets leave out the statements about requests without TLS. Safe to repeat."""
    FakeBucket.get_permission = _get_permission


def _get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    document: dict[str, Any] = json.loads(bucket.policy)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    document["Statement"] = [statement for statement in statements if statement.get("Condition") != _WITHOUT_TLS]
    return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)
