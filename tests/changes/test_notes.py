"""What a run did, told back to the record: once, whatever is lost on the way."""

from collections.abc import Callable, Mapping

import pytest

from reconciler.changes.backends import open_change_notes
from reconciler.model.change_record import ChangeKind, ChangeNote, ChangeOutcome, ChangeSystem
from reconciler.sandbox.change_systems import Account, ChangeSystems, Issue, TableRow
from tests.changes.conftest import PURPOSE
from tests.changes.wire import answering, said
from tests.fakes import FakeClock

ACCOUNT = Account("svc", "pass-word-of-the-table")
ENVIRON = {"CHANGE_RECORDS_USERNAME": "svc", "CHANGE_RECORDS_PASSWORD": ACCOUNT.password}
RUN = "20261126T120000Z-0a0b0c"
Serve = Callable[[ChangeSystems], str]


def systems(**more: object) -> ChangeSystems:
    rows = (*[TableRow(f"CHG{number:07}") for number in range(60)], TableRow("CHG0009999", hidden=True))
    return ChangeSystems(ACCOUNT, rows, (Issue("CHG-1"),), **more)  # type: ignore[arg-type]


def note(change: str, run: str = RUN) -> ChangeNote:
    outcome = ChangeOutcome("6ede0e12-f7c0-4068-9977-001076205c84", r"\VED\Policy\www", "applied")
    return ChangeNote(change, run, f"Run {run}: 1 applied", "sha256:00", (outcome,))


def tell(url: str, *notes: ChangeNote, kind: ChangeKind = ChangeKind.SERVICENOW) -> Mapping[str, str]:
    return open_change_notes(ChangeSystem(kind, url), FakeClock(), PURPOSE, ENVIRON).tell(notes)


both = pytest.mark.parametrize(
    ("kind", "change"), [(ChangeKind.SERVICENOW, "CHG0000007"), (ChangeKind.JIRA, "CHG-1")], ids=["servicenow", "jira"]
)


@both
def test_a_note_is_left_once_per_run(serve: Serve, kind: ChangeKind, change: str) -> None:
    table = systems()
    url = serve(table)
    assert tell(url, note(change), kind=kind) == {}
    assert tell(url, note(change.lower()), kind=kind) == {}
    assert table.notes == {change: [f"Run {RUN}: 1 applied"]}
    assert tell(url, note(change, "another-run"), kind=kind) == {}
    assert len(table.notes[change]) == 2


@both
def test_a_lost_answer_is_looked_up_and_not_sent_again(serve: Serve, kind: ChangeKind, change: str) -> None:
    table = systems(loses_answers=True)
    assert tell(serve(table), note(change), kind=kind) == {}
    assert len(table.notes[change]) == 1


@both
def test_an_account_that_may_not_write_is_told(serve: Serve, kind: ChangeKind, change: str) -> None:
    why = tell(serve(systems(read_only=True)), note(change), kind=kind)[change]
    assert why.startswith("the account lacks a right (403)")


@both
def test_what_is_no_id_or_not_there_is_told(serve: Serve, kind: ChangeKind, change: str) -> None:
    assert set(tell(serve(systems()), note("CHG^1"), note("CHG0009999"), note("CHG-2"), kind=kind)) == {
        "CHG^1",
        "CHG0009999",
        "CHG-2",
    }


@both
def test_a_page_instead_of_an_answer_is_told(serve: Serve, kind: ChangeKind, change: str) -> None:
    assert "no JSON object" in tell(serve(systems(asleep=True)), note(change), kind=kind)[change]


def test_sixty_records_are_looked_at_with_two_calls(serve: Serve) -> None:
    table = systems()
    assert tell(serve(table), *(note(f"CHG{number:07}") for number in range(60))) == {}
    assert len(table.notes) == 60


def test_a_service_of_ones_own_gets_all_outcomes_with_one_request_and_a_key() -> None:
    with answering(said("200 OK", b"{}")) as (url, server):
        assert tell(url, note("CHG1"), note("CHG2"), kind=ChangeKind.HTTP) == {}
        assert tell(url, note("CHG1"), note("CHG2"), kind=ChangeKind.HTTP) == {}
    first, second = server.received
    assert b'"purpose": "report"' in first
    assert b'"outcome": "applied"' in first
    assert b"Idempotency-Key: " in first
    assert first.partition(b"Idempotency-Key: ")[2][:64] == second.partition(b"Idempotency-Key: ")[2][:64]
