import pytest
from botocore.loaders import create_loader

from stacks.partitions import DNS_SUFFIXES, Partition, partition_of
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import SMALL, changed

KNOWN = [
    (region, Partition(partition["id"], partition["outputs"]["dnsSuffix"]))
    for partition in create_loader().load_data("partitions")["partitions"]
    for region in partition["regions"]
    if not region.endswith("-global")
]


@pytest.mark.parametrize(("region", "partition"), KNOWN, ids=[region for region, _ in KNOWN])
def test_every_region_that_botocore_knows(region, partition):
    assert partition_of(region) == partition
    assert partition.dns_suffix in DNS_SUFFIXES


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"])
def test_every_arn_and_registry_is_the_partition_s(synthesise, region):
    partition = partition_of(region)
    key = f"arn:{partition.name}:kms:{region}:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    callers = {"all": {"models": ["*"]}}
    access = {"github": {"repository": "acme/models"}}
    settings = changed(SMALL, region=region, kms_key_arn=key, callers=callers, access=access)
    stacks = synthesise({"dev": settings})
    assert len(stacks) == 5
    for stack in stacks.values():
        text = str(stack)
        assert text.count("arn:") == text.count(f"arn:{partition.name}:")
    image = stacks["dev-endpoint"]["resource"]["aws_sagemaker_model"]["model"]["primary_container"]["image"]
    assert image.startswith(f"111111111111.dkr.ecr.{region}.{partition.dns_suffix}/")


@pytest.mark.parametrize("suffix", DNS_SUFFIXES)
def test_a_prebuilt_image_may_be_in_any_partition(suffix):
    region = next(region for region, partition in KNOWN if partition.dns_suffix == suffix)
    image = {"prebuilt_uri": f"111111111111.dkr.ecr.{region}.{suffix}/server:1"}
    assert parse_settings({"environments": {"dev": changed(SMALL, region=region, image=image)}}, {})
