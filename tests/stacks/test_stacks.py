"""What must hold of every environment's stacks, and how they answer to changes."""

import base64
import inspect
import ipaddress
import json
import re
from urllib.parse import urlsplit

import pytest

from model_catalog.lock import Lock, Model
from stacks.aws_bindings import AwsProviderEndpoints
from tests.stacks.conftest import CONTEXT_HASH, ENVIRONMENTS, FULL, SMALL, changed, copied, version

REAL = ("small", "full")
EVERY = ("local", *REAL)


def resource(stack: dict, address: str) -> dict:
    type_, name = address.split(".")
    return stack["resource"][type_][name]


def is_loopback(url: str) -> bool:
    return ipaddress.ip_address(urlsplit(url).hostname).is_loopback


def endpoint_names(stacks: dict, environment: str = "dev") -> tuple[str, str, str]:
    stack = stacks[f"{environment}-endpoint"]
    return tuple(
        resource(stack, address)["name"]
        for address in (
            "aws_sagemaker_model.model",
            "aws_sagemaker_endpoint_configuration.endpoint_configuration",
            "aws_sagemaker_endpoint.endpoint",
        )
    )


class TestEveryStack:
    def test_no_path_is_absolute(self, stacks):
        for stack in stacks.values():
            assert not re.search(r'"(/[a-z]+)+/?"', re.sub(r'"/aws/sagemaker/[^"]*"', "", json.dumps(stack)))

    def test_an_account_other_than_the_settings_is_refused(self, stacks):
        for name, stack in stacks.items():
            (provider,) = stack["provider"]["aws"]
            if not name.startswith("local"):
                assert provider["allowed_account_ids"] == [ENVIRONMENTS[name.split("-")[0]]["account_id"]]
                assert "endpoints" not in provider and "access_key" not in provider

    def test_the_state_is_encrypted_and_locked_under_a_key_of_its_own(self, stacks):
        remote = {name: stack["terraform"]["backend"].get("s3") for name, stack in stacks.items()}
        for name, backend in remote.items():
            if backend is not None:
                assert backend["encrypt"] and backend["use_lockfile"]
                assert backend["key"] == f"{name}/terraform.tfstate"
        assert sorted(name for name, backend in remote.items() if backend is None) == ["local-state"]
        assert stacks["local-state"]["terraform"]["backend"]["local"]["path"] == (
            "../../../terraform.local-state.tfstate"
        )

    def test_stacks_do_not_depend_on_each_other(self, stacks):
        text = json.dumps(stacks)
        assert "terraform_remote_state" not in text
        assert all("data" not in stack for stack in stacks.values())

    def test_the_local_environment_stays_on_this_machine(self, stacks):
        urls = set(re.findall(r"https?://[^\"]+", json.dumps({n: s for n, s in stacks.items() if n.startswith("local")})))  # fmt: skip # noqa: E501
        assert urls == {"http://127.0.0.1:4566"}
        for name in ("state", "image", "models", "endpoint"):
            stack = stacks[f"local-{name}"]
            (provider,) = stack["provider"]["aws"]
            assert not {"access_key", "secret_key", "profile"} & set(provider)
            types = {type_.split("_")[1] for type_ in stack["resource"] if type_.startswith("aws_")}
            services = {"appautoscaling": "applicationautoscaling", "cloudwatch": "cloudwatch"}
            (endpoints,) = provider["endpoints"]
            assert {services.get(type_, type_) for type_ in types} | {"s3control", "sts"} <= set(endpoints)

    @pytest.mark.parametrize("stack", ["state", "image", "models", "endpoint"])
    def test_no_service_that_the_provider_knows_leads_off_this_machine(self, stacks, stack):
        (provider,) = stacks[f"local-{stack}"]["provider"]["aws"]
        (endpoints,) = provider["endpoints"]
        parameters = set(inspect.signature(AwsProviderEndpoints.__init__).parameters) - {"self"}
        services = {name.replace("_", "") for name in parameters}
        assert len(services) > 300 and set(endpoints) <= services
        proxied = all(is_loopback(provider[name]) for name in ("http_proxy", "https_proxy"))
        # Given, it takes the place of NO_PROXY; a host that it names is reached without the proxy.
        direct = provider["no_proxy"].split(",")
        assert all(is_loopback(f"http://{host}") for host in direct)
        for service in sorted(services):
            # An endpoint on loopback is reached through the proxy as well where the SDK puts a name before its host.
            assert proxied and is_loopback(endpoints.get(service, provider["https_proxy"])), service


