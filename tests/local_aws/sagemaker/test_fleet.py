"""Instances in the place of lost ones."""

import pytest

from local_aws.sagemaker.fleet import DeployedImage, LaunchError, Variant, VariantPlan
from local_aws.sagemaker.records import Model
from tests.local_aws.sagemaker.conftest import FakeHost, FakeLauncher


def variant(launcher: FakeLauncher, count: int) -> Variant:
    def make(plan: VariantPlan) -> FakeHost:
        launcher.hosts.append(FakeHost(launcher))
        return launcher.hosts[-1]

    plan = VariantPlan("v", Model("m", "arn", {}), "ml.m5.large", count, 1.0, None)
    made = Variant(plan, [DeployedImage("image", "image")], make)
    made.resize(count)
    return made


def order(of: Variant) -> list[list[str]]:
    return [[host.id for host in of.choose(f"model-{number}")] for number in range(20)]


def test_a_replacement_that_fails_does_not_stay_and_the_next_one_has_the_place() -> None:
    launcher = FakeLauncher()
    of = variant(launcher, 3)
    before = order(of)
    lost = of.hosts[1]
    for failure in (None, "no capacity", "no capacity", None):
        launcher.failure = failure
        if failure is None:
            lost = of.replace(of.hosts[1]) or pytest.fail("nothing was replaced")
        else:
            with pytest.raises(LaunchError, match=failure):
                of.replace(of.hosts[1])
            assert launcher.hosts[-1].stopped
    assert [host.stopped for host in of.hosts] == [False] * 3
    renamed = [[lost.id if name == "i-1" else name for name in names] for names in before]
    assert order(of) == renamed


def test_what_is_no_part_of_the_variant_is_not_replaced() -> None:
    launcher = FakeLauncher()
    of = variant(launcher, 1)
    assert of.replace(FakeHost(launcher)) is None
