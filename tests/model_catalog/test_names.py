import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_catalog.names import name_complaints, terraform_identifier


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("squeezenet", "squeezenet"),
        ("resnet-18.v1", "resnet_18_v1"),
        ("tenant-a/net", "tenant_a_net"),
        ("3d", "model_3d"),
        ("A_b", "A_b"),
    ],
)
def test_identifiers_are_readable(name: str, identifier: str) -> None:
    assert terraform_identifier(name) == identifier


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}(/[a-z0-9]{1,3})?\Z"))
def test_every_allowed_name_has_a_valid_identifier(name: str) -> None:
    assert name_complaints([name]) == []
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", terraform_identifier(name))


@pytest.mark.parametrize("name", ["", " a", "-a", "a//b", "/a", "a/", "ä", "a b", "../a", "a" * 201, "a\n"])
def test_other_names_are_refused(name: str) -> None:
    [complaint] = name_complaints([name])
    assert repr(name) in complaint


def test_names_that_terraform_cannot_tell_apart_are_named_together() -> None:
    assert name_complaints(["b", "a.b", "a-b", "a_b"]) == [
        "models a-b, a.b, a_b: their versions would have the same Terraform addresses, such as aws_s3_object.a_b_v1; "
        "rename all but one."
    ]


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(st.from_regex(r"\A[1a](_v[1-3]|-v[12]|b){0,3}\Z"), min_size=2, max_size=6, unique=True))
def test_no_two_versions_of_names_that_are_told_apart_share_an_address(names: list[str]) -> None:
    if name_complaints(names):
        return
    addresses = [f"{terraform_identifier(name)}_v{number}" for name in names for number in range(1, 4)]
    assert len(set(addresses)) == len(addresses)
