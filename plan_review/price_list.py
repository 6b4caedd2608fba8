"""Makes the table of prices from AWS's price list: `python -m plan_review.price_list OFFER.json...`.

An offer file is https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonSageMaker/current/REGION/index.json; its
format: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/bulk-api-reading-price-list-files.html
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import from_json

from plan_review.errors import ReviewError
from plan_review.prices import TABLE

_OFFER = "AmazonSageMaker"
_FAMILY = "ML Instance"
_COMPONENT = "Hosting"
_HOURS = frozenset({"Hrs", "Hours", "Hour"})

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def regional_prices(offer: Mapping[str, Any], currency: str) -> tuple[dict[str, dict[str, float]], list[str]]:
    """The prices an hour of real-time inference, on demand, by region and instance type, and what is left out and why.

    A type with several prices in one region is left out: nobody could say which of them an endpoint pays.
    """
    on_demand = _mapping(_mapping(offer.get("terms")).get("OnDemand"))
    found: dict[tuple[str, str], set[float]] = {}
    for sku, product in _mapping(offer.get("products")).items():
        attributes = _mapping(_mapping(product).get("attributes"))
        if _mapping(product).get("productFamily") != _FAMILY or attributes.get("component") != _COMPONENT:
            continue
        region, type_ = attributes.get("regionCode"), _instance_type(attributes)
        if isinstance(region, str) and region and type_ is not None:
            found.setdefault((region, type_), set()).update(_prices(on_demand.get(sku), currency))
    prices: dict[str, dict[str, float]] = {}
    left_out = []
    for (region, type_), amounts in sorted(found.items()):
        if len(amounts) == 1:
            prices.setdefault(region, {})[type_] = amounts.pop()
        else:
            several = ", ".join(str(item) for item in sorted(amounts)) or f"no price in {currency} an hour"
            left_out.append(f"{type_} in {region}: {several}")
    return prices, left_out


def _instance_type(attributes: Mapping[str, Any]) -> str | None:
    """`ml.m5.large`: the name, or the type without the component that stands behind it."""
    for key in ("instanceName", "instanceType"):
        value = attributes.get(key)
        if isinstance(value, str) and value.startswith("ml."):
            return value.removesuffix(f"-{_COMPONENT}")
    return None


def _prices(terms: Any, currency: str) -> Iterator[float]:
    for term in _mapping(terms).values():
        for dimension in _mapping(_mapping(term).get("priceDimensions")).values():
            amount = _mapping(_mapping(dimension).get("pricePerUnit")).get(currency)
            if _mapping(dimension).get("unit") not in _HOURS:
                continue
            try:
                price = float(amount)  # type: ignore[arg-type]
            except (TypeError, ValueError):
                continue
            if math.isfinite(price) and price > 0:
                yield price


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = from_json(path.read_bytes(), cache_strings="keys")
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise ReviewError(f"{path}: is no JSON ({error})") from error
    if not isinstance(content, Mapping) or content.get("offerCode") != _OFFER:
        raise ReviewError(
            f"{path}: is no offer file of {_OFFER} (its offerCode says so); give it a region's index.json"
        )
    return content


@app.command()
def price_list(
    offers: Annotated[list[Path], typer.Argument(help="Offer files of AmazonSageMaker.", metavar="OFFER.json...")],
    *,
    table: Annotated[Path, typer.Option(help="The table whose regions are replaced.", metavar="FILE")] = TABLE,
) -> None:
    """Replaces the regions of the table by those of AWS's offer files; other regions stay."""
    content = json.loads(table.read_text(encoding="utf-8"))
    for path in offers:
        offer = _read(path)
        prices, left_out = regional_prices(offer, content["currency"])
        if not prices:
            raise ReviewError(f"{path}: holds no price of hosting in {content['currency']}; the table stays as it is")
        for line in left_out:
            print(f"left out: {line}", file=sys.stderr)
        origin = f"AWS's price list, offer version {offer.get('version')}"
        as_of = str(offer.get("publicationDate"))[:10]
        for region, per_hour in prices.items():
            content["regions"][region] = {"as_of": as_of, "origin": origin, "per_hour": per_hour}
    content["regions"] = dict(sorted(content["regions"].items()))
    table.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit code; what a user did wrong is one line on standard error."""
    try:
        app(args=arguments, prog_name="python -m plan_review.price_list", standalone_mode=False)
    except (ReviewError, typer.TyperException) as error:
        print(f"price_list: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
