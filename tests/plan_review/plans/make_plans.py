"""Makes the saved plans again, with real Terraform: `python tests/plan_review/plans/make_plans.py [SCENARIO...]`.

Each stack's base is applied once on a local AWS of its own; each scenario is then planned against a copy of that state.
What differs from run to run (ids, times, ports, folders) is replaced, so that a second run writes the same files.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from image_builder.context import content_hash  # noqa: E402
from local_aws.process import LocalAws  # noqa: E402
from tests.plan_review.plans import outages, scenarios  # noqa: E402
from tests.plan_review.plans.scenarios import SCENARIOS, Scenario  # noqa: E402

STACKS = {**scenarios.STACKS, **outages.STACKS}
OUTPUT = Path(__file__).resolve().parent
BINARY = os.environ.get("TERRAFORM_BINARY_NAME", "terraform")
_DROPPED = ("planned_values", "prior_state", "relevant_attributes", "timestamp")
_CONTEXT = {
    "Dockerfile": (
        "FROM scratch\n"
        'ENTRYPOINT ["python3", "/opt/serve"]\n'
        "LABEL com.amazonaws.sagemaker.capabilities.multi-models=true\n"
        "LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true\n"
    ),
    "serve": (
        "import http.server, os\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        "http.server.HTTPServer(('127.0.0.1', int(os.environ['SAGEMAKER_BIND_TO_PORT'])), Handler).serve_forever()\n"
    ),
}


def base(stack: str) -> dict[str, Any]:
    return copy.deepcopy(STACKS[stack]())


class Maker:
    """Applies the bases and plans the scenarios below `directory`."""

    def __init__(self, directory: Path, aws: LocalAws) -> None:
        self._directory = directory
        self._environment = {**os.environ, **aws.environment(), "TF_IN_AUTOMATION": "1"}
        self._session = aws.session(scenarios.REGION)
        self._url = aws.url

    def push_image(self) -> None:
        """An image that answers /ping, for the base's endpoint, under the tag that the base names."""
        context = self._directory / "context"
        context.mkdir()
        for name, content in _CONTEXT.items():
            (context / name).write_text(content)
        (context / "serve").chmod(0o755)
        ecr = self._client("ecr")
        ecr.create_repository(repositoryName=scenarios.IMAGE_REPOSITORY)
        tag = content_hash(context)
        variables = {
            "IMAGE_REPOSITORY_URI": scenarios.IMAGE,
            "IMAGE_TAG": tag,
            "BUILD_CONTEXT": str(context),
            "CONTAINER_ENGINE": "none",
            "IMAGE_PLATFORM": "linux/amd64",
        }
        command = [sys.executable, "-m", "image_builder"]
        subprocess.run(command, cwd=ROOT, env={**self._environment, **variables}, check=True, stdout=sys.stderr)
        image = ecr.batch_get_image(repositoryName=scenarios.IMAGE_REPOSITORY, imageIds=[{"imageTag": tag}])["images"][
            0
        ]
        ecr.put_image(
            repositoryName=scenarios.IMAGE_REPOSITORY,
            imageManifest=image["imageManifest"],
            imageTag=scenarios.IMAGE_TAG,
        )

    def put_sources(self) -> None:
        """What S3 copies, for the stack of copies."""
        s3 = self._client("s3")
        s3.create_bucket(Bucket=scenarios.SOURCE_BUCKET)
        for name, content in scenarios.ARTIFACTS.items():
            for key in (f"{name}.tar.gz", f"archive/{name}.tar.gz"):
                s3.put_object(Bucket=scenarios.SOURCE_BUCKET, Key=key, Body=content)

    def apply_base(self, stack: str) -> None:
        configuration = base(stack)
        for data in configuration["resource"].get("terraform_data", {}).values():
            # There is no catalog that it could run for, and the state does not hold it.
            data.pop("provisioner", None)
        folder = self._write(f"base-{stack}", configuration)
        self._terraform(folder, "init")
        self._terraform(folder, "apply", "-auto-approve")
        # Only the first plan after an apply lists what resources wrote into one another. The recorded plans cover that.
        self._terraform(folder, "apply", "-refresh-only", "-auto-approve")

    def plan(self, scenario: Scenario) -> dict[str, Any]:
        """The scenario's plan as JSON, scrubbed."""
        configuration = base(scenario.stack)
        scenario.change(configuration)
        configuration["resource"] = {type_: found for type_, found in configuration["resource"].items() if found}
        folder = self._write(scenario.name, configuration)
        if not scenario.on_empty_account:
            state = json.loads((self._directory / f"base-{scenario.stack}" / "terraform.tfstate").read_text())
            if scenario.state is not None:
                scenario.state(state)
            (folder / "terraform.tfstate").write_text(json.dumps(state))
        self._terraform(folder, "init")
        if scenario.tamper == "alarm-threshold":
            self._set_alarm_threshold(7)
        elif scenario.tamper == "alarm-deleted":
            self._client("cloudwatch").delete_alarms(AlarmNames=["review-errors"])
        self._terraform(folder, "plan", "-out=plan", *scenario.arguments)
        if scenario.tamper is not None:
            self._set_alarm_threshold(5)
        return scrubbed(self._terraform(folder, "show", "-json", "plan"), self._directory)

    def _write(self, name: str, configuration: dict[str, Any]) -> Path:
        folder = self._directory / name
        (folder / "artifacts").mkdir(parents=True)
        for artifact, content in scenarios.ARTIFACTS.items():
            (folder / "artifacts" / f"{artifact}.tar.gz").write_bytes(content)
        (folder / "main.tf.json").write_text(json.dumps(configuration, indent=1))
        return folder

    def _terraform(self, folder: Path, *arguments: str) -> str:
        command = [BINARY, f"-chdir={folder}", arguments[0], *(["-no-color"] if arguments[0] != "show" else [])]
        result = subprocess.run(
            [*command, *arguments[1:]], env=self._environment, capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise SystemExit(f"{folder.name}: {BINARY} {arguments[0]} failed\n{result.stdout}{result.stderr}")
        return result.stdout

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._url)

    def _set_alarm_threshold(self, threshold: float) -> None:
        client = self._client("cloudwatch")
        base = scenarios.alarm("review-errors")
        client.put_metric_alarm(
            AlarmName=base["alarm_name"],
            Namespace=base["namespace"],
            MetricName=base["metric_name"],
            Statistic=base["statistic"],
            Period=base["period"],
            EvaluationPeriods=base["evaluation_periods"],
            ComparisonOperator=base["comparison_operator"],
            Threshold=threshold,
            TreatMissingData="missing",
        )


