"""An account in which a recorded chain is deployed step by step, with the stand-in in the real provider's place."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.provider.server import ProviderServer
from tests.local_aws.account import FAKE_CONTAINER, Account
from tests.local_aws.provider.recordings import Recording, reduced_plan, reduced_state
from tests.local_aws.provider.terraform import Terraform

# What the stacks name and do not make themselves.
ALARM = "more"
SOURCE_BUCKET, SOURCE_KEY = "source-bucket", "some/model.tar.gz"


@dataclass(frozen=True)
class Deployed:
    """What the stand-in made of a Recording, in the Recording's form."""

    plan: Mapping[str, Any]
    second: Mapping[str, Any] | None = None
    state: list[Mapping[str, Any]] | None = None


class Chain:
    """The stacks of one chain, each in a folder of its own under `folder`."""

    def __init__(
        self, account: Account, server: ProviderServer, provider_block: Mapping[str, Any], folder: Path
    ) -> None:
        self._account = account
        self._server = server
        self._provider = provider_block
        self._folder = folder
        self._stacks: dict[str, Terraform] = {}
        self._prepare()

    def preview(self, recording: Recording) -> Mapping[str, Any]:
        """The plan of a stack, without a deployment of it."""
        return reduced_plan(self._configured(recording).plan())

    def deploy(self, recording: Recording) -> Deployed:
        """Plan, apply what is planned, and plan again; a recording that ends with its plan is not applied."""
        terraform = self._configured(recording)
        plan = terraform.plan()
        if recording.second is None:
            return Deployed(reduced_plan(plan))
        if plan["applyable"]:
            terraform.run("apply", "-input=false", "plan.bin", expect=1 if recording.failed_checks else 0)
            self._push_image(plan)
        second = terraform.plan()
        return Deployed(reduced_plan(plan), reduced_plan(second), reduced_state(terraform.show()))

    def _prepare(self) -> None:
        self._account.put_alarm(ALARM)
        self._account.s3.create_bucket(Bucket=SOURCE_BUCKET)
        answer = self._account.s3.put_object(Bucket=SOURCE_BUCKET, Key=SOURCE_KEY, Body=b"model")
        self._source_etag = answer["ETag"].strip('"')

    def _configured(self, recording: Recording) -> Terraform:
        # As deep as CDKTF's folder of a stack: the sources of objects are relative to it.
        directory = self._folder / "cdktf.out" / "stacks" / recording.stack
        terraform = self._stacks.setdefault(recording.stack, Terraform(directory, self._server))
        resources = recording.terraform["resource"]
        for item in resources.get("aws_s3_object", {}).values():
            source = directory / item["source"]
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(source.name.encode())
        for item in resources.get("aws_s3_object_copy", {}).values():
            item["copy_if_match"] = self._account.s3.head_object(Bucket=SOURCE_BUCKET, Key=SOURCE_KEY)["ETag"].strip(
                '"'
            )
        provider = {**self._provider, "default_tags": recording.configuration["default_tags"]}
        terraform.configure({"provider": {"aws": [provider]}, **recording.terraform})
        return terraform

    def _push_image(self, plan: Mapping[str, Any]) -> None:
        """What the provisioner of the stack's image does."""
        for change in plan["resource_changes"]:
            if change["address"] == "terraform_data.image" and "create" in change["change"]["actions"]:
                wanted = change["change"]["after"]["triggers_replace"]
                self._account.push(FAKE_CONTAINER, wanted["repository"].partition("/")[2], wanted["tag"])
