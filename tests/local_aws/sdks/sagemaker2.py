"""The SageMaker SDK 2 as users write it: MultiDataModel. Arguments: image, role, prefix of the artifacts, artifact."""

import json
import sys

import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.multidatamodel import MultiDataModel
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer


def main() -> None:
    image, role, prefix, artifact = sys.argv[1:]
    session = sagemaker.Session()
    models = MultiDataModel(
        name="sdk2",
        model_data_prefix=prefix,
        image_uri=image,
        role=role,
        sagemaker_session=session,
        predictor_cls=Predictor,
    )
    predictor = models.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        endpoint_name="sdk2",
        serializer=JSONSerializer(),
        deserializer=JSONDeserializer(),
    )
    models.add_model(model_data_source=artifact, model_data_path="added.tar.gz")
    answer = predictor.predict({"instances": [1]}, target_model="added.tar.gz")
    listed = sorted(models.list_models())
    predictor.delete_endpoint(delete_endpoint_config=True)
    models.delete_model()
    json.dump({"title": answer["title"], "models": listed}, sys.stdout)


if __name__ == "__main__":
    main()
