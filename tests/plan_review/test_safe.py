"""What is called safe, and what is not: plans of real Terraform with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from plan_review.review import Review, StackReview
from tests.plan_review.conftest import document_of, review_of

Document = dict[str, Any]
ADDED = "aws_s3_object.squeezenet_slot_3"
KEPT = "aws_s3_object.resnet"
DIGEST = "649af340ff89f574"
INVOCATION = {
    "address": "action.aws_lambda_invoke.wipe",
    "type": "aws_lambda_invoke",
    "name": "wipe",
    "config_values": {"function_name": "wipe-models"},
    "provider_name": "registry.terraform.io/hashicorp/aws",
    "invoke_action_trigger": {},
}
TRIGGERED = {key: value for key, value in INVOCATION.items() if key != "invoke_action_trigger"} | {
    "lifecycle_action_trigger": {
        "triggering_resource_address": KEPT,
        "action_trigger_event": "AfterUpdate",
        "action_trigger_block_index": 0,
        "actions_list_index": 0,
    }
}


def element(document: Document, address: str) -> Document:
    return next(item for item in document["resource_changes"] if item["address"] == address)


def block(document: Document, address: str) -> Document:
    resources = document["configuration"]["root_module"]["resources"]
    return next(item for item in resources if item["address"] == address)


def stack_of(document: Document) -> StackReview:
    return review_of(dev_models=document).stacks[0]


def asked(document: Document) -> tuple[Verdict, Severity, dict[str, str]]:
    """The verdict, the decision, and the rules that ask for something with the address of their finding."""
    stack = stack_of(document)
    rules = {item.rule.id: item.address for item in stack.findings if item.severity is not Severity.NOTE}
    return stack.verdict, stack.decision, rules


def test_the_plan_that_the_others_differ_from_is_safe() -> None:
    assert asked(document_of("model-added")) == (Verdict.MODELS_ONLY, Severity.NOTE, {})


@pytest.mark.parametrize("section", ["action_invocations", "deferred_action_invocations"])
@pytest.mark.parametrize("inside", [INVOCATION, TRIGGERED])
def test_a_plan_that_only_runs_an_action(section: str, inside: Document) -> None:
    deferred = section.startswith("deferred")
    document = {
        "format_version": "1.2",
        "terraform_version": "1.14.0",
        "applyable": True,
        "complete": True,
        "errored": False,
        "resource_changes": [],
        section: [{"reason": "unknown", "action_invocation": inside} if deferred else inside],
    }
    assert asked(document) == (Verdict.OTHER, Severity.APPROVAL, {"action-invoked": INVOCATION["address"]})
    (finding,) = stack_of(document).findings
    assert ("later apply" in finding.message) == deferred
    assert (f"by {KEPT} (AfterUpdate)" in finding.message) == (inside is TRIGGERED)


# What is done to the plan that adds a model: (edit, rule, address)
EDITS: dict[str, tuple[Callable[[Document], object], str, str]] = {
    "a section": (lambda d: d.update(bombs=[{"address": "x"}]), "unlisted-part", "section bombs"),
    "an empty section": (lambda d: d.update(bombs=None), "unlisted-part", "section bombs"),
    "an action": (lambda d: d.update(action_invocations=[INVOCATION]), "action-invoked", INVOCATION["address"]),
    "no array of actions": (lambda d: d.update(action_invocations=5), "action-invoked", "an action without an address"),
    "a deferred change": (
        lambda d: d.update(deferred_changes=[{"reason": "absent_prereq", "resource_change": {"address": "aws_x.y"}}]),
        "incomplete-plan",
        "aws_x.y",
    ),
    "a part of a resource": (lambda d: element(d, KEPT).update(side_effects=[]), "unlisted-part", KEPT),
    "a part of a change": (lambda d: element(d, ADDED)["change"].update(then="x"), "unlisted-part", ADDED),
    "a reason": (lambda d: element(d, ADDED).update(action_reason="on_a_whim"), "unlisted-part", ADDED),
    "an index that is unknown": (lambda d: element(d, ADDED).update(index_unknown=True), "unlisted-part", ADDED),
    "a mode": (lambda d: element(d, KEPT).update(mode="ephemeral"), "unlisted-part", KEPT),
    "a program as a data source": (
        lambda d: element(d, KEPT).update(
            mode="data",
            provider_name="registry.terraform.io/hashicorp/external",
            change=element(d, KEPT)["change"] | {"actions": ["read"]},
        ),
        "unlisted-part",
        KEPT,
    ),
    "an identity": (
        lambda d: element(d, KEPT)["change"].update(actions=["update"], before_identity={"a": 1}, after_identity={}),
        "unlisted-part",
        KEPT,
    ),
    "a provider's argument": (
        lambda d: d["configuration"]["provider_config"]["aws"].update(override="x"),
        "unlisted-part",
        "provider aws",
    ),
    "a provider": (
        lambda d: d["configuration"]["provider_config"].update(
            evil={"name": "evil", "full_name": "registry.terraform.io/evil/evil", "version_constraint": "1.0.0"}
        ),
        "provider-version",
        "provider registry.terraform.io/evil/evil",
    ),
    "the object's provider": (
        lambda d: element(d, ADDED).update(provider_name="registry.terraform.io/evil/aws"),
        "artifact-unproven",
        ADDED,
    ),
    "the provider's alias": (
        lambda d: block(d, ADDED).update(provider_config_key="aws.other"),
        "artifact-unproven",
        ADDED,
    ),
    "provisioners": (
        lambda d: block(d, ADDED).update(provisioners=[{"type": "local-exec"}]),
        "artifact-unproven",
        ADDED,
    ),
    "a key that another has": (
        lambda d: element(d, ADDED)["change"]["after"].update(
            {name: element(d, KEPT)["change"]["after"][name] for name in ("key", "source_hash", "metadata")}
        ),
        "artifact-unproven",
        ADDED,
    ),
    "the prefix": (
        lambda d: element(d, ADDED)["change"]["after"].update(key=f"backup/models/squeezenet/3-{DIGEST}.tar.gz"),
        "artifact-elsewhere",
        ADDED,
    ),
    "no hash in the key": (
        lambda d: element(d, ADDED)["change"]["after"].update(key="models/squeezenet/latest.tar.gz"),
        "unhashed-name",
        ADDED,
    ),
    "a hash in the metadata": (
        lambda d: element(d, ADDED)["change"]["after"]["metadata"].update(sha256="f" * 64),
        "artifact-unproven",
        ADDED,
    ),
    "content in the configuration": (
        lambda d: element(d, ADDED)["change"]["after"].update(content="hello"),
        "artifact-unproven",
        ADDED,
    ),
    "a key of KMS": (
        lambda d: element(d, ADDED)["change"]["after"].update(kms_key_id="arn:aws:kms:us-east-1:1:key/other"),
        "artifact-encryption",
        ADDED,
    ),
    "a redirect": (
        lambda d: element(d, ADDED)["change"]["after"].update(website_redirect="https://example.com"),
        "artifact-access",
        ADDED,
    ),
    "a class that is read at once": (
        lambda d: element(d, ADDED)["change"]["after"].update(storage_class="STANDARD_IA"),
        "artifact-storage-class",
        ADDED,
    ),
    "an argument of tomorrow": (
        lambda d: element(d, ADDED)["change"]["after"].update(replicate_to="elsewhere"),
        "artifact-unproven",
        ADDED,
    ),
}


@pytest.mark.parametrize("edit", sorted(EDITS))
def test_one_thing_more_asks_for_approval_and_is_named(edit: str) -> None:
    document = document_of("model-added")
    change, rule, address = EDITS[edit]
    change(document)
    verdict, decision, rules = asked(document)
    assert (verdict, decision) == (Verdict.OTHER, Severity.APPROVAL)
    assert rules == {rule: address}


@pytest.mark.parametrize("actions", [["create", "rename"], ["delete", "forget"], ["read"], [], ["explode"]])
def test_an_action_that_is_not_known_is_blocked(actions: list[str]) -> None:
    document = document_of("models-no-change")
    element(document, KEPT)["change"]["actions"] = actions
    assert asked(document)[1:] == (Severity.BLOCKED, {"unknown-action": KEPT})


def test_a_resource_that_is_called_unchanged_must_be() -> None:
    document = document_of("models-no-change")
    element(document, KEPT)["change"]["after"] = {"bucket": "other"}
    assert asked(document)[1:] == (Severity.BLOCKED, {"unknown-action": KEPT})


# In place, by attribute: (before, after, rule or None when it is safe, decision)
IN_PLACE: dict[str, tuple[Any, Any, str | None, Severity]] = {
    "tags": ({}, {"Owner": "vision"}, None, Severity.NOTE),
    "acl": ("", None, None, Severity.NOTE),
    "version_id": ("1", "2", "artifact-unproven", Severity.APPROVAL),
    "storage_class": ("STANDARD", "GLACIER", "artifact-storage-class", Severity.BLOCKED),
    "kms_key_id": (None, "arn:aws:kms:us-east-1:1:key/other", "artifact-encryption", Severity.APPROVAL),
    "object_lock_mode": (None, "COMPLIANCE", "artifact-lock", Severity.APPROVAL),
    "website_redirect": (None, "https://example.com", "artifact-access", Severity.APPROVAL),
    "cache_control": (None, "no-store", "artifact-unproven", Severity.APPROVAL),
    "source": ("a.tar.gz", "b.tar.gz", "artifact-unproven", Severity.APPROVAL),
}


@pytest.mark.parametrize("attribute", sorted(IN_PLACE))
def test_in_place_only_tags_and_metadata_are_safe(attribute: str) -> None:
    before, after, rule, decision = IN_PLACE[attribute]
    document = document_of("artifact-tagged")
    change = element(document, KEPT)["change"]
    change["after"] = change["before"] | {attribute: after}
    change["before"] = change["before"] | {attribute: before}
    _, found, rules = asked(document)
    assert found is decision
    assert (rule in rules) or rule is None
    assert rule is not None or rules == {}


def test_a_key_of_kms_that_goes_is_weaker_encryption() -> None:
    document = document_of("artifact-tagged")
    element(document, KEPT)["change"]["after"].update(server_side_encryption="AES256", kms_key_id=None)
    assert asked(document)[1] is Severity.BLOCKED
    assert "encryption-weakened" in asked(document)[2]


def test_metadata_may_change_but_not_the_hash_in_it() -> None:
    document = document_of("artifact-tagged")
    after = element(document, KEPT)["change"]["after"]
    after["metadata"] = after["metadata"] | {"team": "vision"}
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})
    after["source_hash"] = "0" * 64
    assert asked(document) == (Verdict.OUTAGE, Severity.BLOCKED, {"artifact-overwritten": KEPT})


def test_an_unknown_bucket_is_ours_when_the_reference_leads_there() -> None:
    document = document_of("model-added")
    change = element(document, ADDED)["change"]
    del change["after"]["bucket"]
    change["after_unknown"]["bucket"] = True
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})
    block(document, ADDED)["expressions"]["bucket"] = {"references": ["data.aws_s3_bucket.theirs.id"]}
    assert asked(document) == (Verdict.OTHER, Severity.APPROVAL, {"artifact-elsewhere": ADDED})


def test_a_key_that_ends_in_its_hash_is_enough() -> None:
    document = document_of("model-added")
    element(document, ADDED)["change"]["after"]["key"] = f"models/squeezenet-{DIGEST}.tar.gz"
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})


def output(before: Any, after: Any, **more: Any) -> Document:
    return {"actions": ["update"], "before": before, "after": after, "after_unknown": False, **more}


@pytest.mark.parametrize(
    ("change", "safe"),
    [
        (output(["resnet"], ["resnet", "squeezenet"]), True),
        (output({"a": "1"}, {"a": "1", "squeezenet": f"squeezenet/3-{DIGEST}.tar.gz"}), True),
        (output("s3://review-models/models/", "s3://other/models/"), False),
        (output(["resnet"], ["resnet", "squeezenet"], after_sensitive=True), False),
        (output(None, None, after_unknown=True), False),
        ("no change of an output", False),
    ],
)
def test_an_output_may_list_the_models(change: Any, safe: bool) -> None:
    document = document_of("model-added")
    document["output_changes"] = {"some_output": change}
    assert (asked(document)[:2] == (Verdict.MODELS_ONLY, Severity.NOTE)) == safe
    alone = document_of("models-no-change")
    alone["output_changes"] = {"some_output": change}
    assert asked(alone)[:2] == (Verdict.OTHER, Severity.APPROVAL)


def test_an_output_that_is_made_of_models_may_be_unknown() -> None:
    document = document_of("model-added")
    document["output_changes"] = {"versions": output(None, None, after_unknown=True)}
    document["configuration"]["root_module"]["outputs"] = {"versions": {"expression": {"references": [f"{ADDED}.arn"]}}}
    assert asked(document)[:2] == (Verdict.MODELS_ONLY, Severity.NOTE)


def test_forgetting_first_is_known() -> None:
    """OpenTofu's ["forget", "create"]: the object of before stays, under its own key."""
    document = document_of("model-new-version")
    (replaced,) = (item for item in document["resource_changes"] if item["change"]["actions"] != ["no-op"])
    replaced["change"]["actions"] = ["forget", "create"]
    verdict, decision, rules = asked(document)
    assert (verdict, decision) == (Verdict.MODELS_ONLY, Severity.APPROVAL)
    assert rules == {"resource-forgotten": replaced["address"]}
    assert [item.action.value for item in stack_of(document).models] == ["new version"]


