"""How many calls are under way, and how long to wait before the next one."""

import time
from datetime import timedelta
from email.utils import format_datetime
from threading import Event, Lock, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.ports import Deadline
from reconciler.sandbox import wrong_answers
from reconciler.tpp.limiter import AdaptiveLimiter, Reached
from reconciler.tpp.retries import retry_after, wait_before
from tests.builders import NOW, guid
from tests.fakes import FakeClock
from tests.tpp.conftest import Tpp

NONE = Deadline(FakeClock())


def test_a_push_back_halves_once_for_all_calls_that_left_before_it() -> None:
    limiter = AdaptiveLimiter(16, FakeClock())
    slots = [limiter.acquire(NONE) for _ in range(16)]
    assert limiter.activity() == (16, 0.0)
    for slot in slots:
        limiter.pushed_back(slot)
    assert limiter.reached == Reached(configured=16, lowest=8, last=8, pushed_back=16)


def test_push_back_after_push_back_ends_at_one_call_and_success_grows_it_again() -> None:
    limiter = AdaptiveLimiter(4, FakeClock())
    for _ in range(5):
        limiter.pushed_back(limiter.acquire(NONE))
        limiter.release()
    assert limiter.reached == Reached(4, 1, 1, 5)
    for _ in range(1 + 2):
        limiter.succeeded()
    assert limiter.reached.last == 3
    for _ in range(100):
        limiter.succeeded()
    assert limiter.reached == Reached(4, 1, 4, 5)


def test_it_takes_as_many_successes_as_calls_are_allowed_to_allow_one_more() -> None:
    limiter = AdaptiveLimiter(9, FakeClock())
    limiter.pushed_back(limiter.acquire(NONE))
    reached = []
    for _ in range(4 + 5 + 5):
        limiter.succeeded()
        reached.append(limiter.reached.last)
    assert reached == [4] * 3 + [5] * 5 + [6] * 6
    limiter.pushed_back(limiter.acquire(NONE))
    for _ in range(3):
        assert limiter.reached.last == 3
        limiter.succeeded()
    assert limiter.reached == Reached(9, 3, 4, 2)


def test_a_push_back_without_a_pause_holds_nobody_up_and_one_with_a_pause_is_shown() -> None:
    clock = FakeClock()
    limiter = AdaptiveLimiter(3, clock)
    slot = limiter.acquire(NONE)
    limiter.pushed_back(slot)
    limiter.release()
    assert (limiter.acquire(NONE) is slot, clock.slept) == (False, [])
    assert (limiter.reached.last, limiter.activity()) == (1, (1, 0.0))
    limiter.pushed_back(slot, pause=7)
    clock.at += timedelta(seconds=3)
    assert limiter.activity() == (1, 4.0)
    clock.at += timedelta(seconds=5)
    assert limiter.activity() == (1, 0.0)


def test_a_deadlock_of_a_call_from_before_the_last_one_changes_nothing_more() -> None:
    limiter = AdaptiveLimiter(4, FakeClock())
    first, second = limiter.acquire(NONE), limiter.acquire(NONE)
    limiter.pushed_back(first, down_to=2)
    limiter.succeeded()
    limiter.pushed_back(second, down_to=2)
    limiter.succeeded()
    assert limiter.reached == Reached(4, 2, 3, 2)


@pytest.mark.parametrize(("times", "said"), [(1, "1 time"), (2, "2 times")])
def test_how_often_the_server_pushed_back_is_told(times: int, said: str) -> None:
    told = f"writes: the server pushed back {said}; from 4 at once down to 2, 3 at the end"
    assert Reached(4, 2, 3, times).described("writes") == told


def test_who_is_woken_for_nothing_goes_on_waiting_and_nobody_waits_once_all_are_done() -> None:
    limiter, entered = AdaptiveLimiter(1, FakeClock()), Event()

    def enter() -> None:
        limiter.acquire(NONE)
        entered.set()

    limiter.acquire(NONE)
    waiting = Thread(target=enter, daemon=True)
    waiting.start()
    _until_waiting(limiter, 1)
    with limiter._freed:
        limiter._freed.notify_all()
    assert not entered.wait(0.05)
    limiter.release()
    assert entered.wait(5)
    limiter.release()
    late = Thread(target=limiter.acquire, args=(NONE,), daemon=True)
    late.start()
    late.join(5)
    assert not late.is_alive()


def test_a_slot_waits_for_one_to_come_free() -> None:
    limiter, entered = AdaptiveLimiter(1, FakeClock()), Event()

    def enter() -> None:
        limiter.acquire(NONE)
        entered.set()

    limiter.acquire(NONE)
    waiting = Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.05)
    limiter.release()
    assert entered.wait(5)
    waiting.join(5)


