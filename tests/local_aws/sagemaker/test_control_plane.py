"""The control plane's contract: the same cases in-process and over HTTP."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.account import BUCKET, ROLE, Account, unique
from tests.local_aws.sagemaker.conftest import IMAGE, Call, CallError

SOURCE = {
    "S3DataSource": {"S3Uri": f"s3://{BUCKET}/m/", "S3DataType": "S3Prefix", "CompressionType": "None"},
}
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


def container(**overrides: Any) -> dict[str, Any]:
    return {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": f"s3://{BUCKET}/models/", **overrides}


def one(hostname: str | None = None) -> dict[str, Any]:
    """A container without a model of SageMaker's."""
    return {"Image": IMAGE} if hostname is None else {"Image": IMAGE, "ContainerHostname": hostname}


def create_model(call: Call, **overrides: Any) -> str:
    name = unique("model")
    call("CreateModel", ModelName=name, PrimaryContainer=container(**overrides), ExecutionRoleArn=ROLE)
    return name


def variant(model: str, **overrides: Any) -> dict[str, Any]:
    return {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        **overrides,
    }


def create_config(call: Call, **overrides: Any) -> str:
    name = unique("config")
    call(
        "CreateEndpointConfig",
        EndpointConfigName=name,
        ProductionVariants=[variant(create_model(call), **overrides)],
    )
    return name


def create_endpoint(call: Call, config: str | None = None, **request: Any) -> str:
    name = unique("endpoint")
    call("CreateEndpoint", EndpointName=name, EndpointConfigName=config or create_config(call), **request)
    return name


def settled(call: Call, endpoint: str) -> dict[str, Any]:
    for _ in range(600):
        description = call("DescribeEndpoint", EndpointName=endpoint)
        if description["EndpointStatus"] not in ("Creating", "Updating", "RollingBack"):
            return description
        time.sleep(0.02)
    raise TimeoutError(endpoint)


def gone(call: Call, endpoint: str) -> bool:
    for _ in range(600):
        try:
            call("DescribeEndpoint", EndpointName=endpoint)
        except CallError as error:
            assert error.message == f'Could not find endpoint "{ARN}:endpoint/{endpoint}".'
            return True
        time.sleep(0.02)
    return False


