"""Models that are laid out in another way than this project does."""

from __future__ import annotations

from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from plan_review.places import ARTIFACT_TYPES, Key, Places, digest_of, places_of
from plan_review.review import Review
from tests.plan_review.conftest import document_of, read_document, review_of

Document = dict[str, Any]
BUCKET = "review-models"
SHA256 = "0123456789abcdef" * 4
PROVIDER = "registry.terraform.io/hashicorp/aws"


def resource(
    type_: str, name: str, before: Document | None, after: Document | None, index: str | None = None
) -> Document:
    actions = {(True, True): ["update"], (True, False): ["delete"], (False, True): ["create"]}
    both = (before is not None, after is not None)
    change = {"actions": ["no-op"] if before == after else actions[both], "before": before, "after": after}
    address = f"{type_}.{name}" + (f'["{index}"]' if index is not None else "")
    return {
        "address": address,
        "mode": "managed",
        "type": type_,
        "name": name,
        **({"index": index} if index is not None else {}),
        "provider_name": PROVIDER,
        "change": change | {"after_unknown": {}, "before_sensitive": {}, "after_sensitive": {}},
    }


def an_object(key: str, bucket: str = BUCKET, **more: Any) -> Document:
    return {"bucket": bucket, "key": key, "source": "a.tar.gz", **more}


def plan_of(*resources: Document) -> Document:
    return {"format_version": "1.2", "complete": True, "errored": False, "resource_changes": list(resources)}


def bucket(name: str = BUCKET) -> Document:
    values = {"bucket": name}
    return resource("aws_s3_bucket", "models", values, values)


def sagemaker_model(url: str, block: str = "primary_container") -> Document:
    values = {"name": "m", block: [{"image": "i", "mode": "MultiModel", "model_data_url": url}]}
    return resource("aws_sagemaker_model", "model", values, values)


def role_policy(arn: str, action: str = "s3:GetObject") -> Document:
    policy = f'{{"Statement": [{{"Effect": "Allow", "Action": "{action}", "Resource": "{arn}"}}]}}'
    values = {"name": "execution", "role": "r", "policy": policy}
    return resource("aws_iam_role_policy", "rights", values, values)


def judged(result: Review) -> tuple[Verdict, Severity, set[str]]:
    asking = {item.rule.id for item in result.findings if item.severity is not Severity.NOTE}
    return result.verdict, result.decision, asking


# Where the model lies, and what names that place in the plan of the endpoint's stack.
NAMED = {
    "below a prefix": ("artifacts/resnet.tar.gz", sagemaker_model(f"s3://{BUCKET}/artifacts/")),
    "below a prefix, no archive's name": ("artifacts/resnet", sagemaker_model(f"s3://{BUCKET}/artifacts/")),
    "below the whole bucket": ("resnet.tar.gz", sagemaker_model(f"s3://{BUCKET}")),
    "one of several containers": ("artifacts/resnet.tar.gz", sagemaker_model(f"s3://{BUCKET}/artifacts/", "container")),
    "beside the prefix": ("other/resnet.tar.gz", sagemaker_model(f"s3://{BUCKET}/artifacts/")),
    "in a role's bucket": ("artifacts/resnet.tar.gz", role_policy(f"arn:aws:s3:::{BUCKET}/*")),
    "in a role's bucket, every action": ("artifacts/resnet.tar.gz", role_policy(f"arn:aws:s3:::{BUCKET}/*", "s3:*")),
    "below models/": ("models/resnet.tar.gz", bucket("other")),
}


@pytest.mark.parametrize("type_", ARTIFACT_TYPES)
@pytest.mark.parametrize("place", sorted(NAMED))
def test_its_removal_is_the_loss_of_a_live_model(type_: str, place: str) -> None:
    key, named = NAMED[place]
    removed = resource(type_, "model", an_object(key), None, index="resnet")
    result = review_of(dev_models=plan_of(bucket(), removed), dev_endpoint=plan_of(named))
    assert judged(result) == (Verdict.OUTAGE, Severity.BLOCKED, {"live-model-removed"})
    (finding,) = result.findings
    assert finding.address == f'{type_}.model["resnet"]'


@pytest.mark.parametrize("place", sorted(NAMED))
@pytest.mark.parametrize(
    ("attribute", "before", "after"),
    [("etag", "1", "2"), ("source_hash", "1", "2"), ("content", "1", "2"), ("source", "a.tar.gz", "b.tar.gz")],
)
def test_its_change_in_place_overwrites_it(place: str, attribute: str, before: str, after: str) -> None:
    key, named = NAMED[place]
    values = an_object(key)
    changed = resource("aws_s3_object", "model", values | {attribute: before}, values | {attribute: after})
    result = review_of(dev_models=plan_of(bucket(), changed), dev_endpoint=plan_of(named))
    assert result.decision is Severity.BLOCKED
    assert "artifact-overwritten" in judged(result)[2]


