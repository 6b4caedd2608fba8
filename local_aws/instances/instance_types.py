"""vCPUs and memory of SageMaker's instance types.

Worked out from the families' regular sizes (large = 2 vCPUs, xlarge = 4, Nxlarge = 4 N; memory per vCPU by family),
with the irregular ones listed. https://aws.amazon.com/sagemaker/ai/pricing/
"""

import re
from dataclasses import dataclass

_TYPE = re.compile(r"ml\.(?P<family>[a-z]+\d[a-z]*)\.(?P<count>\d*)(?P<size>medium|large|xlarge)")
_GIB_PER_VCPU = {"c": 2, "m": 4, "t": 4, "r": 8, "g": 4}
_IRREGULAR = {
    "ml.t2.medium": (2, 4),
    "ml.t3.medium": (2, 4),
    "ml.t2.xlarge": (4, 16),
    "ml.c4.large": (2, 3.75),
    "ml.c4.xlarge": (4, 7.5),
    "ml.c4.2xlarge": (8, 15),
    "ml.c4.4xlarge": (16, 30),
    "ml.c4.8xlarge": (36, 60),
    "ml.c5.9xlarge": (36, 72),
    "ml.c5.18xlarge": (72, 144),
    "ml.p2.xlarge": (4, 61),
    "ml.p3.2xlarge": (8, 61),
    "ml.m4.10xlarge": (40, 160),
    "ml.m4.16xlarge": (64, 256),
}
_MIB_PER_GIB = 1024


@dataclass(frozen=True)
class InstanceType:
    """Size of an instance."""

    vcpus: int
    memory_mib: int
    platform: str = "linux/amd64"
    """What its images must be built for: linux/arm64 for Graviton."""


def find_instance_type(name: str) -> InstanceType | None:
    """The size of `name` (`ml.m5.xlarge`), None where it is not known here."""
    if name in _IRREGULAR:
        vcpus, memory_gib = _IRREGULAR[name]
        return InstanceType(vcpus, int(memory_gib * _MIB_PER_GIB))
    match = _TYPE.fullmatch(name)
    if match is None or match["family"][0] not in _GIB_PER_VCPU:
        return None
    xlarges = int(match["count"] or 1)
    vcpus = 4 * xlarges if match["size"] == "xlarge" else 2
    memory_gib = vcpus * _GIB_PER_VCPU[match["family"][0]]
    if match["size"] == "medium":
        vcpus, memory_gib = 1, _GIB_PER_VCPU[match["family"][0]]
    is_graviton = re.fullmatch(r"[a-z]+\d+g[a-z]*", match["family"]) is not None
    return InstanceType(vcpus, memory_gib * _MIB_PER_GIB, "linux/arm64" if is_graviton else "linux/amd64")