class TestBuckets:
    @pytest.mark.parametrize("bucket", ["state", "models"])
    @pytest.mark.parametrize("environment", EVERY)
    def test_private_versioned_encrypted(self, stacks, environment, bucket):
        stack = stacks[f"{environment}-{bucket}"]
        id_ = f"{bucket}_bucket"
        closed = resource(stack, f"aws_s3_bucket_public_access_block.{id_}_public_access")
        assert [value for key, value in closed.items() if key.startswith(("block_", "ignore_", "restrict_"))] == [True] * 4  # fmt: skip # noqa: E501
        versioning = resource(stack, f"aws_s3_bucket_versioning.{id_}_versioning")
        assert versioning["versioning_configuration"] == {"status": "Enabled"}
        rule = resource(stack, f"aws_s3_bucket_server_side_encryption_configuration.{id_}_encryption")["rule"][0]
        algorithm = rule["apply_server_side_encryption_by_default"]["sse_algorithm"]
        assert algorithm == ("aws:kms" if environment == "full" else "AES256")
        assert resource(stack, f"aws_s3_bucket_ownership_controls.{id_}_ownership")["rule"] == {
            "object_ownership": "BucketOwnerEnforced"
        }
        assert "aws:SecureTransport" in resource(stack, f"aws_s3_bucket_policy.{id_}_tls_only")["policy"]

    @pytest.mark.parametrize("environment", EVERY)
    def test_only_local_buckets_go_with_their_content_and_protected_ones_never(self, stacks, environment):
        local = environment == "local"
        protected = {"prevent_destroy": True} if environment in ("small", "full") else None
        state = resource(stacks[f"{environment}-state"], "aws_s3_bucket.state_bucket")
        models = resource(stacks[f"{environment}-models"], "aws_s3_bucket.models_bucket")
        assert state["force_destroy"] is models["force_destroy"] is local
        endpoint = resource(stacks[f"{environment}-endpoint"], "aws_sagemaker_endpoint.endpoint")
        assert state.get("lifecycle") == models.get("lifecycle") == endpoint.get("lifecycle") == protected


class TestImage:
    def test_the_builder_gets_its_arguments_without_a_shell(self, stacks):
        (provisioner,) = resource(stacks["full-image"], "terraform_data.image")["provisioner"]
        local_exec = provisioner["local-exec"]
        assert (local_exec["interpreter"], local_exec["command"]) == (["python3", "-m"], "image_builder")
        assert local_exec["working_dir"] == "../../.."
        assert local_exec["environment"] == {
            "AWS_REGION": "us-east-1",
            "BUILD_CONTEXT": "container",
            "CONTAINER_ENGINE": "podman",
            "IMAGE_PLATFORM": "linux/arm64",
            "IMAGE_REPOSITORY_URI": "222222222222.dkr.ecr.us-east-1.amazonaws.com/fleet-full-model-server",
            "IMAGE_TAG": "0123456789abcdef-arm64",
        }

    def test_a_changed_context_builds_again_and_an_unchanged_one_does_not(self, synthesise, stacks):
        def trigger(found: dict) -> dict:
            return resource(found["small-image"], "terraform_data.image")["triggers_replace"]

        assert trigger(synthesise({"small": SMALL})) == trigger(stacks)
        assert trigger(synthesise({"small": SMALL}, context_hash="f" * 64)) != trigger(stacks)

    def test_a_prebuilt_image_is_checked_and_not_built(self, synthesise):
        uri = "333333333333.dkr.ecr.eu-central-1.amazonaws.com/team/server:1"
        found = synthesise({"dev": changed(SMALL, image={"prebuilt_uri": uri})})
        (program,) = resource(found["dev-image"], "terraform_data.image")["provisioner"]
        assert program["local-exec"]["command"] == "image_builder.check"
        told = program["local-exec"]["environment"]
        assert (told["IMAGE_URI"], told["IMAGE_PLATFORM"]) == (uri, "linux/amd64")
        container = resource(found["dev-endpoint"], "aws_sagemaker_model.model")["primary_container"]
        assert container["image"] == uri


