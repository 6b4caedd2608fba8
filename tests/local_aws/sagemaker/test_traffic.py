"""Which of two fleets takes a request while an update shifts traffic."""

from collections import Counter

import pytest

from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.traffic import Traffic


class Named(Fleet):
    def __init__(self, name: str) -> None:
        super().__init__([])
        self.name = name

    def variant(self, name: str | None) -> str:
        return self.name


@pytest.mark.parametrize(("fraction", "of_ten"), [(0.0, 0), (0.1, 1), (0.3, 3), (0.5, 5), (1.0, 10)])
def test_a_fraction_of_the_requests_goes_to_the_fleet_that_arrives(fraction: float, of_ten: int) -> None:
    traffic = Traffic(Named("old"))
    traffic.shift(Named("new"), fraction)
    assert Counter(traffic.variant(None) for _ in range(10))["new"] == of_ten


def test_all_requests_go_to_the_one_that_it_settles_on() -> None:
    old, new = Named("old"), Named("new")
    traffic = Traffic(old)
    traffic.shift(new, 0.5)
    assert traffic.arriving is new
    traffic.settle(old)
    assert (traffic.serving, traffic.arriving) == (old, None)
    assert {traffic.variant(None) for _ in range(10)} == {"old"}
