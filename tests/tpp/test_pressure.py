"""How many calls are under way, and how long to wait before the next one."""

from datetime import timedelta
from email.utils import format_datetime
from threading import Event, Thread

import pytest

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