BUCKET = "${[aws_s3_bucket_versioning.models_bucket_versioning.bucket, terraform_data.archive.id][0]}"


class TestModels:
    def test_one_object_for_each_version(self, stacks, lock):
        objects = stacks["small-models"]["resource"]["aws_s3_object"]
        assert sorted(objects) == ["resnet18_v1", "resnet18_v2", "squeezenet_v1", "tenant_a_digits_v2_v7"]
        one = objects["squeezenet_v1"]
        assert one["key"] == f"models/squeezenet/1-{one['source_hash'][:16]}.tar.gz"
        assert one["source"] == f"../../../models/artifacts/{one['source_hash']}.tar.gz"
        assert one["bucket"] == BUCKET
        assert one["metadata"] == {"size_bytes": str(lock.models["squeezenet"].current.size_bytes)}

    def test_an_object_is_written_when_the_bucket_is_versioned_and_destroyed_when_the_archive_has_it(self, stacks):
        resources = stacks["small-models"]["resource"]
        archive = resources["terraform_data"]["archive"]
        assert archive["lifecycle"] == {"create_before_destroy": True}
        for block in resources["aws_s3_object"].values():
            assert block["lifecycle"] == {"create_before_destroy": True}
            assert block["bucket"] == BUCKET
        assert resources["aws_s3_bucket_versioning"]["models_bucket_versioning"]["depends_on"] == [
            "aws_s3_bucket_server_side_encryption_configuration.models_bucket_encryption"
        ]

    def test_another_model_changes_nothing_but_its_own_object(self, synthesise, stacks, lock):
        more = Lock(models={**lock.models, "third": Model(versions=(version("third", 1),))})
        found = synthesise({"small": SMALL}, lock=more)
        objects = found["small-models"]["resource"]["aws_s3_object"]
        assert objects.pop("third_v1")
        program = resource(found["small-models"], "terraform_data.archive")["provisioner"][0]["local-exec"]
        before = resource(stacks["small-models"], "terraform_data.archive")["provisioner"][0]["local-exec"]
        assert program["environment"].pop("CATALOG_DIGEST") != before["environment"]["CATALOG_DIGEST"]
        program["environment"]["CATALOG_DIGEST"] = before["environment"]["CATALOG_DIGEST"]
        assert found == {name: stack for name, stack in stacks.items() if name.startswith("small")}

    def test_an_artifact_in_s3_is_copied_to_the_key_it_would_be_uploaded_to(self, synthesise, stacks, lock):
        more = Lock(models={**lock.models, "third": Model(versions=(version("third", 1), copied("third", 2)))})
        resources = synthesise({"small": SMALL}, lock=more)["small-models"]["resource"]
        upload = resources["aws_s3_object"].pop("third_v1")
        (copy,) = resources.pop("aws_s3_object_copy").values()
        found = more.models["third"].current
        assert copy["key"] == f"models/{found.key}"
        assert (copy["bucket"], copy["content_type"]) == (upload["bucket"], upload["content_type"])
        assert (copy["source"], copy["copy_if_match"]) == ("team-models/exports/third.tar.gz", found.source.etag)
        assert copy["metadata_directive"] == copy["tagging_directive"] == "REPLACE"
        assert copy["metadata"] == {"sha256": found.sha256, "size_bytes": str(found.size_bytes)}
        assert copy["checksum_algorithm"] == "SHA256"
        digest = base64.b64encode(bytes.fromhex(found.sha256)).decode()
        assert copy["lifecycle"]["create_before_destroy"] is True
        (check,) = copy["lifecycle"]["postcondition"]
        assert check["condition"] == f'${{self.checksum_sha256 == "{digest}"}}'
        assert resources["aws_s3_object"] == stacks["small-models"]["resource"]["aws_s3_object"]

    def test_the_address_of_a_copy_has_its_version(self, synthesise):
        lock = Lock(models={"a/b": Model(versions=(copied("a/b", 1), copied("a/b", 2)))})
        resources = synthesise({"small": SMALL}, lock=lock)["small-models"]["resource"]
        assert sorted(resources["aws_s3_object_copy"]) == ["a_b_v1", "a_b_v2"]
        assert "aws_s3_object" not in resources

    def test_the_archive_is_made_again_when_a_version_leaves_and_only_then(self, synthesise, lock):
        def trigger(models, retired=None):
            found = synthesise({"small": SMALL}, lock=Lock(models=models, retired=retired or {}))
            return resource(found["small-models"], "terraform_data.archive")["triggers_replace"]

        before = trigger(lock.models)
        assert trigger(lock.models | {"third": Model(versions=(version("third", 1),))}) == before
        newer = Model(versions=(version("squeezenet", 1), version("squeezenet", 2)))
        assert trigger(lock.models | {"squeezenet": newer}) == before
        fewer = Model(versions=(version("resnet18", 2),))
        assert trigger(lock.models | {"resnet18": fewer}) != before
        gone = {name: model for name, model in lock.models.items() if name != "squeezenet"}
        assert trigger(gone, {"squeezenet": "1"}) != before

    def test_objects_of_states_from_before_follow_to_the_addresses_of_their_versions(self, synthesise):
        former = (
            version("a/b", 1).model_copy(update={"slot": 2}),
            copied("a/b", 2).model_copy(update={"slot": 1}),
            version("a/b", 3),
        )
        found = synthesise({"small": SMALL}, lock=Lock(models={"a/b": Model(versions=former)}))["small-models"]
        assert found["moved"] == [
            {"from": "aws_s3_object.a_b_slot_2", "to": "aws_s3_object.a_b_v1"},
            {"from": "aws_s3_object_copy.a_b", "to": "aws_s3_object_copy.a_b_v2"},
        ]

    def test_an_environment_may_hold_what_was_promoted_to_it_only(self, synthesise, lock):
        models = lock.models | {
            "resnet18": lock.models["resnet18"].model_copy(update={"promoted": {"small": ("1",), "other": ("2",)}})
        }
        found = synthesise({"small": SMALL | {"promoted_models_only": True}}, lock=Lock(models=models))["small-models"]
        assert list(found["resource"]["aws_s3_object"]) == ["resnet18_v1"]
        told = resource(found, "terraform_data.archive")["provisioner"][0]["local-exec"]["environment"]
        assert told["PROMOTED_TO"] == "small"

    def test_an_empty_catalog(self, synthesise):
        assert "aws_s3_object" not in synthesise({"dev": SMALL}, lock=Lock())["dev-models"]["resource"]


