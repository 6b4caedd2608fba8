"""`plan --save` and `deploy`: exactly the reviewed plans are applied, by real Terraform on the local AWS."""

import contextlib
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from mme.program import main
from operations import deploy as deploy_module
from operations import plan as plan_module
from operations.deploy import deploy, review_saved
from operations.deployment import Deployment
from operations.errors import SavedPlansError, StateError
from operations.plan import plan
from operations.review import BLOCKED, FAILED, NEEDS_APPROVAL, SAFE
from operations.saved_plans import read_saved_plans
from operations.terraform import TerraformError
from tests.operations.conftest import Account, remote_of, run_git, s3_backend, stack_document, terraform_data

VERSIONED = {"b": {"bucket": "${aws_s3_bucket.b.bucket}", "versioning_configuration": {"status": "Enabled"}}}


class Project:
    """A git checkout whose `cdktf synth` writes the documents of `resources`, by stack."""

    def __init__(self, account: Account, bucket: str, directory: Path) -> None:
        self.account, self.bucket, self.directory = account, bucket, directory
        self.resources = {"image": terraform_data(one="1"), "models": terraform_data(two="2")}

    def synth(self, output_directory: Path) -> None:
        for stack, resources in self.resources.items():
            name = f"dev-{stack}"
            document = stack_document(
                self.account.url, {"s3": s3_backend(self.account.url, self.bucket, name)}, resources
            )
            folder = output_directory / "stacks" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "cdk.tf.json").write_text(json.dumps(document))

    def commit(self, message: str = "change") -> None:
        run_git(self.directory, "add", "-A")
        run_git(self.directory, "commit", "-q", "--allow-empty", "-m", message)

    def addresses(self, stack: str) -> list[str]:
        """What the state of a stack holds."""
        directory = self.directory / "cdktf.out" / "stacks" / f"dev-{stack}"
        return self.account.terraform(directory).state_list()


