"""A token with the least scopes that the contract asks for is enough; what is missing is named with its cost."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.status import Status
from reconciler.sandbox.behaviour import PROFILES
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import JOE, Seed, TicketSeed
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

OBJECTS = {FIRST: r"\VED\Policy\Web\a", SECOND: r"\VED\Policy\Web\b", THIRD: r"\VED\Policy\Web\c"}
REFRESH = "permissions were not refreshed, so tickets newer than the token may look gone"
GROUPS = "the caller's groups are not known"
NOBODY_NAMED = "nobody is named who moved a ticket"
NO_CERTIFICATES = "no certificate context for"

LEAST = "certificate:approve;configuration;security"
"""What the contract 26.1 asks for, of all calls that a run makes."""


@dataclass(frozen=True)
class Missing:
    """A token without one scope: the names of doctor's warnings, words of doctor, and of the notes of a plan."""

    scope: str
    warned: tuple[str, ...]
    costs: tuple[str, ...]
    notes: tuple[str, ...]


MISSING = {
    "approve": Missing("certificate;configuration;security", ("scope",), ("may plan, not apply",), ()),
    "security": Missing(
        "certificate:approve;configuration",
        ("permissions",),
        ("tickets newer than the token may look gone",),
        (REFRESH,),
    ),
    "configuration": Missing(
        "certificate:approve;security",
        ("groups", "objects"),
        ("nobody checks that the caller is an approver", NOBODY_NAMED, "does not tell when somebody else scheduled it"),
        (GROUPS, NOBODY_NAMED),
    ),
    "certificate": Missing(
        "ssh:approve;configuration;security",
        ("certificates",),
        ("no plan says which certificate is behind a ticket",),
        (NO_CERTIFICATES,),
    ),
}


@pytest.fixture
def strict(repo: Repo) -> Iterator[Repo]:
    """The repo before a server as strict as the contract, with a token that may approve and nothing else."""
    tickets = tuple(TicketSeed(guid, name) for guid, name in OBJECTS.items())
    with running_sandbox(Seed(tickets=tickets, behaviour=PROFILES["strict-26.1"])) as sandbox:
        repo.sandbox = sandbox
        repo.environ("TPP_TOKEN", sandbox.issue("certificate:approve"))
        repo.configure()
        yield repo


def warned(repo: Repo) -> tuple[list[str], str]:
    """Return what doctor warns of, by name, and all that it says."""
    looked = repo.run("doctor")
    assert looked.code == 0, looked.out + looked.err
    lines = [line.split() for line in looked.out.splitlines()]
    return [line[1] for line in lines if line and line[0] == "warn"], " ".join(looked.out.split())


def imported(repo: Repo) -> dict[str, Any]:
    """Import what waits; return the report."""
    said = repo.run("import", "--layout", "tickets/web.yaml", "--format", "json")
    assert said.code == 0, said.err
    return dict(json.loads(said.out))


def test_with_the_scopes_that_the_contract_asks_for_nothing_is_missing(strict: Repo) -> None:
    strict.environ("TPP_TOKEN", strict.sandbox.issue(LEAST))
    strict.configure("policy: {four_eyes: {allow_direct_push: true}}\n")
    assert imported(strict)["notes"] == []
    assert warned(strict)[0] == []
    strict.decide(f"{{guid: {FIRST}, status: Approved}}", f"{{guid: {SECOND}, status: Rejected}}")
    strict.sandbox.world.console(SECOND, Status.APPROVED_AFTER, start="2036-11-25T07:15:00Z")
    planned = strict.plan_json()
    assert [note for note in planned.get("notes", ()) if "a token that can approve" not in note] == []
    assert "last updated by" in str(planned["steps"])
    assert strict.run("apply", "--yes").code == 5
    assert len(strict.writes()) == 1


