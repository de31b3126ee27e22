"""Two in the morning: one ticket, two people, an incident, and no pull request."""

import re
from datetime import timedelta

import pytest

from reconciler.app.context import SystemClock
from reconciler.codec import decode_line
from reconciler.model.record import AttentionEntry, Entry, Episode, Intent
from reconciler.sandbox.seed import APPROVER, JOE
from tests.cli.repo import FIRST, SECOND, THIRD, Repo, Said

FREEZE = "freezes: [{name: year-end, start: 2020-01-01T00:00:00Z, stop: 2036-12-31T00:00:00Z}]"
RULE = "incident: '^INC[0-9]{7}$', waives: [freeze, change_record, required]"


def configure(repo: Repo, rule: str = RULE, more: str = FREEZE) -> None:
    repo.configure(f"stop_file: STOP\npolicy:\n  emergency: {{{rule}}}\n  {more}\n")


def wants(repo: Repo, *guids: str, status: str = "Approved", change: str = "INC0012345") -> None:
    repo.decide(
        *(f"{{guid: {each}, status: {status}, explanation: key published, change: {change}}}" for each in guids),
        header="",
    )


@pytest.fixture
def night(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repo with a freeze; the token is the approver's, the second one Joe's."""
    monkeypatch.setattr(SystemClock, "now", lambda _clock: repo.sandbox.world.clock.now())
    configure(repo)
    repo.environ("TPP_SECOND_TOKEN", repo.sandbox.issue(identity=JOE.universal))
    wants(repo, FIRST)
    return repo


def urgent(repo: Repo, ticket: str = FIRST, incident: str = "INC0012345", command: str = "apply") -> Said:
    yes = ("--yes",) if command == "apply" else ()
    return repo.run(command, "--ticket", ticket, "--emergency", incident, *yes)


def entries(repo: Repo) -> list[Entry]:
    paths = sorted((repo.folder / "ledger").rglob("*.jsonl"))
    return [decode_line(line).entry for path in paths for line in path.read_bytes().splitlines()]


def flat(text: str) -> str:
    return " ".join(text.split())


def told(repo: Repo) -> list[AttentionEntry]:
    return [each for each in entries(repo) if isinstance(each, AttentionEntry) and each.reason == "manual/emergency"]


def test_two_people_decide_one_ticket_at_once_and_the_ledger_names_both(night: Repo) -> None:
    assert night.run("apply", "--yes").code == 3  # the freeze
    assert night.writes() == []
    said = urgent(night)
    assert said.code == 0, said.out + said.err
    (sent,) = night.writes()
    assert "key published" in str(sent)
    begun, ended = told(night)
    assert (begun.state, ended.state, begun.guid, begun.change) == (Episode.BEGIN, Episode.END, FIRST, "INC0012345")
    assert begun.detail == f"INC0012345: {APPROVER.universal} asked, {JOE.universal} agreed (token); key published"
    assert night.run("ledger", "verify").code == 0
    shown = flat(night.run("ledger", "log", "--verbose").out)
    assert "manual/emergency: two people decided it in an emergency, without a pull request" in shown
    assert begun.detail in shown


def test_what_is_waived_is_shown_and_recorded_with_the_change(night: Repo) -> None:
    said = urgent(night)
    assert re.search(r"freeze +overridden +1 overridden", said.out)
    assert f"emergency INC0012345: {APPROVER.universal} asked, {JOE.universal} agreed (token)" in flat(said.out)
    (intent,) = [entry for entry in entries(night) if isinstance(entry, Intent)]
    assert [(use.rule, use.source.path) for use in intent.overrides] == [("freeze", "policy.emergency")]


def test_what_is_not_waived_holds(night: Repo) -> None:
    configure(night, "incident: '^INC[0-9]{7}$'")
    said = urgent(night)
    assert (said.code, night.writes()) == (3, [])
    assert "[refused/freeze]" in said.out


def test_the_stop_is_never_waived(night: Repo) -> None:
    night.write("STOP", "")
    said = urgent(night)
    assert (said.code, night.writes()) == (3, [])
    assert "[refused/stop]" in said.out
    configure(night, "incident: '^INC', waives: [stop]")
    said = urgent(night)
    assert (said.code, night.writes()) == (1, [])
    assert "waives" in said.err


def test_a_second_token_of_the_same_person_is_no_second_person(night: Repo) -> None:
    night.environ("TPP_SECOND_TOKEN", night.sandbox.token)
    said = urgent(night)
    assert (said.code, night.writes(), told(night)) == (3, [], [])
    assert "an emergency takes two people" in said.err


@pytest.mark.parametrize(("token", "code", "says"), [("", 3, "nobody has agreed"), ("x" * 20, 4, "TPP_SECOND_TOKEN: ")])
def test_without_a_second_person_nothing_is_sent(night: Repo, token: str, code: int, says: str) -> None:
    night.environ("TPP_SECOND_TOKEN", token)
    said = urgent(night)
    assert (said.code, night.writes()) == (code, [])
    assert says in said.err
    assert token not in said.err or not token


def test_an_incident_has_the_form_that_the_policy_asks_for(night: Repo) -> None:
    said = urgent(night, incident="CHG0041234")
    assert (said.code, night.writes()) == (3, [])
    assert "incident 'CHG0041234' does not match '^INC[0-9]{7}$'" in flat(said.out)


def test_where_the_policy_says_nothing_there_are_no_emergencies(night: Repo) -> None:
    night.configure()
    said = urgent(night)
    assert (said.code, night.writes()) == (3, [])
    assert "[refused/emergency]" in said.out


def test_so_many_tickets_a_day_and_no_more(night: Repo) -> None:
    configure(night, f"{RULE}, per_day: 2")
    wants(night, FIRST, SECOND, THIRD)
    assert urgent(night, FIRST).code == 0
    assert urgent(night, SECOND).code == 0
    said = urgent(night, THIRD)
    assert (said.code, len(night.writes())) == (3, 2)
    assert "2 tickets were decided so within 24 hours, the limit is 2" in flat(said.out)
    night.sandbox.world.clock.advance(timedelta(hours=25))
    assert urgent(night, THIRD).code == 0


def test_the_days_tickets_are_counted_once_more_when_the_ledger_is_locked(night: Repo, monkeypatch) -> None:
    configure(night, f"{RULE}, per_day: 1")
    wants(night, FIRST, SECOND)
    assert urgent(night, FIRST).code == 0
    monkeypatch.setattr("reconciler.app.emergency.earlier_emergencies", lambda _context: frozenset())
    said = urgent(night, SECOND)
    assert (said.code, len(night.writes())) == (3, 1)
    assert "1 tickets were decided in an emergency within 24 hours" in said.err


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_an_emergency_is_one_ticket(night: Repo, command: str) -> None:
    for chosen in ((), ("--ticket", FIRST, "--ticket", SECOND), ("--change", "INC0012345")):
        said = night.run(command, *chosen, "--emergency", "INC0012345")
        assert (said.code, night.writes()) == (2, [])
        assert "--emergency decides one ticket" in said.err
    said = night.run(command, "--ticket", FIRST, "--emergency", "INC0012345", "plan.json")
    assert (said.code, "leave the saved plan out" in said.err) == (2, True)


def test_a_plan_shows_what_an_emergency_would_do_and_needs_no_second_person(night: Repo) -> None:
    night.environ("TPP_SECOND_TOKEN", "")
    said = urgent(night, command="plan")
    assert (said.code, night.writes()) == (0, [])
    assert f"emergency INC0012345: {APPROVER.universal} asks" in said.out
    assert "1 will change" in said.out


def test_four_eyes_are_the_two_people(night: Repo) -> None:
    configure(night, RULE, "four_eyes: {reviewers: 2}\n  change_pattern: '^CHG[0-9]{7}$'")
    assert night.run("apply", "--yes").code in (3, 5)
    assert night.writes() == []
    assert urgent(night).code == 0
    assert len(night.writes()) == 1


def test_in_a_workflow_a_second_token_is_no_second_person(night: Repo) -> None:
    night.environ("GITHUB_ACTIONS", "true")
    said = urgent(night)
    assert (said.code, night.writes()) == (3, [])
    assert "emergency.yml" in said.err


def test_what_was_decided_so_is_brought_into_git_as_the_end_of_the_run_says(night: Repo) -> None:
    said = urgent(night)
    (line,) = [line.strip() for line in said.err.splitlines() if line.strip().startswith("decided: ")]
    night.write(
        "tickets/web.yaml",
        f"version: 1\nchange: INC0012345\ntickets:\n  - guid: {FIRST}\n    status: Approved\n    {line}\n",
    )
    assert night.run("validate").code == 0
    (step,) = night.plan_json()["steps"]
    assert step["reason"] in ("settled/attested", "in-sync/accepted", "in-sync/same")
    assert night.run("apply", "--yes").code == 0
    assert len(night.writes()) == 1


def test_what_the_guide_types_is_sent_though_the_policy_wants_a_change_record(night: Repo) -> None:
    (night.folder / "tickets" / "web.yaml").unlink()
    configure(night, RULE, f"{FREEZE}\n  require: [explanation, change]\n  change_pattern: '^CHG[0-9]{{7}}$'")
    decide = ("decide", "www.example.com", "--status", "Approved", "--explanation", "The old key was published")
    assert night.run(*decide, "--change", "INC0012345").code == 1
    said = night.run(*decide, "--emergency", "INC0012345")
    assert said.code == 0, said.err
    said = urgent(night, "www.example.com")
    assert (said.code, len(night.writes())) == (0, 1), said.out + said.err


def test_the_second_token_stands_nowhere(night: Repo) -> None:
    token = night.sandbox.issue(identity=JOE.universal)
    night.environ("TPP_SECOND_TOKEN", token)
    said = urgent(night)
    assert said.code == 0
    shown = said.out + said.err + night.run("ledger", "log", "--verbose").out
    assert token not in shown
    assert not any(token in path.read_text("utf-8", "replace") for path in night.folder.rglob("*") if path.is_file())
