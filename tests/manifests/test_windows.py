"""Named windows: recurrence in local time, daylight saving worked out and said."""

import json
from datetime import datetime

import pytest

from reconciler.manifests.windows import Windows, preview, upcoming
from reconciler.model.decision import WindowUse
from reconciler.model.policy import RecurringWindow
from reconciler.model.settings import SingleWindow
from reconciler.model.status import Occurrence, Schedule, WindowPreview
from reconciler.rendering.times import windows_json, windows_text
from tests.builders import NOW, at


def recurring(
    rule: str, start: str, hours: float, *, zone: str = "Europe/Berlin", first: str = "2024-01-01"
) -> RecurringWindow:
    return RecurringWindow(rule, zone, datetime.fromisoformat(f"{first}T{start}"), int(hours * 3600))


def occurrence(start: str, stop: str, remark: str = "") -> Occurrence:
    return Occurrence(at(start), at(stop), remark)


SATURDAYS = recurring("FREQ=WEEKLY;BYDAY=SA", "22:00", 4)


def test_a_week_is_a_week_of_local_days_across_the_end_of_daylight_saving() -> None:
    assert upcoming(SATURDAYS, at("2026-10-12T00:00:00Z"), 3) == (
        occurrence("2026-10-17T20:00:00Z", "2026-10-18T00:00:00Z"),
        occurrence(
            "2026-10-24T20:00:00Z", "2026-10-25T00:00:00Z", "02:00 exists twice on 2026-10-25: the first is used"
        ),
        occurrence("2026-10-31T21:00:00Z", "2026-11-01T01:00:00Z"),
    )


def test_a_window_over_the_change_says_how_long_it_really_is() -> None:
    (longer,) = upcoming(recurring("FREQ=DAILY", "22:00", 6), at("2026-10-24T12:00:00Z"), 1)
    assert longer == occurrence(
        "2026-10-24T20:00:00Z", "2026-10-25T03:00:00Z", "clocks change inside it: it is 7 h long instead of 6 h"
    )
    (shorter,) = upcoming(recurring("FREQ=DAILY", "22:00", 6.5), at("2027-03-27T12:00:00Z"), 1)
    assert shorter.remark == "clocks change inside it: it is 5 h 30 min long instead of 6 h 30 min"


def test_a_start_that_clocks_jump_over_moves_with_them() -> None:
    (found,) = upcoming(recurring("FREQ=DAILY", "02:30", 2), at("2027-03-28T00:00:00Z"), 1)
    assert found == occurrence(
        "2027-03-28T01:30:00Z", "2027-03-28T02:30:00Z", "02:30 does not exist on 2027-03-28: 03:30 is used"
    )


def test_a_window_never_ends_before_it_starts() -> None:
    (found,) = upcoming(recurring("FREQ=DAILY", "02:45", 0.5), at("2027-03-28T00:00:00Z"), 1)
    assert found == occurrence(
        "2027-03-28T01:45:00Z", "2027-03-28T02:15:00Z", "02:45 does not exist on 2027-03-28: 03:45 is used"
    )


def test_the_window_that_is_open_now_is_the_next_until_it_ends() -> None:
    open_now = occurrence("2026-11-21T21:00:00Z", "2026-11-22T01:00:00Z")
    assert upcoming(SATURDAYS, at("2026-11-22T00:59:59Z"), 1) == (open_now,)
    assert upcoming(SATURDAYS, at("2026-11-22T01:00:00Z"), 1) == (
        occurrence("2026-11-28T21:00:00Z", "2026-11-29T01:00:00Z"),
    )


def test_other_zones_have_other_nights() -> None:
    new_york = recurring("FREQ=MONTHLY;BYDAY=1SU", "01:00", 3, zone="America/New_York")
    assert upcoming(new_york, NOW, 1) == (occurrence("2026-12-06T06:00:00Z", "2026-12-06T09:00:00Z"),)


def test_every_other_week_counts_from_the_first_day() -> None:
    even = recurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", "22:00", 4, first="2026-01-03")
    odd = recurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", "22:00", 4, first="2026-01-10")
    assert upcoming(even, NOW, 1)[0].start == at("2026-12-05T21:00:00Z")
    assert upcoming(odd, NOW, 1)[0].start == at("2026-11-28T21:00:00Z")


def test_a_rule_that_has_ended_or_never_comes_has_no_occurrence() -> None:
    assert upcoming(recurring("FREQ=DAILY;COUNT=3", "22:00", 4), NOW, 3) == ()
    assert upcoming(recurring("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "22:00", 4), NOW, 3) == ()


def test_a_window_that_happens_once_comes_until_it_is_over() -> None:
    once = SingleWindow(at("2026-11-29T22:00:00Z"), at("2026-11-30T02:00:00Z"))
    assert upcoming(once, NOW, 3) == (occurrence("2026-11-29T22:00:00Z", "2026-11-30T02:00:00Z"),)
    assert upcoming(once, at("2026-11-30T02:00:00Z"), 3) == ()


def test_a_decision_of_a_window_in_the_past_keeps_its_times() -> None:
    once = SingleWindow(at("2020-11-29T22:00:00Z"), at("2020-11-30T02:00:00Z"))
    assert Windows({"once": once}, NOW).resolve("once") == (Schedule(once.start, once.stop), WindowUse("once"))


@pytest.fixture
def previews() -> tuple[WindowPreview, ...]:
    windows = {
        "sat-night": SATURDAYS,
        "open-end": SingleWindow(at("2036-11-29T21:00:00Z")),
        "long-ago": SingleWindow(at("2020-11-29T21:00:00Z"), at("2020-11-30T02:00:00Z")),
    }
    return preview(windows, at("2027-03-26T00:00:00Z"), 2)


def test_a_preview_shows_utc_local_time_and_daylight_saving(previews: tuple[WindowPreview, ...]) -> None:
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    assert windows_text(previews, [None, berlin, berlin]) == (
        "long-ago: once\n"
        "  is over and does not come again\n"
        "open-end: once\n"
        "  from Sat 2036-11-29 21:00 UTC, no end (from Sat 22:00 Europe/Berlin)\n"
        "sat-night: FREQ=WEEKLY;BYDAY=SA, Europe/Berlin\n"
        "  Sat 2027-03-27 21:00 to Sun 2027-03-28 01:00 UTC (Sat 22:00 to Sun 03:00 Europe/Berlin)\n"
        "    daylight saving: 02:00 does not exist on 2027-03-28: 03:00 is used\n"
        "  Sat 2027-04-03 20:00 to Sun 2027-04-04 00:00 UTC (Sat 22:00 to Sun 02:00 Europe/Berlin)\n"
    )


def test_a_preview_as_json_has_times_in_utc(previews: tuple[WindowPreview, ...]) -> None:
    occurrence = {"start": "2036-11-29T21:00:00Z", "stop": None, "remark": None}
    assert json.loads(windows_json(previews[1:2])) == {
        "version": 1,
        "windows": [{"name": "open-end", "rule": None, "timezone": None, "occurrences": [occurrence]}],
    }
