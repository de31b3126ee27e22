"""The whole life of decisions in a team's own repository, which calls the workflows at one commit: one part, and three.

A stand-in for each thing of GitHub that act does not have follows its published source; see stubs/ and tests/github/.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.ledger.chain import verify
from reconciler.model.status import Status
from tests.github.repository import git
from tests.workflows.team import NEW, SHOP, WWW, Team

pytestmark = pytest.mark.release


@pytest.fixture(autouse=True)
def own_interpreters(acme: Team) -> None:
    acme.own_interpreters = True


MANIFEST = "tickets/2036/CHG0041234.yaml"
FOUND = "0f0f0f0f-1111-4222-8333-444455556666"


def _push(acme: Team) -> dict[str, Any]:
    return {"ref": "refs/heads/main", "after": acme.head, "commits": [{"id": acme.head}]}


def _divided(acme: Team, shards: int) -> None:
    """Have the repository's own workflows divide the work."""
    for name, line in (("apply", "plan-deployment: venafi-plan\n"), ("pull-request", "deployment: venafi-plan\n")):
        path = acme.folder / ".github" / "workflows" / f"{name}.yml"
        text = path.read_text()
        assert line in text
        acme.commit(f".github/workflows/{name}.yml", text.replace(line, f"{line}      shards: {shards}\n", 1))


def _ledger(acme: Team, folder: Path) -> list[dict[str, Any]]:
    """The lines on the ledger's branch, whose chain is intact."""
    for name, text in acme.ledger.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert verify(folder).faults == ()
    return [json.loads(line) for _, text in sorted(acme.ledger.items()) for line in text.splitlines()]


def _statuses(acme: Team) -> dict[str, str]:
    return {guid: str(ticket.status) for guid, ticket in acme.tpp.world.tickets.items()}


def _is_applied_once(acme: Team) -> None:
    guids = [entry.guid for entry in acme.tpp.log.updates]
    assert len(guids) == len(set(guids)), "a ticket was written twice"


@pytest.mark.parametrize("shards", [1, 3])
def test_from_the_pull_request_to_the_record(acme: Team, tmp_path: Path, shards: int) -> None:
    if shards > 1:
        _divided(acme, shards)

    # Validate, plan and comment; then the review and the merge, which applies what the reviewers saw.
    assert acme.run("pull-request.yml", "pull_request", acme.pull_request()).code == 0
    (comment,) = acme.github.world.comments_on(7)
    assert "www" in comment
    assert "shop" in comment
    assert acme.tpp.log.updates == ()
    assert acme.run("apply.yml", "push", acme.merge()).code == 0
    assert _statuses(acme) == {WWW: "Approved", SHOP: "Approved Between", NEW: "Pending"}
    assert len(acme.github.world.comments_on(7)) == 2
    lines = _ledger(acme, tmp_path / "first")
    receipts = [line for line in lines if line["entry"] == "receipt"]
    assert {line["guid"]: line["outcome"] for line in receipts} == {WWW: "applied", SHOP: "applied"}
    assert {tuple(line["review"]["reviewers"]) for line in receipts} == {("bob",)}
    assert len([line for line in lines if line["entry"] == "opened"]) <= shards

    # The same run again sends nothing.
    before = acme.tpp.log.updates
    assert acme.run("apply.yml", "push", _push(acme)).code == 0
    assert acme.tpp.log.updates == before

    # Somebody decides in the console: one issue tells of it. A ticket that nobody knew becomes a pull request.
    acme.tpp.world.console(SHOP, Status.PENDING)
    acme.tpp.world.add_ticket(FOUND, object=r"\VED\Policy\Web\found.example.com")
    assert acme.run("reconcile.yml", "schedule", {"schedule": "23 5,17 * * *"}).code == 0
    (issue,) = acme.github.world.issues.values()
    assert (issue.state, "shop" in issue.body) == ("open", True)
    assert acme.run("import.yml", "schedule", {"schedule": "41 * * * *"}).code == 0
    (proposed,) = [pull for pull in acme.github.world.pulls.values() if pull.branch == "reconciler/import"]
    assert proposed.base == "main"

    # Two merges at once: the older run finds that it is not the newest, the newer one applies both.
    text = (acme.folder / MANIFEST).read_text()
    older = acme.commit(MANIFEST, text.replace("status: Pending", "status: Rejected"))
    acme.merged(8)
    newer = acme.commit("README.md", "Two merges at once\n")
    acme.merged(9)
    git(acme.folder, "reset", "--quiet", "--hard", older)
    late = acme.run("apply.yml", "push", _push(acme))
    assert (late.code, acme.tpp.log.updates) == (0, before)
    git(acme.folder, "reset", "--quiet", "--hard", newer)
    acme.run("apply.yml", "push", _push(acme))
    assert _statuses(acme)[NEW] == "Rejected"
    _ledger(acme, tmp_path / "last")
    _is_applied_once(acme)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_runner_that_is_gone_in_the_middle_is_found_out_by_the_next(acme: Team, tmp_path: Path, shards: int) -> None:
    acme.merged(12)
    if shards > 1:
        _divided(acme, shards)
    acme.run("apply.yml", "push", _push(acme), dies=lambda: bool(acme.tpp.log.updates))
    sent = {entry.guid for entry in acme.tpp.log.updates}
    assert sent
    told = _ledger(acme, tmp_path / "dead")
    assert {line["guid"] for line in told if line["entry"] == "intent"} >= sent

    again = acme.run("apply.yml", "push", _push(acme))
    assert again.code in (0, 1)
    _is_applied_once(acme)
    lines = _ledger(acme, tmp_path / "again")
    assert {line["guid"] for line in lines if line["entry"] == "receipt"} >= sent
