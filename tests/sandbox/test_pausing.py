"""Latency is exact on average, spreads the same way every time, and learns from answers that were late."""

import asyncio
import itertools
import statistics
import time
from collections import deque

import pytest

from reconciler.sandbox.pausing import Latency, Pauses, punctual_loop


def test_latencies_spread_evenly_around_the_one_that_was_asked_for() -> None:
    latency = Latency(0.025)
    taken = [latency.next() for _ in range(1000)]
    assert statistics.fmean(taken) == pytest.approx(0.025, rel=0.001)
    assert (min(taken), max(taken)) == (pytest.approx(0.02375, rel=0.01), pytest.approx(0.02625, rel=0.01))
    assert max(abs(one - other) for one, other in itertools.pairwise(taken)) > 0.001
    again = Latency(0.025)
    assert [again.next() for _ in range(1000)] == taken


@pytest.mark.parametrize("in_flight", [1, 4, 32, 128, 1024])
def test_answers_that_were_late_are_begun_earlier_until_they_are_in_time(in_flight: int) -> None:
    """What is learnt from an answer counts for calls that come later, when as many as are in flight have begun."""
    latency, own_work = Latency(0.025), 0.0005
    begun = deque(latency.early(10.0) for _ in range(in_flight))
    late = []
    for _ in range(50 * (20 + 4 * in_flight)):
        late.append(begun.popleft() + own_work - 10.0)
        latency.answered(late[-1], in_flight - 1)
        begun.append(latency.early(10.0))
    assert max(map(abs, late)) == pytest.approx(own_work)
    assert late[-1] == pytest.approx(0.0, abs=1e-6)


def test_an_answer_that_hangs_on_purpose_hardly_changes_the_others() -> None:
    latency = Latency(0.025)
    latency.answered(300.0, 0)
    assert 10.0 - latency.early(10.0) == pytest.approx(0.025 / 20)


def test_without_latency_nothing_is_learnt() -> None:
    latency = Latency()
    latency.answered(300.0, 0)
    assert (latency.next(), latency.early(10.0)) == (0.0, 10.0)


def test_all_pauses_end_when_the_sandbox_stops() -> None:
    async def wait() -> None:
        pauses = Pauses()
        waiting = [asyncio.create_task(pauses.last(3600)) for _ in range(3)]
        await asyncio.sleep(0)
        pauses.end()
        await asyncio.gather(*waiting)
        await pauses.last(3600)

    asyncio.run(wait())


@pytest.mark.parametrize("seconds", [0.0003, 0.005, 0.0105, 0.03])
def test_a_pause_is_not_over_early_and_costs_few_turns_of_the_loop(seconds: float) -> None:
    turns: list[float | None] = []

    async def wait() -> float:
        began = time.monotonic()
        await Pauses().last(seconds)
        return time.monotonic() - began

    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        selector = runner.get_loop()._selector  # type: ignore[attr-defined]
        select = selector.select
        selector.select = lambda timeout=None: (turns.append(timeout), select(timeout))[1]
        assert runner.run(wait()) >= seconds - 1e-6
    assert len(turns) < 12