class TestModels:
    def test_describe_gives_back_what_was_given_and_no_more(self, call: Call) -> None:
        name = create_model(call)
        description = call("DescribeModel", ModelName=name)
        description.pop("CreationTime")
        assert description == {
            "ModelName": name,
            "ModelArn": f"{ARN}:model/{name}",
            "PrimaryContainer": container(),
            "ExecutionRoleArn": ROLE,
            "EnableNetworkIsolation": False,
        }

    def test_describe_gives_back_every_argument(self, call: Call) -> None:
        given = container(Environment={"A": "1"}, MultiModelConfig={"ModelCacheSetting": "Disabled"})
        vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
        name = unique("model")
        call(
            "CreateModel",
            ModelName=name,
            Containers=[given],
            ExecutionRoleArn=ROLE,
            VpcConfig=vpc,
            EnableNetworkIsolation=True,
        )
        description = call("DescribeModel", ModelName=name)
        assert description["Containers"] == [given]
        assert description["VpcConfig"] == vpc
        assert description["EnableNetworkIsolation"] is True

    @pytest.mark.parametrize(
        ("overrides", "message"),
        [
            ({"Image": IMAGE + "0"}, f"Requested image {IMAGE}0 not found."),
            ({"Mode": "SingleModel"}, "names no archive"),
            (
                {"Mode": "SingleModel", "ModelDataUrl": f"s3://{BUCKET}/none.tar.gz"},
                "Could not find model data at s3://",
            ),
            ({"ModelDataSource": SOURCE}, "ModelDataSource is not supported for a container in MultiModel mode"),
            ({"Mode": "SingleModel", "ModelDataSource": SOURCE}, "takes no ModelDataSource"),
            ({"ModelDataUrl": f"s3://{BUCKET}/models/one.tar.gz"}, "names one archive"),
            ({"ModelDataUrl": "https://bucket/models/"}, "is not an S3 location"),
            ({"ModelDataUrl": "s3://no-such-bucket/models/"}, "Could not access model data at s3://no-such-bucket"),
        ],
    )
    def test_wrong_container(self, call: Call, overrides: dict[str, Any], message: str) -> None:
        with pytest.raises(CallError) as error:
            create_model(call, **overrides)
        assert error.value.code == "ValidationException"
        assert message in error.value.message

    def test_unknown_role(self, call: Call) -> None:
        with pytest.raises(CallError, match=f'Please ensure that the role "{ROLE}2" exists'):
            call("CreateModel", ModelName="m", PrimaryContainer=container(), ExecutionRoleArn=ROLE + "2")

    @pytest.mark.parametrize(
        ("containers", "mode", "message"),
        [
            ([container(), container()], "Serial", "Only one container of an inference pipeline may be in MultiModel"),
            ([one("a"), one()], "Serial", "for every container, or for none"),
            ([one("a"), one("a")], "Serial", "must be unique"),
            ([one(), one()], "Direct", "takes a ContainerHostname for every container"),
            ([one("a")], "Direct", "takes more than one container"),
            ([one("a"), container(ContainerHostname="b")], "Direct", "no container in MultiModel mode with Direct"),
        ],
    )
    def test_wrong_pipeline(self, call: Call, containers: list[dict[str, Any]], mode: str, message: str) -> None:
        with pytest.raises(CallError, match=message):
            call(
                "CreateModel",
                ModelName="m",
                Containers=containers,
                InferenceExecutionConfig={"Mode": mode},
                ExecutionRoleArn=ROLE,
            )

    def test_one_container_or_several(self, call: Call) -> None:
        for given in ({}, {"PrimaryContainer": one(), "Containers": [one()]}):
            with pytest.raises(CallError, match="PrimaryContainer"):
                call("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, **given)

    def test_name_is_taken(self, call: Call) -> None:
        name = create_model(call)
        with pytest.raises(CallError) as error:
            call("CreateModel", ModelName=name, PrimaryContainer=container(), ExecutionRoleArn=ROLE)
        assert error.value.message == f'Cannot create already existing model "{ARN}:model/{name}".'

    def test_delete(self, call: Call) -> None:
        name = create_model(call)
        call("DeleteModel", ModelName=name)
        for operation in ("DescribeModel", "DeleteModel"):
            with pytest.raises(CallError) as error:
                call(operation, ModelName=name)
            assert error.value.message == f'Could not find model "{ARN}:model/{name}".'


class TestEndpointConfigs:
    def test_describe_gives_back_what_was_given_and_no_more(self, call: Call) -> None:
        model = create_model(call)
        name = unique("config")
        call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant(model)])
        description = call("DescribeEndpointConfig", EndpointConfigName=name)
        description.pop("CreationTime")
        assert description == {
            "EndpointConfigName": name,
            "EndpointConfigArn": f"{ARN}:endpoint-config/{name}",
            "ProductionVariants": [{**variant(model), "InitialVariantWeight": 1.0}],
        }

    def test_weight_of_zero_is_kept(self, call: Call) -> None:
        name = create_config(call, InitialVariantWeight=0)
        description = call("DescribeEndpointConfig", EndpointConfigName=name)
        assert description["ProductionVariants"][0]["InitialVariantWeight"] == 0

    def test_unknown_model(self, call: Call) -> None:
        with pytest.raises(CallError) as error:
            call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant("no-such-model")])
        assert error.value.message == f'Could not find model "{ARN}:model/no-such-model".'

    @pytest.mark.parametrize(
        ("request_members", "message"),
        [
            (
                {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/p"}}},
                "runs no endpoints with AsyncInferenceConfig",
            ),
            ({"ProductionVariants": [variant("m"), variant("m")]}, "Variant names must be unique"),
        ],
    )
    def test_what_is_not_run_here(self, call: Call, request_members: dict[str, Any], message: str) -> None:
        with pytest.raises(CallError, match=message):
            call(
                "CreateEndpointConfig",
                **{"EndpointConfigName": "c", "ProductionVariants": [variant("m")], **request_members},
            )

    def test_serverless_is_refused(self, call: Call) -> None:
        with pytest.raises(CallError, match="the local AWS runs no serverless variants"):
            create_config(call, ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 1})