@pytest.fixture
def project(account: Account, state_bucket: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(account, state_bucket, repository)
    (repository / ".gitignore").write_text("cdktf.out/\n.local/\nplans/\n")
    made.commit()

    class SmallDeployment(Deployment):
        stacks = property(lambda self: tuple(made.resources))
        lock_options = ()

        def synth(self) -> None:
            made.synth(self.output_directory)

    for module in (plan_module, deploy_module):
        monkeypatch.setattr(module, "Deployment", partial(SmallDeployment, project_directory=repository))
        monkeypatch.setattr(module, "variables_for", lambda environment: contextlib.nullcontext(account.variables))
        monkeypatch.setattr(module, "WORK_DIRECTORY", repository / ".local")
    return made


@pytest.fixture
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(told: io.StringIO) -> Console:
    return Console(file=told)


@pytest.fixture
def plans(project: Project, console: Console) -> Path:
    """A folder with the plans of both stacks."""
    directory = project.directory / "plans"
    assert plan("dev", console, save=directory) == NEEDS_APPROVAL
    return directory


def test_plans_are_saved_with_their_review_for_their_owner_only(project: Project, plans: Path, told: io.StringIO):
    saved = read_saved_plans(plans)
    assert (saved.environment, saved.stacks, saved.previews) == ("dev", ("image", "models"), ())
    assert saved.tree == run_git(project.directory, "rev-parse", "HEAD^{tree}")
    names = {f"dev-{stack}.{ending}" for stack in saved.stacks for ending in ("json", "lock.hcl", "tfplan")}
    files = {file.name for file in plans.iterdir()}
    assert files == names | {"SHA256SUMS", "manifest.json", "review.json", "review.md"}
    assert {file.stat().st_mode & 0o777 for file in plans.iterdir()} == {0o600}
    assert plans.stat().st_mode & 0o777 == 0o700
    assert "for its owner only" in told.getvalue()
    review = json.loads((plans / "review.json").read_text())
    assert (review["verdict"], review["exit_code"]) == ("other", NEEDS_APPROVAL)
    assert (plans / "review.md").read_text().startswith("<!-- plan-review:dev -->")
    left = project.directory / "cdktf.out" / "stacks" / "dev-models" / "plan"
    assert left.stat().st_mode & 0o777 == 0o600


def test_a_damaged_state_stops_the_plan(project: Project, account: Account, console: Console, plans: Path):
    assert deploy("dev", console, approved=True, saved=plans) == SAFE
    second = project.directory / "second"
    plan("dev", console, save=second)
    account.client("s3").put_object(Bucket=project.bucket, Key="dev-models/terraform.tfstate", Body=b"")
    for action in (
        lambda: plan("dev", console, save=plans),
        lambda: plan("dev", console),
        lambda: deploy("dev", console, approved=True),
        lambda: deploy("dev", console, approved=True, saved=second),
    ):
        with pytest.raises(StateError, match=r"dev-models/terraform\.tfstate is damaged: it is empty"):
            action()


def test_a_plan_without_the_lock_works_beside_one_who_holds_it(
    project: Project, console: Console, plans: Path, account
):
    key = "dev-models/terraform.tfstate.tflock"
    account.client("s3").put_object(Bucket=project.bucket, Key=key, Body=b'{"ID": "1", "Who": "somebody"}')
    with pytest.raises(TerraformError, match="Error acquiring the state lock"):
        plan("dev", console, save=plans)
    assert plan("dev", console, save=plans, lock=False) == NEEDS_APPROVAL


def test_exactly_the_saved_plans_are_applied(project: Project, plans: Path, console: Console, told: io.StringIO):
    # What is synthesised now is something else; the plans are what counts.
    project.resources = {"image": terraform_data(other="1"), "models": terraform_data(other="2")}
    assert deploy("dev", console, approved=True, saved=plans) == SAFE
    assert (project.addresses("image"), project.addresses("models")) == (["terraform_data.one"], ["terraform_data.two"])
    assert "dev-image: applied (1 to add, 0 to change, 0 to destroy)" in told.getvalue()
    with pytest.raises(TerraformError, match="Saved plan is stale"):
        deploy("dev", console, approved=True, saved=plans)
    assert "dev-image failed. Applied before it: nothing. Left as it was: dev-models." in told.getvalue()


def test_what_follows_a_deployment_is_called_for_an_endpoint_only(
    project: Project, console: Console, monkeypatch: pytest.MonkeyPatch
):
    called: list[str] = []
    assert deploy("dev", console, approved=True, afterwards=lambda: called.append("models")) == SAFE
    bucket = f"{project.bucket}-models"
    project.resources["endpoint"] = {
        "aws_sagemaker_endpoint": {"endpoint": {"name": bucket[:60], "endpoint_config_name": "no-such"}}
    }
    with pytest.raises(TerraformError):
        deploy("dev", console, approved=True, afterwards=lambda: called.append("failed"))
    assert called == []
    del project.resources["endpoint"]
    project.resources["models"] = terraform_data(two="changed")
    monkeypatch.setattr(deploy_module, "_ENDPOINT", "terraform_data.two")
    assert deploy("dev", console, approved=True, afterwards=lambda: called.append("applied")) == SAFE
    assert deploy("dev", console, approved=True, afterwards=lambda: called.append("nothing to apply")) == SAFE
    assert called == ["applied"]


def test_a_stack_that_fails_stops_the_ones_after_it(project: Project, console: Console, told: io.StringIO):
    fails = {"provisioner": {"local-exec": {"command": "exit 1"}}}
    project.resources = {
        "image": terraform_data(one="1"),
        "models": {"terraform_data": {"two": fails}},
        "endpoint": terraform_data(three="3"),
    }
    with pytest.raises(TerraformError, match="terraform apply failed for dev-models"):
        deploy("dev", console, approved=True)
    said = "dev-models failed. Applied before it: dev-image. Left as it was: dev-endpoint. Plan again for the rest"
    assert said in told.getvalue()
    # The way forward: plan again, and only what is missing is done.
    project.resources["models"] = terraform_data(two="2")
    told.truncate(0)
    assert deploy("dev", console, approved=True) == SAFE
    assert "dev-image: applied" not in told.getvalue()
    assert project.addresses("endpoint") == ["terraform_data.three"]


def test_plans_of_another_content_environment_or_set_of_stacks_are_refused(project: Project, plans: Path, console):
    with pytest.raises(SavedPlansError, match="they are plans of dev, not of prod"):
        deploy("prod", console, approved=True, saved=plans)
    (project.directory / "a").write_text("another merge")
    project.resources["endpoint"] = terraform_data()
    for action in (lambda: deploy("dev", console, approved=True, saved=plans), lambda: review_saved(plans, None, ())):
        with pytest.raises(SavedPlansError) as refused:
            action()
        assert "now there are image, models, endpoint" in str(refused.value)
        assert "another merge came first" in str(refused.value)
    with pytest.raises(SavedPlansError, match=r"changed since it was saved"):
        (plans / "dev-models.tfplan").write_bytes(b"another plan")
        deploy("dev", console, approved=True, saved=plans)
    with pytest.raises(TerraformError, match="No state file"):
        project.addresses("image")


@pytest.fixture
def bucket_goes(project: Project, console: Console, state_bucket: str) -> Callable[[], None]:
    """A deployed bucket with versions, and what takes it out of the configuration, after a stack that is harmless."""
    names = {"b": {"bucket": f"{state_bucket}-models", "force_destroy": True}}
    project.resources["models"] = {"aws_s3_bucket": names, "aws_s3_bucket_versioning": VERSIONED}
    assert deploy("dev", console, approved=True) == SAFE
    project.resources = {"image": terraform_data(one="changed"), "models": terraform_data(two="2")}
    return project.commit


def accept(directory: Path, account: Account, name: str = "review-accepted.toml") -> None:
    """Accept every finding of the last plan's review that is not a note."""
    review = json.loads((directory / "plans" / "review.json").read_text())
    entries = [
        f'[[accepted]]\nrule = "{finding["rule"]}"\nstack = "{stack["name"]}"\naddress = "{finding["address"]}"\n'
        'reason = "The bucket is empty."\nuntil = 2999-12-31\n'
        for stack in review["stacks"]
        for finding in stack["findings"]
        if finding["severity"] == "blocked"
    ]
    assert entries
    (directory / name).write_text("\n".join(entries))


def test_what_is_blocked_is_refused_whatever_is_approved(
    project: Project, bucket_goes, account: Account, console: Console, capsys
):
    before = {stack: project.addresses(stack) for stack in project.resources}
    serial = json.loads(remote_of(account.terraform(project.directory / "cdktf.out/stacks/dev-image")).read())["serial"]
    assert deploy("dev", console, approved=True) == BLOCKED
    assert "The review blocks this: dev was left as it is." in console.file.getvalue()
    assert "Plan review: outage or loss (blocked)" in capsys.readouterr().out
    directory = project.directory / "plans"
    assert plan("dev", console, save=directory) == BLOCKED
    assert deploy("dev", console, approved=True, saved=directory) == BLOCKED
    assert review_saved(directory, None, ()) == BLOCKED
    # Not even the harmless stack before the one that is blocked.
    assert {stack: project.addresses(stack) for stack in project.resources} == before
    image = remote_of(account.terraform(project.directory / "cdktf.out/stacks/dev-image"))
    assert json.loads(image.read())["serial"] == serial


def test_what_is_accepted_is_applied(project: Project, bucket_goes, account: Account, console: Console):
    assert plan("dev", console, save=project.directory / "plans") == BLOCKED
    accept(project.directory, account)
    assert deploy("dev", console, approved=True) == SAFE
    assert project.addresses("models") == ["terraform_data.two"]


def test_an_acceptance_counts_once_the_base_branch_has_it(
    project: Project, bucket_goes, account: Account, console: Console, capsys
):
    directory = project.directory / "plans"
    assert plan("dev", console, save=directory, base="HEAD") == BLOCKED
    accept(project.directory, account)
    project.commit("accept the loss and cause it")
    assert plan("dev", console, save=directory, base="HEAD^") == BLOCKED
    assert json.loads((directory / "review.json").read_text())["gate_changes"] == ["review-accepted.toml"]
    shown = "Changes what decides over reviews\n\n- `review-accepted.toml`"
    assert shown in (directory / "review.md").read_text()
    assert review_saved(directory, "HEAD^", ()) == BLOCKED
    assert deploy("dev", console, approved=True, saved=directory, base="HEAD^") == BLOCKED
    capsys.readouterr()
    # With the acceptance merged before, the change that causes the loss is let through.
    assert plan("dev", console, save=directory, base="HEAD") == NEEDS_APPROVAL
    assert "accepted: The bucket is empty." in capsys.readouterr().out
    assert deploy("dev", console, approved=True, saved=directory, base="HEAD") == SAFE


def test_plans_that_cannot_be_reviewed_are_not_applied(project: Project, plans: Path, console: Console, capfd):
    (project.directory / "review-policy.toml").write_text("[verdicts]\noutage = 'safe'\n")
    assert plan("dev", console, save=project.directory / "plans") == FAILED
    assert not (plans / "review.md").exists()
    for saved in (plans, None):
        assert deploy("dev", console, approved=True, saved=saved) == FAILED
    assert review_saved(plans, None, ()) == FAILED
    assert capfd.readouterr().err.count('an outage or loss is never "safe"') == 4
    with pytest.raises(TerraformError, match="No state file"):
        project.addresses("image")


@pytest.mark.parametrize(("answer", "code"), [("y\n", SAFE), ("n\n", NEEDS_APPROVAL), ("", NEEDS_APPROVAL)])
@pytest.mark.usefixtures("project")
def test_somebody_is_asked(console: Console, told: io.StringIO, monkeypatch, answer, code):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert deploy("dev", console, approved=False) == code
    assert "This needs approval. Apply it to dev?" in told.getvalue()
    assert ("dev was left as it is." in told.getvalue()) == (code != SAFE)
    assert ("There is nobody to ask." in told.getvalue()) == (answer == "")
    if code == SAFE:
        told.truncate(0)
        assert deploy("dev", console, approved=False) == SAFE
        assert "dev: nothing to apply." in told.getvalue()


def test_without_a_state_bucket_there_is_a_plan_but_nothing_to_apply_it_to(project: Project, console, told):
    project.bucket += "-that-is-not-there"
    directory = project.directory / "plans"
    assert plan("dev", console, save=directory) == NEEDS_APPROVAL
    assert "dev-models: there is no state bucket yet, planned as on an empty account" in told.getvalue()
    assert read_saved_plans(directory).previews == ("image", "models")
    for saved in (directory, None):
        with pytest.raises(SavedPlansError, match="`make bootstrap ENV=dev` creates it"):
            deploy("dev", console, approved=True, saved=saved)


def test_the_review_of_saved_plans_is_that_of_the_plan_files(project: Project, plans: Path, capsys):
    """Without credentials, and from what will be applied: the JSON beside it may say what it likes."""
    capsys.readouterr()
    assert review_saved(plans, None, ["--format", "json"]) == NEEDS_APPROVAL
    review = json.loads(capsys.readouterr().out)
    assert [stack["name"] for stack in review["stacks"]] == ["dev-image", "dev-models"]
    assert review["stacks"][1]["changes"][0]["address"] == "terraform_data.two"


@pytest.mark.parametrize("option", [("--format", "json"), ("--output=x",)])
def test_what_the_saved_review_would_not_honour_is_refused(console: Console, option):
    with pytest.raises(SavedPlansError, match=f"leave out {option[0].split('=')[0]}"):
        plan("dev", console, save=Path("plans"), options=option)


@pytest.mark.parametrize("option", ["--policy=mine.toml", "--accept", "--defaults"])
def test_nothing_takes_the_place_of_the_gate_of_the_base_branch(console: Console, option):
    for action in (
        lambda: plan("dev", console, base="origin/main", options=[option]),
        lambda: review_saved(Path("plans"), "origin/main", [option]),
    ):
        with pytest.raises(SavedPlansError, match=f"those of origin/main: leave out {option.split('=')[0]}"):
            action()


def test_the_outcome_of_a_deployment_is_one_document(project: Project, console: Console, monkeypatch, capsys):
    monkeypatch.setattr("operations.deploy.require_lasting", lambda environment: None)
    for result, changes in (("applied", [{"address": "terraform_data.one", "actions": ["create"]}]), ("nothing_to_apply", [])):  # fmt: skip # noqa: E501
        assert main(["deploy", "dev", "--yes", "--json"]) == 0
        output, errors = capsys.readouterr()
        document = json.loads(output)
        assert (document["environment"], document["result"], document["errors"]) == ("dev", result, [])
        assert [stack["name"] for stack in document["stacks"]] == ["dev-image", "dev-models"]
        assert document["stacks"][0]["changes"] == changes
        assert {stack["applied"] for stack in document["stacks"]} == {result == "applied"}
        assert "Plan review" in errors
