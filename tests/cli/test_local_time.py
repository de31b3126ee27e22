"""The time zone of the configuration decides what people read, UTC beside it."""

import pytest

from tests.cli.repo import FIRST, Repo

WINDOW = "schedule: {start: 2036-11-29T22:00:00Z, stop: 2036-11-30T02:00:00Z}"


@pytest.fixture
def berlin(repo: Repo) -> Repo:
    repo.configure("timezone: Europe/Berlin\n")
    repo.decide(f"{{guid: {FIRST}, status: Approved Between, {WINDOW}, explanation: x}}")
    return repo


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("text", "22:00 to Sun 2036-11-30 02:00 UTC Sat 23:00 to Sun 03:00 Europe/Berlin"),
        ("markdown", "Europe/Berlin (22:00 to Sun 02:00 UTC)"),
    ],
)
def test_a_plan_has_both(berlin: Repo, style: str, shown: str) -> None:
    assert shown in " ".join(berlin.run("plan", "--format", style).out.split())


def test_a_saved_plan_says_utc_only(berlin: Repo) -> None:
    assert "+01:00" not in berlin.run("plan", "--format", "json").out


def test_the_report_is_made_for_that_zone(berlin: Repo) -> None:
    assert berlin.run("report", "--out", "site").code == 0
    assert "Europe/Berlin" in (berlin.folder / "site" / "index.html").read_text(encoding="utf-8")


def test_a_freeze_is_told_in_both(repo: Repo) -> None:
    freeze = "{name: long, start: 2036-11-01T00:00:00Z, stop: 2036-12-01T00:00:00Z}"
    repo.configure(f"timezone: Europe/Berlin\npolicy: {{freezes: [{freeze}]}}\n")
    repo.decide(f"{{guid: {FIRST}, status: Approved Between, {WINDOW}, explanation: x}}")
    said = " ".join(repo.run("plan").out.split())
    assert (
        "(2036-11-01T00:00:00Z to 2036-12-01T00:00:00Z, in Europe/Berlin 2036-11-01 01:00 to 2036-12-01 01:00)" in said
    )


def test_one_command_does_not_leave_its_zone_to_the_next(berlin: Repo) -> None:
    berlin.run("plan")
    berlin.configure()
    assert "Europe/Berlin" not in berlin.run("plan").out