class TestEndpoints:
    def test_create(self, call: Call) -> None:
        config = create_config(call, InitialInstanceCount=2)
        endpoint = create_endpoint(call, config)
        description = settled(call, endpoint)
        assert description["EndpointStatus"] == "InService"
        assert description["EndpointConfigName"] == config
        assert description["EndpointArn"] == f"{ARN}:endpoint/{endpoint}"
        assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 2
        assert description["ProductionVariants"][0]["DeployedImages"][0]["SpecifiedImage"] == IMAGE
        absent = {"FailureReason", "LastDeploymentConfig", "PendingDeploymentSummary", "DataCaptureConfig"}
        assert not absent & description.keys()

    def test_unknown_config(self, call: Call) -> None:
        with pytest.raises(CallError) as error:
            create_endpoint(call, "no-such-config")
        message = f'Could not find endpoint configuration "{ARN}:endpoint-config/no-such-config".'
        assert (error.value.code, error.value.message) == ("ValidationException", message)

    def test_name_is_taken(self, call: Call) -> None:
        config = create_config(call)
        endpoint = create_endpoint(call, config)
        with pytest.raises(CallError, match="Cannot create already existing endpoint"):
            call("CreateEndpoint", EndpointName=endpoint, EndpointConfigName=config)

    def test_names_are_the_same_in_any_case(self, call: Call) -> None:
        config = create_config(call)
        endpoint = unique("Endpoint")
        created = call("CreateEndpoint", EndpointName=endpoint, EndpointConfigName=config.upper())
        assert created["EndpointArn"] == f"{ARN}:endpoint/{endpoint.lower()}"
        with pytest.raises(CallError, match="Cannot create already existing endpoint"):
            call("CreateEndpoint", EndpointName=endpoint.upper(), EndpointConfigName=config)
        description = settled(call, endpoint.lower())
        assert (description["EndpointName"], description["EndpointConfigName"]) == (endpoint, config)
        call("AddTags", ResourceArn=created["EndpointArn"], Tags=[{"Key": "a", "Value": "b"}])
        assert call("ListTags", ResourceArn=description["EndpointArn"])["Tags"]

    def test_update_switches_the_configuration(self, call: Call) -> None:
        endpoint = create_endpoint(call)
        settled(call, endpoint)
        config = create_config(call)
        deployment = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": _all_at_once()}}
        call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=deployment)
        description = settled(call, endpoint)
        assert description["EndpointStatus"] == "InService"
        assert description["EndpointConfigName"] == config
        assert description["LastDeploymentConfig"] == deployment

    def test_configuration_in_use_can_go_and_then_blocks_updates(self, call: Call) -> None:
        old = create_config(call)
        endpoint = create_endpoint(call, old)
        settled(call, endpoint)
        call("DeleteEndpointConfig", EndpointConfigName=old)
        assert settled(call, endpoint)["EndpointConfigName"] == old
        with pytest.raises(CallError) as error:
            call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=create_config(call))
        assert error.value.message == f'Could not find endpoint configuration "{ARN}:endpoint-config/{old}".'

    def test_weights_and_capacities(self, call: Call) -> None:
        endpoint = create_endpoint(call)
        settled(call, endpoint)
        desired = {"VariantName": "AllTraffic", "DesiredInstanceCount": 3, "DesiredWeight": 0.5}
        call("UpdateEndpointWeightsAndCapacities", EndpointName=endpoint, DesiredWeightsAndCapacities=[desired])
        found = settled(call, endpoint)["ProductionVariants"][0]
        assert (found["CurrentInstanceCount"], found["CurrentWeight"]) == (3, 0.5)

    @pytest.mark.parametrize(("retain", "count"), [(True, 2), (False, 1)])
    def test_update_resets_the_instance_count_unless_told_to_retain_it(
        self, call: Call, retain: bool, count: int
    ) -> None:
        endpoint = create_endpoint(call)
        settled(call, endpoint)
        desired = {"VariantName": "AllTraffic", "DesiredInstanceCount": 2}
        call("UpdateEndpointWeightsAndCapacities", EndpointName=endpoint, DesiredWeightsAndCapacities=[desired])
        settled(call, endpoint)
        call(
            "UpdateEndpoint",
            EndpointName=endpoint,
            EndpointConfigName=create_config(call),
            RetainAllVariantProperties=retain,
        )
        assert settled(call, endpoint)["ProductionVariants"][0]["CurrentInstanceCount"] == count

    def test_delete(self, call: Call) -> None:
        endpoint = create_endpoint(call)
        settled(call, endpoint)
        call("DeleteEndpoint", EndpointName=endpoint)
        assert gone(call, endpoint)


class TestTags:
    def test_of_every_resource(self, call: Call) -> None:
        first, second = {"Key": "team", "Value": "a"}, {"Key": "empty", "Value": ""}
        model = unique("model")
        created = call(
            "CreateModel", ModelName=model, PrimaryContainer=container(), ExecutionRoleArn=ROLE, Tags=[first]
        )
        config = call(
            "CreateEndpointConfig",
            EndpointConfigName=unique("config"),
            ProductionVariants=[variant(model)],
            Tags=[first],
        )
        endpoint = create_endpoint(call, Tags=[first])
        settled(call, endpoint)
        for arn in (created["ModelArn"], config["EndpointConfigArn"], f"{ARN}:endpoint/{endpoint}"):
            assert call("ListTags", ResourceArn=arn)["Tags"] == [first]
            assert call("AddTags", ResourceArn=arn, Tags=[second])["Tags"] == [first, second]
            call("DeleteTags", ResourceArn=arn, TagKeys=["team"])
            assert call("ListTags", ResourceArn=arn)["Tags"] == [second]

    def test_of_nothing(self, call: Call) -> None:
        with pytest.raises(CallError, match="Could not find model"):
            call("ListTags", ResourceArn=f"{ARN}:model/no-such-model")

    def test_go_with_their_resource(self, call: Call) -> None:
        name = unique("model")
        request = {"ModelName": name, "PrimaryContainer": container(), "ExecutionRoleArn": ROLE}
        arn = call("CreateModel", **request, Tags=[{"Key": "old", "Value": "1"}])["ModelArn"]
        call("DeleteModel", ModelName=name)
        call("CreateModel", **request)
        assert call("ListTags", ResourceArn=arn)["Tags"] == []


