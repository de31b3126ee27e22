"""`Approved After` with a stop, as the third example of the vendor's reference has it, on both kinds of server."""

import re
from typing import Any

import pytest

from reconciler.model.status import Status
from reconciler.model.value import replace
from tests.cli.repo import FIRST, Repo

START, STOP, LATER = "2036-11-25T07:15:00Z", "2036-11-25T11:15:00Z", "2036-11-26T11:15:00Z"
NOTE = "what TPP does with the stop is not established; `Approved Between` says it plainly"


@pytest.fixture(params=["ignored", "kept"])
def server(request: pytest.FixtureRequest, repo: Repo) -> Repo:
    """A repo in front of a server that does either with the stop."""
    world = repo.sandbox.world
    world.behaviour = replace(world.behaviour, after_stop=request.param)
    return repo


def entry(stop: str = STOP, **more: Any) -> str:
    extra = "".join(f", {name}: {value}" for name, value in more.items())
    return (
        f"{{guid: {FIRST}, status: Approved After, schedule: {{start: {START}, stop: {stop}}}, "
        f"explanation: Ticket was approved by Joe{extra}}}"
    )


def test_the_body_is_the_example_s_and_the_plan_says_what_is_not_established(server: Repo) -> None:
    server.decide(entry())
    planned = server.run("plan", "--out", "plan.json")
    assert planned.code == 0
    assert NOTE in " ".join(planned.out.split())
    assert "tickets/web.yaml:" in planned.out
    assert server.run("apply", "plan.json", "--yes").code == 0

    (update,) = server.sandbox.log.updates
    assert re.sub(rb" \[op:[0-9a-f]{12}\]", b"", update.body) == (
        b'{"GUID": "%b", "Status": "Approved After", "Explanation": "Ticket was approved by Joe", '
        b'"ScheduledStart": "2036-11-25T07:15:00.000000Z", "ScheduledStop": "2036-11-25T11:15:00.000000Z"}'
        % FIRST.encode()
    )


def test_once_applied_it_is_in_sync_and_can_be_moved(server: Repo) -> None:
    server.decide(entry())
    assert server.run("apply", "--yes").code == 0
    again = server.run("plan", "--exit-code")
    assert again.code == 0
    assert NOTE not in " ".join(again.out.split())

    server.decide(entry(stop=LATER))
    moved = server.run("plan", "--exit-code")
    assert moved.code == 10
    assert "reschedule" in moved.out
    assert server.run("apply", "--yes").code == 0
    assert server.run("plan", "--exit-code").code == 0


def test_what_somebody_else_scheduled_is_in_sync_when_git_says_the_same(server: Repo) -> None:
    world = server.sandbox.world
    world.console(FIRST, Status.APPROVED_AFTER, start=START, stop=STOP)
    kept = world.behaviour.after_stop == "kept"
    server.decide(entry() if kept else entry().replace(f", stop: {STOP}", ""))
    assert server.run("plan", "--exit-code").code == 0

    server.decide(entry().replace(f", stop: {STOP}", "") if kept else entry())
    other = server.run("plan", "--exit-code")
    assert other.code == 5
    assert "conflict" in other.out


def test_a_stop_before_the_start_is_refused(repo: Repo) -> None:
    repo.decide(entry(stop="2036-11-25T07:00:00Z"))
    said = repo.run("validate")

    assert said.code == 1
    assert "tickets/web.yaml:" in said.err + said.out
    assert repo.sandbox.log.entries == ()
