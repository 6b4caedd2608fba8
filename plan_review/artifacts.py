"""What keeps a change of a model's object from being called safe. An object of which nothing is found here is safe.

Safe is a new object under a key that holds its hash, in the stack's own bucket below its own prefix, that sets nothing
but what every model's object sets; and a change in place of tags and metadata.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from plan_review.places import PREFIX, Places, digest_of
from plan_review.plan import Action, Change, Plan
from plan_review.providers import canonical
from plan_review.redaction import scrub, shown
from plan_review.values import UNKNOWN, Values, settled


class Kind(enum.Enum):
    """What a concern is about. Each is a rule of its own; unhashed-name is the one for names."""

    ARCHIVED = "archived"
    STORAGE_CLASS = "storage class"
    ENCRYPTION = "encryption"
    ACCESS = "access"
    LOCK = "lock"
    PLACE = "place"
    NAME = "name"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Concern:
    """Why one object is not known to be safe."""

    kind: Kind
    change: Change
    message: str


@dataclass(frozen=True)
class _Surroundings:
    """The stack that the objects belong to; `objects` are all its models' objects, the unchanged ones too."""

    plan: Plan
    places: Places
    objects: Sequence[Change]

    @cached_property
    def own_buckets(self) -> frozenset[str]:
        """The buckets that the stack manages, and those in which it has models already."""
        sides = [side for change in self.plan.of_type("aws_s3_bucket") for side in (change.before, change.after)]
        sides += [change.after for change in self.objects if not change.action.changes]
        return frozenset(name for side in sides if (name := side.text("bucket")) is not None)

    @cached_property
    def holders(self) -> Mapping[tuple[str | None, str | None], list[str]]:
        """The addresses that have an object once the plan is applied, by its bucket and key."""
        found: dict[tuple[str | None, str | None], list[str]] = {}
        for change in self.objects:
            if change.after.exists:
                found.setdefault((change.after.text("bucket"), change.after.text("key")), []).append(change.address)
        return found

    @cached_property
    def provider_keys(self) -> frozenset[str]:
        """The providers, by their keys in the configuration, that make the stack's buckets."""
        blocks = [self.plan.configuration.resource(change.address) for change in self.plan.of_type("aws_s3_bucket")]
        return frozenset(block.provider_key for block in blocks if block is not None)

    @cached_property
    def encryptions(self) -> frozenset[str]:
        """The algorithms and keys that the stack's buckets, and an object that stays as it is, are encrypted with."""
        found: list[Any] = []
        for change in self.plan.of_type("aws_s3_bucket_server_side_encryption_configuration"):
            default = ("rule", 0, "apply_server_side_encryption_by_default", 0)
            found += [change.after.text(*default, name) for name in ("sse_algorithm", "kms_master_key_id")]
        kept = next((change for change in self.objects if not change.action.changes), None)
        if kept is not None:
            found += [kept.after.text(name) for name in ("server_side_encryption", "kms_key_id")]
        return frozenset(item for item in found if item)

    def sets(self, change: Change, name: str) -> bool:
        """Whether the configuration sets an object's attribute."""
        block = self.plan.configuration.resource(change.address)
        return block is not None and block.sets(name)


_PROVIDER = "hashicorp/aws"
# What S3 reads at once. Objects of other classes must be restored first, which takes minutes to days.
_READABLE = frozenset(
    {"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"}
    | {"EXPRESS_ONEZONE"}
)
# What S3 and the provider make up themselves.
_BOOKKEEPING = frozenset(
    {"arn", "id", "etag", "version_id", "last_modified", "source_version_id", "expiration", "request_charged"}
    | {"checksum_crc32", "checksum_crc32c", "checksum_crc64nvme", "checksum_sha1", "checksum_sha256"}
)
_CHANGE_IN_PLACE = frozenset({"tags", "tags_all", "metadata"})
# What a new object may set besides: where it lies, its content, and how it comes there.
_SET_WHEN_NEW = _CHANGE_IN_PLACE | frozenset(
    {"bucket", "key", "region", "source", "source_hash", "content_type", "checksum_algorithm", "bucket_key_enabled"}
    | {"copy_if_match", "metadata_directive", "tagging_directive"}
)
_KINDS: Mapping[str, Kind] = {
    "storage_class": Kind.STORAGE_CLASS,
    "server_side_encryption": Kind.ENCRYPTION,
    "kms_key_id": Kind.ENCRYPTION,
    "bucket_key_enabled": Kind.ENCRYPTION,
    "kms_encryption_context": Kind.ENCRYPTION,
    "customer_algorithm": Kind.ENCRYPTION,
    "customer_key": Kind.ENCRYPTION,
    "customer_key_md5": Kind.ENCRYPTION,
    "acl": Kind.ACCESS,
    "grant": Kind.ACCESS,
    "website_redirect": Kind.ACCESS,
    "object_lock_legal_hold_status": Kind.LOCK,
    "object_lock_mode": Kind.LOCK,
    "object_lock_retain_until_date": Kind.LOCK,
}


def concerns(plan: Plan, places: Places, objects: Sequence[Change]) -> Iterator[Concern]:
    """What is found of those of a stack's models' objects that its plan changes, in the plan's order."""
    around = _Surroundings(plan, places, objects)
    for change in objects:
        if not change.action.changes:
            continue
        if change.action is Action.UPDATE:
            yield from _in_place(around, change)
        elif change.after.exists:
            yield from _new(around, change)
        yield from _made_by(around, change)


