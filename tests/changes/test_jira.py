"""Change records as Jira issues."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from reconciler.model.change_record import ChangeKind, ChangeRecord, LookupFailure, NoChangeRecord
from reconciler.sandbox.change_systems import Account, ChangeSystems, Issue
from tests.changes.conftest import look_up
from tests.fakes import FakeClock

TOKEN = {"CHANGE_RECORDS_TOKEN": "personal-access-token"}
FIELDS = {"start": "customfield_10010", "stop": "customfield_10011", "approval": "customfield_10012"}
ISSUE = Issue(
    "CHG-12",
    {
        "summary": "Web tier",
        "status": {"name": "Awaiting implementation", "statusCategory": {"key": "indeterminate"}},
        "issuetype": {"name": "Normal change"},
        "reporter": {"name": "jdoe", "displayName": "Joe Doe"},
        "components": [{"name": "www.example.com"}],
        "customfield_10010": "2026-11-28T23:00:00.000+0100",
        "customfield_10011": "2026-11-29T03:00:00.000+0100",
        "customfield_10012": {"value": "Approved"},
    },
)


@pytest.fixture
def url(serve: Callable[[ChangeSystems], str]) -> str:
    declined = Issue("CHG-13", {"status": {"name": "Declined", "statusCategory": {"key": "done"}}})
    moved = Issue("CHG-14", {"status": {"name": "Planning"}}, moved_to="OPS-3")
    odd = Issue("CHG-15", {"customfield_10010": "2026-11-28"})
    hidden = Issue("CHG-16", hidden=True)
    account = Account(token="personal-access-token")
    return serve(ChangeSystems(account, issues=(ISSUE, declined, moved, odd, hidden)))


def ask(url: str, key: str, environ: dict[str, str] = TOKEN) -> ChangeRecord | NoChangeRecord:
    return look_up(url, key, kind=ChangeKind.JIRA, environ=environ, fields=FIELDS)[key]


def test_an_issue_is_read_with_the_fields_of_the_site(url: str) -> None:
    assert ask(url, "CHG-12") == ChangeRecord(
        id="CHG-12",
        seen_at=FakeClock().now(),
        state="scheduled",
        approval="approved",
        type="normal change",
        start=datetime(2026, 11, 28, 22, tzinfo=UTC),
        stop=datetime(2026, 11, 29, 2, tzinfo=UTC),
        url=f"{url}/browse/CHG-12",
        title="Web tier",
        requester="jdoe",
        affected=("www.example.com",),
    )


def test_declined_and_completed_have_one_category_and_two_states(url: str) -> None:
    found = ask(url, "chg-13")
    assert isinstance(found, ChangeRecord)
    assert (found.state, found.closed) == ("canceled", True)


@pytest.mark.parametrize(
    ("key", "failure", "why"),
    [
        ("CHG-14", LookupFailure.NOT_FOUND, "it was moved to OPS-3"),
        ("CHG-15", LookupFailure.UNAVAILABLE, "the field customfield_10010 has no time with an offset"),
        ("CHG-16", LookupFailure.NOT_FOUND, "it is absent, or this account may not see it"),
        ("CHG-99", LookupFailure.NOT_FOUND, "it is absent, or this account may not see it"),
        ("CHG-1/../../myself", LookupFailure.NOT_FOUND, "this is no key of an issue"),
    ],
)
def test_what_is_no_record_says_why(url: str, key: str, failure: LookupFailure, why: str) -> None:
    found = ask(url, key)
    assert isinstance(found, NoChangeRecord)
    assert (found.failure, found.why) == (failure, why)


def test_a_refused_token_is_not_taken_for_an_absent_issue(url: str) -> None:
    found = ask(url, "CHG-12", {"CHANGE_RECORDS_TOKEN": "expired-token"})
    assert isinstance(found, NoChangeRecord)
    assert found.failure is LookupFailure.UNAVAILABLE
    assert found.why.startswith("it does not accept the credential (401)")
