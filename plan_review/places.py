"""Where models lie: the project's own layout, and what SageMaker models and roles of the reviewed plans name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan_review.grants import documents
from plan_review.plan import Plan
from plan_review.policy_documents import allow_statements
from plan_review.values import Values

ARTIFACT_TYPES = ("aws_s3_object", "aws_s3_object_copy", "aws_s3_bucket_object")
"""Uploaded, copied by S3 from where it was, and uploaded under the type's older name."""

PREFIX = "models/"
ARCHIVE = ".tar.gz"
_OWN = re.compile(r"(?:.*/)?models/(?P<name>.+)/(?P<version>[^/]+)-(?P<digest>[0-9a-f]{16})\.tar\.gz")
_VERSIONED = re.compile(r"(?P<name>.+)/(?P<version>[^/]+)-(?P<digest>[0-9a-f]{16})\.tar\.gz")
_HASHED = re.compile(r".*[-_/.](?=[0-9a-f]*[0-9])(?P<digest>[0-9a-f]{8,64})")
_URL = re.compile(r"s3://(?P<bucket>[^/]+)/?(?P<prefix>.*)")
_OBJECT_ARN = re.compile(r"arn:aws[a-z-]*:s3:::(?P<bucket>[^/*?]+)(?:/.*)?")
_READS = frozenset({"s3:getobject", "s3:get*", "s3:*", "*"})


def digest_of(name: str) -> str | None:
    """The hash that a name, or a key without its `.tar.gz`, ends in; None when it ends in none."""
    match = _HASHED.fullmatch(name.removesuffix(ARCHIVE))
    return match["digest"] if match is not None else None


@dataclass(frozen=True, slots=True)
class Key:
    """What an object's key says.

    Where it holds no version, `version` and `digest` are empty, and `name` is what callers name as TargetModel.
    """

    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class Places:
    """`prefixes` are (bucket, prefix) below which every object is a model; in `buckets` every archive is one.

    An object whose key has the project's own layout is a model in any bucket.
    """

    prefixes: frozenset[tuple[str, str]] = frozenset()
    buckets: frozenset[str] = frozenset()

    def read(self, bucket: Any, key: Any) -> Key | None:
        """The model that an object is, or None when it is none."""
        if not isinstance(key, str):
            return None
        match = _OWN.fullmatch(key)
        if match is not None:
            return Key(match["name"], match["version"], match["digest"])
        prefix = self._prefix(bucket, key)
        if prefix is None:
            return None
        rest = key.removeprefix(prefix)
        match = _VERSIONED.fullmatch(rest)
        if match is not None:
            return Key(match["name"], match["version"], match["digest"])
        return Key(rest or key, "", "")

    def _prefix(self, bucket: Any, key: str) -> str | None:
        below = [prefix for named, prefix in self.prefixes if named == bucket and key.startswith(prefix)]
        if below:
            return max(below, key=len)
        if not key.endswith(ARCHIVE):
            return None
        if key.startswith(PREFIX):
            return PREFIX
        return "" if bucket in self.buckets else None


def places_of(plans: Iterable[Plan]) -> Places:
    """What the SageMaker models and the roles of all plans name, on either side of their changes."""
    prefixes: set[tuple[str, str]] = set()
    buckets: set[str] = set()
    for plan in plans:
        for change in plan.of_type("aws_sagemaker_model"):
            for side in (change.before, change.after):
                prefixes.update(_data_urls(side))
        for document in documents(plan):
            buckets.update(_readable(document))
        buckets.update(_own_layout(plan))
    return Places(frozenset(prefixes), frozenset(buckets | {bucket for bucket, _ in prefixes}))


def _data_urls(model: Values) -> Iterator[tuple[str, str]]:
    for block in ("primary_container", "container"):
        containers = model.visible(block)
        for container in containers if isinstance(containers, list) else ():
            url = container.get("model_data_url") if isinstance(container, Mapping) else None
            match = _URL.fullmatch(url) if isinstance(url, str) else None
            if match is not None:
                yield match["bucket"], match["prefix"]


def _readable(document: Any) -> Iterator[str]:
    """The buckets whose objects a policy lets a role read."""
    for statement in allow_statements(document) or ():
        if statement.everything_except or not any(action.lower() in _READS for action in statement.actions):
            continue
        for resource in statement.resources:
            match = _OBJECT_ARN.fullmatch(resource)
            if match is not None:
                yield match["bucket"]


def _own_layout(plan: Plan) -> Iterator[str]:
    """The buckets in which the plan has models under the project's own keys."""
    for change in plan.of_type(*ARTIFACT_TYPES):
        for side in (change.before, change.after):
            key, bucket = side.text("key"), side.text("bucket")
            if key is not None and bucket is not None and key.startswith(PREFIX) and key.endswith(ARCHIVE):
                yield bucket
