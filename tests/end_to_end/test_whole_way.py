"""Models that people bring, from `add` through Terraform to the answer of the endpoint."""

import json
from pathlib import Path

import pytest

from demo.rehearsal import Rehearsal
from model_catalog.check import Check
from model_catalog.conversion import convert_to_onnx
from tests.container.conftest import encoded_image
from tests.end_to_end.conftest import LocalAwsFactory
from tests.support.brought_models import CASCADE_ANSWER, cascade_folder, classifier_archive, face_folder


def test_a_classifier_a_face_network_and_a_cascade(tmp_path: Path, project: Path, local_aws: LocalAwsFactory) -> None:
    sample = tmp_path / "face.png"
    sample.write_bytes(encoded_image("PNG", (40, 40)))
    face = face_folder(tmp_path)
    with local_aws() as aws:
        rehearsal = Rehearsal(tmp_path / "rehearsal", aws, project)
        add = rehearsal.catalog.add
        add("classifier", classifier_archive(tmp_path), check=Check())
        add("face", face, check=Check())
        add("face-onnx", face, convert=lambda *folders: convert_to_onnx(*folders, [sample]), check=Check())
        add("cascade", cascade_folder(tmp_path), check=Check())
        rehearsal.deployment.synth()
        for stack in rehearsal.deployment.stacks:
            rehearsal.deploy(stack)
        session = aws.session()
        runtime = session.client("sagemaker-runtime", endpoint_url=aws.url)

        def invoke(model: str, content_type: str, body: bytes) -> object:
            answer = runtime.invoke_endpoint(
                EndpointName=rehearsal.endpoint_name,
                TargetModel=rehearsal.catalog.lock.target_model(model),
                ContentType=content_type,
                Body=body,
            )
            return json.load(answer["Body"])

        classified = invoke("classifier", "application/x-image", encoded_image("PNG"))
        (scores,) = classified["outputs"]
        assert sum(scores) == pytest.approx(1, abs=1e-5)
        assert {entry["label"] for entry in classified["labels"][0]} == {"cat", "dog", "fox"}
        (embedding,) = invoke("face", "image/png", sample.read_bytes())["outputs"]
        (converted,) = invoke("face-onnx", "image/png", sample.read_bytes())["outputs"]
        assert len(embedding) == 16
        assert converted == pytest.approx(embedding, abs=1e-4)
        assert invoke("cascade", "image/jpeg", encoded_image("JPEG")) == CASCADE_ANSWER
        rehearsal.destroy()
