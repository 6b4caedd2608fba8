"""Many objects are refreshed by listing their bucket; what has changed is asked for."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from local_aws.provider import object_listing
from local_aws.provider.object_listing import READS_BEFORE_LISTING, ObjectHeads, Refresh

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


class Bucket:
    """S3 as far as a refresh asks it, counting."""

    def __init__(self, keys: int) -> None:
        self.objects = {f"k{i}": self.head("e") for i in range(keys)}
        self.calls: Counter[str] = Counter()
        self.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:4566")

    @staticmethod
    def head(etag: str, changed: datetime = NOON) -> dict[str, Any]:
        return {"ETag": f'"{etag}"', "ContentLength": 1, "LastModified": changed}

    def get_paginator(self, name: str) -> "Bucket":
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str) -> list[dict[str, Any]]:
        self.calls["list"] += 1
        contents = [
            {"Key": key, "ETag": head["ETag"], "Size": head["ContentLength"], "LastModified": head["LastModified"]}
            for key, head in self.objects.items()
        ]
        return [{"Contents": contents[i : i + 10]} for i in range(0, len(contents), 10)] or [{}]

    def refresh(self, heads: ObjectHeads) -> None:
        """One Terraform step that reads every object."""
        refresh = Refresh(heads)
        for key in list(self.objects):
            if refresh.recall(self, "b", key) is None:
                self.calls["head"] += 1
                heads.remember((self.meta.endpoint_url, "b", key), self.objects[key])


def test_a_second_refresh_lists() -> None:
    bucket, heads = Bucket(100), ObjectHeads()
    bucket.refresh(heads)
    assert bucket.calls == {"head": 100, "list": 1}
    bucket.calls.clear()
    bucket.refresh(heads)
    assert bucket.calls == {"head": READS_BEFORE_LISTING, "list": 1}


def test_a_few_objects_are_not_worth_a_listing() -> None:
    bucket = Bucket(READS_BEFORE_LISTING)
    bucket.refresh(ObjectHeads())
    assert bucket.calls == {"head": READS_BEFORE_LISTING}


def test_what_has_changed_is_asked_for() -> None:
    bucket, heads = Bucket(100), ObjectHeads()
    bucket.refresh(heads)
    bucket.objects["k90"] = Bucket.head("other")
    bucket.objects["k91"] = Bucket.head("e", NOON + timedelta(seconds=1))
    bucket.objects["k92"] = Bucket.head("e") | {"ContentLength": 2}
    bucket.calls.clear()
    bucket.refresh(heads)
    assert bucket.calls["head"] == READS_BEFORE_LISTING + 3


def test_what_is_gone_is_asked_for() -> None:
    bucket, heads = Bucket(100), ObjectHeads()
    bucket.refresh(heads)
    del bucket.objects["k99"]
    refresh = Refresh(heads)
    for i in range(100):
        known = refresh.recall(bucket, "b", f"k{i}") is not None
        assert known == (READS_BEFORE_LISTING <= i < 99)


def test_a_bucket_with_too_many_other_keys(monkeypatch: Any) -> None:
    monkeypatch.setattr(object_listing, "MOST_PAGES", 5)
    bucket, heads = Bucket(100), ObjectHeads()
    bucket.refresh(heads)
    bucket.calls.clear()
    bucket.refresh(heads)
    assert bucket.calls == {"head": 100, "list": 1}


def test_the_oldest_heads_are_forgotten(monkeypatch: Any) -> None:
    monkeypatch.setattr(object_listing, "REMEMBERED_HEADS", 2)
    heads = ObjectHeads()
    for name in "abc":
        heads.remember(("u", "b", name), Bucket.head("e"))
    assert heads.recall(("u", "b", "a"), ("e", 1, int(NOON.timestamp()))) is None
    assert heads.recall(("u", "b", "c"), ("e", 1, int(NOON.timestamp()))) is not None
