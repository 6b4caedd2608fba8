"""AWS's partitions: groups of regions with ARNs and host names of their own.

A table rather than botocore's loader, which every synthesis would wait for; tests/stacks/test_partitions.py holds it
against botocore's own data.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Partition:
    """`name` is the second part of its ARNs, `dns_suffix` the end of its services' host names."""

    name: str
    dns_suffix: str


_COMMERCIAL = Partition("aws", "amazonaws.com")
_BY_REGION_PREFIX = {
    "cn-": Partition("aws-cn", "amazonaws.com.cn"),
    "us-gov-": Partition("aws-us-gov", "amazonaws.com"),
    "eusc-": Partition("aws-eusc", "amazonaws.eu"),
    "us-iso-": Partition("aws-iso", "c2s.ic.gov"),
    "us-isob-": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": Partition("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": Partition("aws-iso-f", "csp.hci.ic.gov"),
}
DNS_SUFFIXES = tuple(sorted({partition.dns_suffix for partition in (_COMMERCIAL, *_BY_REGION_PREFIX.values())}))


def partition_of(region: str) -> Partition:
    """The partition that a region belongs to."""
    for prefix, partition in _BY_REGION_PREFIX.items():
        if region.startswith(prefix):
            return partition
    return _COMMERCIAL
