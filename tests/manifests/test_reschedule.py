"""New times for entries: only the times change, and the diff that says so is one that patch takes."""

import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import InvalidInput
from reconciler.manifests.edit import applied
from reconciler.manifests.reschedule import NewTimes, patch_of, reschedule
from reconciler.manifests.windows import next_occurrence, weeks_later
from reconciler.model.policy import RecurringWindow
from tests.builders import at, guid

BERLIN = ZoneInfo("Europe/Berlin")
NEW = NewTimes(at("2036-12-06T22:00:00Z"), at("2036-12-07T02:00:00Z"))
ONE = f"guid: {guid(1)}, status: Approved Between"


def _moved(text: str, new: NewTimes = NEW) -> str:
    return applied(text, reschedule("web.yaml", text, {guid(1): new}))


@pytest.mark.parametrize(
    ("head", "old", "new"),
    [
        ("", "{start: 2036-11-29T22:00:00Z, stop: 2036-11-30T02:00:00Z}", None),
        ("", "{start: 2036-11-29T22:00Z, stop: 2036-11-30 02:00Z}", None),
        (
            "",
            "{start: '2036-11-29T23:00:00+01:00', stop: \"2036-11-30T03:00:00+01:00\"}",
            "{start: '2036-12-06T23:00:00+01:00', stop: \"2036-12-07T03:00:00+01:00\"}",
        ),
        (
            "timezone: Europe/Berlin\n",
            "{start: 2036-11-29 23:00, stop: 2036-11-30 03:00}",
            "{start: 2036-12-06 23:00, stop: 2036-12-07 03:00}",
        ),
        ("timezone: Europe/Berlin\n", "sat-night", "{start: 2036-12-06T23:00, stop: 2036-12-07T03:00}"),
        ("", "sat-night", "{start: 2036-12-06T22:00Z, stop: 2036-12-07T02:00Z}"),
    ],
)  # fmt: skip
def test_times_keep_the_spelling_that_they_had(head: str, old: str, new: str | None) -> None:
    new = new or old.replace("11-29", "12-06").replace("11-30", "12-07")
    text = f"# mine\nversion: 1\n{head}tickets:\n  - {{{ONE}, schedule: %s}}   # quick\n  - guid: {guid(2)}\n"
    assert _moved(text % old) == text % new


def test_a_time_that_comes_twice_is_spelled_with_its_offset() -> None:
    schedule = "{start: 2036-10-19 02:30, stop: 2036-10-19 05:00}"
    text = f"version: 1\ntimezone: Europe/Berlin\ntickets:\n  - {{{ONE}, schedule: {schedule}}}\n"
    moved = _moved(text, NewTimes(at("2036-10-26T00:30:00Z"), at("2036-10-26T04:00:00Z")))
    assert "{start: 2036-10-26 02:30+02:00, stop: 2036-10-26 05:00}" in moved


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_times_from_the_defaults_become_times_of_the_entry_alone(newline: str) -> None:
    text = (
        "version: 1\ndefaults:\n  status: Approved Between\n"
        "  schedule: {start: 2036-11-29T22:00Z, stop: 2036-11-30T02:00Z}\n"
        f"tickets:\n  - guid: {guid(1)}  # first\n\n  - guid: {guid(2)}\n"
    ).replace("\n", newline)
    line = f"    schedule: {{start: 2036-12-06T22:00Z, stop: 2036-12-07T02:00Z}}{newline}"
    assert _moved(text) == text.replace(f"# first{newline}", f"# first{newline}{line}")


def test_a_file_without_an_end_of_line_and_with_a_byte_order_mark_keeps_both() -> None:
    text = f"\ufeffversion: 1\ndefaults: {{schedule: w}}\ntickets:\n  - guid: {guid(1)}\n    status: Approved Between"
    assert _moved(text) == f"{text}\n    schedule: {{start: 2036-12-06T22:00Z, stop: 2036-12-07T02:00Z}}"


def test_times_that_another_entry_shares_through_an_anchor_are_not_touched() -> None:
    text = (
        f"version: 1\ntickets:\n  - {{{ONE}, schedule: &w {{start: 2036-11-29T22:00Z, stop: 2036-11-30T02:00Z}}}}\n"
        f"  - {{guid: {guid(2)}, status: Approved Between, schedule: *w}}\n"
    )
    with pytest.raises(InvalidInput, match="share an anchor"):
        _moved(text)
    other = applied(text, reschedule("web.yaml", text, {guid(2): NEW}))
    assert other == text.replace("*w", "{start: 2036-12-06T22:00Z, stop: 2036-12-07T02:00Z}")


