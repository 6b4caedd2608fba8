"""Instance types with their sizes and list prices in a region."""

from collections.abc import Iterable
from dataclasses import dataclass

from capacity.errors import CapacityError
from capacity.fleet import MIB, Fleet
from local_aws.instances.instance_types import find_instance_type
from plan_review.prices import PriceTable

USUAL_TYPES = (
    "ml.m5.large",
    "ml.m5.xlarge",
    "ml.m5.2xlarge",
    "ml.c5.xlarge",
    "ml.c5.2xlarge",
    "ml.r5.large",
    "ml.r5.xlarge",
    "ml.r5.2xlarge",
)
# The model server's budget is 90 % of the memory it finds (container/README.md).
BUDGET_SHARE = 0.9


@dataclass(frozen=True)
class InstanceType:
    """One type.

    Attributes:
        memory_bytes: all of it.
        monthly: list price of one instance for a month, in the price table's currency.
    """

    name: str
    vcpus: int
    memory_bytes: int
    monthly: float

    def fleet(self, instances: int, server_bytes: int, disk_bytes: int) -> Fleet:
        """That many of it. `server_bytes` is what the model server takes without models."""
        return Fleet(instances, self.vcpus, self.model_bytes(server_bytes), disk_bytes)

    def model_bytes(self, server_bytes: int) -> int:
        """Memory for models on one instance, 0 or more."""
        return max(0, int(self.memory_bytes * BUDGET_SHARE) - server_bytes)


def instance_types(names: Iterable[str], region: str, prices: PriceTable) -> list[InstanceType]:
    """The types of these names.

    Raises:
        CapacityError: a size or a price is not known; holds one complaint for each.
    """
    known = prices.regions.get(region)
    if known is None:
        raise CapacityError(
            f"region {region}: there are no prices for it, only for {', '.join(sorted(prices.regions))}. "
            "`python -m plan_review.price_list OFFER.json` adds a region from AWS's price list."
        )
    found, complaints = [], []
    for name in dict.fromkeys(names):
        size, price = find_instance_type(name), known.per_hour.get(name)
        if size is None:
            complaints.append(f"instance type {name}: its vCPUs and memory are not known here; choose another type.")
        elif price is None:
            complaints.append(
                f"instance type {name}: there is no price for it in {region}. `python -m plan_review.price_list "
                "OFFER.json` takes prices from AWS's price list."
            )
        else:
            found.append(InstanceType(name, size.vcpus, size.memory_mib * MIB, price * prices.hours_per_month))
    if complaints:
        raise CapacityError(complaints)
    return found
