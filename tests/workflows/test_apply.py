"""What a merge does: tickets, ledger, outcome, evidence."""

import hashlib
import json
from typing import Any

import pytest

from reconciler.manifests.schema import load, validator
from tests.github.repository import commit, git
from tests.workflows.job import job
from tests.workflows.team import NEW, SHOP, WWW, Team
from tests.workflows.test_calls import FEW

pytestmark = pytest.mark.slow


def _push(acme: Team) -> dict[str, Any]:
    return {"ref": "refs/heads/main", "after": acme.head, "commits": [{"id": acme.head}]}


def _statuses(acme: Team) -> dict[str, str]:
    return {guid: str(ticket.status) for guid, ticket in acme.tpp.world.tickets.items()}


def _lines(acme: Team) -> list[dict[str, Any]]:
    return [json.loads(line) for _, text in sorted(acme.ledger.items()) for line in text.splitlines()]


def test_what_is_merged_is_applied_recorded_and_told(acme: Team) -> None:
    acme.own_interpreters = True
    acme.merged(12, reviewer="bob")
    acme.github.world.approvals[4242] = [("olga", "approved")]
    result = acme.run("apply.yml", "push", _push(acme))
    assert result.code == 0
    assert _statuses(acme) == {WWW: "Approved", SHOP: "Approved Between", NEW: "Pending"}
    (first, second) = acme.tpp.log.updates
    assert {first.guid, second.guid} == {WWW, SHOP}
    assert f"(CHG0041234, PR #12, commit {acme.head[:7]}) [op:" in str(first.json)

    lines = _lines(acme)
    assert sorted(line["entry"] for line in lines) == ["ended", *["intent"] * 4, "opened", "receipt", "receipt"]
    assert [line["attempt"] for line in lines if line["entry"] == "intent"] == [0, 0, 1, 1]
    assert lines[0]["review"] == {
        "pull_request": 12,
        "author": "ann",
        "url": "https://github.example/acme/approvals/pull/12",
        "last_pusher": "ann",
        "reviewers": ["bob"],
        "merged_by": "max",
        "merged_at": "2026-11-23T11:00:00Z",
        "approvals": ["olga"],
    }
    assert lines[0]["workflow_run"] == f"{acme.github.url}/acme/approvals/actions/runs/4242"

    (outcome,) = acme.github.world.comments_on(12)
    assert outcome.startswith("<!-- tpp-reconciler:outcome default/4242-1 -->\n")
    assert "2 applied" in outcome
    assert any("TPP apply: 2 applied" in summary for summary in result.summaries)
    (check,) = acme.github.world.checks
    assert (check["head_sha"], check["name"]) == (acme.head, "Ledger on reconciler-ledger")

    evidence = acme.artifacts / "run"
    statement = json.loads((evidence / "statement.json").read_text())
    assert statement["predicate"] == json.loads((evidence / "predicate.json").read_text())
    subjects = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    assert subjects == {
        name: hashlib.sha256((evidence / name).read_bytes()).hexdigest()
        for name in ("heads.json", "plan.json", "run.json")
    }
    assert statement["predicate"]["ledger"]["head"] == f"sha256:{subjects['heads.json']}"
    assert validator("predicate")(statement["predicate"])
    assert statement["predicateType"] == load("predicate")["$id"]
    assert statement["predicate"]["counts"] == {"applied": 2}
    assert statement["predicate"]["provenance"]["review"]["reviewers"] == ["bob"]


def test_what_is_written_down_about_a_run_is_signed_where_that_is_switched_on(acme: Team) -> None:
    acme.merged(12)
    acme.variables = {"RECONCILER_ATTEST": "true"}
    assert acme.run("apply.yml", "push", _push(acme)).code == 0
    signed = json.loads((acme.artifacts / "attestation" / "statement.json").read_text())
    assert signed == json.loads((acme.artifacts / "run" / "statement.json").read_text())
    assert {subject["name"] for subject in signed["subject"]} == {"heads.json", "plan.json", "run.json"}


def test_a_push_that_nobody_reviewed_changes_nothing(acme: Team) -> None:
    result = acme.run("apply.yml", "push", _push(acme))
    assert _statuses(acme) == {WWW: "Pending", SHOP: "Pending", NEW: "Pending"}
    assert acme.tpp.log.updates == ()
    (lines,) = (text for name, text in acme.ledger.items() if name.endswith(".jsonl"))
    assert {json.loads(line)["entry"] for line in lines.splitlines()} == {"opened", "attention", "ended"}
    assert any("four-eyes" in summary for summary in result.summaries)