class TestLists:
    def test_pages_filters_and_order(self, call: Call) -> None:
        marker = unique("listed")
        names = [f"{marker}-{number}" for number in range(5)]
        for name in names:
            call("CreateModel", ModelName=name, PrimaryContainer=container(), ExecutionRoleArn=ROLE)
        found, token = [], {}
        while True:
            page = call("ListModels", NameContains=marker, SortBy="Name", SortOrder="Ascending", MaxResults=2, **token)
            assert len(page["Models"]) <= 2
            found += [model["ModelName"] for model in page["Models"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert found == names
        newest = call("ListModels", NameContains=marker, MaxResults=1)["Models"]
        assert newest[0]["ModelName"] == names[-1]

    def test_endpoints_by_status(self, call: Call) -> None:
        endpoint = create_endpoint(call)
        settled(call, endpoint)
        assert call("ListEndpoints", NameContains=endpoint, StatusEquals="InService")["Endpoints"]
        assert not call("ListEndpoints", NameContains=endpoint, StatusEquals="Failed")["Endpoints"]

    def test_invented_token(self, call: Call) -> None:
        with pytest.raises(CallError, match="Invalid pagination token"):
            call("ListModels", NextToken="?")


class TestValidation:
    def test_every_violation_is_reported_at_once(self, call: Call) -> None:
        with pytest.raises(CallError) as error:
            call(
                "CreateEndpointConfig",
                EndpointConfigName="under_score",
                ProductionVariants=[
                    {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.huge", "InitialInstanceCount": 0}
                ],
            )
        assert error.value.code == "ValidationException"
        assert error.value.message.startswith("3 validation errors detected: ")
        assert (
            "Value 'under_score' at 'endpointConfigName' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
        ) in error.value.message
        assert (
            "Value 'ml.huge' at 'productionVariants.1.member.instanceType' failed to satisfy constraint: "
            "Member must satisfy enum value set: ["
        ) in error.value.message
        assert (
            "Value '0' at 'productionVariants.1.member.initialInstanceCount' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        ) in error.value.message

    def test_missing_member(self, call: Call) -> None:
        with pytest.raises(CallError) as error:
            call("DescribeEndpoint")
        assert error.value.message == (
            "1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: "
            "Member must not be null"
        )

    def test_unknown_operation(self, in_process: Any) -> None:
        with pytest.raises(CallError, match="CreateTrainingJob is not part of the local AWS") as error:
            in_process.call("CreateTrainingJob")
        assert error.value.code == "UnknownOperationException"

    def test_wrong_type(self, in_process: Any) -> None:
        with pytest.raises(CallError, match="modelName: expected string, got int") as error:
            in_process.call("DescribeModel", ModelName=1)
        assert error.value.code == "SerializationException"


class TestRegions:
    """The control plane in another region: it has nothing, and says so."""

    @pytest.fixture
    def elsewhere(self, account: Account) -> Any:
        session = account.aws.session("eu-west-1")
        return session.client("sagemaker", endpoint_url=account.url)

    def test_lists_are_empty(self, account: Account, elsewhere: Any) -> None:
        account.create_config(account.create_model())
        assert elsewhere.list_models()["Models"] == []
        assert elsewhere.list_endpoint_configs()["EndpointConfigs"] == []
        assert elsewhere.list_endpoints()["Endpoints"] == []

    def test_nothing_is_found(self, account: Account, elsewhere: Any) -> None:
        model = account.create_model()
        with pytest.raises(ClientError) as error:
            elsewhere.describe_model(ModelName=model)
        arn = f"arn:aws:sagemaker:eu-west-1:123456789012:model/{model}"
        assert error.value.response["Error"]["Code"] == "ValidationException"
        assert error.value.response["Error"]["Message"] == f'Could not find model "{arn}".'

    def test_nothing_can_be_created(self, elsewhere: Any) -> None:
        with pytest.raises(ClientError, match="has SageMaker in us-east-1 only; this request is signed for eu-west-1"):
            elsewhere.create_endpoint(EndpointName="e", EndpointConfigName="c")


def _all_at_once() -> dict[str, Any]:
    return {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