def test_weeks_later_is_the_same_weekday_and_time_across_a_change_of_clocks() -> None:
    start, stop = at("2036-03-22T21:00:00Z"), at("2036-03-23T01:00:00Z")  # Sat 22:00 to Sun 02:00 in Berlin
    moved = weeks_later(start, stop, BERLIN, at("2036-04-01T00:00:00Z"))
    assert moved == (at("2036-04-05T20:00:00Z"), at("2036-04-06T00:00:00Z"), 2)
    assert weeks_later(start, stop, UTC, at("2036-03-23T01:00:00Z"))[2] == 1


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
    st.timedeltas(timedelta(minutes=1), timedelta(days=6)),
    st.timedeltas(timedelta(0), timedelta(days=900)),
)
def test_a_window_moved_by_weeks_opens_in_the_future_within_eight_days(start, length, later) -> None:  # type: ignore[no-untyped-def]
    now = start + length + later
    opens, closes, weeks = weeks_later(start, start + length, BERLIN, now)
    assert now < opens < closes
    assert weeks >= 1
    assert opens - now <= timedelta(days=7, hours=1)


def test_the_next_occurrence_opens_after_now_even_while_one_is_open() -> None:
    window = RecurringWindow("FREQ=WEEKLY;BYDAY=SA", "UTC", datetime(2026, 1, 3, 22, 0), 4 * 3600)  # noqa: DTZ001 - wall time
    found = next_occurrence(window, at("2026-11-28T23:00:00Z"))
    assert found is not None
    assert found.start == at("2026-12-05T22:00:00Z")


_COMMENTS = st.sampled_from(["", "   # why", "  # ünï"])
_SCHEDULES = st.sampled_from(
    [
        "schedule: {start: 2036-11-29T22:00:00Z, stop: 2036-11-30T02:00:00Z}",
        "schedule:  # block\n      start: 2036-11-29T22:00Z\n      stop: '2036-11-30 02:00Z'",
        "schedule: night",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_SCHEDULES, _COMMENTS, st.booleans(), st.integers(0, 9)), min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from([("git", "apply", "-"), ("patch", "-p1", "-s", "--binary")]),
)
def test_git_and_patch_take_the_diff_and_make_exactly_the_edited_file(entries, newline, ended, program) -> None:  # type: ignore[no-untyped-def]
    text = "# ours\nversion: 1\ntickets:\n" + "\n".join(
        f"  - guid: {guid(n)}{comment}\n    status: Approved Between\n    {schedule}" + "\n" * (gap % 4)
        for n, (schedule, comment, _, gap) in enumerate(entries)
    )
    text = (text.rstrip("\n") + ("\n" if ended else "")).replace("\n", newline)
    times = {guid(n): NEW for n, (_, _, chosen, _) in enumerate(entries) if chosen}
    edits = reschedule("web.yaml", text, times)
    diff = "# a comment\n" + patch_of("tickets/our web.yaml", text, edits)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tickets", "our web.yaml")
        file.parent.mkdir()
        file.write_bytes(text.encode())
        if times:  # git refuses a patch that changes nothing
            subprocess.run(program, cwd=folder, input=diff.encode(), check=True)
        assert file.read_bytes().decode() == applied(text, edits)
        assert (applied(text, edits) == text) == (not times)


def test_lines_that_follow_each_other_are_one_change() -> None:
    schedule = "schedule:\n      start: 2036-11-29T22:00Z  # quiet\n      stop: 2036-11-30T02:00Z\n"
    text = f"version: 1\ntickets:\n  - guid: {guid(1)}\n    status: Approved Between\n    {schedule}"
    assert patch_of("web.yaml", text, reschedule("web.yaml", text, {guid(1): NEW})) == (
        "diff --git a/web.yaml b/web.yaml\n--- a/web.yaml\n+++ b/web.yaml\n@@ -3,5 +3,5 @@\n"
        f"   - guid: {guid(1)}\n     status: Approved Between\n     schedule:\n"
        "-      start: 2036-11-29T22:00Z  # quiet\n-      stop: 2036-11-30T02:00Z\n"
        "+      start: 2036-12-06T22:00Z  # quiet\n+      stop: 2036-12-07T02:00Z\n"
    )


def test_a_diff_of_thousands_of_entries_is_made_at_once() -> None:
    text = "version: 1\ntickets:\n" + "".join(f"  - {{guid: {guid(n)}, schedule: w}}\n" for n in range(3000))
    edits = reschedule("web.yaml", text, {guid(n): NEW for n in range(0, 3000, 2)})
    assert patch_of("web.yaml", text, edits).count("\n+  - ") == 1500
