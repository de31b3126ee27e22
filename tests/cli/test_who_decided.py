"""A conflict names who moved the ticket, where the token may know it."""

import pytest

from reconciler.model.status import Status
from reconciler.model.value import replace
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import JOE, Seed, TicketSeed
from reconciler.sandbox.wire import GuidStyle
from tests.builders import OBJECT
from tests.cli.desk import FIRST, SECOND, Desk


def contested(desk: Desk) -> str:
    for guid in (FIRST, SECOND):
        desk.sandbox.world.console(guid, Status.REJECTED, explanation="not this one")
    desk.decide(*(f"{{guid: {guid}, status: Approved, explanation: yes}}" for guid in (FIRST, SECOND)))
    said = desk.run("plan")
    assert said.code == 5
    return " ".join(said.out.split())


@pytest.mark.parametrize("style", GuidStyle)
def test_a_conflict_names_who_updated_the_ticket_last(desk: Desk, style: GuidStyle) -> None:
    tickets = tuple(TicketSeed(guid, OBJECT, approvers=(JOE.name,)) for guid in (FIRST, SECOND))
    with running_sandbox(Seed(behaviour=Behaviour(guids=style), tickets=tickets)) as sandbox:
        desk = replace(desk, sandbox=sandbox)
        desk.configure()
        desk.environ("TPP_TOKEN", sandbox.token)

        assert contested(desk).count(f"last updated by {JOE.name}") == 2
        assert len(sandbox.log.calls("identityValidate")) == 1


def test_without_the_scope_a_conflict_is_told_without_a_name(desk: Desk) -> None:
    desk.environ("TPP_TOKEN", desk.sandbox.issue("certificate:approve"))
    told = contested(desk)

    assert "conflict" in told
    assert "last updated by" not in told
    assert [entry.status for entry in desk.sandbox.log.calls("configReadAll")] == [403]


def test_nobody_is_asked_for_when_there_is_no_conflict(desk: Desk) -> None:
    desk.decide(f"{{guid: {FIRST}, status: Approved, explanation: yes}}")

    assert desk.run("plan").code == 0
    assert desk.sandbox.log.calls("configReadAll") == ()