@pytest.mark.parametrize("name", MISSING)
def test_each_missing_scope_is_named_with_what_it_costs(strict: Repo, name: str) -> None:
    missing = MISSING[name]
    strict.environ("TPP_TOKEN", strict.sandbox.issue(missing.scope))
    strict.sandbox.world.console(SECOND, Status.APPROVED_AFTER, start="2036-11-25T07:15:00Z")
    told = " ".join(imported(strict)["notes"])
    assert [note for note in missing.notes if note not in told] == []

    names, said = warned(strict)
    assert names == list(missing.warned)
    assert [cost for cost in missing.costs if cost not in said] == []

    strict.configure("policy: {four_eyes: {allow_direct_push: true}}\n")
    strict.decide(
        f"{{guid: {FIRST}, status: Approved}}",
        f"{{guid: {SECOND}, status: Rejected}}",
        "{guid: 99999999-0000-4000-8000-000000000000, status: Pending}",
    )
    planned = strict.run("plan", "--format", "json")
    assert planned.code == 5, planned.err
    told = " ".join(json.loads(planned.out).get("notes", ()))
    assert [note for note in missing.notes if note not in told] == []


def test_a_token_that_may_not_approve_stops_an_apply_before_anything_is_sent(strict: Repo) -> None:
    strict.environ("TPP_TOKEN", strict.sandbox.issue(MISSING["approve"].scope))
    strict.decide(f"{{guid: {FIRST}, status: Approved}}")
    assert strict.run("plan", "--exit-code").code == 10
    said = strict.run("apply", "--yes")
    assert (said.code, strict.writes()) == (4, [])
    assert "UpdateStatus needs the approve privilege on any resource" in " ".join(said.err.split())


@pytest.mark.parametrize(("approver", "code"), [(JOE.universal, 10), (JOE.name, 4)], ids=["universal", "name"])
def test_without_configuration_approvers_are_prefixed_universals(strict: Repo, approver: str, code: int) -> None:
    strict.environ("TPP_TOKEN", strict.sandbox.issue(MISSING["configuration"].scope))
    strict.decide(f"{{guid: {FIRST}, status: Approved, parameters: {{approvers: ['{approver}']}}}}")
    said = strict.run("plan", "--exit-code")
    assert said.code == code, said.out + said.err
    told = " ".join((said.out + said.err).split())
    if code == 10:
        assert "approvers are sent as manifests spell them" in told
    else:
        assert f"a manifest names the approver {approver}, whom this token may not look up" in told
        assert "write prefixed universals" in told


def test_plan_and_apply_are_green_and_stay_so_once_the_tickets_are_settled(strict: Repo) -> None:
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


def test_a_refused_refresh_is_a_note_of_the_plan(strict: Repo) -> None:
    gone = "99999999-0000-4000-8000-000000000000"
    strict.decide(f"{{guid: {gone}, status: Pending}}")
    planned = strict.run("plan", "--format", "json")
    assert planned.code == 0, planned.out + planned.err
    assert REFRESH in planned.out
    assert "elsewhere/closed" in planned.out


def test_unknown_groups_are_a_note_and_refuse_nothing(strict: Repo) -> None:
    strict.configure("policy: {four_eyes: {allow_direct_push: true}}\n")
    strict.decide(f"{{guid: {FIRST}, status: Approved}}")
    planned = strict.run("plan", "--format", "json")
    assert planned.code == 0, planned.out + planned.err
    assert GROUPS in planned.out


def test_import_and_doctor_are_green(strict: Repo) -> None:
    imported = strict.run("import")
    assert imported.code == 0, imported.out + imported.err
    assert "3 new tickets" in imported.out
    looked = strict.run("doctor")
    assert looked.code == 0, looked.out + looked.err
    assert "tickets newer than the token may look gone" in " ".join(looked.out.split())
    assert "nobody checks that the caller is an approver" in " ".join(looked.out.split())


MORE = "this plan was made with a token that can approve"


def test_that_a_token_can_approve_is_told_once_on_a_machine(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    assert MORE not in repo.run("explain", FIRST).out
    told = [MORE in repo.run("plan").out for _ in range(3)]
    assert told == [True, False, False]


@pytest.mark.parametrize("instead", ["file", "link", "folder"])
def test_a_state_folder_that_can_not_be_written_changes_nothing(repo: Repo, tmp_path: Path, instead: str) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    state = tmp_path / "state"
    if instead == "file":
        state.write_text("here is no folder")
    else:
        (state / "reconciler").mkdir(parents=True)
        told = state / "reconciler" / "told"
        told.symlink_to("/dev/full") if instead == "link" else told.mkdir()
    repo.environ("XDG_STATE_HOME", str(state))
    for _ in range(2):
        said = repo.run("plan")
        assert (said.code, MORE in said.out, said.err) == (0, True, "")