def _until_waiting(limiter: AdaptiveLimiter, number: int) -> None:
    for _ in range(5_000):
        if limiter._waiting == number:
            return
        time.sleep(0.001)
    raise AssertionError(f"{limiter._waiting} wait, not {number}")


def test_who_waits_comes_before_who_comes_later() -> None:
    """Readers that go round and round must not keep out the one call that asks whether the token is good."""
    limiter, order = AdaptiveLimiter(1, FakeClock()), list[str]()

    def enter(name: str) -> None:
        limiter.acquire(NONE)
        order.append(name)
        limiter.release()

    limiter.acquire(NONE)
    others = [Thread(target=enter, args=(name,)) for name in ("first", "second")]
    for number, other in enumerate(others, 1):
        other.start()
        _until_waiting(limiter, number)
    limiter.release()
    enter("last")
    for other in others:
        other.join(5)
    assert order == ["first", "second", "last"]


@given(st.integers(1, 4), st.integers(2, 8), st.lists(st.booleans(), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_nobody_waits_for_ever(limit: int, callers: int, trouble: list[bool]) -> None:
    """Many callers go round while the server pushes back and recovers: all come to their end, none beyond the limit."""
    limiter, inside, most = AdaptiveLimiter(limit, FakeClock()), 0, 0
    lock = Lock()

    def call() -> None:
        nonlocal inside, most
        for pushed_back in trouble:
            slot = limiter.acquire(NONE)
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1
            if pushed_back:
                limiter.pushed_back(slot, pause=1)
            else:
                limiter.succeeded()
            limiter.release()

    threads = [Thread(target=call, daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert most <= limit


def test_a_pause_is_shared_and_bounded_by_the_deadline() -> None:
    clock = FakeClock()
    limiter = AdaptiveLimiter(4, clock)
    limiter.pushed_back(limiter.acquire(NONE), pause=50)
    limiter.release()
    limiter.acquire(Deadline(clock, 20))
    assert sum(clock.slept) == 20
    limiter.acquire(NONE)
    assert sum(clock.slept) == 50


@pytest.mark.parametrize("pauses", [(50, 5), (5, 50)])
def test_of_two_pauses_that_the_server_asks_for_the_longer_one_counts(pauses: tuple[int, int]) -> None:
    """A node that asks for five seconds must not send everybody back to the one that asked for fifty."""
    clock = FakeClock()
    limiter = AdaptiveLimiter(4, clock)
    slots = [limiter.acquire(NONE), limiter.acquire(NONE)]
    for slot, pause in zip(slots, pauses, strict=True):
        limiter.pushed_back(slot, pause=pause)
        limiter.release()
    limiter.acquire(NONE)
    assert sum(clock.slept) == 50


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("Mon, 23 Nov 2026 12:01:30 -0000", 90),
        ("Mon, 23 Nov 2026 13:01:30 +0100", 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        (None, 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1e9", 0),
        ("Mon, 99 Foo 2026 99:99:99 GMT", 0),
        ("9" * 400, 999999999),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(value: str | None, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds


def test_waits_grow_are_bounded_and_half_of_them_is_chance() -> None:
    assert [wait_before(attempt, lambda: 1.0) for attempt in range(1, 7)] == [1, 2, 4, 8, 15, 15]
    assert [wait_before(attempt, lambda: 0.0) for attempt in range(1, 4)] == [0.5, 1, 2]
    assert 0.5 <= wait_before(1) <= 1


def test_reads_slow_down_under_push_back_and_still_read_everything(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(wrong_answers.push_back(429, "1"), operation="ticketDetails", times=3)
    tpp.sandbox.faults.add(wrong_answers.deadlock(), operation="ticketDetails", times=1)
    readings = dict(tpp.reader.read_many(guid(number) for number in range(1, 9)))
    assert {type(reading).__name__ for reading in readings.values()} == {"Found"}
    reads, _ = tpp.session.reached()
    assert reads.pushed_back == 4
    assert 1 <= reads.lowest <= 2
    assert tpp.session.notes() == (
        f"reads: the server pushed back 4 times; from 4 at once down to {reads.lowest}, {reads.last} at the end",
    )


def test_a_server_that_never_pushed_back_is_not_worth_a_note(tpp: Tpp) -> None:
    tpp.reader.read(guid(1))
    assert tpp.session.notes() == ()
    assert tpp.session.reached()[0].described("reads") == "reads: up to 4 at once, the server never pushed back"
