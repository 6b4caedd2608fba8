"""`make destroy`: the last day of an environment, or of a shard that no model is in any more.

The stacks go in the reverse of the order in which they are deployed. Terraform destroys each of them; before, the
command puts into its state what a killed run left, and empties what AWS deletes only when it is empty. The bucket of
the states comes last, and by S3's own calls: Terraform cannot delete the bucket that holds the state it works on.
Progress is read from what is there, so the command can be interrupted anywhere and run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.prompt import Prompt

from model_catalog.progress import progress
from operations.adoption import known_addresses
from operations.aws_clients import AwsClients
from operations.deployment import Deployment
from operations.emptying import bucket_content, delete_bucket, empty_bucket, empty_repository, image_count
from operations.errors import DestroyError
from operations.leftovers import delete_old_hosting, delete_unknown
from operations.outcome import Outcome
from operations.plan import complete_state
from operations.remote_state import RemoteState, read_backend
from operations.review import NEEDS_APPROVAL, SAFE
from operations.state_check import read_remote_state
from operations.state_file import parse_state
from operations.terraform import Terraform
from operations.variables import output_directory, variables_for
from stacks.names import Names
from stacks.settings_account import Existing

_LOGS = "aws_cloudwatch_log_group.logs"


@dataclass(frozen=True)
class Scope:
    """What is destroyed.

    Attributes:
        shard: one shard only; None for the whole environment.
        logs: whether the endpoint's log group goes as well.
    """

    shard: int | None = None
    logs: bool = False


def destroy(environment: str, console: Console, scope: Scope, *, approved: bool, outcome: Outcome | None = None) -> int:
    """Show what goes and what stays, ask, and destroy.

    Args:
        environment: a key of cdktf.json's `context.environments`.
        console: gets what is going on, and the question.
        scope: the whole environment or a shard.
        approved: do not ask.
        outcome: gets what was destroyed.

    Returns:
        0 destroyed, or nothing there; 2 not approved, nothing was changed.

    Raises:
        DestroyError: deletion protection is on, or something is in the way. Nothing was changed, unless it says so.
        StateError: a state is locked or damaged.
        TerraformError: the stacks before the one that failed are gone.
    """
    with variables_for(environment) as variables:
        deployment = Deployment(environment, output_directory=output_directory(variables), variables=variables)
        return destroy_stacks(deployment, console, scope, approved=approved, outcome=outcome)


def destroy_stacks(
    deployment: Deployment, console: Console, scope: Scope, *, approved: bool, outcome: Outcome | None = None
) -> int:
    """As `destroy`, for a deployment that is there already."""
    _refuse_protected(deployment)
    chosen = _chosen(deployment, scope.shard)
    with progress(console, "cdktf synth"):
        deployment.synth()
    outcome = outcome or Outcome(deployment.environment)
    return _Destruction(deployment, chosen, scope, console, outcome).run(approved=approved)


def _refuse_protected(deployment: Deployment) -> None:
    if deployment.settings.is_protected:
        raise DestroyError(
            f"{deployment.environment} has deletion protection, so nothing was destroyed. To destroy it on purpose, "
            f'set "deletion_protection": false in its block of cdktf.json, and run the command again. (Deploy nothing '
            "in between: the protection is Terraform's, not AWS's.)"
        )


def _chosen(deployment: Deployment, shard: int | None) -> tuple[str, ...]:
    """The stacks to destroy, in the order in which they go."""
    if shard is None:
        return tuple(reversed(deployment.stacks))
    shards = deployment.settings.shards
    if not shards.count < shard <= shards.deployed_count:
        leaving = ", ".join(map(str, range(shards.count + 1, shards.deployed_count + 1))) or "none"
        raise DestroyError(
            f"Shard {shard} of {deployment.environment} cannot be destroyed on its own. Only shards that the layout "
            f"leaves can: those above shards.count ({shards.count}) up to shards.previous.count. Now that is {leaving}."
            " docs/scale.md describes the steps."
        )
    return f"endpoint-{shard}", f"models-{shard}"


def _remote(terraform: Terraform) -> RemoteState:
    return RemoteState(terraform.directory, terraform.environment)


class _Destruction:
    def __init__(
        self, deployment: Deployment, chosen: Sequence[str], scope: Scope, console: Console, outcome: Outcome
    ) -> None:
        self._outcome = outcome
        self._deployment = deployment
        self._chosen = chosen
        self._scope = scope
        self._console = console
        # Any stack but that of the bucket itself: that one may keep its state in a file.
        terraform = deployment.terraform("image")
        self._states = _remote(terraform)
        self._clients = AwsClients(read_backend(terraform.directory)[1], terraform.environment)
        self._s3 = self._clients.client("s3")
        self._ecr = self._clients.client("ecr")

    def run(self, *, approved: bool) -> int:
        self._outcome.result = "nothing_there"
        if self._states.bucket_exists():
            self._refuse_what_is_in_the_way()
            self._show()
        elif self._scope.shard is not None:
            self._say(f"There is no state bucket {self._states.bucket}, so there is no shard to destroy.")
            return SAFE
        else:
            self._say(f"There is no state bucket {self._states.bucket}: of {self._environment} nothing is left.")
            self._remove_local_state()
            return SAFE
        for stack in self._chosen:
            self._outcome.stack(f"{self._environment}-{stack}", destroyed=False)
        if not approved and not self._confirmed():
            self._outcome.result = "not_approved"
            self._say(f"{self._environment} was left as it is.")
            return NEEDS_APPROVAL
        for stack in self._chosen:
            if stack == "state":
                self._destroy_state_bucket()
            else:
                self._destroy(stack)
            self._outcome.stack(f"{self._environment}-{stack}", destroyed=True)
        self._outcome.result = "destroyed"
        return SAFE

    @property
    def _environment(self) -> str:
        return self._deployment.environment

    @property
    def _existing(self) -> Existing:
        return self._deployment.settings.existing

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _names(self, stack: str) -> Names:
        shard = int(stack.rpartition("-")[2]) if "-" in stack else 1
        return Names(self._environment, self._deployment.settings, shard)

    def _terraforms(self) -> dict[str, Terraform]:
        return {stack: self._deployment.terraform(stack) for stack in self._chosen if stack != "state"}

    def _refuse_what_is_in_the_way(self) -> None:
        for terraform in self._terraforms().values():
            _remote(terraform).refuse_if_locked()
        if self._scope.shard is None:
            self._refuse_forgotten()

    def _refuse_forgotten(self) -> None:
        """States in the bucket of stacks that the settings no longer have: their resources would be lost sight of."""
        own = {_remote(terraform).key for terraform in self._terraforms().values()}
        names = Names(self._environment, self._deployment.settings)
        own.add(names.state_key("state"))
        left = []
        for page in self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._states.bucket, Prefix=f"{names.state_folder}{self._environment}-"
        ):
            for item in page.get("Contents", ()):
                if item["Key"].endswith("/terraform.tfstate") and item["Key"] not in own:
                    content = self._s3.get_object(Bucket=self._states.bucket, Key=item["Key"])["Body"].read()
                    if count := len(parse_state(content).instances):
                        left.append(f"{item['Key'].removesuffix('/terraform.tfstate')} ({count} resources)")
        if left:
            raise DestroyError(
                f"The state bucket {self._states.bucket} also holds states of stacks that cdktf.json does not describe:"
                f" {', '.join(left)}. Nothing was destroyed. Restore the settings that they were deployed with (the "
                "number of shards, `access`), so that they go as well, or destroy them first."
            )

    def _show(self) -> None:
        self._say(f"This destroys, in this order, in account {self._deployment.settings.account_id}:")
        for stack in self._chosen:
            for line in self._lines(stack):
                self._say(f"  {line}")
        kept = [
            f"the log group {self._names(stack).log_group}, whose lines expire after "
            f"{self._deployment.settings.log_retention_days} days (LOGS=delete deletes it)"
            for stack in self._chosen
            if stack.startswith("endpoint") and not self._scope.logs
        ]
        kept += [line for stack in self._chosen for line in self._not_ours(stack)]
        self._say("What stays: " + ("; ".join(kept) or "nothing") + ".")

    def _not_ours(self, stack: str) -> Iterator[str]:
        """What a stack uses and its owner keeps, as `existing` in the settings says."""
        names, existing = self._names(stack), self._existing
        if stack.startswith("models") and existing.models_bucket is not None:
            yield (
                f"the bucket {names.models_bucket} (existing.models_bucket), from which go only the objects in the "
                f"state of {self._environment}-{stack}, not the removed models in {names.archive_prefix}"
            )
        if stack == "image" and existing.repository is not None:
            yield f"the repository {names.repository} with all its images (existing.repository)"
        if stack == "image" and existing.state_bucket is not None:
            yield f"the bucket {names.state_bucket} (existing.state_bucket) with the states, which are empty then"
        if stack == "endpoint" and existing.execution_role_arn is not None:
            yield f"the role {names.role_arn} (existing.execution_role_arn)"

    def _lines(self, stack: str) -> list[str]:
        name = f"{self._environment}-{stack}"
        if stack == "state":
            return [f"{name}: the bucket {self._states.bucket}, all states with all their versions"]
        state = read_remote_state(_remote(self._deployment.terraform(stack)))
        lines = [f"{name}: {0 if state is None else len(state.instances)} resources"]
        if stack.startswith("models") and self._existing.models_bucket is None:
            bucket = self._names(stack).models_bucket
            content = bucket_content(self._s3, bucket)
            if content is not None:
                lines.append(
                    f"  all of s3://{bucket}: {content.versions} versions of objects ({content.size_bytes / 2**20:.1f} "
                    f"MiB), {content.markers} delete markers. The artifacts of models that were removed go with them."
                )
        if stack == "image" and self._existing.repository is None:
            repository = self._names(stack).repository
            images = image_count(self._ecr, repository)
            if images is not None:
                lines.append(f"  {images} images in the repository {repository}")
        return lines

    def _confirmed(self) -> bool:
        try:
            answer = Prompt.ask(
                f"Nothing brings this back. Type {self._environment} to destroy it", console=self._console
            )
        except EOFError:
            self._say("\nThere is nobody to ask. With YES=1 (--yes) it is destroyed without asking.")
            return False
        return answer.strip() == self._environment

    def _destroy(self, stack: str) -> None:
        terraform, names = self._deployment.terraform(stack), self._names(stack)
        with progress(self._console, f"terraform destroy {self._environment}-{stack}"):
            terraform.init()
            complete_state(terraform, self._console)
            known = known_addresses(terraform)
            document = json.loads((terraform.directory / "cdk.tf.json").read_text())
            unknown = delete_unknown(document, known, self._clients, names)
            # What the account had before is not this environment's to empty: Terraform takes out what it put there.
            if stack.startswith("models") and self._existing.models_bucket is None:
                empty_bucket(self._s3, names.models_bucket)
            if stack == "image" and self._existing.repository is None:
                empty_repository(self._ecr, names.repository)
            if _LOGS in known and not self._scope.logs:
                terraform.run("state", "rm", _LOGS)
            terraform.destroy()
            if stack.startswith("endpoint"):
                unknown += delete_old_hosting(self._clients, names)
        also = f", and {', '.join(unknown)}, which no state knew" if unknown else ""
        self._say(f"{self._environment}-{stack}: destroyed{also}")

    def _destroy_state_bucket(self) -> None:
        with progress(self._console, f"deleting {self._states.bucket}"):
            delete_bucket(self._s3, self._states.bucket)
            self._remove_local_state()
        self._say(f"{self._environment}-state: destroyed")

    def _remove_local_state(self) -> None:
        """The file that the state stack keeps its state in, before it is in the bucket or for good."""
        if "state" not in self._deployment.stacks:
            return
        kind, arguments = read_backend(self._deployment.terraform("state").directory)
        if kind == "local":
            file = (self._deployment.terraform("state").directory / arguments["path"]).resolve()
            for left in (file, Path(f"{file}.backup")):
                left.unlink(missing_ok=True)