_VARYING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # ids of keys, terraform_data and object versions
    r"|(?<![A-Z0-9])(?:AROA|AIDA)[A-Z0-9]{16,17}(?![A-Z0-9])"  # ids of roles
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"  # times
    r"|(?<=scalable-target/)[a-z0-9]{30,}"
    r"|http://127\.0\.0\.1:\d+"
)


def scrubbed(text: str, directory: Path) -> dict[str, Any]:
    """The plan without what a review never reads, and with the same stand-ins for what varies in every run."""
    known: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        found = match[0]
        if found.startswith("http"):
            return "http://127.0.0.1:4566"
        if "T" in found and ":" in found:
            return "2024-01-01T00:00:00Z"
        if found.startswith(("AROA", "AIDA")):
            return known.setdefault(found, f"{found[:4]}{len(known):016d}")
        return known.setdefault(found, f"00000000-0000-4000-8000-{len(known):012d}")

    document = json.loads(_VARYING.sub(stand_in, text.replace(str(directory), "FOLDER")))
    return {key: value for key, value in document.items() if key not in _DROPPED}


def main(names: list[str]) -> None:
    wanted = [scenario for scenario in (*SCENARIOS, *outages.OUTAGES) if not names or scenario.name in names]
    with (
        tempfile.TemporaryDirectory(prefix="plans-") as folder,
        LocalAws(directory=Path(folder) / "aws", port=0) as aws,
    ):
        maker = Maker(Path(folder), aws)
        stacks = {scenario.stack for scenario in wanted}
        if stacks & {"endpoint", "verified"}:
            maker.push_image()
        if "copies" in stacks:
            maker.put_sources()
        for stack in STACKS:
            # The endpoint's model needs the bucket of the models.
            if not stacks & ({stack, "endpoint", "verified"} if stack == "models" else {stack}):
                continue
            print(f"applying the base of {stack}", flush=True)
            maker.apply_base(stack)
        for scenario in wanted:
            print(f"planning {scenario.name}", flush=True)
            content = json.dumps(maker.plan(scenario), indent=1, sort_keys=True) + "\n"
            (OUTPUT / f"{scenario.name}.json").write_text(content)


if __name__ == "__main__":
    main(sys.argv[1:])
