"""An endpoint on the fake container with two models, of which one fits."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.local_aws.account import Account

NASTY = "<img src=x onerror=document.title='broken'>"
"""A model's name that a careless page would take for markup."""


@dataclass(frozen=True)
class Stage:
    account: Account
    endpoint: str
    prefix: str


@pytest.fixture(scope="module")
def stage(account: Account) -> Iterator[Stage]:
    endpoint, prefix = account.serve(environment={"FAKE_CAPACITY": "2"})
    for name in ("first", "second", NASTY):
        account.put_model(prefix, name)
    account.put_model(prefix, "wrong", invoke_status=500)
    for name in ("first", "first", "second"):
        account.invoke(endpoint, name, json.dumps({}).encode())
    yield Stage(account, endpoint, prefix)
    account.sagemaker.delete_endpoint(EndpointName=endpoint)
