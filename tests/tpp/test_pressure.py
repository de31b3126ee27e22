"""How many calls are under way, and how long to wait before the next one."""

import time
from datetime import timedelta
from email.utils import format_datetime
from threading import Event, Lock, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox import wrong_answers
from reconciler.tpp.backoff import retry_after, wait_before
from reconciler.tpp.pressure import Pressure, Reached
from tests.builders import NOW, guid
from tests.fakes import FakeClock
from tests.tpp.conftest import Tpp


def test_a_push_back_halves_once_for_all_calls_that_left_before_it() -> None:
    pressure = Pressure(16, FakeClock())
    slots = [pressure.enter() for _ in range(16)]
    for slot in slots:
        pressure.pushed_back(slot)
    assert pressure.reached == Reached(configured=16, lowest=8, last=8, pushed_back=16)


def test_push_back_after_push_back_ends_at_one_call_and_success_grows_it_again() -> None:
    pressure = Pressure(4, FakeClock())
    for _ in range(5):
        pressure.pushed_back(pressure.enter())
        pressure.leave()
    assert pressure.reached == Reached(4, 1, 1, 5)
    for _ in range(1 + 2):
        pressure.succeeded()
    assert pressure.reached.last == 3
    for _ in range(100):
        pressure.succeeded()
    assert pressure.reached == Reached(4, 1, 4, 5)


def test_a_slot_waits_for_one_to_come_free() -> None:
    pressure, entered = Pressure(1, FakeClock()), Event()

    def enter() -> None:
        pressure.enter()
        entered.set()

    pressure.enter()
    waiting = Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.05)
    pressure.leave()
    assert entered.wait(5)
    waiting.join(5)


def _until_waiting(pressure: Pressure, number: int) -> None:
    for _ in range(5_000):
        if pressure._waiting == number:
            return
        time.sleep(0.001)
    raise AssertionError(f"{pressure._waiting} wait, not {number}")


def test_who_waits_comes_before_who_comes_later() -> None:
    """Readers that go round and round must not keep out the one call that asks whether the token is good."""
    pressure, order = Pressure(1, FakeClock()), list[str]()

    def enter(name: str) -> None:
        pressure.enter()
        order.append(name)
        pressure.leave()

    pressure.enter()
    others = [Thread(target=enter, args=(name,)) for name in ("first", "second")]
    for number, other in enumerate(others, 1):
        other.start()
        _until_waiting(pressure, number)
    pressure.leave()
    enter("last")
    for other in others:
        other.join(5)
    assert order == ["first", "second", "last"]


@given(st.integers(1, 4), st.integers(2, 8), st.lists(st.booleans(), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_nobody_waits_for_ever(limit: int, callers: int, trouble: list[bool]) -> None:
    """Many callers go round while the server pushes back and recovers: all come to their end, none beyond the limit."""
    pressure, inside, most = Pressure(limit, FakeClock()), 0, 0
    lock = Lock()

    def call() -> None:
        nonlocal inside, most
        for pushed_back in trouble:
            slot = pressure.enter()
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1
            if pushed_back:
                pressure.pushed_back(slot, pause=1)
            else:
                pressure.succeeded()
            pressure.leave()

    threads = [Thread(target=call, daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert most <= limit


def test_a_pause_is_shared_and_bounded_by_the_deadline() -> None:
    clock = FakeClock()
    pressure = Pressure(4, clock)
    pressure.pushed_back(pressure.enter(), pause=50)
    pressure.leave()
    pressure.enter(latest=20)
    assert clock.slept == [20]
    pressure.enter()
    assert clock.slept == [20, 30]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
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
