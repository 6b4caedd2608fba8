"""Which services speak the protocol."""

from botocore.loaders import Loader

from local_aws.cbor.services import PROTOCOL, CborService, _metadata, find_service


def test_every_service_whose_model_names_the_protocol_is_found() -> None:
    loader = Loader()
    found = 0
    for name in loader.list_available_services("service-2"):
        # Cheap: the heads of the files. That they say the same as the files is the next test's.
        metadata = _metadata(name, loader.determine_latest_version(name, "service-2"))
        speaks = {PROTOCOL, "json"} <= set(metadata.get("protocols", ()))
        found += speaks
        assert not speaks or isinstance(find_service(metadata["targetPrefix"]), CborService), name
    assert found > 30


def test_the_heads_of_models_say_what_the_models_say() -> None:
    loader = Loader()
    for name in ("cloudwatch", "codeconnections", "s3", "sagemaker", "translate"):
        version = loader.determine_latest_version(name, "service-2")
        assert _metadata(name, version) == loader.load_service_model(name, "service-2")["metadata"]


def test_a_name_with_its_namespace_is_the_same() -> None:
    full = find_service("com.amazonaws.codeconnections.CodeConnections_20231201")
    assert full is not None and full.operation("CreateConnection") is not None
    short = find_service("CodeConnections_20231201")
    assert short is not None and short.operation("CreateConnection") is not None


def test_services_without_the_protocol_are_not_found() -> None:
    assert find_service("SageMaker") is None
    assert find_service("") is None
