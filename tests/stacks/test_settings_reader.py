import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.errors import SettingsError
from stacks.settings_reader import parse_settings, read_settings
from tests.stacks.conftest import FULL, LOCAL, SMALL, changed

ENVIRON: dict[str, str] = {}


def complaints(environment: object, **changes) -> tuple[str, ...]:
    """The complaints about the environment `dev`, without their common beginning."""
    block = changed(environment, **changes) if isinstance(environment, dict) else environment
    with pytest.raises(SettingsError) as caught:
        parse_settings({"environments": {"dev": block}}, ENVIRON)
    assert all(complaint.startswith("context.environments.dev") for complaint in caught.value.complaints)
    return tuple(text.removeprefix("context.environments.dev").removeprefix(".") for text in caught.value.complaints)


def read(environment: dict, **environ: str):
    return parse_settings({"environments": {"dev": environment}}, environ).environments["dev"]


class TestGoodSettings:
    def test_defaults(self):
        dev = read(SMALL)
        assert (dev.name_prefix, dev.initial_instance_count, dev.model_cache_setting) == ("multi-model", 1, "Enabled")
        assert (dev.auto_scaling, dev.vpc, dev.is_local) == (None, None, False)

    def test_everything_set(self):
        dev = read(FULL)
        assert dev.model_dump(mode="json", exclude_unset=True) == FULL

    def test_a_zero_is_a_value_not_an_absence(self):
        dev = read(FULL)
        assert dev.auto_scaling.scale_in_cooldown_seconds == 0
        assert dev.deployment.termination_wait_seconds == 0
        assert dev.deployment.maximum_5xx_errors_per_minute == 0

    def test_they_cannot_be_changed(self):
        with pytest.raises(ValueError, match="frozen"):
            read(SMALL).region = "us-west-2"

    @pytest.mark.parametrize("chosen", ["one", "two"])
    def test_environment_picks_one(self, chosen):
        both = {"environments": {"one": SMALL, "two": FULL}}
        assert list(parse_settings(both, {}).environments) == ["one", "two"]
        assert list(parse_settings(both, {"ENVIRONMENT": chosen}).environments) == [chosen]

    def test_the_catalog_directory_can_be_overridden(self):
        context = {"environments": {"dev": SMALL}, "catalog": {"directory": "models"}}
        assert parse_settings(context, {}).catalog.directory == "models"
        assert parse_settings(context, {"CATALOG_DIRECTORY": "elsewhere"}).catalog.directory == "elsewhere"

    def test_the_url_of_the_local_aws_can_be_overridden(self):
        assert read(LOCAL).local_aws.endpoint_url == "http://127.0.0.1:4566"
        assert read(LOCAL, AWS_ENDPOINT_URL="http://localhost:9/").local_aws.endpoint_url == "http://localhost:9"

    def test_where_the_state_stack_keeps_its_state_can_be_overridden(self):
        assert read(SMALL).state_backend == "s3"
        assert read(SMALL, STATE_BACKEND="local").state_backend == "local"
        with pytest.raises(SettingsError, match='STATE_BACKEND must be local or s3, not "disk"'):
            read(SMALL, STATE_BACKEND="disk")

    def test_an_environment_of_aws_does_not_care_about_the_local_url(self):
        assert read(SMALL, AWS_ENDPOINT_URL="https://example.com").local_aws is None

    @pytest.mark.parametrize(
        ("instance_type", "local_storage", "platform"),
        [
            ("ml.m5.large", False, "linux/amd64"),
            ("ml.m5d.large", True, "linux/amd64"),
            ("ml.m6gd.large", True, "linux/arm64"),
            ("ml.c7g.xlarge", False, "linux/arm64"),
            ("ml.g4dn.xlarge", True, "linux/amd64"),
            ("ml.g5.xlarge", True, "linux/amd64"),
            ("ml.p3.2xlarge", False, "linux/amd64"),
        ],
    )
    def test_instance_types(self, instance_type, local_storage, platform):
        dev = read(changed(SMALL, instance_type=instance_type, image={"platform": platform}))
        assert (dev.has_local_storage, dev.instance_platform) == (local_storage, platform)


