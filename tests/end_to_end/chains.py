"""Chains of changes to an environment, from nothing to its destruction, and what Terraform makes of each of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from local_aws.process import LocalAws
from model_catalog.catalog import Catalog
from operations.terraform import Terraform
from tests.end_to_end.project import change_settings

ALARM = "more"
SOURCE_BUCKET, SOURCE_KEY = "source-bucket", "some/model.tar.gz"
KEY = "the key's ARN"
"""Stands in settings for the ARN of a key that is made for the chain."""


@dataclass(frozen=True)
class Step:
    """One change: settings of the environment, models to add (one of them from a bucket), or another image."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    copies_model: bool = False
    changes_image: bool = False


_TWO = ("digits-mlp", "digits-cnn")
_SCALING = {"minimum_instance_count": 1, "maximum_instance_count": 2, "target_invocations_per_instance_per_minute": 100}
_OTHER_TAGS = {"Team": "ml", "Project": "other"}

CHAINS: Mapping[str, tuple[Step, ...]] = {
    "main": (
        Step("base", models=_TWO),
        Step("image", changes_image=True),
        Step("type", {"instance_type": "ml.m5.xlarge", "initial_instance_count": 2}),
        Step("model3", models=("breast-cancer",)),
        Step("tagslogs", {"tags": _OTHER_TAGS, "log_retention_days": 30}),
        Step(
            "misc",
            {
                "server_environment": {"SOME_X": "1"},
                "deployment": {"wait_seconds": 0, "maximum_5xx_errors_per_minute": 7, "alarm_names": [ALARM]},
                "volume_size_gb": 30,
                "startup_timeout_seconds": 120,
                "model_cache_setting": "Disabled",
                "deleted_model_retention_days": 60,
            },
        ),
    ),
    "scaling": (
        Step("base", {"auto_scaling": _SCALING, "callers": {"web": {"models": ["*"]}}}, models=_TWO),
        Step("type", {"instance_type": "ml.m5.xlarge"}),
        Step(
            "target",
            {
                "auto_scaling": {
                    **_SCALING,
                    "maximum_instance_count": 3,
                    "target_invocations_per_instance_per_minute": 200,
                    "scale_in_cooldown_seconds": 60,
                },
                "callers": {"web": {"models": ["digits-mlp/"]}, "batch": {"models": ["tenant-a/"]}},
                "tags": _OTHER_TAGS,
            },
        ),
        Step("off", {"auto_scaling": None, "callers": None}),
    ),
    "kms0": (Step("base", {"kms_key_arn": KEY}, models=_TWO),),
    "kms": (
        Step("base", models=_TWO, copies_model=True),
        Step("key", {"kms_key_arn": KEY}),
        Step("off", {"kms_key_arn": None}),
    ),
}


class ChainRecorder:
    """Plays steps on one local AWS and writes what Terraform says of each into `folder`.

    NN-STEP/STACK.preview.json  the first step's plan before there was anything
    NN-STEP/STACK.plan.json     the plan
    NN-STEP/STACK.second.json   the plan right after its apply
    NN-STEP/STACK.state.json    the state after the apply
    """

    def __init__(
        self, aws: LocalAws, work: Path, project: Path, models: Mapping[str, ExampleModel], folder: Path
    ) -> None:
        """`work`: for catalog, stacks and states; `project`: a copy that is changed; `folder`: for what is written."""
        self._rehearsal = Rehearsal(work, aws, project)
        self._project = project
        self._models = models
        self._folder = folder
        session = aws.session()
        self._work = work
        self._s3 = session.client("s3", endpoint_url=aws.url)
        self._key = session.client("kms", endpoint_url=aws.url).create_key()["KeyMetadata"]["Arn"]
        session.client("cloudwatch", endpoint_url=aws.url).put_metric_alarm(
            AlarmName=ALARM,
            Namespace="Chains",
            MetricName="Errors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )

    def play(self, steps: Iterable[Step]) -> None:
        """Every step, and at the end the destruction of everything."""
        for number, step in enumerate(steps):
            self._change(step)
            self._rehearsal.deployment.synth()
            folder = self._folder / f"{number:02}-{step.name}"
            folder.mkdir(parents=True)
            if number == 0:
                for stack, plan in self._rehearsal.preview().items():
                    _write(folder / f"{stack}.preview.json", plan.document)
            for stack in self._rehearsal.deployment.stacks:
                self._deploy(stack, self._rehearsal.deployment.terraform(stack), folder)
        self._rehearsal.destroy()

    def _change(self, step: Step) -> None:
        settings = {name: self._key if value == KEY else value for name, value in step.settings.items()}
        change_settings(self._project, **settings)
        for name in step.models:
            self._rehearsal.catalog.add(name, self._models[name].directory)
        if step.copies_model:
            self._add_from_bucket("copied", self._models["breast-cancer"])
        if step.changes_image:
            file = self._project / "container" / "model_server" / "version.py"
            file.write_text("# Another content of the build context.\n")

    def _add_from_bucket(self, name: str, model: ExampleModel) -> None:
        """Add a model whose artifact another catalog has packed and put into a bucket of its own."""
        other = Catalog(self._work / "other-catalog")
        artifact = other.directory / other.add(name, model.directory).version.artifact
        self._s3.create_bucket(Bucket=SOURCE_BUCKET)
        self._s3.upload_file(str(artifact), SOURCE_BUCKET, SOURCE_KEY)
        self._rehearsal.catalog.add_from_s3(name, f"s3://{SOURCE_BUCKET}/{SOURCE_KEY}", self._s3)

    def _deploy(self, stack: str, terraform: Terraform, folder: Path) -> None:
        terraform.init()
        plan = terraform.plan()
        _write(folder / f"{stack}.plan.json", plan.document)
        if plan.document.get("applyable", bool(plan.changes)):
            terraform.apply(plan)
        _write(folder / f"{stack}.second.json", terraform.plan().document)
        _write(folder / f"{stack}.state.json", json.loads(terraform.run("show", "-json")))


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document) + "\n")
