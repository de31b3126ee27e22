"""Times at both ends of the calendar are told in every view, in every zone, without a traceback."""

import pytest

from tests.cli.repo import FIRST, SECOND, THIRD, Repo

FIRST_DAY = "{start: '0001-01-01T00:00:00Z', stop: '0001-01-01T01:00:00Z'}"
LAST_DAY = "{start: '9999-12-31T22:00:00Z', stop: '9999-12-31T23:59:59Z'}"
VIEWS = [
    ("validate",),
    ("plan",),
    ("plan", "--verbose"),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("plan", "--format", "html"),
    ("plan", "--format", "patch"),
    ("explain", FIRST),
    ("explain", SECOND),
    ("explain", SECOND, "--format", "json"),
    ("windows",),
    ("windows", "--format", "json"),
    ("windows", "--at", "0001-01-01T00:00:00Z"),
    ("windows", "--at", "9999-12-31T23:59:59Z"),
    ("fmt", "--check"),
]


@pytest.fixture
def far(repo: Repo) -> Repo:
    repo.configure(
        "timezone: Asia/Tokyo\n"
        "windows:\n"
        "  never: {start: '0001-01-01T00:00:00Z', stop: '9999-12-31T23:59:59Z'}\n"
        "  nights: {rule: FREQ=DAILY, start: '22:00', duration: 4h, first: 9999-12-01}\n"
        "policy:\n"
        "  freezes:\n"
        "    - {name: first, start: '0001-01-01T00:00:00Z', stop: '0001-01-02T00:00:00Z'}\n"
        "    - {name: last, start: '9999-12-31T00:00:00Z', stop: '9999-12-31T23:59:59Z', objects: ['\\VED\\x']}\n"
    )
    return repo


FIRST_ENTRY = f"{{guid: {FIRST}, status: Approved Between, schedule: {FIRST_DAY}}}"
LAST_ENTRIES = (
    f"{{guid: {SECOND}, status: Approved Between, schedule: {LAST_DAY}, valid_until: '9999-12-31T23:59:59Z'}}",
    f"{{guid: {THIRD}, status: Approved After, schedule: {{start: '9999-12-31T23:59:59.999Z'}}}}",
)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("entries", [(FIRST_ENTRY, *LAST_ENTRIES), LAST_ENTRIES], ids=["both", "last"])
def test_every_view_tells_of_the_first_and_the_last_year(
    entries: tuple[str, ...], zone: str, far: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    far.decide(*entries)
    for view in VIEWS:
        assert far.run(*view).code in (0, 1, 5), view
    assert far.run("apply", "--yes").code in (0, 5)
    for view in [*VIEWS, ("ledger", "log", "-v"), ("report", "--out", "site"), ("ledger", "export", "--format", "csv")]:
        assert far.run(*view).code in (0, 1, 5), view


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("0001-01-01T00:00:00+14:00", "does not exist"),
        ("9999-12-31T23:59:59-12:00", "does not exist"),
    ],
)
def test_a_time_outside_of_the_calendar_is_refused_at_its_place(time: str, told: str, repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved After, schedule: {{start: '{time}'}}}}")
    said = repo.run("validate")
    assert (said.code, told in said.out) == (1, True)


def test_a_window_that_ends_before_it_begins_on_the_last_day_is_refused(repo: Repo) -> None:
    schedule = "{start: '9999-12-31T23:00:00Z', stop: '9999-12-31T22:00:00Z'}"
    repo.decide(f"{{guid: {FIRST}, status: Approved Between, schedule: {schedule}}}")
    said = repo.run("validate")
    assert (said.code, "`stop` is not after `start`" in said.out) == (1, True)
