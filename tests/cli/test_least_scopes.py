"""A token with the least scopes that the contract asks for is enough; what is missing is named with its cost."""

from collections.abc import Iterator
from pathlib import Path

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


MORE = "this plan was made with a token that can approve"


def test_that_a_token_can_approve_is_told_once_on_a_machine(desk: Desk) -> None:
    desk.decide(f"{{guid: {FIRST}, status: Approved}}")
    assert MORE not in desk.run("explain", FIRST).out
    told = [MORE in desk.run("plan").out for _ in range(3)]
    assert told == [True, False, False]


@pytest.mark.parametrize("instead", ["file", "link", "folder"])
def test_a_state_folder_that_can_not_be_written_changes_nothing(desk: Desk, tmp_path: Path, instead: str) -> None:
    desk.decide(f"{{guid: {FIRST}, status: Approved}}")
    state = tmp_path / "state"
    if instead == "file":
        state.write_text("here is no folder")
    else:
        (state / "reconciler").mkdir(parents=True)
        told = state / "reconciler" / "told"
        told.symlink_to("/dev/full") if instead == "link" else told.mkdir()
    desk.environ("XDG_STATE_HOME", str(state))
    for _ in range(2):
        said = desk.run("plan")
        assert (said.code, MORE in said.out, said.err) == (0, True, "")
