"""A ledger that was lost: `ledger adopt` takes in what tickets show of updates that it does not know."""

import json
import shutil

from tests.cli.repo import FIRST, SECOND, THIRD, Repo

SCHEDULE = f"{{guid: {FIRST}, status: Approved After, schedule: {{start: '2036-11-28T22:00:00Z'}}, explanation: ok}}"
REJECT = f"{{guid: {FIRST}, status: Rejected, explanation: no}}"


def reasons(repo: Repo) -> list[str]:
    return [step["reason"] for step in json.loads(repo.run("plan", "--format", "json").out)["steps"]]


def lose_the_ledger(repo: Repo) -> None:
    assert repo.run("apply", "--yes").code == 0
    shutil.rmtree(repo.folder / "ledger")
    assert reasons(repo) == ["conflict/unknown-operation"]


def test_an_adopted_ticket_counts_as_ours_and_may_be_decided_anew(repo: Repo) -> None:
    repo.decide(SCHEDULE)
    lose_the_ledger(repo)
    sent = len(repo.writes())
    said = repo.run("ledger", "adopt", FIRST)
    assert said.code == 0
    assert said.out.startswith(f"adopted {FIRST}: applied, Approved After 2036-11-28T22:00:00Z ([op:")
    assert said.out.endswith("]) on \\VED\\Policy\\Web\\www.example.com\n")
    assert len(repo.writes()) == sent
    assert repo.run("ledger", "verify").code == 0
    record, begun, ended = json.loads(repo.run("ledger", "log", "--format", "json").out)["records"]
    for line, outcome in ((begun, "attention"), (ended, "attention-ended")):
        assert (line["outcome"], line["reason"], line["guid"]) == (outcome, "manual/adopted", FIRST)
    assert "by `ledger adopt`" in begun["detail"]
    assert repo.run("ledger", "population", "--format", "json").code == 0
    repo.run("report", "--audit", "--out", "papers")
    assert "manual/adopted" in (repo.folder / "papers" / "audit.html").read_text()
    assert (record["outcome"], record["proof"], record["before"]) == ("applied", "tagged", None)
    assert record["detail"] == "adopted: the ticket carries our tag, and this ledger did not know the update"
    assert reasons(repo) == ["in-sync/same"]
    repo.decide(REJECT)
    assert reasons(repo) == ["reject/wanted"]
    assert repo.run("apply", "--yes").code == 0


def test_what_the_entry_says_otherwise_was_not_done_by_what_is_adopted(repo: Repo) -> None:
    """The update that is taken in asked for a schedule. The entry that saw it and rejects is still to be applied."""
    repo.decide(SCHEDULE)
    lose_the_ledger(repo)
    seen = "expect: {status: Approved After, schedule: {start: '2036-11-28T22:00:00Z'}}"
    repo.decide(f"{{guid: {FIRST}, status: Rejected, explanation: no, {seen}}}")
    assert repo.run("ledger", "adopt", FIRST).code == 0
    (record, *_) = json.loads(repo.run("ledger", "log", "--format", "json").out)["records"]
    assert record["after"]["status"] == "Approved After"
    assert reasons(repo) == ["reject/wanted"]
    assert repo.run("apply", "--yes").code == 0
    (_, _, _, applied) = json.loads(repo.run("ledger", "log", "--format", "json").out)["records"]
    assert (applied["after"]["status"], applied["decision"] == record["decision"]) == ("Rejected", False)


def test_nothing_is_adopted_when_one_ticket_can_not_be_and_every_cause_is_told(repo: Repo) -> None:
    gone = "00000000-0000-4000-8000-00000000dead"
    repo.decide(SCHEDULE)
    lose_the_ledger(repo)
    other = f"{{guid: {SECOND}, status: Approved, explanation: ok}}"
    repo.decide(SCHEDULE, other, f"{{guid: {gone}, status: Approved, explanation: ok}}")
    said = repo.run("ledger", "adopt", FIRST, SECOND, THIRD, gone)
    assert (said.code, said.out) == (1, "")
    assert f"the ticket {SECOND} carries no operation that the ledger does not know [adopt/nothing]" in said.err
    assert f"{THIRD}: error: no manifest names the ticket [adopt/not-declared]" in said.err
    assert f"the server has no ticket {gone} [adopt/gone]" in said.err
    assert not list(repo.folder.glob("ledger/*/*/*.jsonl"))


def test_what_is_adopted_once_is_known(repo: Repo) -> None:
    repo.decide(SCHEDULE)
    lose_the_ledger(repo)
    assert repo.run("ledger", "adopt", FIRST, FIRST).out.count("adopted") == 1
    assert repo.run("ledger", "adopt", FIRST).code == 1
    said = repo.run("ledger", "adopt")
    assert said.code == 2


PENDING = f"{{guid: {FIRST}, status: Pending}}"


def test_a_ticket_that_was_put_back_with_the_mark_of_another_ledger_can_be_decided_here(repo: Repo) -> None:
    """Its mark does not tell whether other approvers are due: somebody has to look, and to say so."""
    repo.decide(SCHEDULE)
    assert repo.run("apply", "--yes").code == 0
    repo.decide(PENDING)
    lose_the_ledger(repo)
    said = repo.run("ledger", "adopt", FIRST)
    assert (said.code, "[adopt/not-decided]" in said.err, "`ledger adopt --taken-back`" in said.err) == (1, True, True)
    assert not list(repo.folder.glob("ledger/*/*/*.jsonl"))
    said = repo.run("ledger", "adopt", "--taken-back", FIRST)
    assert said.code == 0, said.err
    assert said.out.startswith(f"adopted {FIRST}: applied, Pending ([op:")
    assert "by `ledger adopt --taken-back`" in repo.run("ledger", "log", "--format", "json").out
    assert (reasons(repo), repo.run("ledger", "verify").code) == (["in-sync/same"], 0)
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: ok}}")
    assert reasons(repo) == ["approve/wanted"]
    sent = len(repo.writes())
    assert (repo.run("apply", "--yes").code, len(repo.writes())) == (0, sent + 1)


def test_only_what_is_pending_was_taken_back(repo: Repo) -> None:
    repo.decide(SCHEDULE)
    lose_the_ledger(repo)
    said = repo.run("ledger", "adopt", "--taken-back", FIRST)
    assert said.code == 1
    assert f"the ticket {FIRST} is not pending but Approved After [adopt/not-taken-back]" in said.err


def test_a_ticket_that_waits_for_others_counts_as_decided_even_where_its_entry_says_so_later(repo: Repo) -> None:
    """Nothing is approved twice: without --taken-back the entry says what was asked for, and nothing is sent again."""
    repo.decide(SCHEDULE)
    assert repo.run("apply", "--yes").code == 0
    repo.decide(PENDING)
    lose_the_ledger(repo)
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: ok}}")
    assert repo.run("ledger", "adopt", FIRST).out.startswith(f"adopted {FIRST}: awaiting-others, Approved")
    assert reasons(repo) == ["awaiting-others/approvers"]