class TestComplaints:
    def test_each_names_the_key_and_what_is_allowed(self):
        found = complaints(
            SMALL,
            region="Frankfurt",
            account_id=111111111111,
            initial_instance_count=0,
            model_cache_setting="enabled",
            vpc={"subnet_ids": ["subnet-0123456789abcdef0", "subnet-?"]},
            auto_scaling={"minimum_instance_count": True},
        )
        assert found == (
            'region: must be the name of an AWS region, such as us-east-1, not "Frankfurt".',
            'account_id: must be the 12 digits of an AWS account as text, such as "123456789012", not 111111111111.',
            "initial_instance_count: must be a whole number from 1 to 1000, not 0.",
            'model_cache_setting: must be Enabled or Disabled, not "enabled".',
            'vpc.subnet_ids[1]: must be a list of 1 to 16 subnet ids, such as ["subnet-0123456789abcdef0"], '
            'not "subnet-?".',
            "vpc.security_group_ids: is missing; it must be a list of 1 to 5 security group ids, such as "
            '["sg-0123456789abcdef0"].',
            "auto_scaling.minimum_instance_count: must be a whole number from 1 to 1000, not true.",
            "auto_scaling.maximum_instance_count: is missing; it must be a whole number from 1 to 1000.",
            "auto_scaling.target_invocations_per_instance_per_minute: is missing; it must be a whole number from 1 to "
            "1000000.",
        )

    def test_all_environments_at_once(self):
        with pytest.raises(SettingsError) as caught:
            parse_settings(
                {
                    "environments": {"one": changed(SMALL, region=1), "two": changed(SMALL, tags=[]), "X": {}},
                    "catalog": {"earlier_versions": -1},
                    "catalogue": {},
                },
                {"ENVIRONMENT": "three"},
            )
        text = str(caught.value)
        for expected in (
            "context.catalogue: there is no such key; did you mean catalog?",
            "context.catalog.earlier_versions: must be a whole number from 1 to 100, not -1.",
            "context.environments.one.region: ",
            "context.environments.two.tags: ",
            'context.environments: the name of an environment is 1 to 12 lower-case letters and digits, a letter first, not "X".',  # noqa: E501
            'the variable ENVIRONMENT is "three", which is none of the environments: one, two, X.',
        ):
            assert expected in text
        assert len(caught.value.complaints) == 6

    def test_unknown_keys_get_a_hint(self):
        assert complaints(SMALL, instance_typ="ml.m5.large") == (
            "instance_typ: there is no such key; did you mean instance_type?",
        )
        (found,) = complaints(SMALL, vpc=changed(FULL["vpc"], colour="red"))
        assert found == "vpc.colour: there is no such key; the keys here are subnet_ids, security_group_ids."

    def test_keys_of_objects_are_checked(self):
        assert "tags.aws:x: must be an object of up to 8 tags" in complaints(SMALL, tags={"aws:x": "1"})[0]
        assert "server_environment.a-b: must be" in complaints(SMALL, server_environment={"a-b": "1"})[0]

    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            (
                {"auto_scaling": changed(FULL["auto_scaling"], minimum_instance_count=7)},
                "auto_scaling: minimum_instance_count (7) must not be above maximum_instance_count (6).",
            ),
            (
                {"initial_instance_count": 9},
                "initial_instance_count: must be from auto_scaling's minimum (2) to its maximum (6), not 9.",
            ),
            (
                {"deployment": {"policy": "linear", "step_percent": 5}},
                "deployment: step_percent must be a whole number from 10 to 50 where policy is linear.",
            ),
            (
                {"deployment": {"policy": "canary"}},
                "deployment: step_percent must be a whole number from 1 to 50 where policy is canary.",
            ),
            (
                {"deployment": {"step_percent": 5}},
                "deployment: step_percent must be absent where policy is all_at_once.",
            ),
            (
                {"deployment": {"policy": "rolling", "step_percent": 5, "termination_wait_seconds": 0}},
                "deployment: termination_wait_seconds must be absent where policy is rolling.",
            ),
            (
                {"image": {"platform": "linux/amd64"}},
                "image.platform: must be linux/arm64 for ml.c7g.xlarge, not linux/amd64.",
            ),
            (
                {"image": {"platform": "linux/arm64", "container_engine": "none"}},
                "image.container_engine: none builds no image that AWS can run; name an engine, or give an image in "
                "image.prebuilt_uri.",
            ),
            (
                {"image": {"prebuilt_uri": "222222222222.dkr.ecr.eu-west-1.amazonaws.com/server:1"}},
                "image.prebuilt_uri: SageMaker pulls from us-east-1 only, not from eu-west-1.",
            ),
            (
                {"instance_type": "ml.c6gd.xlarge"},
                "volume_size_gb: must be absent, ml.c6gd.xlarge has local storage of fixed size.",
            ),
            (
                {"kms_key_arn": "arn:aws:kms:eu-west-1:222222222222:key/1"},
                "kms_key_arn: must be a key of account 222222222222 in us-east-1 (partition aws), not "
                '"arn:aws:kms:eu-west-1:222222222222:key/1".',
            ),
            (
                {"kms_key_arn": "arn:aws:kms:us-east-1:111111111111:key/1"},
                "kms_key_arn: must be a key of account 222222222222 in us-east-1 (partition aws), not "
                '"arn:aws:kms:us-east-1:111111111111:key/1".',
            ),
            (
                {"kms_key_arn": "arn:aws-cn:kms:us-east-1:222222222222:key/1"},
                "kms_key_arn: must be a key of account 222222222222 in us-east-1 (partition aws), not "
                '"arn:aws-cn:kms:us-east-1:222222222222:key/1".',
            ),
            (
                {"models_bucket": "fleet-terraform-state"},
                "models_bucket: must be another bucket than that of the states, fleet-terraform-state.",
            ),
            (
                {"state_bucket": "fleet-2", "models_bucket": "fleet", "shards": {"count": 2}},
                "models_bucket: must be another bucket than that of the states, fleet-2.",
            ),
            (
                {
                    "deployment": {"policy": "rolling", "step_percent": 50},
                    "auto_scaling": changed(FULL["auto_scaling"], minimum_instance_count=1),
                },
                "deployment.policy: rolling replaces at most half of the instances at a time, so it needs two or more; "
                "raise initial_instance_count and auto_scaling.minimum_instance_count, or choose another policy.",
            ),
            (
                {
                    "deployment": {
                        "policy": "linear",
                        "step_percent": 10,
                        "wait_seconds": 60,
                        "maximum_execution_timeout_seconds": 600,
                    }
                },
                "deployment.maximum_execution_timeout_seconds: the waits of an update alone take 600 s, so that 600 s "
                "roll every update back; raise it, or shorten the waits.",
            ),
            (
                {
                    "deployment": {
                        "policy": "canary",
                        "step_percent": 10,
                        "wait_seconds": 1800,
                        "termination_wait_seconds": 1800,
                        "maximum_execution_timeout_seconds": 14400,
                    }
                },
                "deployment.wait_seconds: the waits of an update alone take 3600 s, and Terraform's AWS provider gives "
                "up after 3600 s; shorten the waits, or take fewer steps.",
            ),
            (
                {"server_environment": {"SAGEMAKER_BIND_TO_PORT": "1"}},
                "server_environment.SAGEMAKER_BIND_TO_PORT: SageMaker sets this variable itself; remove it.",
            ),
        ],
    )
    def test_settings_that_contradict_each_other(self, changes, complaint):
        assert complaints(FULL, **changes) == (complaint,)

    def test_pins_to_shards_that_are_not_there(self):
        shards = {"count": 2, "pins": {"a": 0, "b": 2, "c": 3}, "previous": {"count": 1, "pins": {"a": 2}}}
        assert complaints(SMALL, shards=shards) == (
            "shards.pins.a: must be a shard from 1 to 2 (shards.count), not 0.",
            "shards.pins.c: must be a shard from 1 to 2 (shards.count), not 3.",
            "shards.previous.pins.a: must be a shard from 1 to 1 (shards.previous.count), not 2.",
        )

    def test_shards_that_are_none(self):
        wrong = {"count": 0, "pins": {"a": "1", "b": True}, "previous": {"count": 101}}
        an_object = 'an object of names of models, each with a shard from 1 to count, such as {"squeezenet": 2}'
        assert complaints(SMALL, shards=wrong) == (
            "shards.count: must be a whole number from 1 to 100, not 0.",
            f'shards.pins.a: must be {an_object}, not "1".',
            f"shards.pins.b: must be {an_object}, not true.",
            "shards.previous.count: must be a whole number from 1 to 100, not 101.",
        )

    def test_the_last_shard_s_names_may_be_too_long(self):
        wide = changed(SMALL, name_prefix="twelve-chars", region="ap-southeast-1", shards={"count": 99})
        assert parse_settings({"environments": {"twelveletter": wide}}, {})
        (found,) = self._too_long(changed(wide, shards={"count": 100}))
        assert found.startswith("name_prefix: the name of the models bucket would be twelve-chars-twelveletter-100-")
        (found,) = self._too_long(changed(wide, shards={"count": 2, "previous": {"count": 100}}))
        assert "-100-models-" in found

    @staticmethod
    def _too_long(environment: dict) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            parse_settings({"environments": {"twelveletter": environment}}, {})
        return [text.removeprefix("context.environments.twelveletter.") for text in caught.value.complaints]

    def test_names_that_would_be_too_long(self):
        long = changed(SMALL, name_prefix="twenty-characters-ab", region="ap-southeast-1")
        with pytest.raises(SettingsError) as caught:
            parse_settings({"environments": {"production1": long}}, {})
        assert [text.split(", ")[0] for text in caught.value.complaints] == [
            "context.environments.production1.name_prefix: the name of the state bucket would be "
            "twenty-characters-ab-production1-state-111111111111-ap-southeast-1",
            "context.environments.production1.name_prefix: the name of the models bucket would be "
            "twenty-characters-ab-production1-models-111111111111-ap-southeast-1",
        ]

    @pytest.mark.parametrize("url", ["http://10.0.0.1:4566", "https://127.0.0.1", "http://127.0.0.1.example.com", "x"])
    def test_the_local_aws_must_be_on_this_machine(self, url):
        with pytest.raises(SettingsError, match="AWS_ENDPOINT_URL must be an http URL on the loopback interface"):
            read(LOCAL, AWS_ENDPOINT_URL=url)
        assert "local_aws.endpoint_url: must be an http URL on the" in complaints(LOCAL, local_aws={"endpoint_url": url})[0]  # fmt: skip # noqa: E501

    @pytest.mark.parametrize("context", [None, [], "x", {}, {"environments": {}}, {"environments": []}])
    def test_no_environments(self, context):
        with pytest.raises(SettingsError, match=r"context.*must be an object"):
            parse_settings(context, {})


