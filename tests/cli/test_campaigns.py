"""Rules of campaigns: bounded, expanded to GUIDs when the plan is made, and never to anything later."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.app.context import SystemClock
from tests.cli.repo import FIRST, SECOND, THIRD, Repo
from tests.cli.test_whole_life import NEW

FREEZE = "d41d8cd9-8f00-4204-a980-0998ecf8427e"


def _rules(repo: Repo, *rules: str, name: str = "tickets/campaign.yaml") -> None:
    body = "".join(f"  - {rule}\n" for rule in rules)
    repo.write(name, f"version: 1\nkind: rules\nchange: CHG0041234\nrules:\n{body}")


def _rule(name: str = "web", match: str = r"object: '\VED\Policy\Web\**'", *, at_most: int = 3, more: str = "") -> str:
    now = datetime.now(UTC)
    if "created_before" not in match:
        match = f"{match}, created_before: {now.isoformat()}"
    if "valid_until" not in more:
        more = f"{more}, valid_until: {(now + timedelta(days=7)).isoformat()}"
    return f"{{name: {name}, match: {{{match}}}, status: Approved, at_most: {at_most}, explanation: campaign{more}}}"


def _steps(repo: Repo) -> dict[str, dict[str, Any]]:
    said = repo.run("plan", "--format", "json")
    assert said.code == 0, said.err
    return {step["guid"]: step for step in json.loads(said.out)["steps"]}


def test_a_plan_shows_every_ticket_that_a_rule_takes_and_who_it_expects(repo: Repo) -> None:
    _rules(repo, _rule())
    steps = _steps(repo)
    assert sorted(steps) == sorted([FIRST, SECOND, THIRD])
    assert {(step["rule"], step["verdict"]) for step in steps.values()} == {("web", "approve")}
    assert steps[FIRST]["expect"] == {
        "object": r"\VED\Policy\Web\www.example.com",
        "workflow": r"\VED\Policy\Workflows\Stage 0",
    }
    text = repo.run("plan", "--verbose").out
    assert all(guid in text for guid in (FIRST, SECOND, THIRD))


def test_a_rule_that_takes_more_than_it_may_takes_nothing(repo: Repo) -> None:
    _rules(repo, _rule(at_most=2))
    said = repo.run("plan")
    assert said.code == 1
    assert "tickets/campaign.yaml:5:5: error: rule 'web' takes 3 tickets, at_most is 2" in said.err


def test_two_rules_on_one_ticket_are_a_fault_that_names_both(repo: Repo) -> None:
    _rules(repo, _rule(), _rule("shop", r"object: '\VED\Policy\Web\s*'"))
    said = repo.run("plan")
    assert said.code == 1
    assert f"rules 'web', 'shop' all take ticket {SECOND}" in said.err
    assert repo.writes() == []


def test_an_explicit_entry_wins_over_a_rule(repo: Repo) -> None:
    _rules(repo, _rule(at_most=2))
    repo.decide(f"{{guid: {SECOND}, status: Rejected, explanation: not this one}}")
    steps = _steps(repo)
    assert {guid: (step["verdict"], step.get("rule")) for guid, step in steps.items()} == {
        FIRST: ("approve", "web"),
        SECOND: ("reject", None),
        THIRD: ("approve", "web"),
    }


def test_conditions_all_have_to_hold(repo: Repo) -> None:
    world = repo.sandbox.world
    world.add_ticket(FREEZE, object=r"\VED\Policy\Web\late.example.com", reason="Renewal of the web tier")
    _rules(repo, _rule(match=r"object: '\VED\Policy\Web\**', reason: 'Renewal*'"))
    assert list(_steps(repo)) == [FREEZE]
    _rules(repo, _rule(match=r"object: '\VED\Policy\Web\**', workflow: '\VED\Policy\Workflows\Stage 9'"))
    assert not _steps(repo)


def test_created_before_leaves_newer_tickets_alone(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(FREEZE, object=r"\VED\Policy\Web\late.example.com")
    newest = repo.sandbox.world.clock.now()
    old = max(ticket.created for guid, ticket in repo.sandbox.world.tickets.items() if guid != FREEZE)
    between = old + (newest - old) / 2
    _rules(repo, _rule(match=rf"object: '\VED\Policy\Web\**', created_before: {between:%Y-%m-%dT%H:%M:%SZ}"))
    assert sorted(_steps(repo)) == sorted([FIRST, SECOND, THIRD])


def test_a_saved_plan_holds_guids_and_what_appears_later_is_never_touched(repo: Repo) -> None:
    _rules(repo, _rule())
    repo.run("plan", "--out", "plan.json")
    saved = (repo.folder / "plan.json").read_text(encoding="utf-8")
    assert r"\\**" not in saved
    repo.sandbox.world.add_ticket(NEW, object=r"\VED\Policy\Web\later.example.com")
    (repo.folder / "tickets/campaign.yaml").unlink()  # the plan names all that apply needs
    assert repo.run("apply", "plan.json", "--yes").code == 0
    assert sorted(str(body["GUID"]) for body in repo.writes()) == sorted([FIRST, SECOND, THIRD])
    assert repo.sandbox.world.tickets[NEW].status == "Pending"  # type: ignore[index]


def test_a_finished_campaign_leaves_nothing_to_do(repo: Repo) -> None:
    _rules(repo, _rule())
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    assert not _steps(repo)
    assert len(repo.writes()) == 3


def test_a_rule_with_a_recurring_window_keeps_the_times_that_it_was_applied_with(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _clock: repo.sandbox.world.clock.now())
    repo.configure("windows: {nightly: {rule: FREQ=DAILY, timezone: UTC, start: '03:00', duration: 1h}}\n")
    _rules(repo, _rule(more=", schedule: nightly").replace("status: Approved", "status: Approved Between"))
    (first, *_) = [step["after"] for step in _steps(repo).values()]
    assert repo.run("apply", "--yes").code == 0
    bodies = repo.writes()
    assert {body["ScheduledStart"] for body in bodies} == {first["start"].replace("Z", ".000000Z")}
    repo.sandbox.world.pause()
    repo.sandbox.world.advance(40 * 3600)
    missed = json.loads(repo.run("plan", "--format", "json").out)["steps"]
    assert {(step["reason"], step["after"]["start"]) for step in missed} == {("missed/window", first["start"])}
    patch = repo.run("plan", "--format", "patch").out
    assert "rule web decides it, perhaps with others: change the rule, or add an entry" in patch
    assert "diff --git" not in patch


def test_tickets_of_one_object_are_shown_as_siblings(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(FREEZE, object=r"\VED\Policy\Web\www.example.com")
    _rules(repo, _rule(at_most=4))
    siblings = _steps(repo)[FIRST]["siblings"]
    assert [each["guid"] for each in siblings] == [FREEZE]


def test_a_ticket_that_tidy_would_archive_by_its_rule_stays_as_no_entry_of_its_own(repo: Repo) -> None:
    _rules(repo, _rule())
    before = (repo.folder / "tickets/campaign.yaml").read_bytes()
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    assert repo.run("tidy").code == 0
    assert (repo.folder / "tickets/campaign.yaml").read_bytes() == before


def test_explain_names_the_rule(repo: Repo) -> None:
    _rules(repo, _rule())
    assert "by rule   web" in repo.run("explain", FIRST).out


def test_a_rule_that_could_take_tickets_that_nobody_has_seen_is_refused(repo: Repo) -> None:
    _rules(repo, _rule(match=r"object: '\VED\Policy\Web\**', created_before: 2100-01-01T00:00:00Z"))
    said = repo.run("plan")
    assert said.code == 1
    assert "rule 'web': created_before 2100-01-01T00:00:00Z is in the future" in said.err
    _rules(repo, r"{name: web, match: {object: '\VED\Policy\Web\**'}, status: Approved, at_most: 3}")
    said = repo.run("validate")
    assert said.code == 1
    assert "`created_before` is missing" in said.out + said.err
    assert "`valid_until` is missing" in said.out + said.err


def test_a_rule_ends_after_what_the_policy_says_at_the_latest(repo: Repo) -> None:
    _rules(repo, _rule(more=f", valid_until: {(datetime.now(UTC) + timedelta(days=40)).isoformat()}"))
    said = repo.run("plan")
    assert said.code == 1
    assert "rule 'web': valid_until" in said.err
    assert "policy.rules.longest" in said.err
    repo.configure("policy: {rules: {longest: 60d}}\n")
    assert repo.run("plan").code == 0
    repo.configure("policy: {rules: {longest: 1d}}\n")
    _rules(repo, _rule())
    assert repo.run("plan").code == 1
