"""Named windows through the command line: previewed with daylight saving, resolved once, and then kept."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.app.context import SystemClock
from tests.cli.repo import FIRST, SECOND, Repo

NIGHT = "windows: {sat-night: {rule: FREQ=WEEKLY;BYDAY=SA, timezone: Europe/Berlin, start: '22:00', duration: 6h}}\n"
BETWEEN = f"{{guid: {FIRST}, status: Approved Between, schedule: sat-night, explanation: at night}}"
DAY = 24 * 3600


@pytest.fixture
def repo(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repo with a recurring window, where our clock is that of TPP, which a test moves."""
    monkeypatch.setattr(SystemClock, "now", lambda _clock: repo.sandbox.world.clock.now())
    repo.configure(NIGHT)
    return repo


def test_the_preview_says_what_a_change_of_clocks_does(repo: Repo) -> None:
    said = repo.run("windows", "--at", "2036-10-25T00:00:00Z", "--count", "2")
    assert said.out == (
        "sat-night: FREQ=WEEKLY;BYDAY=SA, Europe/Berlin\n"
        "  Sat 2036-10-25 20:00 to Sun 2036-10-26 03:00 UTC (Sat 22:00 to Sun 04:00 Europe/Berlin)\n"
        "    daylight saving: clocks change inside it: it is 7 h long instead of 6 h\n"
        "  Sat 2036-11-01 21:00 to Sun 2036-11-02 03:00 UTC (Sat 22:00 to Sun 04:00 Europe/Berlin)\n"
    )
    found = json.loads(repo.run("windows", "--at", "2036-10-25T00:00:00Z", "--format", "json").out)
    assert "clocks change inside it" in found["windows"][0]["occurrences"][0]["remark"]


def test_a_plan_names_the_times_and_keeps_them_once_they_are_applied(repo: Repo) -> None:
    repo.decide(BETWEEN)
    assert repo.run("apply", "--yes").code == 0
    (sent,) = repo.writes()
    (step,) = json.loads(repo.run("plan", "--format", "json").out)["steps"]
    assert (step["reason"], step["window"]["name"]) == ("in-sync/same", "sat-night")
    first = step["after"]
    assert sent["ScheduledStart"] == first["start"].replace("Z", ".000000Z")
    repo.decide(BETWEEN, f"{{guid: {SECOND}, status: Approved Between, schedule: sat-night, explanation: at night}}")
    repo.sandbox.world.pause()
    repo.sandbox.world.advance(8 * DAY)
    steps = {step["guid"]: step for step in json.loads(repo.run("plan", "--format", "json").out)["steps"]}
    assert (steps[FIRST]["reason"], steps[FIRST]["after"]) == ("missed/window", first)
    assert steps[SECOND]["reason"] == "schedule/wanted"
    assert steps[SECOND]["after"]["start"] > first["start"]
    assert len(repo.writes()) == 1


def test_a_missed_recurring_window_is_patched_with_the_times_of_its_next_occurrence(repo: Repo) -> None:
    repo.decide(BETWEEN)
    repo.run("apply", "--yes")
    repo.sandbox.world.pause()
    repo.sandbox.world.advance(8 * DAY)
    patch = repo.run("plan", "--format", "patch").out
    assert "#   how  the next occurrence of window sat-night\n" in patch
    assert "-  - {guid: " + FIRST + ", status: Approved Between, schedule: sat-night, explanation: at night}\n" in patch
    (_, times) = patch.split("\n+  - {")
    start = times.partition("schedule: {start: ")[2].partition(",")[0]
    upcoming = json.loads(repo.run("windows", "--format", "json").out)["windows"][0]["occurrences"]
    opens = [
        each["start"] for each in upcoming if each["start"] > f"{repo.sandbox.world.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    ]
    assert _utc(start) == opens[0]


def _utc(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_a_valid_until_that_has_passed_is_pointed_out(repo: Repo) -> None:
    now = repo.sandbox.world.clock.now()
    stop = now + timedelta(days=365)
    times = f"{{start: {now:%Y-%m-%dT%H:%M:%SZ}, stop: {stop:%Y-%m-%dT%H:%M:%SZ}}}"
    repo.decide(
        f"{{guid: {FIRST}, status: Approved Between, schedule: {times}, valid_until: {stop:%Y-%m-%dT%H:%M:%SZ}}}"
    )
    repo.sandbox.world.advance(380 * DAY)
    repo.environ("TPP_TOKEN", repo.sandbox.issue())
    patch = repo.run("plan", "--format", "patch").out
    assert "#   but  its valid_until, " in patch
    assert "diff --git a/tickets/web.yaml b/tickets/web.yaml\n" in patch


def test_a_new_window_inside_a_freeze_is_pointed_out(repo: Repo) -> None:
    now = repo.sandbox.world.clock.now()
    repo.decide(BETWEEN)
    repo.run("apply", "--yes")
    days = (f"{now + timedelta(days=days):%Y-%m-%dT00:00:00Z}" for days in (8, 30))
    repo.configure(NIGHT + "policy: {{freezes: [{{name: year-end, start: {}, stop: {}}}]}}\n".format(*days))
    repo.sandbox.world.pause()
    repo.sandbox.world.advance(8 * DAY)
    patch = repo.run("plan", "--format", "patch").out
    assert "#   but  it touches freeze year-end: move it, or wait for the one after\n" in patch


def test_a_window_that_happens_once_is_written_out_a_week_later(repo: Repo) -> None:
    now = repo.sandbox.world.clock.now().replace(second=7)
    times = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (1, 2, 169, 170))
    before, until, start, stop = times
    repo.configure(f"windows: {{move: {{start: {before}, stop: {until}}}}}\n")
    repo.decide(BETWEEN.replace("sat-night", "move"))
    repo.run("apply", "--yes")
    repo.sandbox.world.pause()
    repo.sandbox.world.advance(DAY)
    patch = repo.run("plan", "--format", "patch").out
    assert "#   how  window move does not come again; its times a week later, on the same weekday at the" in patch
    assert f", schedule: {{start: {start}, stop: {stop}}}, explanation: at night}}\n" in patch


def test_inside_a_checkout_the_patch_is_one_for_its_top(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q"], cwd=repo.folder, check=True)
    inner = repo.folder / "team a"
    inner.mkdir()
    monkeypatch.chdir(inner)
    (repo.folder / "reconciler.yaml").rename(inner / "reconciler.yaml")
    repo.decide(BETWEEN, name="team a/tickets/web.yaml")
    repo.run("apply", "--yes")
    repo.sandbox.world.pause()
    repo.sandbox.world.advance(8 * DAY)
    patch = repo.run("plan", "--format", "patch").out
    assert "--- a/team a/tickets/web.yaml\t\n" in patch
    subprocess.run(["git", "apply", "-"], cwd=repo.folder, input=patch.encode(), check=True)
    assert "1 will change" in repo.run("plan").out
