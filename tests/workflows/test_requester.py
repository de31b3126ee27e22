"""Who requested a change is not the only one who reviews its decisions: GitHub and ServiceNow, all over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from reconciler.sandbox.change_systems import Account, ChangeSystems, Issue, TableRow
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox
from tests.workflows.job import apply, job, squash
from tests.workflows.team import SHOP, WWW, Team

pytestmark = pytest.mark.slow

MORE = "c0ffee00-0000-4000-8000-000000000001"
OBJECT = r"\VED\Policy\Web\more.example.com"
KEY = "key-of-the-change-table"
ROW = {
    "state": "-2",
    "approval": "approved",
    "type": "normal",
    "start_date": "2020-01-01 00:00:00",
    "end_date": "2040-01-01 00:00:00",
    "active": "true",
    "requested_by.user_name": "b.jones",
}
ISSUE = {"summary": "Web tier", "status": {"name": "Scheduled"}, "reporter": {"name": "b.jones"}}
ENTRY = "  - {{guid: {}, status: {}, explanation: more, expect: {{object: '{}'}}}}\n"


@dataclass
class Requested:
    """A team whose changes were requested by b.jones."""

    acme: Team
    table: Sandbox

    def rules(self, people: str = "{}", more: str = "", rule: str = "{requester_may_review_alone: false}") -> None:
        """Have the record decide, by a pull request of its own that carl wrote and dora reviewed."""
        text = (self.acme.folder / "reconciler.yaml").read_text()
        text = text.replace("policy:\n", f"policy:\n  change_record: {rule}\n{more}")
        text += f"change_records: {{kind: servicenow, url: {self.table.url}, people: {people}}}\n"
        squash(self.acme, 20, "reconciler.yaml", text, author="carl", reviewer="dora")

    def decide(self, *reviewers: str, status: str = "Approved", change: str = "CHG0041239", header: str = "") -> None:
        """Bring one decision by a pull request of ann."""
        text = f"version: 1\nchange: {change}\n{header}tickets:\n{ENTRY.format(MORE, status, OBJECT)}"
        pull = squash(self.acme, 13, "tickets/2036/more.yaml", text)
        pull.reviews = [(name, "APPROVED", pull.head) for name in reviewers]

    def planned(self, base: str) -> tuple[str, str, str | None]:
        """Plan as the pull request of a base does; return reason, detail and requester of the decision."""
        payload = self.acme.pull_request(13)
        payload["pull_request"]["base"]["sha"] = base
        done = job(
            self.acme, "plan", "--format", "json", name="pull_request", payload=payload, CHANGE_RECORDS_API_KEY=KEY
        )
        assert done.stdout, done.stderr
        (step,) = [each for each in json.loads(done.stdout)["steps"] if each["guid"] == MORE]
        return step["reason"], step.get("detail", ""), (step["change_record"] or {}).get("requester")

    def apply(self) -> tuple[int, str]:
        done = apply(self.acme, CHANGE_RECORDS_API_KEY=KEY)
        assert KEY not in done.stdout + done.stderr
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def sent(self) -> set[str]:
        return {str(entry.guid) for entry in self.acme.tpp.log.updates}


@pytest.fixture
def requested(acme: Team) -> Iterator[Requested]:
    acme.github.world.permission |= {"carl": "write", "dora": "write"}
    table = ChangeSystems(
        Account(api_key=KEY, token=KEY),
        tuple(TableRow(f"CHG00412{number}", ROW) for number in (34, 39)),
        (Issue("CHG-39", ISSUE),),
    )
    acme.tpp.world.add_ticket(guid=MORE, object=OBJECT)
    # What the example decides was reviewed by two, so that only what a test decides hangs on the requester.
    acme.merged(12).reviews.append(("dora", "APPROVED", "a" * 40))
    with running_sandbox(listening=Listening(changes=table)) as server:
        yield Requested(acme, server)


def test_a_requester_who_alone_approved_is_refused_and_the_others_are_applied(requested: Requested) -> None:
    requested.rules("{B.Jones: bob}")
    requested.decide("bob")
    code, said = requested.apply()
    assert code == 3, said
    assert (
        "requester: nobody but b.jones, who requested CHG0041239, approved PR #13; have somebody else approve" in said
    )
    assert requested.sent() == {WWW, SHOP}
    (line,) = [
        each
        for text in requested.acme.ledger.values()
        for each in map(json.loads, text.splitlines())
        if each.get("reason") == "refused/change-record"
    ]
    assert (line["guid"], line["state"], line["review"]["pull_request"]) == (MORE, "begin", 13)


@pytest.mark.parametrize(
    ("people", "reviewers"),
    [("{b.jones: bob}", ("dora",)), ("{}", ("bob", "dora"))],
    ids=["another", "one of two is another"],
)
def test_somebody_else_who_approved_is_enough(requested: Requested, people: str, reviewers: tuple[str, ...]) -> None:
    requested.rules(people)
    requested.decide(*reviewers)
    code, said = requested.apply()
    assert code == 0, said
    assert requested.sent() == {WWW, SHOP, MORE}


def test_one_reviewer_who_may_be_the_requester_is_not_enough(requested: Requested) -> None:
    requested.rules()
    requested.decide("bob")
    code, said = requested.apply()
    assert (code, requested.sent()) == (3, {WWW, SHOP}), said
    assert "bob alone approved PR #13, and may be b.jones, who requested CHG0041239; name the login of b.jones" in said


def test_reviews_are_asked_for_where_four_eyes_are_not(requested: Requested) -> None:
    path = requested.acme.folder / "reconciler.yaml"
    path.write_text(path.read_text().replace("  four_eyes: {reviewers: 1}\n", ""))
    requested.rules("{b.jones: bob}")
    requested.decide("bob")
    code, said = requested.apply()
    assert (code, requested.sent()) == (3, {WWW, SHOP}), said
    assert "nobody but b.jones, who requested CHG0041239, approved PR #13" in said


def test_a_rejection_needs_no_record(requested: Requested) -> None:
    requested.rules("{b.jones: bob}")
    requested.decide("bob", status="Rejected")
    assert requested.apply()[0] == 0, "rejecting makes nothing happen, so no record has to allow it"
    assert requested.sent() == {WWW, SHOP, MORE}


def test_a_plan_before_the_review_shows_who_requested_it(requested: Requested) -> None:
    requested.rules("{b.jones: bob}")
    merged = requested.acme.head
    requested.decide()
    assert requested.planned(merged) == ("approve/wanted", "", "b.jones")
    reason, detail, _ = requested.planned(requested.acme.first)
    assert reason == "refused/change-record"
    assert "this pull request names the system of change records, which is asked only once it is merged" in detail


def test_an_override_lets_it_through(requested: Requested) -> None:
    requested.rules("{b.jones: bob}", "  overrides: {rules: [change-record], longest: 9999d}\n")
    rule = f"{{rule: change-record, tickets: [{MORE}], reason: outage, until: 2036-01-01T00:00:00Z}}"
    requested.decide("bob", header=f"overrides: [{rule}]\n")
    code, said = requested.apply()
    assert (code, requested.sent()) == (0, {WWW, SHOP, MORE}), said


def test_the_reporter_of_a_jira_issue_counts_as_its_requester(requested: Requested, monkeypatch) -> None:
    text = (requested.acme.folder / "reconciler.yaml").read_text()
    text = text.replace("policy:\n", "policy:\n  change_record: {requester_may_review_alone: false, window: ignore}\n")
    text = text.replace("'^CHG[0-9]{7}$'", "'^CHG-?[0-9]+$'")
    text += f"change_records: {{kind: jira, url: {requested.table.url}, people: {{b.jones: bob}}}}\n"
    squash(requested.acme, 20, "reconciler.yaml", text, author="carl", reviewer="dora")
    requested.decide("bob", change="CHG-39")
    done = apply(requested.acme, CHANGE_RECORDS_TOKEN=KEY)
    said = " ".join((done.stdout + done.stderr).split())
    assert (done.returncode, MORE in requested.sent()) == (3, False), said
    assert "nobody but b.jones, who requested CHG-39, approved PR #13" in said
