"""sagemaker-core, the resources of the SageMaker SDK 3. Arguments: image, role, prefix of the artifacts, model."""

import json
import sys

from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant


def main() -> None:
    image, role, prefix, target = sys.argv[1:]
    model = Model.create(
        model_name="sdk3",
        primary_container=ContainerDefinition(image=image, mode="MultiModel", model_data_url=prefix),
        execution_role_arn=role,
    )
    variant = ProductionVariant(
        variant_name="AllTraffic", model_name="sdk3", instance_type="ml.m5.large", initial_instance_count=1
    )
    config = EndpointConfig.create(endpoint_config_name="sdk3", production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name="sdk3", endpoint_config_name="sdk3")
    endpoint.wait_for_status("InService")
    answer = endpoint.invoke(body=b"{}", content_type="application/json", target_model=target)
    title = json.loads(answer.body.read())["title"]
    mode = Model.get(model_name="sdk3").primary_container.mode
    endpoint.delete()
    config.delete()
    model.delete()
    json.dump({"title": title, "mode": mode}, sys.stdout)


if __name__ == "__main__":
    main()