def _made_by(around: _Surroundings, change: Change) -> Iterator[Concern]:
    if canonical(change.provider) != _PROVIDER:
        provider = scrub(change.provider) or "(none)"
        yield Concern(Kind.OTHER, change, f"is made by the provider {provider}, not by {_PROVIDER}")
    block = around.plan.configuration.resource(change.address)
    if block is not None and around.provider_keys and block.provider_key not in around.provider_keys:
        yield Concern(Kind.OTHER, change, f"is made by {scrub(block.provider_key)}, another account or region perhaps")
    if block is not None and block.provisioners:
        yield Concern(Kind.OTHER, change, "has provisioners: the apply runs commands for it")


def _in_place(around: _Surroundings, change: Change) -> Iterator[Concern]:
    before, after = change.before.data or {}, change.after.data or {}
    mask = change.after.unknown if isinstance(change.after.unknown, Mapping) else {}
    for name in sorted({*before, *after, *mask}):
        if name in _CHANGE_IN_PLACE or name == "source_hash":  # another hash is overwritten content, a rule of its own
            continue
        old, new = change.before.at(name), _value(change.after, name)
        if settled(old) == settled(new) or (name in _BOOKKEEPING and new is UNKNOWN):
            continue
        if new is UNKNOWN and name in _KINDS and not around.sets(change, name):
            continue  # S3 and the bucket decide, as they did before
        yield _concern(change, name, f"{name}: {shown(change.before, name)} -> {shown(change.after, name)}")


def _new(around: _Surroundings, change: Change) -> Iterator[Concern]:
    yield from _place(around, change)
    if change.before.at("key") != change.after.at("key"):  # under the same key it is overwritten, a rule of its own
        yield from _hash(change)
    for holder in around.holders.get((change.after.text("bucket"), change.after.text("key")), ()):
        if holder != change.address:
            yield Concern(Kind.OTHER, change, f"has the key of {scrub(holder)}: one overwrites the other")
    after = change.after.data or {}
    mask = change.after.unknown if isinstance(change.after.unknown, Mapping) else {}
    for name in sorted({*after, *mask}):
        if name in _SET_WHEN_NEW or name in _BOOKKEEPING:
            continue
        value = _value(change.after, name)
        if settled(value) is None or (value is UNKNOWN and not around.sets(change, name)):
            continue
        if not _as_usual(around, name, value):
            yield _concern(change, name, f"{name} is {shown(change.after, name)}")


def _value(values: Values, name: str) -> Any:
    """An attribute's value. One that is given and called unknown all the same is judged as it is given."""
    given = values.data.get(name) if values.data is not None else None
    return values.at(name) if given is None else given


def _as_usual(around: _Surroundings, name: str, value: Any) -> bool:
    """Whether a new object's setting is what S3 does anyway, or what the stack's bucket and its objects have."""
    if (name, value) in (("storage_class", "STANDARD"), ("acl", "private")):
        return True
    return name in ("server_side_encryption", "kms_key_id") and str(value) in around.encryptions


def _concern(change: Change, name: str, message: str) -> Concern:
    kind = _KINDS.get(name, Kind.OTHER)
    if kind is Kind.STORAGE_CLASS:
        value = _value(change.after, name)
        if value is not UNKNOWN and settled(value) is not None and str(value) not in _READABLE:
            return Concern(Kind.ARCHIVED, change, f"{message}: no endpoint can load it from there")
    return Concern(kind, change, message)


def _place(around: _Surroundings, change: Change) -> Iterator[Concern]:
    """Whether the object lies in the stack's own bucket, below its own prefix."""
    bucket, key = change.after.at("bucket"), change.after.at("key")
    if bucket is UNKNOWN:
        if not _leads_to_own_bucket(around, change):
            yield Concern(Kind.PLACE, change, "which bucket it goes to is unknown until the apply")
    elif str(bucket) not in around.own_buckets:
        where = shown(change.after, "bucket")
        yield Concern(Kind.PLACE, change, f"goes to bucket {where}, of which nothing in the plan says that it is ours")
    below = [prefix for named, prefix in around.places.prefixes if named == bucket] or [PREFIX]
    if isinstance(key, str) and not any(key.startswith(prefix) for prefix in below):
        prefixes = ", ".join(scrub(prefix) for prefix in sorted(below))
        yield Concern(Kind.PLACE, change, f"{shown(change.after, 'key')} is not below {prefixes}: no endpoint sees it")


def _leads_to_own_bucket(around: _Surroundings, change: Change) -> bool:
    block = around.plan.configuration.resource(change.address)
    references = block.references("bucket") if block is not None else ()
    return any(reference.startswith("aws_s3_bucket") for reference in references)


def _hash(change: Change) -> Iterator[Concern]:
    """Whether the key holds the hash of the content, as far as the plan knows that."""
    digest = digest_of(change.after.text("key") or "")
    if digest is None:
        yield Concern(Kind.NAME, change, f"the key {shown(change.after, 'key')} holds no hash of its content")
        return
    metadata = change.after.visible("metadata")
    noted = metadata.get("sha256") if isinstance(metadata, Mapping) else metadata
    for where, value in (("source_hash", change.after.visible("source_hash")), ("metadata.sha256", noted)):
        if value is not None and not (isinstance(value, str) and value.startswith(digest)):
            known = "unknown" if value is UNKNOWN else scrub(str(value))
            yield Concern(Kind.OTHER, change, f"its key ends in {digest}, and {where} is {known}")
