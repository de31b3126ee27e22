"""A ticket that was settled is looked at again when somebody asks, and one that is there again is a conflict."""

import json

from reconciler.model.ticket import Guid
from tests.cli.repo import FIRST, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: ok}}"


def reasons(repo: Repo, *options: str) -> tuple[int, list[str]]:
    said = repo.run("plan", "--format", "json", *options)
    return said.code, [step["reason"] for step in json.loads(said.out)["steps"]]


def test_a_ticket_that_a_restored_server_has_again_is_found_by_a_recheck(repo: Repo) -> None:
    repo.decide(APPROVE)
    assert repo.run("apply", "--yes").code == 0
    repo.sandbox.world.process()
    assert repo.run("apply", "--yes").code == 0, "the manifest is sealed by now"
    assert reasons(repo) == (0, [])
    assert reasons(repo, "--recheck") == (0, ["settled/receipt"])

    repo.sandbox.world.restore_ticket(Guid(FIRST))
    assert reasons(repo) == (0, [])
    assert reasons(repo, "--recheck") == (5, ["conflict/restored"])
    assert "restored from a backup" in repo.run("plan", "--recheck").out
    sent = len(repo.writes())
    assert repo.run("apply", "--yes").code == 0
    assert len(repo.writes()) == sent

    repo.sandbox.world.console(Guid(FIRST), "Approved")
    repo.sandbox.world.process()
    assert reasons(repo, "--recheck") == (0, ["settled/receipt"])
