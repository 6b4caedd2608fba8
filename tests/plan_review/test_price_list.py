"""The table of prices, made from an offer file. The one here is made up, in the format of AWS's price list."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from plan_review.price_list import main, regional_prices
from plan_review.prices import TABLE, bundled_prices
from tests.plan_review.conftest import document_of, review_of

OFFER = Path(__file__).parent / "price_list" / "offer.json"


def offer() -> dict[str, Any]:
    content = json.loads(OFFER.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_only_hosting_on_demand_by_the_hour_has_a_price() -> None:
    prices, left_out = regional_prices(offer(), "USD")
    assert prices == {
        "eu-central-1": {"ml.m5.large": 1.0, "ml.m5.xlarge": 2.5},
        "eu-west-1": {"ml.m5.large": 5.0},
    }
    assert left_out == [
        "ml.c5.large in eu-central-1: 3.0, 4.0",
        "ml.t2.medium in eu-central-1: no price in USD an hour",
    ]
    assert regional_prices(offer(), "CNY")[0] == {}


def test_regions_of_the_offer_are_replaced_and_others_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "prices.json"
    shutil.copy(TABLE, table)
    before = json.loads(table.read_text(encoding="utf-8"))
    assert main([str(OFFER), "--table", str(table)]) == 0
    after = json.loads(table.read_text(encoding="utf-8"))
    assert list(after["regions"]) == ["eu-central-1", "eu-west-1", "us-east-1"]
    assert after["regions"]["us-east-1"] == before["regions"]["us-east-1"]
    assert after["regions"]["eu-central-1"]["as_of"] == "2025-01-01"
    assert after["regions"]["eu-central-1"]["origin"] == "AWS's price list, offer version 20250101000000"
    assert "left out: ml.c5.large in eu-central-1: 3.0, 4.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("[", "is no JSON"),
        ("[]", "is no offer file of AmazonSageMaker"),
        ('{"offerCode": "AmazonEC2"}', "is no offer file of AmazonSageMaker"),
        ('{"offerCode": "AmazonSageMaker", "products": {"X": 5}, "terms": []}', "holds no price of hosting in USD"),
    ],
)
def test_a_wrong_offer_is_one_line_and_changes_nothing(
    content: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, path = tmp_path / "prices.json", tmp_path / "index.json"
    shutil.copy(TABLE, table)
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert main([str(path), "--table", str(table)]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith(f"price_list: {path}: ")
    assert message in errors
    assert errors.count("\n") == 1
    assert table.read_bytes() == TABLE.read_bytes()


def test_a_region_without_prices_is_unknown_and_not_another_regions() -> None:
    document = document_of("endpoint-instance-type")
    (here,) = review_of(dev_endpoint=document).stacks[0].costs
    assert (here.region, here.difference is not None) == ("us-east-1", True)
    document["configuration"]["provider_config"]["aws"]["expressions"]["region"] = {"constant_value": "sa-east-1"}
    (elsewhere,) = review_of(dev_endpoint=document).stacks[0].costs
    assert (elsewhere.region, elsewhere.before, elsewhere.after, elsewhere.difference) == (
        "sa-east-1",
        None,
        None,
        None,
    )


def test_the_bundled_table_says_where_its_prices_come_from() -> None:
    prices = bundled_prices()
    assert prices.regions
    for region in prices.regions.values():
        assert region.origin
        assert all(price > 0 for price in region.per_hour.values())


def test_an_endpoint_that_is_let_go_of_costs_what_it_did() -> None:
    assert review_of(dev_endpoint=document_of("endpoint-forgotten")).stacks[0].costs == ()
