"""A plan that is small enough for every test."""

import pytest

from capacity.fleet import MIB, Behaviour
from capacity.generators import Workload, generate
from capacity.instance_types import instance_types
from capacity.measures import Goals
from capacity.profiles import ModelProfile, make_profiles
from capacity.report import Question, Report, answer
from capacity.search import Conditions
from plan_review.prices import PriceTable, RegionalPrices

PRICES = PriceTable(
    "USD",
    100,
    "test",
    {"us-east-1": RegionalPrices("2026-01-01", "test", {"ml.m5.large": 1.0, "ml.m5.xlarge": 2.5, "ml.r5.large": 1.4})},
)


def question(**changes: object) -> Question:
    """150 models of 100 MiB, 20 calls a second: they fit into 15 GiB."""
    trace = generate(Workload(150, 20, 1200, exponent=0.7))
    values: dict[str, object] = {
        "trace": trace,
        "profiles": make_profiles([ModelProfile(20 * MIB, 100 * MIB, 0.2, 0.02)] * 150, ["An assumption."]),
        "types": instance_types(PRICES.regions["us-east-1"].per_hour, "us-east-1", PRICES),
        "conditions": Conditions(Goals(), Behaviour(), 300 * MIB, 30 * 1024 * MIB, warm_up=0.5),
        "shards": (2,),
        "safety": 0.5,
        "at_most": 100_000,
        "region": "us-east-1",
        "currency": "USD",
        "prices": "list prices of a test.",
    }
    return Question(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def report() -> Report:
    return answer(question(), lambda _: None)
