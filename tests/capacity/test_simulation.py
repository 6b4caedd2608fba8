"""The simulation against answers that are known: caches, queues, and what an endpoint promises."""

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity import queueing
from capacity.che import hit_ratio
from capacity.fleet import Behaviour, Fleet
from capacity.generators import Workload, generate, zipf_shares
from capacity.profiles import ModelProfile, Profiles, make_profiles
from capacity.simulation import simulate
from capacity.trace import Trace, make_trace
from tests.capacity.test_che import exact_lru_hit_ratio

AT_ONCE = Behaviour(
    download_seconds=0,
    download_bytes_per_second=float("inf"),
    unload_seconds=0,
    queue_seconds=float("inf"),
    timeout_seconds=float("inf"),
)


def same_profiles(count: int, memory: int = 1, load: float = 0.0, service: float = 0.0, artifact: int = 1) -> Profiles:
    return make_profiles([ModelProfile(artifact, memory, load, service)] * count)


def fleet(memory: int = 10**9, instances: int = 1, workers: int = 1, disk: int = 10**9) -> Fleet:
    return Fleet(instances, workers, memory, disk)


class TestCache:
    @pytest.mark.parametrize("entries", [1, 3, 5])
    def test_hits_as_often_as_the_exact_ratio_of_lru(self, entries: int) -> None:
        trace = generate(Workload(models=7, rate=10, seconds=10_000, exponent=0.8))
        outcome = simulate(trace, same_profiles(7), fleet(entries), AT_ONCE)
        exact = exact_lru_hit_ratio(zipf_shares(7, 0.8).tolist(), entries)
        assert 1 - outcome.cold.mean() == pytest.approx(exact, abs=0.005)

    @pytest.mark.parametrize("exponent", [0.6, 0.9, 1.2])
    @pytest.mark.parametrize("share", [0.1, 0.5])
    def test_hits_as_often_as_che_says_with_sizes_that_differ(self, exponent: float, share: float) -> None:
        trace = generate(Workload(models=1000, rate=100, seconds=2000, exponent=exponent, seed=5))
        sizes = np.random.default_rng(2).integers(10, 100, 1000)
        profiles = replace(same_profiles(1000), memory_bytes=sizes)
        capacity = int(sizes.sum() * share)
        outcome = simulate(trace, profiles, fleet(capacity), AT_ONCE)
        warm = trace.seconds > trace.span_seconds / 2
        expected = hit_ratio(zipf_shares(1000, exponent), sizes, capacity)
        assert 1 - outcome.cold[warm].mean() == pytest.approx(expected, abs=0.01)

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.lists(st.integers(1, 4), min_size=7, max_size=7))
    def test_the_same_models_are_cold_as_in_a_plain_lru(self, calls: list[int], sizes: list[int]) -> None:
        trace = Trace(tuple("abcdefg"), np.arange(len(calls), dtype=float), np.array(calls, dtype=np.int32))
        profiles = replace(same_profiles(7), memory_bytes=np.array(sizes))
        cache: OrderedDict[int, int] = OrderedDict()
        cold = []
        for model in calls:
            cold.append(model not in cache)
            if model in cache:
                cache.move_to_end(model)
                continue
            while sum(cache.values()) + sizes[model] > 8:
                cache.popitem(last=False)
            cache[model] = sizes[model]
        outcome = simulate(trace, profiles, fleet(8), AT_ONCE)
        assert outcome.cold.tolist() == cold
        assert outcome.loads == sum(cold)
        assert outcome.loads - outcome.evictions == len(cache)


