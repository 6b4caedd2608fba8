import pytest

from operations.account_check.capacity import SCALING_ROLE, check_quota, check_scaling_role, instances_needed
from stacks.settings import EnvironmentSettings
from tests.operations.account_check.conftest import SETTINGS

SCALING = {
    "minimum_instance_count": 2,
    "maximum_instance_count": 6,
    "target_invocations_per_instance_per_minute": 100,
}


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({}, (1, 2)),
        ({"initial_instance_count": 3}, (3, 6)),
        ({"initial_instance_count": 2, "auto_scaling": SCALING}, (6, 12)),
        ({"initial_instance_count": 5, "deployment": {"policy": "rolling", "step_percent": 50}}, (5, 8)),
        ({"initial_instance_count": 2, "shards": {"count": 3}}, (6, 8)),
    ],
)
def test_the_instances_of_an_update(settings, needed):
    assert instances_needed(EnvironmentSettings(**SETTINGS, **settings)) == needed


def test_a_quota_that_is_enough(account_of):
    (found,) = check_quota(account_of())
    assert found.line == "ok       quota: ml.m5.large for endpoint usage is 20, 2 are needed during an update"


def test_a_new_account_s_quota_and_the_command_that_raises_it(account_of, client):
    account = account_of(instance_type="ml.p3.2xlarge")
    (found,) = check_quota(account)
    assert (found.status, found.text) == (
        "problem",
        "ml.p3.2xlarge for endpoint usage is 0, the usual value of a new account, and 2 are needed",
    )
    assert found.advice.startswith("aws service-quotas request-service-quota-increase --service-code sagemaker ")
    words = found.advice.split()
    code, value = words[words.index("--quota-code") + 1], float(words[words.index("--desired-value") + 1])
    for wanted, status in ((1.0, "problem"), (value, "ok")):
        client("service-quotas").request_service_quota_increase(
            ServiceCode="sagemaker", QuotaCode=code, DesiredValue=wanted
        )
        (found,) = check_quota(account)
        assert found.status == status
        if wanted == 1.0:
            assert found.text.endswith("is 1: enough to serve (1), not for an update of the full fleet (2)")


def test_a_quota_without_a_value_of_the_account_s_own_has_the_default(account_of, answer):
    answer(ListServiceQuotas={"Quotas": []})
    (found,) = check_quota(account_of())
    assert found.status == "ok"


def test_an_instance_type_without_a_quota(account_of, answer):
    answer(ListServiceQuotas={"Quotas": []}, ListAWSDefaultServiceQuotas={"Quotas": []})
    (found,) = check_quota(account_of())
    assert (found.status, found.text) == ("problem", "Service Quotas knows no ml.m5.large for endpoint usage")


def test_the_scaling_role(account_of, client):
    assert list(check_scaling_role(account_of())) == []
    account = account_of(initial_instance_count=2, auto_scaling=SCALING)
    (found,) = check_scaling_role(account)
    assert found.status == "note"
    service = found.advice.split()[-1]
    client("iam").create_service_linked_role(AWSServiceName=service, CustomSuffix="x")
    client("iam").create_role(RoleName=SCALING_ROLE, AssumeRolePolicyDocument="{}")
    (found,) = check_scaling_role(account)
    assert (found.status, found.text) == ("ok", f"{SCALING_ROLE} exists")
