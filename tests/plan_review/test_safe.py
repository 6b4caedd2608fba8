"""What is called safe, and what is not: plans of real Terraform with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from tests.plan_review.conftest import asked, document_of, element, review_of, stack_of

Document = dict[str, Any]
ADDED = "aws_s3_object.squeezenet_v3"
KEPT = "aws_s3_object.resnet_v1"
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


def test_a_plan_that_terraform_does_not_apply_says_so() -> None:
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


@pytest.mark.parametrize(
    ("actions", "name", "taken"),
    [
        (["create", "delete"], "review-0a1b2c3d4e5f", True),
        (["forget", "create"], "review-0a1b2c3d4e5f", True),
        (["delete", "create"], "review-0a1b2c3d4e5f", False),
        (["create", "delete"], "review-ffffffffffff", False),
    ],
)
def test_a_model_that_is_created_first_needs_another_name(actions: list[str], name: str, taken: bool) -> None:
    document = document_of("endpoint-no-change")
    (model,) = (item for item in document["resource_changes"] if item["type"] == "aws_sagemaker_model")
    model["change"] |= {"actions": actions, "after": model["change"]["after"] | {"name": name}}
    model["action_reason"] = "replace_because_tainted"
    found = {item.rule.id: item.message for item in review_of(dev_endpoint=document).findings}
    assert ("name-still-taken" in found) == taken


def test_the_same_name_of_another_role_s_policy_is_another() -> None:
    """A left-over of a role's policy does not hold the name of the same policy of another role."""
    document = document_of("endpoint-no-change")
    (policy,) = (item for item in document["resource_changes"] if item["type"] == "aws_iam_role_policy")
    values = policy["change"]["before"]
    created = {"actions": ["create"], "before": None, "after": values | {"role": "another"}}
    document["resource_changes"] += [
        policy | {"deposed": "0a1b2c3d", "change": policy["change"] | {"actions": ["delete"], "after": None}},
        policy | {"address": "aws_iam_role_policy.other", "change": policy["change"] | created},
    ]
    assert "name-still-taken" not in {item.rule.id for item in review_of(dev_endpoint=document).findings}
    created["after"] = values
    document["resource_changes"][-1]["change"] |= created
    assert "name-still-taken" in {item.rule.id for item in review_of(dev_endpoint=document).findings}
