"""Everything about one ticket on one page, as somebody needs it at two in the morning."""

import json
import subprocess
from datetime import timedelta

import pytest

from reconciler.model.status import format_instant
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

STRANGER = "d41d8cd9-8f00-4204-a980-0998ecf8427e"
APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: reviewed}}"


def _git(repo: Repo, *arguments: str) -> None:
    identity = ("-c", "user.name=Joe Doe", "-c", "user.email=joe@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=repo.folder, check=True, capture_output=True)


def _sections(text: str) -> dict[str, list[str]]:
    blocks = [block.splitlines() for block in text.rstrip("\n").split("\n\n")]
    return {lines[0]: [line.strip() for line in lines[1:]] for lines in blocks}


def test_a_decision_before_it_is_applied(repo: Repo) -> None:
    repo.decide(APPROVE)
    told = _sections(repo.run("explain", FIRST).out)
    assert list(told) == [f"Ticket {FIRST}", "Declared", "Live", "Certificate", "Ledger", "Verdict"]
    assert told["Declared"] == ["place     tickets/web.yaml:4:5"]
    assert told["Live"][:5] == [
        "status    Pending",
        r"object    \VED\Policy\Web\www.example.com",
        r"workflow  \VED\Policy\Workflows\Stage 0",
        "approvers local:svc-approver (local:{b6e6a98b-6419-4497-9249-860d136dfba0}): due",
        "reason    An approval is needed",
    ]
    assert told["Live"][5].endswith(", 1 d ago")
    assert told["Ledger"] == ["has no entry for it"]
    assert "rule      approve/wanted: the manifest approves it and the ticket is still undecided" in told["Verdict"]
    assert told["Verdict"][-1] == "to do     have it reviewed, then apply: nothing has been sent for it yet"


def test_git_tells_who_wrote_the_line(repo: Repo) -> None:
    repo.decide(APPROVE)
    _git(repo, "init", "-q")
    assert _sections(repo.run("explain", FIRST).out)["Declared"] == ["place     tickets/web.yaml:4:5"]
    _git(repo, "add", "tickets")
    _git(repo, "commit", "-q", "-m", "Approve")
    commit = _sections(repo.run("explain", FIRST).out)["Declared"][1]
    assert commit.startswith("commit    ")
    assert " by Joe Doe, " in commit
    repo.decide(APPROVE.replace("reviewed", "reviewed twice"))
    declared = _sections(repo.run("explain", FIRST).out)["Declared"]
    assert declared[1] == "commit    none yet: this line is changed and not committed"


def test_siblings_are_named_with_their_state_and_their_place(repo: Repo) -> None:
    for guid in (STRANGER, SECOND.replace("8a", "8b")):
        repo.sandbox.world.add_ticket(guid, object=r"\VED\Policy\Web\www.example.com")
    repo.decide(APPROVE, f"{{guid: {STRANGER}, status: Pending}}")
    repo.run("apply", "--yes")
    told = _sections(repo.run("explain", FIRST).out)
    assert " ".join(told["Siblings"]) == (
        f"ticket    {SECOND.replace('8a', '8b')}, in no manifest: Pending, from \\VED\\Policy\\Workflows\\Stage 0 "
        f"ticket    {STRANGER}, at tickets/web.yaml:5:5: Pending, from \\VED\\Policy\\Workflows\\Stage 0"
    )
    assert " ".join(told["Verdict"]).endswith(
        "to do     nothing for this ticket; its object goes on once its siblings are decided too (2 tickets pending)"
    )


def test_the_ledger_tells_what_was_done_by_whom_and_where_it_stands(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    told = _sections(repo.run("explain", FIRST).out)
    story = " ".join(told["Ledger"])
    assert ", attempt 1: Approved (run " in story
    assert "applied by local:{b6e6a98b-6419-4497-9249-860d136dfba0}: read again, as wanted (run" in story
    assert ".jsonl:3)" in story
    assert told["Live"] == ["there is no such ticket: it was processed, deleted, or never there"]
    assert any(line.startswith("rule      settled/receipt: ") for line in told["Verdict"])
    assert told["Verdict"][-1] == "to do     nothing"


def test_an_archived_decision_is_found_in_the_history(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    repo.run("tidy")
    told = _sections(repo.run("explain", FIRST).out)
    assert told["Declared"][0] == "in no manifest: it is not managed, and is never touched"
    assert told["Declared"][1].startswith("archived  history/tickets/web.")
    assert told["Verdict"] == ["none      its decision is settled and archived", "to do     nothing"]


def test_a_guid_that_nobody_knows_is_said_to_be_a_slip(repo: Repo) -> None:
    repo.decide(APPROVE)
    told = _sections(repo.run("explain", STRANGER).out)
    assert told["Verdict"] == [
        "none      this GUID is unknown to the manifests, the server and the ledger",
        "to do     check the GUID for a typing error, and --config and --env for the right server",
    ]


def test_a_ticket_in_no_manifest_is_shown_and_how_to_take_it_in(repo: Repo) -> None:
    repo.decide(APPROVE)
    told = _sections(repo.run("explain", f"{{{THIRD.upper()}}}").out)
    assert told["Live"][0] == "status    Pending"
    assert f"`reconciler decide {THIRD} --status STATUS`" in " ".join(told["Verdict"])


def test_what_names_no_ticket_is_refused(repo: Repo) -> None:
    repo.decide(APPROVE)
    assert repo.run("explain", "6ede0e13").code == 2


def test_times_of_a_window_are_shown_where_the_reader_is(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    repo.decide(
        f"{{guid: {FIRST}, status: Approved Between, explanation: at night, "
        "schedule: {start: 2036-11-29T22:00:00Z, stop: 2036-11-30T02:00:00Z}}"
    )
    repo.run("apply", "--yes")
    told = _sections(repo.run("explain", FIRST).out)
    assert told["Live"][1:3] == [
        "when      Sat 2036-11-29 22:00 to Sun 2036-11-30 02:00 UTC",
        "Sat 23:00 to Sun 03:00 Europe/Berlin",
    ]
    assert "Approved Between, Sat 2036-11-29 22:00 to Sun 2036-11-30 02:00 UTC" in " ".join(told["Ledger"])


def test_text_of_the_server_can_not_drive_the_terminal(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(STRANGER, object=r"\VED\Policy\Web\x", reason="fine\x1b[2J\n::error::no")
    repo.decide(f"{{guid: {STRANGER}, status: Pending}}")
    out = repo.run("explain", STRANGER).out
    assert "\x1b" not in out
    assert "\n::" not in out


def test_programs_get_the_same_as_json(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(STRANGER, object=r"\VED\Policy\Web\www.example.com")
    repo.decide(APPROVE)
    repo.run("apply", "--yes")
    found = json.loads(repo.run("explain", FIRST, "--format", "json").out)
    ticket = repo.sandbox.world.tickets[FIRST]  # type: ignore[index]
    assert found["declared"] == {"path": "tickets/web.yaml", "line": 4}
    created = format_instant(ticket.created.replace(microsecond=ticket.created.microsecond // 1000 * 1000))
    assert (found["live"]["status"], found["live"]["created"]) == ("Approved", created)
    assert [each["entry"] for each in found["ledger"]] == ["intent", "receipt"]
    assert found["ledger"][0]["created"] == created
    assert (found["step"]["reason"], found["siblings"][0]["guid"]) == ("in-sync/same", STRANGER)
    assert found["to_do"].startswith("nothing for this ticket")
    gone = json.loads(repo.run("explain", STRANGER.replace("d4", "d5"), "--format", "json").out)
    assert (gone["live"]["status"], gone["step"], gone["ledger"]) == (None, None, [])


def test_ages_are_told_in_what_matters() -> None:
    from reconciler.rendering.explanation import age

    told = [age(timedelta(**{unit: 1}) + timedelta(minutes=5, seconds=7)) for unit in ("days", "hours", "seconds")]
    assert told == ["1 d", "1 h 5 min", "5 min 8 s"]


PAY = "2e7f4b66-5d3f-4c5a-a182-7f4e3db09c03"


def test_approvers_are_named_with_who_has_approved_and_who_is_due(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(PAY, object=r"\VED\Policy\Web\pay", approvers=("local:svc-approver", "AD+CORP:jdoe"))
    repo.decide(APPROVE.replace(FIRST, PAY))
    before = repo.run("explain", PAY).out
    assert "approvers local:svc-approver (local:{b6e6a98b-6419-4497-9249-860d136dfba0}): due\n" in before
    assert "            AD+CORP:jdoe (AD+CORP:7d0b9c1e55aa4f40): due\n" in before
    repo.run("apply", "--yes")
    told = _sections(repo.run("explain", PAY).out)
    live = " ".join(told["Live"])
    assert "local:svc-approver (local:{b6e6a98b-6419-4497-9249-860d136dfba0}): approved " in live
    assert " UTC (ledger) AD+CORP:jdoe (AD+CORP:7d0b9c1e55aa4f40): due updated   last by local:svc-approver" in live
    assert told["Verdict"][-1] == "to do     nothing here; remind AD+CORP:jdoe"
    found = json.loads(repo.run("explain", PAY, "--format", "json").out)
    assert [each["name"] for each in found["approvers"]] == ["local:svc-approver", "AD+CORP:jdoe"]
    assert [each["approved_at"] is None for each in found["approvers"]] == [False, True]
    assert (found["due"], found["updated_by"]) == (["AD+CORP:7d0b9c1e55aa4f40"], "local:svc-approver")


@pytest.mark.parametrize("applied", [False, True])
def test_nothing_is_told_twice(repo: Repo, applied: bool) -> None:
    repo.sandbox.world.add_ticket(PAY, object=r"\VED\Policy\Web\pay", approvers=("local:svc-approver", "AD+CORP:jdoe"))
    repo.decide(APPROVE.replace(FIRST, PAY))
    if applied:
        repo.run("apply", "--yes")
    out = repo.run("explain", PAY).out
    for once in (PAY, r"\VED\Policy\Web\pay", r"\Workflows\Stage 0", "tickets/web.yaml", "(proof: "):
        assert out.count(once) <= 1, once
    lines = [line.strip() for line in out.splitlines() if line.strip()]
    assert len(lines) == len(set(lines))


def test_where_names_may_not_be_looked_up_the_identities_stand(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.environ("TPP_TOKEN", repo.sandbox.issue("certificate:approve"))
    out = repo.run("explain", FIRST)
    assert (out.code, "approvers local:{b6e6a98b-6419-4497-9249-860d136dfba0}: due" in out.out) == (0, True)