def test_a_name_that_the_forgotten_one_has_is_taken() -> None:
    document = document_of("endpoint-configuration-same-name")
    (changed,) = (
        item
        for item in document["resource_changes"]
        if item["type"] == "aws_sagemaker_endpoint_configuration" and item["change"]["actions"] != ["no-op"]
    )
    changed["change"]["actions"] = ["forget", "create"]
    findings = {item.rule.id: item.message for item in review_of(dev_endpoint=document).findings}
    assert "while the forgotten one has that name" in findings["name-still-taken"]


def test_a_plan_that_terraform_does_not_apply_says_so(reviewed: Callable[..., Review]) -> None:
    document = document_of("model-added")
    document["applyable"] = False
    (finding,) = stack_of(document).findings
    assert (finding.rule.id, finding.severity) == ("incomplete-plan", Severity.NOTE)
    assert "applyable: false" in finding.message


@pytest.mark.parametrize("host", ["registry.terraform.io", "registry.opentofu.org"])
def test_the_same_provider_in_another_registry(host: str) -> None:
    document = document_of("model-added")
    source = f"{host}/hashicorp/aws"
    document["configuration"]["provider_config"]["aws"]["full_name"] = source
    for item in document["resource_changes"]:
        item["provider_name"] = source
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})


def test_a_provider_of_another_host_is_another() -> None:
    document = document_of("models-no-change")
    document["configuration"]["provider_config"]["aws"]["full_name"] = "mirror.example.com/hashicorp/aws"
    assert asked(document)[2] == {"provider-version": "provider mirror.example.com/hashicorp/aws"}