class TestFile:
    def test_missing(self, tmp_path):
        with pytest.raises(SettingsError, match=r"^cdktf\.json cannot be read: "):
            read_settings(tmp_path / "cdktf.json", {})

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (b'{"context": ', "cdktf.json is not valid JSON: Expecting value: line 1 column 13"),
            (b"\xff\xfe", "cdktf.json cannot be read: "),
            (b"[1]", "cdktf.json must hold an object, not [1]."),
            (b"{}", "cdktf.json: context: must be an object with the keys environments, catalog, tag_policy, not"),
            (b"[" * 100_000, "cdktf.json is not valid JSON: "),
        ],
    )
    def test_broken(self, tmp_path, content, complaint):
        path = tmp_path / "cdktf.json"
        path.write_bytes(content)
        with pytest.raises(SettingsError) as caught:
            read_settings(path, {})
        assert str(caught.value).startswith(complaint)

    def test_good(self, tmp_path):
        path = tmp_path / "cdktf.json"
        path.write_text(json.dumps({"language": "python", "context": {"environments": {"dev": SMALL}}}))
        assert read_settings(path, {}).environments["dev"].region == "eu-central-1"

    def test_that_of_the_project(self, request):
        found = read_settings(request.config.rootpath / "cdktf.json", {})
        assert {"local", "dev", "prod"} <= set(found.environments)
        assert [name for name, block in found.environments.items() if block.is_local] == ["local"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


class TestAnyInput:
    """Whatever stands in cdktf.json, the answer is settings or complaints, never a traceback."""

    @given(JSON)
    @settings(max_examples=150, derandomize=True, deadline=None)
    def test_any_context(self, context):
        with pytest.raises(SettingsError) as caught:
            parse_settings(context, {})
        assert caught.value.complaints

    @given(
        st.dictionaries(st.sampled_from([*FULL, "unknown"]), JSON, max_size=6), st.sampled_from([LOCAL, SMALL, FULL])
    )
    @settings(max_examples=300, derandomize=True, deadline=None)
    def test_any_values_of_the_keys_there_are(self, changes, base):
        try:
            parse_settings({"environments": {"dev": changed(base, **changes)}}, {})
        except SettingsError as error:
            assert all(text.startswith("context.environments.dev") for text in error.complaints)

    @given(st.sets(st.sampled_from(["region", "account_id", "instance_type", "image", "tags", "vpc"]), min_size=1))
    @settings(max_examples=40, derandomize=True, deadline=None)
    def test_every_wrong_key_is_reported_at_once(self, wrong):
        found = complaints(SMALL, **dict.fromkeys(wrong, 0))
        assert {text.split(":")[0] for text in found} == wrong