def test_a_configuration_that_nobody_reviewed_refuses_everything(acme: Team) -> None:
    acme.merged(12)
    path = acme.folder / "reconciler.yaml"
    acme.commit("reconciler.yaml", path.read_text().replace("changes: 100", "changes: 5000"))
    result = acme.run("apply.yml", "push", _push(acme))
    assert (result.code, acme.tpp.log.updates) == (1, ())
    said = " ".join(" ".join(result.lines).split())
    assert f"the configuration: commit {acme.head[:12]} came to main without a merged pull request" in said


def test_a_stop_on_the_branch_of_the_ledger_stops_the_run_and_says_how_it_ends(acme: Team) -> None:
    acme.merged(12)
    assert job(acme, "github", "stop", "INC0001234: wrong issuer", GITHUB_ACTOR="joe").returncode == 0
    result = acme.run("apply.yml", "push", _push(acme))
    assert (result.code, acme.tpp.log.updates) == (1, ())
    said = " ".join(" ".join(result.lines).split())
    assert "joe stopped all writes at 20" in said
    assert "INC0001234: wrong issuer (`reconciler github start` ends it)" in said
    assert job(acme, "github", "start", GITHUB_ACTOR="joe").returncode == 0
    assert acme.run("apply.yml", "push", _push(acme)).code == 0
    assert len(acme.tpp.log.updates) == 2


def test_only_the_newest_commit_is_applied(acme: Team) -> None:
    acme.merged(12)
    older = acme.head
    newer = acme.commit("README.md", "more\n")
    git(acme.folder, "reset", "--quiet", "--hard", older)
    result = acme.run("apply.yml", "push", _push(acme))
    assert (result.code, acme.tpp.log.updates, acme.ledger) == (0, (), {})
    (said,) = [message for level, title, message in result.annotations if (level, title) == ("notice", "superseded")]
    assert said.startswith(f"main is at {newer[:12]} by now, this run is for {older[:12]}")
    assert any("refused/superseded" in line for line in result.lines)
    git(acme.folder, "reset", "--quiet", "--hard", newer)
    assert acme.run("apply.yml", "push", _push(acme)).code == 0
    assert len(acme.tpp.log.updates) == 2


def test_an_approval_that_was_withdrawn_counts_no_more_when_a_run_is_started_again(acme: Team) -> None:
    pull = acme.merged(12)
    pull.reviews.append(("bob", "DISMISSED", pull.head))
    assert acme.run("apply.yml", "push", _push(acme)).code == 1
    assert acme.tpp.log.updates == ()


def test_forty_files_of_one_pull_request_cost_few_calls(acme: Team) -> None:
    text = "version: 1\nchange: CHG0041239\ntickets:\n"
    for number in range(40):
        guid = f"{number:08x}-0000-4000-8000-000000000000"
        name = rf"\VED\Policy\Web\{number}.example.com"
        acme.tpp.world.add_ticket(guid=guid, object=name)
        entry = f"  - {{guid: {guid}, status: Approved, explanation: yes sir, expect: {{object: '{name}'}}}}\n"
        (acme.folder / "tickets" / f"{number}.yaml").write_text(text + entry, encoding="utf-8")
    acme.commit("tickets/2036/CHG0041234.yaml", text + f"  - {{guid: {NEW}, status: Pending}}\n")
    acme.merged(12)
    assert acme.run("apply.yml", "push", _push(acme)).code == 0
    assert len(acme.tpp.log.updates) == 40
    # One job plans, one applies and one reports; tests/workflows/test_calls.py counts those of each.
    assert len(acme.github.asked) <= 3 * FEW


def test_a_push_that_nobody_reviewed_does_not_ride_on_the_review_that_follows_it(acme: Team) -> None:
    example = (acme.folder / "tickets/2036/CHG0041234.yaml").read_text()
    acme.commit("tickets/2036/CHG0041234.yaml", example[: example.index(f"  - guid: {NEW}")])
    acme.commit("tickets/2036/reviewed.yaml", _MORE)
    acme.merged(13)
    result = acme.run("apply.yml", "push", _push(acme))
    assert _statuses(acme) == {WWW: "Pending", SHOP: "Pending", NEW: "Approved"}
    told = [line for line in _lines(acme) if line["entry"] in ("intent", "receipt")]
    assert [line["review"]["pull_request"] for line in told] == [13] * 3
    assert (result.code, acme.github.world.comments_on(13) != []) == (1, True)