def test_what_no_plan_names_is_not_known_to_be_a_model() -> None:
    removed = resource("aws_s3_object", "code", an_object("lambda/code.zip"), None)
    result = review_of(
        dev_models=plan_of(bucket(), removed), dev_endpoint=plan_of(sagemaker_model("s3://other/models/"))
    )
    assert judged(result) == (Verdict.OTHER, Severity.APPROVAL, {"resource-destroyed"})


def test_an_archive_beside_this_project_s_models_is_one() -> None:
    values = an_object(f"models/a/1-{SHA256[:16]}.tar.gz")
    kept = resource("aws_s3_object", "a", values, values)
    removed = resource("aws_s3_object", "b", an_object("b.tar.gz"), None)
    assert judged(review_of(dev_models=plan_of(bucket(), kept, removed)))[2] == {"live-model-removed"}


def test_a_static_object_is_no_earlier_version_of_the_model_of_its_name() -> None:
    """models/a.tar.gz is a TargetModel of its own, whatever versions lie below models/a/."""
    values = an_object(f"models/a/2-{SHA256[:16]}.tar.gz")
    kept = resource("aws_s3_object", "a", values, values)
    removed = resource("aws_s3_object", "b", an_object("models/a.tar.gz"), None)
    assert judged(review_of(dev_models=plan_of(bucket(), kept, removed)))[1] is Severity.BLOCKED


def test_a_newer_version_in_another_bucket_does_not_take_the_place_of_one() -> None:
    removed = resource("aws_s3_object", "a", an_object(f"models/a/1-{SHA256[:16]}.tar.gz"), None)
    added = resource("aws_s3_object", "b", None, an_object(f"models/a/2-{SHA256[:16]}.tar.gz", "theirs"))
    result = review_of(dev_models=plan_of(bucket(), removed, added))
    assert judged(result) == (Verdict.OUTAGE, Severity.BLOCKED, {"live-model-removed", "artifact-elsewhere"})


@pytest.mark.parametrize(
    ("key", "rules"),
    [
        (f"artifacts/resnet/2-{SHA256[:16]}.tar.gz", set()),
        (f"artifacts/resnet-{SHA256[:16]}.tar.gz", set()),
        ("artifacts/resnet.tar.gz", {"unhashed-name"}),
        (f"resnet/2-{SHA256[:16]}.tar.gz", {"artifact-elsewhere"}),
        # The prefix of this project is not the one of this endpoint.
        (f"models/resnet/2-{SHA256[:16]}.tar.gz", {"artifact-elsewhere"}),
    ],
)
def test_a_model_is_added_below_the_prefix_of_the_endpoint(key: str, rules: set[str]) -> None:
    added = resource("aws_s3_object", "model", None, an_object(key, source_hash=SHA256), index="resnet")
    endpoint = plan_of(sagemaker_model(f"s3://{BUCKET}/artifacts/"))
    verdict, _, found = judged(review_of(dev_models=plan_of(bucket(), added), dev_endpoint=endpoint))
    assert (verdict is Verdict.MODELS_ONLY, found) == (not rules, rules)


def test_places_of_this_project_s_plans() -> None:
    plans = [read_document(document_of(f"main/00-base/{stack}.plan"), stack) for stack in ("models", "endpoint")]
    name = "multi-model-local-models-123456789012-us-east-1"
    assert places_of(plans) == Places(frozenset({(name, "models/")}), frozenset({name}))


@pytest.mark.parametrize(
    ("key", "read"),
    [
        ("models/a/b/1-0123456789abcdef.tar.gz", Key("a/b", "1", "0123456789abcdef")),
        ("team/a/1-0123456789abcdef.tar.gz", Key("a", "1", "0123456789abcdef")),
        ("team/a.tar.gz", Key("a.tar.gz", "", "")),
        ("team/", Key("team/", "", "")),
        ("other/a.tar.gz", Key("other/a.tar.gz", "", "")),
        ("other/a.txt", None),
        (5, None),
    ],
)
def test_what_a_key_says(key: object, read: Key | None) -> None:
    places = Places(frozenset({("b", "team/")}), frozenset({"b"}))
    assert places.read("b", key) == read


@pytest.mark.parametrize(
    ("name", "digest"),
    [("a-0123abcd.tar.gz", "0123abcd"), ("a-abcdefab.tar.gz", None), ("a/12345678", "12345678"), ("a.tar.gz", None)],
)
def test_the_hash_that_a_name_ends_in(name: str, digest: str | None) -> None:
    assert digest_of(name) == digest
