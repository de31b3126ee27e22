"""Rules of campaigns: bounded, expanded to GUIDs when the plan is made, and never to anything later."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.app.context import SystemClock
from tests.cli.desk import FIRST, SECOND, THIRD, Desk
from tests.cli.test_whole_life import NEW

FREEZE = "d41d8cd9-8f00-4204-a980-0998ecf8427e"


def _rules(desk: Desk, *rules: str, name: str = "tickets/campaign.yaml") -> None:
    body = "".join(f"  - {rule}\n" for rule in rules)
    desk.write(name, f"version: 1\nkind: rules\nchange: CHG0041234\nrules:\n{body}")


def _rule(name: str = "web", match: str = r"object: '\VED\Policy\Web\**'", *, at_most: int = 3, more: str = "") -> str:
    now = datetime.now(UTC)
    if "created_before" not in match:
        match = f"{match}, created_before: {now.isoformat()}"
    if "valid_until" not in more:
        more = f"{more}, valid_until: {(now + timedelta(days=7)).isoformat()}"
    return f"{{name: {name}, match: {{{match}}}, status: Approved, at_most: {at_most}, explanation: campaign{more}}}"


def _steps(desk: Desk) -> dict[str, dict[str, Any]]:
    said = desk.run("plan", "--format", "json")
    assert said.code == 0, said.err
    return {step["guid"]: step for step in json.loads(said.out)["steps"]}


def test_a_plan_shows_every_ticket_that_a_rule_takes_and_who_it_expects(desk: Desk) -> None:
    _rules(desk, _rule())
    steps = _steps(desk)
    assert sorted(steps) == sorted([FIRST, SECOND, THIRD])
    assert {(step["rule"], step["verdict"]) for step in steps.values()} == {("web", "approve")}
    assert steps[FIRST]["expect"] == {
        "object": r"\VED\Policy\Web\www.example.com",
        "workflow": r"\VED\Policy\Workflows\Stage 0",
    }
    text = desk.run("plan", "--verbose").out
    assert all(guid in text for guid in (FIRST, SECOND, THIRD))


def test_a_rule_that_takes_more_than_it_may_takes_nothing(desk: Desk) -> None:
    _rules(desk, _rule(at_most=2))
    said = desk.run("plan")
    assert said.code == 1
    assert "tickets/campaign.yaml:5:5: error: rule 'web' takes 3 tickets, at_most is 2" in said.err


def test_two_rules_on_one_ticket_are_a_fault_that_names_both(desk: Desk) -> None:
    _rules(desk, _rule(), _rule("shop", r"object: '\VED\Policy\Web\s*'"))
    said = desk.run("plan")
    assert said.code == 1
    assert f"rules 'web', 'shop' all take ticket {SECOND}" in said.err
    assert desk.writes() == []


def test_an_explicit_entry_wins_over_a_rule(desk: Desk) -> None:
    _rules(desk, _rule(at_most=2))
    desk.decide(f"{{guid: {SECOND}, status: Rejected, explanation: not this one}}")
    steps = _steps(desk)
    assert {guid: (step["verdict"], step.get("rule")) for guid, step in steps.items()} == {
        FIRST: ("approve", "web"),
        SECOND: ("reject", None),
        THIRD: ("approve", "web"),
    }


def test_conditions_all_have_to_hold(desk: Desk) -> None:
    world = desk.sandbox.world
    world.add_ticket(FREEZE, object=r"\VED\Policy\Web\late.example.com", reason="Renewal of the web tier")
    _rules(desk, _rule(match=r"object: '\VED\Policy\Web\**', reason: 'Renewal*'"))
    assert list(_steps(desk)) == [FREEZE]
    _rules(desk, _rule(match=r"object: '\VED\Policy\Web\**', workflow: '\VED\Policy\Workflows\Stage 9'"))
    assert not _steps(desk)


def test_created_before_leaves_newer_tickets_alone(desk: Desk) -> None:
    desk.sandbox.world.add_ticket(FREEZE, object=r"\VED\Policy\Web\late.example.com")
    newest = desk.sandbox.world.clock.now()
    old = max(ticket.created for guid, ticket in desk.sandbox.world.tickets.items() if guid != FREEZE)
    between = old + (newest - old) / 2
    _rules(desk, _rule(match=rf"object: '\VED\Policy\Web\**', created_before: {between:%Y-%m-%dT%H:%M:%SZ}"))
    assert sorted(_steps(desk)) == sorted([FIRST, SECOND, THIRD])


def test_a_saved_plan_holds_guids_and_what_appears_later_is_never_touched(desk: Desk) -> None:
    _rules(desk, _rule())
    desk.run("plan", "--out", "plan.json")
    saved = (desk.folder / "plan.json").read_text(encoding="utf-8")
    assert r"\\**" not in saved
    desk.sandbox.world.add_ticket(NEW, object=r"\VED\Policy\Web\later.example.com")
    (desk.folder / "tickets/campaign.yaml").unlink()  # the plan names all that apply needs
    assert desk.run("apply", "plan.json", "--yes").code == 0
    assert sorted(str(body["GUID"]) for body in desk.writes()) == sorted([FIRST, SECOND, THIRD])
    assert desk.sandbox.world.tickets[NEW].status == "Pending"  # type: ignore[index]


def test_a_finished_campaign_leaves_nothing_to_do(desk: Desk) -> None:
    _rules(desk, _rule())
    desk.run("apply", "--yes")
    desk.sandbox.world.process()
    assert not _steps(desk)
    assert len(desk.writes()) == 3


def test_a_rule_with_a_recurring_window_keeps_the_times_that_it_was_applied_with(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _clock: desk.sandbox.world.clock.now())
    desk.configure("windows: {nightly: {rule: FREQ=DAILY, timezone: UTC, start: '03:00', duration: 1h}}\n")
    _rules(desk, _rule(more=", schedule: nightly").replace("status: Approved", "status: Approved Between"))
    (first, *_) = [step["after"] for step in _steps(desk).values()]
    assert desk.run("apply", "--yes").code == 0
    bodies = desk.writes()
    assert {body["ScheduledStart"] for body in bodies} == {first["start"].replace("Z", ".000000Z")}
    desk.sandbox.world.pause()
    desk.sandbox.world.advance(40 * 3600)
    missed = json.loads(desk.run("plan", "--format", "json").out)["steps"]
    assert {(step["reason"], step["after"]["start"]) for step in missed} == {("missed/window", first["start"])}
    patch = desk.run("plan", "--format", "patch").out
    assert "rule web decides it, perhaps with others: change the rule, or add an entry" in patch
    assert "diff --git" not in patch


def test_tickets_of_one_object_are_shown_as_siblings(desk: Desk) -> None:
    desk.sandbox.world.add_ticket(FREEZE, object=r"\VED\Policy\Web\www.example.com")
    _rules(desk, _rule(at_most=4))
    siblings = _steps(desk)[FIRST]["siblings"]
    assert [each["guid"] for each in siblings] == [FREEZE]


def test_a_ticket_that_tidy_would_archive_by_its_rule_stays_as_no_entry_of_its_own(desk: Desk) -> None:
    _rules(desk, _rule())
    before = (desk.folder / "tickets/campaign.yaml").read_bytes()
    desk.run("apply", "--yes")
    desk.sandbox.world.process()
    assert desk.run("tidy").code == 0
    assert (desk.folder / "tickets/campaign.yaml").read_bytes() == before


def test_explain_names_the_rule(desk: Desk) -> None:
    _rules(desk, _rule())
    assert "by rule   web" in desk.run("explain", FIRST).out


def test_a_rule_that_could_take_tickets_that_nobody_has_seen_is_refused(desk: Desk) -> None:
    _rules(desk, _rule(match=r"object: '\VED\Policy\Web\**', created_before: 2100-01-01T00:00:00Z"))
    said = desk.run("plan")
    assert said.code == 1
    assert "rule 'web': created_before 2100-01-01T00:00:00Z is in the future" in said.err
    _rules(desk, r"{name: web, match: {object: '\VED\Policy\Web\**'}, status: Approved, at_most: 3}")
    said = desk.run("validate")
    assert said.code == 1
    assert "`created_before` is missing" in said.out + said.err
    assert "`valid_until` is missing" in said.out + said.err


def test_a_rule_ends_after_what_the_policy_says_at_the_latest(desk: Desk) -> None:
    _rules(desk, _rule(more=f", valid_until: {(datetime.now(UTC) + timedelta(days=40)).isoformat()}"))
    said = desk.run("plan")
    assert said.code == 1
    assert "rule 'web': valid_until" in said.err
    assert "policy.rules.longest" in said.err
    desk.configure("policy: {rules: {longest: 60d}}\n")
    assert desk.run("plan").code == 0
    desk.configure("policy: {rules: {longest: 1d}}\n")
    _rules(desk, _rule())
    assert desk.run("plan").code == 1
