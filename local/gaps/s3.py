"""S3: bucket policies, and the end of delete markers.

moto denies a request that a conditional Deny statement names, whether its condition holds or not. The stacks' buckets
refuse requests without TLS; loopback stands in for TLS here, so that condition never holds.

moto fails when the last that is left of a key is deleted and delete markers are among it: it disposes of what it held
in memory, and delete markers, which hold nothing, do not know how to.
"""

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, FakeDeleteMarker

_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def fill_s3_gaps() -> None:
    """Make moto's buckets behave as said above. Safe to repeat."""
    FakeBucket.get_permission = _get_permission
    FakeDeleteMarker.dispose = _dispose_of_nothing


def _dispose_of_nothing(marker: FakeDeleteMarker, garbage: bool = False) -> None:
    pass


def _get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    document: dict[str, Any] = json.loads(bucket.policy)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    document["Statement"] = [statement for statement in statements if statement.get("Condition") != _WITHOUT_TLS]
    return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)
