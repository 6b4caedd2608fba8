"""Refreshing thousands of objects without a HeadObject for each.

What HeadObject said of an object holds as long as a listing shows the same ETag, size and time of change. So a refresh
that reads many objects of one bucket lists the bucket once, and asks for the heads only of what has changed since they
were last read. Tags can change without any of that, so they are not remembered.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient

# A listing page of a thousand keys costs as much as this many heads.
READS_BEFORE_LISTING = 40
MOST_PAGES = 50
REMEMBERED_HEADS = 50_000
Fingerprint = tuple[str, int, int]


def head_fingerprint(head: Mapping[str, Any]) -> Fingerprint:
    return head["ETag"].strip('"'), head["ContentLength"], int(head["LastModified"].timestamp())


def _listed_fingerprint(entry: Mapping[str, Any]) -> Fingerprint:
    return entry["ETag"].strip('"'), entry["Size"], int(entry["LastModified"].timestamp())


class ObjectHeads:
    """The heads last read, by endpoint, bucket and key; the least recently used are forgotten."""

    def __init__(self) -> None:
        self._heads: OrderedDict[tuple[str, str, str], Mapping[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, key: tuple[str, str, str], head: Mapping[str, Any]) -> None:
        with self._lock:
            self._heads[key] = head
            self._heads.move_to_end(key)
            while len(self._heads) > REMEMBERED_HEADS:
                self._heads.popitem(last=False)

    def recall(self, key: tuple[str, str, str], fingerprint: Fingerprint) -> Mapping[str, Any] | None:
        with self._lock:
            head = self._heads.get(key)
        return head if head is not None and head_fingerprint(head) == fingerprint else None


@dataclass
class _Bucket:
    reads: int = 0
    listed: Mapping[str, Fingerprint] | None = None
    is_too_large: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Refresh:
    """The listings of one Terraform step (one connection): never older than the step itself."""

    def __init__(self, heads: ObjectHeads) -> None:
        self._heads = heads
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._lock = threading.Lock()

    def recall(self, client: BaseClient, bucket: str, key: str) -> Mapping[str, Any] | None:
        """The head of an object that has not changed since it was last read; None: ask for it."""
        url = client.meta.endpoint_url
        with self._lock:
            state = self._buckets.setdefault((url, bucket), _Bucket())
        with state.lock:
            state.reads += 1
            if state.reads <= READS_BEFORE_LISTING or state.is_too_large:
                return None
            if state.listed is None:
                state.listed = self._list(client, bucket)
                state.is_too_large = state.listed is None
        fingerprint = (state.listed or {}).get(key)
        return None if fingerprint is None else self._heads.recall((url, bucket, key), fingerprint)

    @staticmethod
    def _list(client: BaseClient, bucket: str) -> Mapping[str, Fingerprint] | None:
        listed: dict[str, Fingerprint] = {}
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for number, page in enumerate(pages):
            if number >= MOST_PAGES:
                return None
            listed |= {entry["Key"]: _listed_fingerprint(entry) for entry in page.get("Contents", ())}
        return listed