class TestQueue:
    def test_even_arrivals_never_wait(self) -> None:
        trace = make_trace(np.arange(1000) * 0.010, ["a"] * 1000)
        outcome = simulate(trace, same_profiles(1, service=0.008), fleet(), AT_ONCE)
        np.testing.assert_allclose(outcome.latency_seconds, 0.008)

    def test_too_many_even_arrivals_wait_longer_and_longer(self) -> None:
        trace = make_trace(np.arange(1000) * 0.010, ["a"] * 1000)
        outcome = simulate(trace, same_profiles(1, service=0.012), fleet(), AT_ONCE)
        np.testing.assert_allclose(outcome.latency_seconds, 0.012 + 0.002 * np.arange(1000))

    @pytest.mark.parametrize("workers", [1, 2, 8])
    def test_exponential_work_waits_as_erlang_says(self, workers: int) -> None:
        work = Workload(1, 7.5 * workers, 50_000 / workers, service_seconds=0.1, service_variation=1, seed=4)
        outcome = simulate(generate(work), same_profiles(1), fleet(workers=workers), AT_ONCE)
        waits = outcome.latency_seconds - outcome.service_seconds
        assert waits.mean() == pytest.approx(queueing.mmk_mean_wait(work.rate, 0.1, workers), rel=0.06)
        expected = queueing.mmk_wait_quantile(work.rate, 0.1, workers, 0.95)
        assert np.quantile(waits, 0.95) == pytest.approx(expected, rel=0.08)

    @pytest.mark.parametrize("variation", [0.0, 0.5, 2.0])
    def test_other_work_waits_as_pollaczek_and_khinchine_say(self, variation: float) -> None:
        work = Workload(1, 7, 60_000, service_seconds=0.1, service_variation=variation, seed=6)
        trace = generate(work)
        outcome = simulate(trace, same_profiles(1), fleet(), AT_ONCE)
        mean = (outcome.latency_seconds - outcome.service_seconds).mean()
        assert mean == pytest.approx(queueing.lee_longton_mean_wait(7, 0.1, variation**2, 1), rel=0.06)
        bound = queueing.kingman_bound(7, 0.1, np.diff(trace.seconds).var(), outcome.service_seconds.var())
        assert mean <= bound

    def test_several_workers_with_other_work_wait_about_as_lee_and_longton_say(self) -> None:
        work = Workload(1, 32, 10_000, service_seconds=0.1, service_variation=0.5, seed=7)
        outcome = simulate(generate(work), same_profiles(1), fleet(workers=4), AT_ONCE)
        mean = (outcome.latency_seconds - outcome.service_seconds).mean()
        assert mean == pytest.approx(queueing.lee_longton_mean_wait(32, 0.1, 0.25, 4), rel=0.1)

    def test_a_call_that_finds_no_worker_in_time_fails_without_work(self) -> None:
        trace = make_trace([0.0] * 10, ["a"] * 10)
        behaviour = replace(AT_ONCE, queue_seconds=2.0)
        outcome = simulate(trace, same_profiles(1, service=1.0), fleet(), behaviour)
        assert np.isnan(outcome.latency_seconds).sum() == 7
        assert outcome.busy_seconds == 3.0


