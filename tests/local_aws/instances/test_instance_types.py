import pytest

from local_aws.instances.instance_types import find_instance_type


@pytest.mark.parametrize(
    ("name", "vcpus", "memory_gib"),
    [
        ("ml.m5.large", 2, 8),
        ("ml.m5.xlarge", 4, 16),
        ("ml.m5.24xlarge", 96, 384),
        ("ml.c5.large", 2, 4),
        ("ml.c5.9xlarge", 36, 72),
        ("ml.r5.2xlarge", 8, 64),
        ("ml.t2.medium", 2, 4),
        ("ml.t2.xlarge", 4, 16),
        ("ml.c4.large", 2, 3.75),
        ("ml.m6g.medium", 1, 4),
        ("ml.g4dn.xlarge", 4, 16),
    ],
)
def test_sizes(name: str, vcpus: int, memory_gib: float) -> None:
    found = find_instance_type(name)
    assert found is not None
    assert (found.vcpus, found.memory_mib) == (vcpus, memory_gib * 1024)


@pytest.mark.parametrize("name", ["ml.p4d.24xlarge", "ml.inf1.xlarge", "m5.large", "ml.m5.huge"])
def test_unknown_types(name: str) -> None:
    assert find_instance_type(name) is None
