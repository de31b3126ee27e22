"""A ticket that was settled is looked at again when somebody asks, and one that is there again is a conflict."""

import json

from reconciler.model.ticket import Guid
from tests.cli.desk import FIRST, Desk

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: ok}}"


def reasons(desk: Desk, *options: str) -> tuple[int, list[str]]:
    said = desk.run("plan", "--format", "json", *options)
    return said.code, [step["reason"] for step in json.loads(said.out)["steps"]]


def test_a_ticket_that_a_restored_server_has_again_is_found_by_a_recheck(desk: Desk) -> None:
    desk.decide(APPROVE)
    assert desk.run("apply", "--yes").code == 0
    desk.sandbox.world.process()
    assert desk.run("apply", "--yes").code == 0, "the manifest is sealed by now"
    assert reasons(desk) == (0, [])
    assert reasons(desk, "--recheck") == (0, ["settled/receipt"])

    desk.sandbox.world.restore_ticket(Guid(FIRST))
    assert reasons(desk) == (0, [])
    assert reasons(desk, "--recheck") == (5, ["conflict/restored"])
    assert "restored from a backup" in desk.run("plan", "--recheck").out
    sent = len(desk.writes())
    assert desk.run("apply", "--yes").code == 0
    assert len(desk.writes()) == sent

    desk.sandbox.world.console(Guid(FIRST), "Approved")
    desk.sandbox.world.process()
    assert reasons(desk, "--recheck") == (0, ["settled/receipt"])