class TestLoading:
    SLOW = Behaviour(download_seconds=1, download_bytes_per_second=10, unload_seconds=0.25)

    def test_a_cold_call_waits_for_download_and_load_and_others_for_the_same_load(self) -> None:
        trace = make_trace([0, 1, 9], ["a", "a", "a"])
        outcome = simulate(trace, same_profiles(1, load=3, service=0.5, artifact=20), fleet(), self.SLOW)
        # One second, 20 bytes at 10 a second, three seconds of load, half a second of work, and the second after it.
        np.testing.assert_allclose(outcome.latency_seconds, [6.5, 6.0, 0.5])
        assert outcome.cold.tolist() == [True, True, False]
        assert outcome.loads == 1
        assert outcome.busy_seconds == 4.5

    def test_a_model_that_was_unloaded_is_on_the_disk_still(self) -> None:
        trace = make_trace([0, 100, 200], ["a", "b", "a"])
        outcome = simulate(trace, same_profiles(2, load=3, artifact=20), fleet(1), self.SLOW)
        np.testing.assert_allclose(outcome.latency_seconds, [6, 6.25, 3.25])
        assert outcome.evictions == 2

    def test_a_full_disk_forgets_what_was_unloaded_first(self) -> None:
        trace = make_trace([0, 100, 200], ["a", "b", "a"])
        outcome = simulate(trace, same_profiles(2, load=3, artifact=20), fleet(1, disk=20), self.SLOW)
        np.testing.assert_allclose(outcome.latency_seconds, [6, 6.25, 6.25])

    def test_a_model_at_work_is_not_unloaded(self) -> None:
        trace = make_trace([0, 1], ["a", "b"])
        profiles = same_profiles(2, load=0, service=10)
        outcome = simulate(trace, profiles, fleet(1, workers=2), AT_ONCE)
        # b waits until a is done at 10, though a second worker is free.
        np.testing.assert_allclose(outcome.latency_seconds, [10, 19])

    def test_room_is_made_for_one_model_at_a_time(self) -> None:
        trace = make_trace([0, 0, 10, 10], ["a", "b", "c", "d"])
        outcome = simulate(trace, same_profiles(4, load=1), fleet(2, workers=2), AT_ONCE)
        np.testing.assert_allclose(outcome.latency_seconds, [1, 1, 1, 2])

    def test_a_load_that_is_too_slow_fails_its_calls_and_serves_the_next(self) -> None:
        trace = make_trace([0, 50, 200], ["a", "a", "a"])
        outcome = simulate(trace, same_profiles(1, load=61, service=1), fleet(), Behaviour(download_seconds=0))
        assert np.isnan(outcome.latency_seconds).tolist() == [True, False, False]
        assert outcome.latency_seconds[1:].tolist() == [pytest.approx(12, abs=0.01), 1]

    def test_a_model_that_fits_on_no_instance_is_named(self) -> None:
        trace = make_trace([0, 1], ["small", "big"])
        profiles = replace(same_profiles(2), memory_bytes=np.array([1, 11]))
        outcome = simulate(trace, profiles, fleet(10), AT_ONCE)
        assert outcome.too_large == ("big",)
        assert np.isnan(outcome.latency_seconds).tolist() == [False, True]


class TestInstances:
    def test_models_are_spread_and_stay(self) -> None:
        trace = generate(Workload(100, 1, 1000, exponent=0))
        outcome = simulate(trace, same_profiles(100), fleet(instances=4), AT_ONCE)
        assert outcome.loads == len(np.unique(trace.models))
        assert outcome.peak_bytes < 45

    def test_a_hot_model_spreads_to_other_instances(self) -> None:
        trace = make_trace(np.arange(400) * 0.025, ["hot"] * 400)
        one = simulate(trace, same_profiles(1, service=0.1), fleet(instances=1), AT_ONCE)
        many = simulate(trace, same_profiles(1, service=0.1), fleet(instances=5), AT_ONCE)
        assert one.latency_seconds.max() > 20
        assert many.latency_seconds.max() < 1.5
        assert 3 <= many.loads <= 5

    @settings(deadline=None, max_examples=50)
    @given(
        st.lists(st.tuples(st.floats(0, 5), st.sampled_from("abcdef")), min_size=1, max_size=80),
        st.tuples(st.integers(3, 12), st.integers(1, 3), st.integers(1, 3)),
        st.floats(0, 2),
        st.floats(0, 2),
    )
    def test_whatever_comes_is_answered_or_fails(
        self, calls: list[tuple[float, str]], size: tuple[int, int, int], load: float, service: float
    ) -> None:
        trace = make_trace([call[0] for call in calls], [call[1] for call in calls])
        count = len(trace.names)
        profiles = replace(same_profiles(count, load=load, service=service), memory_bytes=np.arange(count) % 4 + 1)
        behaviour = Behaviour(download_seconds=0.1, queue_seconds=3, spill_requests=2)
        outcome = simulate(trace, profiles, fleet(*size), behaviour)
        answered = ~np.isnan(outcome.latency_seconds)
        assert (outcome.latency_seconds[answered] >= service - 1e-9).all()
        assert outcome.peak_bytes <= size[0]
        assert outcome.cold.sum() >= outcome.loads > 0 or outcome.too_large
        first = np.unique(trace.models, return_index=True)[1]
        assert outcome.cold[first].all()
