"""Plans: the cheapest that reaches the goals, with its reasons, and what it is compared with."""

from dataclasses import replace

import numpy as np
import pytest

from capacity.design import Kind
from capacity.errors import CapacityError
from capacity.fleet import MIB
from capacity.generators import Workload, generate
from capacity.growth import busiest_minute_rate
from capacity.instance_types import instance_types
from capacity.profiles import with_variation
from capacity.report import Report, answer, busiest_part
from capacity.search import fewest_instances
from capacity.trace import make_trace
from tests.capacity.conftest import PRICES, question


def test_the_cheapest_that_reaches_the_goals_is_recommended(report: Report) -> None:
    best = report.recommendation.design
    # 15 GB of models: one ml.r5.large has 14.1 GiB for them, an ml.m5.large 6.9 GiB.
    assert (best.instance_type, best.kind, best.endpoints) == ("ml.r5.large", Kind.SHARED, 1)
    reaching = [design for design in report.shared if design.reaches_goals]
    assert best.monthly == min(design.monthly for design in reaching)
    assert best.monthly == pytest.approx(1.4 * 100 * best.instances)
    assert report.recommendation.runner_up is not None
    assert report.recommendation.runner_up.instance_type != best.instance_type


def test_reasons_say_what_is_next_and_what_growth_does(report: Report) -> None:
    reasons = "\n".join(report.recommendation.reasons)
    assert "is the cheapest shared endpoint that reaches all goals" in reasons
    assert "Next is" in reasons
    assert "One endpoint for each model" in reasons
    assert "2 shards" in reasons
    assert "At twice the load it" in reasons
    assert report.assumptions[0] == "An assumption."


def test_separate_endpoints_are_never_cold_and_cost_an_instance_for_each(report: Report) -> None:
    separate = next(design for design in report.others if design.kind is Kind.SEPARATE)
    assert (separate.endpoints, separate.instances, separate.monthly) == (150, 150, 15_000)
    assert separate.measures.hit_ratio == 1
    assert separate.measures.p99 == pytest.approx(0.02, rel=0.5)


def test_shards_serve_every_call(report: Report) -> None:
    shards = next(design for design in report.others if design.kind is Kind.SHARDS)
    assert shards.endpoints == 2
    assert shards.instances >= 2
    assert shards.measures.failed == 0


def test_growth_is_found_by_simulation_and_gives_the_target(report: Report) -> None:
    growth = report.growth
    assert growth.factor > 1
    assert growth.designs[growth.factor].reaches_goals
    assert all(design.reaches_goals for factor, design in growth.designs.items() if factor <= growth.factor)
    rate = busiest_minute_rate(question().trace)
    expected = rate * growth.factor / report.recommendation.design.instances * 60 * 0.5
    assert report.settings.target_invocations_per_instance_per_minute == round(expected)


def test_goals_that_nobody_reaches_are_said_to_be_missed() -> None:
    asked = question()
    goals = replace(asked.conditions.goals, p99_seconds=0.001)
    found = answer(
        replace(asked, conditions=replace(asked.conditions, goals=goals, maximum_instances=3)), lambda _: None
    )
    assert not found.recommendation.design.reaches_goals
    assert found.recommendation.reasons[0].startswith("No design that was tried reaches all goals.")


def test_models_too_large_for_a_type_rule_it_out() -> None:
    asked = question()
    memory = asked.profiles.memory_bytes.copy()
    memory[3] = 10_000 * MIB
    found = answer(replace(asked, profiles=replace(asked.profiles, memory_bytes=memory)), lambda _: None)
    assert found.recommendation.design.instance_type != "ml.m5.large"
    missed = [d.shortfalls[0] for d in found.shared if d.instance_type == "ml.m5.large"]
    assert set(missed) == {"1 models need more memory than an instance has"}


def test_formulas_rule_out_only_what_the_simulation_would() -> None:
    asked = question()
    for kind in asked.types:
        first = fewest_instances(asked.trace, asked.profiles, kind, asked.conditions)
        assert kind.vcpus * first * 0.7 >= 20 * 0.02
    light = replace(asked.conditions, goals=replace(asked.conditions.goals, hit_ratio=0.0))
    assert fewest_instances(asked.trace, asked.profiles, asked.types[0], light) == 1


def test_a_long_trace_is_cut_to_its_busiest_part() -> None:
    trace = make_trace([0, 10, 20, 20.1, 20.2, 30], list("abcdef"))
    part = busiest_part(trace, 3)
    assert [trace.names[i] for i in part.models] == ["c", "d", "e"]
    assert part.seconds.tolist() == pytest.approx([0, 0.1, 0.2])
    assert busiest_part(trace, 6) is trace


def test_the_busiest_minute_is_found() -> None:
    assert busiest_minute_rate(make_trace(np.r_[0:100:10, 200:203:0.1], ["a"] * 40)) == pytest.approx(0.5)


def test_a_trace_without_time_is_refused() -> None:
    with pytest.raises(CapacityError, match="no rate"):
        answer(question(trace=make_trace([1], ["a"])), lambda _: None)


def test_types_without_size_or_price_are_all_named() -> None:
    with pytest.raises(CapacityError) as caught:
        instance_types(["ml.m5.large", "ml.odd.large", "ml.m5.24xlarge"], "us-east-1", PRICES)
    assert [complaint.split(":")[0] for complaint in caught.value.complaints] == [
        "instance type ml.odd.large",
        "instance type ml.m5.24xlarge",
    ]
    with pytest.raises(CapacityError, match=r"plan_review\.price_list"):
        instance_types(["ml.m5.large"], "eu-west-9", PRICES)


def test_variation_leaves_known_times_alone() -> None:
    trace = generate(Workload(150, 50, 100))
    asked = question()
    varied = with_variation(trace, asked.profiles, 0.5, 1).service_seconds
    assert varied is not None
    assert varied.mean() == pytest.approx(0.02, rel=0.05)
    assert varied.std() / varied.mean() == pytest.approx(0.5, rel=0.05)
    known = replace(trace, service_seconds=np.full(len(trace), 0.3))
    assert (with_variation(known, asked.profiles, 0.5, 1).service_seconds == 0.3).all()
