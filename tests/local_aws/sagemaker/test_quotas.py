"""An account with quotas: what it refuses, in AWS's words, and what Service Quotas says of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from local_aws.settings import LocalAwsSettings
from tests.local_aws.account import Account, prepared_account, quick_local_aws

TYPE = "ml.m5.large"
TOTAL = "Number of instances across active endpoints"


@pytest.fixture(scope="module")
def new_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with quick_local_aws(tmp_path_factory.mktemp("quota"), quota={TYPE: 2, "ml.m5.xlarge": 1}) as aws:
        yield prepared_account(aws)


def exceeded(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**request)
    assert error.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    return error.value.response["Error"]["Message"]


def said(used: int, delta: int, limit: int = 2, kind: str = TYPE) -> str:
    return (
        f"The account-level service limit '{kind} for endpoint usage' is {limit} Instances, with current utilization "
        f"of {used} Instances and a request delta of {delta} Instances."
    )


def quota_of(account: Account, kind: str) -> dict[str, Any]:
    pages = account.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    names = (kind, f"{kind} for endpoint usage")
    return next(item for page in pages for item in page["Quotas"] if item["QuotaName"] in names)


def test_quotas_hold_for_all_that_adds_instances_until_they_are_raised(new_account: Account) -> None:
    sagemaker, model = new_account.sagemaker, new_account.create_model()
    one, three = new_account.create_config(model), new_account.create_config(model, InitialInstanceCount=3)
    accelerated = new_account.create_config(model, InstanceType="ml.g5.xlarge")
    assert exceeded(sagemaker.create_endpoint, EndpointName="big", EndpointConfigName=three).startswith(said(0, 3))
    assert exceeded(sagemaker.create_endpoint, EndpointName="fast", EndpointConfigName=accelerated).startswith(
        said(0, 1, 0, "ml.g5.xlarge")
    )
    endpoint = new_account.create_endpoint(one)
    # Instances that are starting count.
    assert exceeded(sagemaker.create_endpoint, EndpointName="big", EndpointConfigName=three).startswith(said(1, 3))
    new_account.await_settled(endpoint)
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}]
    scale = sagemaker.update_endpoint_weights_and_capacities
    assert exceeded(scale, EndpointName=endpoint, DesiredWeightsAndCapacities=wanted).startswith(said(1, 2))
    # A blue/green update has both fleets.
    wanted[0]["DesiredInstanceCount"] = 2
    scale(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
    new_account.await_settled(endpoint)
    assert exceeded(sagemaker.update_endpoint, EndpointName=endpoint, EndpointConfigName=one).startswith(said(2, 1))
    quota = quota_of(new_account, TYPE)
    assert quota["Value"] == 2
    new_account.client("service-quotas").request_service_quota_increase(
        ServiceCode="sagemaker", QuotaCode=quota["QuotaCode"], DesiredValue=3
    )
    assert quota_of(new_account, TYPE)["Value"] == 3
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=one)
    assert new_account.await_settled(endpoint)["EndpointStatus"] == "InService"
    assert "big" not in {item["EndpointName"] for item in sagemaker.list_endpoints()["Endpoints"]}


def test_service_quotas_agree(new_account: Account) -> None:
    assert quota_of(new_account, "ml.m5.xlarge")["Value"] == 1
    assert quota_of(new_account, "ml.g5.xlarge")["Value"] == 0
    assert quota_of(new_account, "ml.c5.xlarge")["Value"] == 20


def test_all_instances_together_have_a_quota(tmp_path: Path) -> None:
    with quick_local_aws(tmp_path, quota={"total": 2}) as aws:
        account = prepared_account(aws)
        model = account.create_model()
        one, other = account.create_config(model), account.create_config(model, InstanceType="ml.c5.large")
        account.create_endpoint(one)
        two = account.create_config(model, InstanceType="ml.c5.large", InitialInstanceCount=2)
        message = exceeded(account.sagemaker.create_endpoint, EndpointName="two", EndpointConfigName=two)
        assert message.startswith(
            f"The account-level service limit '{TOTAL}' is 2 Instances, with current utilization of 1 Instances and a "
            "request delta of 2 Instances."
        )
        account.create_endpoint(other)
        quota = quota_of(account, TOTAL)
        assert (quota["QuotaCode"], quota["Value"]) == ("L-7A3DF611", 2)
        account.client("service-quotas").request_service_quota_increase(
            ServiceCode="sagemaker", QuotaCode=quota["QuotaCode"], DesiredValue=4
        )
        account.create_endpoint(two)


def test_none_holds_where_none_is_given(account: Account) -> None:
    assert quota_of(account, "ml.g5.xlarge")["Value"] == 0
    endpoint, _ = account.serve(InstanceType="ml.g5.xlarge")
    account.sagemaker.delete_endpoint(EndpointName=endpoint)


@pytest.mark.parametrize("given", [["m5=2"], ["ml.m5.large"], ["ml.m5.large=many"], ["ml.m5.large=-1"]])
def test_wrong_settings(given: list[str]) -> None:
    with pytest.raises(ValidationError):
        LocalAwsSettings(quota=given)


def test_settings_as_on_the_command_line() -> None:
    assert LocalAwsSettings(quota=["ml.m5.large=2", "total=4"]).quota == {"ml.m5.large": 2, "total": 4}