def _break_pushes(acme: Team, condition: str) -> None:
    hook = acme.remote / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\n{condition}\n")
    hook.chmod(0o755)


def test_a_ledger_that_cannot_be_pushed_stops_the_run_with_nothing_sent(acme: Team) -> None:
    acme.merged()
    _break_pushes(acme, "read -r _ _ ref; case $ref in refs/heads/*) exit 1 ;; esac")
    result = acme.run("apply.yml", "push", _push(acme))
    assert (result.code, acme.tpp.log.updates) == (1, ())
    assert any("could not be pushed to reconciler-ledger" in line for line in result.lines)
    (told,) = acme.github.world.comments_on(12)
    assert told.startswith("<!-- tpp-reconciler:outcome default/4242-1 -->\n## 🔴 No report about")
    assert "could not be pushed" in told
    assert any("could not be pushed" in message for level, _, message in result.annotations if level == "error")


def test_a_plan_that_fails_after_the_merge_reaches_the_pull_request(acme: Team) -> None:
    acme.merged(12)
    acme.github.issuer.claims = {"repository_id": "9999"}
    result = acme.run("apply.yml", "push", _push(acme))
    assert (result.code, acme.tpp.log.updates) == (1, ())
    (told,) = acme.github.world.comments_on(12)
    assert f"🔴 Nothing applied of `{acme.head[:12]}`: " in told
    assert "so nothing was sent" in told
    assert any(title == "plan failed" for level, title, _ in result.annotations if level == "error")


def test_a_ledger_that_can_no_longer_be_pushed_is_rescued_and_the_run_fails(acme: Team) -> None:
    settings = (acme.folder / "reconciler.yaml").read_text(encoding="utf-8")
    acme.commit("reconciler.yaml", settings.replace("ledger: ledger", "ledger: record"))
    for sha in git(acme.folder, "rev-list", "HEAD").splitlines()[:2]:
        acme.merged()
        acme.github.world.brought[sha] = [12]
    # The lock of the branch comes and goes; of the branch itself the first push is taken, and no other.
    _break_pushes(acme, "read -r _ _ ref; case $ref in refs/heads/*) [ ! -e pushed ] && touch pushed ;; esac")
    result = acme.run("apply.yml", "push", _push(acme))
    assert result.code == 1
    assert len(acme.tpp.log.updates) == 2
    (text,) = acme.ledger.values()
    assert [json.loads(line)["entry"] for line in text.splitlines()] == ["opened", "intent", "intent"]
    assert any("could not be pushed to reconciler-ledger" in line for line in result.lines)
    (rescued,) = (acme.artifacts / "ledger-part=1").rglob("*.jsonl")
    entries = [json.loads(line)["entry"] for line in rescued.read_text().splitlines()]
    assert (entries.count("receipt"), entries[0], len(entries)) == (2, "opened", 8)
    assert len(acme.github.world.comments_on(12)) == 1
    assert (acme.artifacts / "run" / "statement.json").exists()


def test_the_authors_own_approval_is_not_a_second_pair_of_eyes(acme: Team) -> None:
    acme.merged(12, reviewer="ann")
    acme.run("apply.yml", "push", _push(acme))
    assert acme.tpp.log.updates == ()


def test_a_broken_ledger_stops_the_run_before_anything_is_sent(acme: Team) -> None:
    acme.merged()
    assert acme.run("apply.yml", "push", _push(acme)).code == 0
    _forge_the_ledger(acme)
    acme.tpp.log.clear()
    acme.commit("tickets/2036/more.yaml", _MORE)
    acme.merged(13)
    result = acme.run("apply.yml", "push", _push(acme))
    assert result.code == 1
    assert acme.tpp.log.updates == ()
    assert any("is broken" in line for line in result.lines)


_MORE = f"""\
version: 1
change: CHG0041239
tickets:
  - guid: {NEW}
    status: Approved
    explanation: more
    expect: {{object: '\\VED\\Policy\\Web\\new.example.com'}}
"""


def _forge_the_ledger(acme: Team) -> None:
    forged = acme.scratch / "forged"
    git(acme.scratch, "clone", "--quiet", "--branch", "reconciler-ledger", str(acme.remote), str(forged))
    (name,) = acme.ledger
    text = (forged / name).read_text()
    commit(forged, name, text.replace('"reviewers":["bob"]', '"reviewers":["eve"]'), "Forge")
    git(forged, "push", "--quiet", "origin", "reconciler-ledger")
