"""The stacks of environment `local`, deployed from a copy of the project whose container a test may change."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.rehearsal import Rehearsal
from local_aws.process import LocalAws
from operations.terraform import SavedPlan


@contextmanager
def variables(environment: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the children that are started meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


class AwsWithEngine(LocalAws):
    """A local AWS whose children, and the children of whose users, find the engine."""

    def __init__(self, tools: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self.tools = dict(tools)

    def start(self) -> None:
        with variables(self.tools):
            super().start()

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.settings.directory, ignore_errors=True)  # images are large, and pytest keeps folders

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.tools}


class Stacks:
    """A project's stacks on a local AWS."""

    def __init__(self, project: Path, folder: Path, aws: AwsWithEngine) -> None:
        self.container = project / "container"
        self._settings_file = project / "cdktf.json"
        self._rehearsal = Rehearsal(folder, aws, project)
        self._clients = aws.session()
        self._key = {"AWS_ACCESS_KEY_ID": aws.key.id, "AWS_SECRET_ACCESS_KEY": aws.key.secret}
        self._url = aws.url

    def add_model(self, name: str, checkpoint: Path) -> None:
        self._rehearsal.catalog.add(name, checkpoint)

    def synth(self) -> None:
        self._rehearsal.deployment.synth()

    @contextmanager
    def changed(self, file: Path, content: str) -> Iterator[None]:
        """With another content of a file of the project, and as before again afterwards."""
        synthesised = self._rehearsal.deployment.output_directory.glob("stacks/*/cdk.tf.json")
        former = {path: path.read_text() for path in (file, *synthesised)}
        file.write_text(content)
        try:
            self.synth()
            yield
        finally:
            for path, text in former.items():
                path.write_text(text)

    @contextmanager
    def prebuilt(self, uri: str) -> Iterator[None]:
        """With the setting `image.prebuilt_uri`."""
        document = json.loads(self._settings_file.read_text())
        document["context"]["environments"]["local"]["image"] = {"prebuilt_uri": uri}
        with self.changed(self._settings_file, json.dumps(document)):
            yield

    def deploy(self, stack: str) -> SavedPlan:
        return self._rehearsal.deploy(stack)

    @property
    def image(self) -> str:
        """The image that the endpoint shall run, as the image stack's output says."""
        return self.output("image", "image_uri")

    def output(self, stack: str, name: str) -> str:
        return self._rehearsal.deployment.terraform(stack).outputs()[name]

    def state(self, stack: str) -> str:
        """What Terraform has written down, as text."""
        return self._rehearsal.deployment.terraform(stack).run("state", "pull")

    def client(self, service: str) -> Any:
        return self._clients.client(service, endpoint_url=self._url)

    def endpoint(self) -> dict[str, Any]:
        return self.client("sagemaker").describe_endpoint(EndpointName=self._rehearsal.endpoint_name)

    def invoke(self, model: str, instances: list[list[float]]) -> list[list[float]]:
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self._rehearsal.endpoint_name,
            TargetModel=self._rehearsal.catalog.lock.target_model(model),
            ContentType="application/json",
            Body=json.dumps({"instances": instances}),
        )
        return json.loads(answer["Body"].read())["outputs"]

    def builder_environment(self) -> dict[str, str]:
        """What the provisioner of the image stack gives the builder, for a call of one's own."""
        document = json.loads((self._rehearsal.deployment.terraform("image").directory / "cdk.tf.json").read_text())
        (image,) = document["resource"]["terraform_data"].values()
        (provisioner,) = image["provisioner"]
        environment = provisioner["local-exec"]["environment"]
        return {**os.environ, **self._key, **environment, "BUILD_CONTEXT": str(self.container)}
