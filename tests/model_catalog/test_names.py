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
        "models a-b, a.b, a_b: all would have the Terraform address aws_s3_object.a_b; rename all but one."
    ]


def test_an_address_that_belongs_to_another_models_versions_is_refused() -> None:
    [complaint] = name_complaints(["net", "net-slot-2"])
    assert "aws_s3_object.net_slot_2 belongs to the versions of net" in complaint
    assert name_complaints(["net-slot-2"]) == []
