"""The main job before every kind of server, with what is sent held against the API description."""

import json
from collections.abc import Iterator

import pytest

from reconciler.model.value import replace
from reconciler.sandbox.behaviour import PROFILES
from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import JANE, Seed, TicketSeed
from tests.cli.repo import FIRST, SECOND, THIRD, Repo
from tests.sandbox.description import forbids

OBJECTS = {FIRST: r"\VED\Policy\Web\a", SECOND: r"\VED\Policy\Web\b", THIRD: r"\VED\Policy\Web\c"}
JANES = "0a1b2c3d-0000-4000-8000-000000000004"
SCHEDULES = {
    SECOND: ("Approved Between", "start: 2036-11-25T07:15:00Z, stop: 2036-11-25T11:15:00Z"),
    THIRD: ("Approved After", "start: 2036-11-25T07:15:00Z"),
}


@pytest.fixture(params=PROFILES)
def there(request: pytest.FixtureRequest, repo: Repo) -> Iterator[Repo]:
    """The repo before a server of each profile, with a token of the least scopes that the contract asks for."""
    tickets = [TicketSeed(guid, name) for guid, name in OBJECTS.items()]
    tickets.append(TicketSeed(JANES, r"\VED\Policy\Web\d", approvers=(JANE.name,)))
    with running_sandbox(Seed(behaviour=PROFILES[request.param], tickets=tuple(tickets))) as sandbox:
        there = replace(repo, sandbox=sandbox)
        there.environ("TPP_TOKEN", sandbox.issue("certificate:approve;configuration;security"))
        there.configure()
        yield there


def decide(repo: Repo) -> None:
    """Change what was imported, as a person does: one at once, the others at their times."""
    path = repo.folder / "tickets/web.yaml"
    text = path.read_text(encoding="utf-8")
    for guid in OBJECTS:
        status, times = SCHEDULES.get(guid, ("Approved", ""))
        schedule = f"\n    schedule: {{{times}}}" if times else ""
        decided = f"guid: {guid}\n    status: {status}{schedule}\n    change: CHG0041234"
        assert f"guid: {guid}\n    status: Pending" in text
        text = text.replace(f"guid: {guid}\n    status: Pending", decided)
    path.write_text(text, encoding="utf-8")


def done(repo: Repo, *arguments: str, code: int = 0) -> str:
    said = repo.run(*arguments)
    assert said.code == code, said.out + said.err
    return said.out


def objections(sandbox: Sandbox) -> list[str]:
    """Return what the description forbids of all that was sent."""
    return [
        f"{entry.operation}: {why}"
        for entry in sandbox.log.entries
        if (why := forbids(entry.operation, entry.json)) is not None
    ]


def test_import_plan_apply_plan_again_doctor_and_tidy(there: Repo) -> None:
    assert "3 new tickets; all of them Pending" in done(there, "import", "--layout", "tickets/web.yaml")
    done(there, "doctor")
    decide(there)
    done(there, "plan", "--out", "plan.json", "--exit-code", code=10)
    done(there, "apply", "plan.json", "--yes")
    assert len(there.writes()) == 3
    there.sandbox.world.process()

    done(there, "plan", "--exit-code")
    done(there, "apply", "--yes")
    assert "0 new tickets" in done(there, "import", "--layout", "tickets/web.yaml")
    tidied = json.loads(done(there, "tidy", "--format", "json"))
    assert FIRST in json.dumps(tidied["moved"])
    done(there, "plan", "--exit-code")
    done(there, "ledger", "verify")
    done(there, "doctor")
    assert len(there.writes()) == 3
    assert objections(there.sandbox) == []


def test_a_schedule_is_moved_and_taken_back(there: Repo) -> None:
    def entry(status: str, times: str = "") -> str:
        schedule = f", schedule: {{{times}}}" if times else ""
        return f"{{guid: {SECOND}, status: {status}{schedule}}}"

    there.decide(entry(*SCHEDULES[SECOND]))
    done(there, "apply", "--yes")
    there.decide(entry("Approved Between", "start: 2036-11-26T07:15:00Z, stop: 2036-11-26T11:15:00Z"))
    assert "reschedule" in done(there, "plan", "--exit-code", code=10)
    done(there, "apply", "--yes")
    done(there, "plan", "--exit-code")
    there.decide(entry("Pending"))
    said = there.run("plan")
    assert said.code in (0, 5), said.err
    assert len(there.writes()) == 2
    assert objections(there.sandbox) == []


@pytest.mark.parametrize("wanted", ["Approved", "Rejected"])
def test_one_ticket_that_may_not_be_decided_is_one_ticket_s_refusal(there: Repo, wanted: str) -> None:
    there.decide(*(f"{{guid: {guid}, status: {wanted}}}" for guid in (FIRST, JANES, THIRD)))
    said = there.run("apply", "--yes", "--format", "json")
    outcomes = {each["guid"]: each["outcome"] for each in json.loads(said.out)["receipts"]}
    assert said.code == 5, said.err
    assert outcomes == {FIRST: "applied", JANES: "rejected-by-server", THIRD: "applied"}


def test_what_only_older_servers_take_is_named_where_it_is_refused(there: Repo) -> None:
    refuses = there.sandbox.world.behaviour.unknown_members == "refused"
    there.decide(f"{{guid: {FIRST}, status: Approved, parameters: {{reason: off, user_data: 'x'}}}}")
    said = there.run("apply", "--yes")
    told = " ".join(said.out.split())
    assert said.code == (5 if refuses else 0), said.out + said.err
    assert ("the manifest asks for reason, user_data under `parameters`, which servers from 26.1 on" in told) is refuses