@pytest.fixture(scope="module")
def before(synthesise) -> tuple[str, str, str]:
    """The names of the environment `dev` with SMALL's settings."""
    return endpoint_names(synthesise({"dev": SMALL}))


class TestEndpoint:
    @pytest.mark.parametrize("environment", EVERY)
    def test_what_cannot_be_changed_is_created_before_the_old_one_goes(self, stacks, environment):
        stack = stacks[f"{environment}-endpoint"]
        for address in (
            "aws_sagemaker_model.model",
            "aws_sagemaker_endpoint_configuration.endpoint_configuration",
            "terraform_data.verification",
        ):
            assert resource(stack, address)["lifecycle"] == {"create_before_destroy": True}

    @pytest.mark.parametrize("environment", EVERY)
    def test_every_update_is_verified(self, stacks, environment):
        verification = resource(stacks[f"{environment}-endpoint"], "terraform_data.verification")
        configuration = "aws_sagemaker_endpoint_configuration.endpoint_configuration"
        assert verification["triggers_replace"] == {"endpoint_configuration": f"${{{configuration}.id}}"}
        assert verification["depends_on"] == ["aws_sagemaker_endpoint.endpoint"]
        variables = verification["provisioner"][0]["local-exec"]["environment"]
        assert variables["ENDPOINT_CONFIGURATION_NAME"] == f"${{{configuration}.name}}"
        assert ("AWS_ENDPOINT_URL" in variables) is (environment == "local")

    @pytest.mark.parametrize(
        ("changes", "model", "configuration"),
        [
            ({"model_cache_setting": "Disabled"}, True, True),
            ({"server_environment": {"A": "1"}}, True, True),
            ({"vpc": FULL["vpc"]}, True, True),
            ({"instance_type": "ml.m5.xlarge"}, False, True),
            ({"initial_instance_count": 3}, False, True),
            ({"volume_size_gb": 50}, False, True),
            ({"startup_timeout_seconds": 300}, False, True),
            ({"kms_key_arn": "arn:aws:kms:eu-central-1:111111111111:key/1"}, False, True),
            ({"tags": {"Team": "vision"}}, False, False),
            ({"log_retention_days": 7}, False, False),
            ({"deployment": {"wait_seconds": 0}}, False, False),
            ({"auto_scaling": changed(FULL["auto_scaling"], minimum_instance_count=1)}, False, False),
            ({"callers": {"a": {"models": ["b"]}}}, False, False),
        ],
    )
    def test_names_follow_the_arguments_and_the_endpoint_keeps_its_own(
        self, synthesise, before, changes, model, configuration
    ):
        after = endpoint_names(synthesise({"dev": changed(SMALL, **changes)}))
        assert (after[0] != before[0], after[1] != before[1]) == (model, configuration)
        assert before[2] == after[2] == "multi-model-dev"

    def test_a_new_image_makes_a_new_model_and_configuration(self, synthesise, before):
        after = endpoint_names(synthesise({"dev": SMALL}, context_hash="f" * 64))
        assert before[0] != after[0] and before[1] != after[1] and before[2] == after[2]

    def test_the_order_of_subnets_does_not_matter(self, synthesise):
        turned = changed(FULL, vpc=changed(FULL["vpc"], subnet_ids=FULL["vpc"]["subnet_ids"][::-1]))
        assert endpoint_names(synthesise({"dev": FULL})) == endpoint_names(synthesise({"dev": turned}))

    def test_instances_with_local_storage_get_no_key_for_volumes(self, synthesise):
        nvme = changed(FULL, instance_type="ml.m6gd.large")
        del nvme["volume_size_gb"]
        stack = synthesise({"dev": nvme})["dev-endpoint"]
        assert "kms_key_arn" not in resource(stack, "aws_sagemaker_endpoint_configuration.endpoint_configuration")

    def test_the_scalable_target_is_replaced_with_the_instance_type(self, stacks):
        stack = stacks["full-endpoint"]
        assert resource(stack, "terraform_data.scaled_instance_type")["input"] == {"instance_type": "ml.c7g.xlarge"}
        for address in ("aws_appautoscaling_target.scaling_target", "aws_appautoscaling_policy.scaling_policy"):
            # Plain text: Terraform takes no interpolation here.
            assert resource(stack, address)["lifecycle"] == {
                "replace_triggered_by": ["terraform_data.scaled_instance_type"]
            }

    def test_a_zero_reaches_terraform(self, stacks):
        stack = stacks["full-endpoint"]
        policy = resource(stack, "aws_appautoscaling_policy.scaling_policy")
        assert policy["target_tracking_scaling_policy_configuration"]["scale_in_cooldown"] == 0
        assert resource(stack, "aws_cloudwatch_metric_alarm.invocation_5xx_errors")["threshold"] == 0
        update = resource(stack, "aws_sagemaker_endpoint.endpoint")["deployment_config"]["blue_green_update_policy"]
        assert update["termination_wait_in_seconds"] == 0


def test_synthesis_is_deterministic(synthesise, stacks):
    assert synthesise(ENVIRONMENTS, context_hash=CONTEXT_HASH) == stacks
