"""What an endpoint's instances cost a month, before and after, by the bundled table of list prices (prices.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plan_review.endpoint import EndpointChange, Variant
from plan_review.redaction import shown_value
from plan_review.values import UNKNOWN

TABLE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class RegionalPrices:
    """List prices an hour by instance type, as of a date (ISO 8601). `origin` says in words where they come from."""

    as_of: str
    origin: str
    per_hour: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PriceTable:
    """List prices in `currency` by region. A region or an instance type that is not in it has no known price."""

    currency: str
    hours_per_month: int
    source: str
    regions: Mapping[str, RegionalPrices]

    def monthly(self, variants: Sequence[Variant], region: str | None) -> float | None:
        """The variants' instances for a month; None when a price, a type or a count is not known."""
        prices = self.regions.get(region) if region is not None else None
        total = 0.0
        for variant in variants:
            if prices is None or not isinstance(variant.instance_type, str):
                return None
            price = prices.per_hour.get(variant.instance_type)
            if price is None or variant.instance_count is None or variant.instance_count is UNKNOWN:
                return None
            total += price * variant.instance_count * self.hours_per_month
        return total


@dataclass(frozen=True, slots=True)
class Cost:
    """An endpoint's instances a month. None stands for unknown."""

    endpoint: str
    before: float | None
    after: float | None
    instances_before: str
    instances_after: str
    region: str | None

    @property
    def difference(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before


def bundled_prices() -> PriceTable:
    content = json.loads(TABLE.read_text(encoding="utf-8"))
    return PriceTable(
        currency=content["currency"],
        hours_per_month=content["hours_per_month"],
        source=content["source"],
        regions={region: RegionalPrices(**prices) for region, prices in content["regions"].items()},
    )


def cost_of(endpoint: EndpointChange, prices: PriceTable, region: str | None) -> Cost | None:
    """What an endpoint costs before and after, at the counts of its configurations; None when these stay the same."""
    before, after = endpoint.variants_before, endpoint.variants_after
    if before == after or (not endpoint.configuration_before.exists and not endpoint.configuration_after.exists):
        return None
    return Cost(
        endpoint=endpoint.name,
        before=prices.monthly(before, region) if before or not endpoint.change.before.exists else None,
        after=prices.monthly(after, region) if after or not endpoint.change.after.exists else None,
        instances_before=_instances(before),
        instances_after=_instances(after),
        region=region,
    )


def _instances(variants: Sequence[Variant]) -> str:
    if not variants:
        return "none"
    return " + ".join(f"{shown_value(item.instance_count)} x {shown_value(item.instance_type)}" for item in variants)
