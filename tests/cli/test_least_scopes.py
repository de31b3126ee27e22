"""A token with the least scopes that the contract asks for is enough; what is missing is named with its cost."""

from collections.abc import Iterator

import pytest

from reconciler.sandbox.behaviour import PROFILES
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.cli.desk import FIRST, SECOND, THIRD, Desk

OBJECTS = {FIRST: r"\VED\Policy\Web\a", SECOND: r"\VED\Policy\Web\b", THIRD: r"\VED\Policy\Web\c"}
REFRESH = "permissions were not refreshed, so tickets newer than the token may look gone"
GROUPS = "the caller's groups are not known"


@pytest.fixture
def strict(desk: Desk) -> Iterator[Desk]:
    """The desk before a server as strict as the contract, with a token that may approve and nothing else."""
    tickets = tuple(TicketSeed(guid, name) for guid, name in OBJECTS.items())
    with running_sandbox(Seed(tickets=tickets, behaviour=PROFILES["strict-26.1"])) as sandbox:
        desk.sandbox = sandbox
        desk.environ("TPP_TOKEN", sandbox.issue("certificate:approve"))
        desk.configure()
        yield desk


def test_plan_and_apply_are_green_and_stay_so_once_the_tickets_are_settled(strict: Desk) -> None:
    strict.decide(f"{{guid: {FIRST}, status: Approved}}", f"{{guid: {SECOND}, status: Rejected}}")
    assert strict.run("plan", "--out", "plan.json").code == 0
    said = strict.run("apply", "plan.json", "--yes")
    assert (said.code, len(strict.writes())) == (0, 2), said.out + said.err
    strict.sandbox.world.process()
    for _ in range(2):
        again = strict.run("apply", "--yes")
        assert again.code == 0, again.out + again.err
    assert strict.run("plan", "--exit-code").code == 0
    assert len(strict.writes()) == 2


def test_a_refused_refresh_is_a_note_of_the_plan(strict: Desk) -> None:
    gone = "99999999-0000-4000-8000-000000000000"
    strict.decide(f"{{guid: {gone}, status: Pending}}")
    planned = strict.run("plan", "--format", "json")
    assert planned.code == 0, planned.out + planned.err
    assert REFRESH in planned.out
    assert "elsewhere/closed" in planned.out


def test_unknown_groups_are_a_note_and_refuse_nothing(strict: Desk) -> None:
    strict.configure("policy: {four_eyes: {allow_direct_push: true}}\n")
    strict.decide(f"{{guid: {FIRST}, status: Approved}}")
    planned = strict.run("plan", "--format", "json")
    assert planned.code == 0, planned.out + planned.err
    assert GROUPS in planned.out


def test_import_and_doctor_are_green(strict: Desk) -> None:
    imported = strict.run("import")
    assert imported.code == 0, imported.out + imported.err
    assert "3 new tickets" in imported.out
    looked = strict.run("doctor")
    assert looked.code == 0, looked.out + looked.err
    assert "tickets newer than the token may look gone" in " ".join(looked.out.split())
    assert "nobody checks that the caller is an approver" in " ".join(looked.out.split())
