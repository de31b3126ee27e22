"""A conflict names who moved the ticket, where the token may know it."""

import pytest

from reconciler.model.status import Status
from reconciler.model.value import replace
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import JOE, Seed, TicketSeed
from reconciler.sandbox.wire import GuidStyle
from tests.builders import OBJECT
from tests.cli.repo import FIRST, SECOND, Repo


def contested(repo: Repo) -> str:
    for guid in (FIRST, SECOND):
        repo.sandbox.world.console(guid, Status.REJECTED, explanation="not this one")
    repo.decide(*(f"{{guid: {guid}, status: Approved, explanation: yes}}" for guid in (FIRST, SECOND)))
    said = repo.run("plan")
    assert said.code == 5
    return " ".join(said.out.split())


@pytest.mark.parametrize("style", GuidStyle)
def test_a_conflict_names_who_updated_the_ticket_last(repo: Repo, style: GuidStyle) -> None:
    tickets = tuple(TicketSeed(guid, OBJECT, approvers=(JOE.name,)) for guid in (FIRST, SECOND))
    with running_sandbox(Seed(behaviour=Behaviour(guids=style), tickets=tickets)) as sandbox:
        repo = replace(repo, sandbox=sandbox)
        repo.configure()
        repo.environ("TPP_TOKEN", sandbox.token)

        assert contested(repo).count(f"last updated by {JOE.name}") == 2
        assert len(sandbox.log.calls("identityValidate")) == 1


def test_without_the_scope_a_conflict_is_told_without_a_name(repo: Repo) -> None:
    repo.environ("TPP_TOKEN", repo.sandbox.issue("certificate:approve"))
    told = contested(repo)

    assert "conflict" in told
    assert "last updated by" not in told
    assert [entry.status for entry in repo.sandbox.log.calls("configReadAll")] == [403]


def test_nobody_is_asked_for_when_there_is_no_conflict(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: yes}}")

    assert repo.run("plan").code == 0
    assert repo.sandbox.log.calls("configReadAll") == ()
