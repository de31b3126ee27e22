"""What becomes of a decision after its first write: taken back, contested, gone early, frozen, decided outside."""

import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from reconciler.app.context import SystemClock
from reconciler.codec import decode_line
from reconciler.model.record import AcceptedEntry, AttentionEntry, AttestedEntry, Entry, Episode, ObservedEntry
from reconciler.model.status import Status, format_instant
from tests.cli.repo import FIRST, SECOND, Repo

HOUR = 3600
OBJECT = r"\VED\Policy\Web\www.example.com"


@dataclass
class Life:
    """A repo whose clock is that of TPP, which a test moves."""

    repo: Repo

    def wants(self, *members: str, guid: str = FIRST) -> None:
        """Let git say this of the ticket."""
        self.repo.decide("\n    ".join([f"guid: {guid}", "explanation: reviewed", *members]))

    def reason(self) -> str:
        """The reason code of the only step of a plan."""
        (step,) = self.repo.plan_json()["steps"]
        return str(step["reason"])

    def apply(self, code: int = 0) -> str:
        said = self.repo.run("apply", "--yes")
        assert said.code == code, said.out + said.err
        return said.out

    def console(self, status: str, *, hours: float | None = None, by: str | None = None, guid: str = FIRST) -> None:
        self.repo.sandbox.world.console(
            guid, Status(status), by=by, start=self.at(hours) if hours is not None else None
        )

    def at(self, hours: float) -> str:
        return format_instant(self.now() + timedelta(hours=hours))

    def now(self) -> datetime:
        return self.repo.sandbox.world.clock.now().replace(microsecond=0)

    def entries(self) -> list[Entry]:
        found = sorted((self.repo.folder / "ledger").rglob("*.jsonl"))
        return [decode_line(line).entry for path in found for line in path.read_bytes().splitlines()]

    def patch(self) -> None:
        """Make the patch and apply it, as a person does after having looked at it."""
        self.repo.patched()


@pytest.fixture
def life(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Life:
    monkeypatch.setattr(SystemClock, "now", lambda _clock: repo.sandbox.world.clock.now())
    return Life(repo)


def scheduled(life: Life, hours: float = 10) -> str:
    """Let us schedule the ticket, and return its start."""
    start = life.at(hours)
    life.wants("status: Approved After", f"schedule: {{start: {start}}}")
    life.apply()
    assert life.reason() == "in-sync/same"
    return start


# What the reviewer saw.


def test_a_rejection_in_the_console_is_overruled_by_an_entry_that_says_that_it_was_seen(life: Life) -> None:
    life.wants("status: Approved")
    life.console("Rejected")
    assert life.reason() == "conflict/console"
    life.wants("status: Approved", "expect: {status: Rejected}")
    assert life.reason() == "approve/wanted"
    life.apply()
    assert [write["Status"] for write in life.repo.writes()] == ["Approved"]


def test_a_ticket_that_moved_after_the_reviewer_saw_it_is_a_mismatch(life: Life) -> None:
    life.wants("status: Approved", "expect: {status: Pending}")
    life.console("Approved After", hours=5)
    said = life.repo.run("plan")
    assert said.code == 5
    assert "mismatch/status" in said.out
    assert "expected Pending, the ticket is Approved After" in said.out
    assert "merge" in said.out
    assert life.repo.writes() == []


def test_a_schedule_of_the_console_is_taken_back_when_the_entry_names_it(life: Life) -> None:
    start = life.at(5)
    life.repo.sandbox.world.console(FIRST, Status("Approved After"), start=start)
    life.wants("status: Pending")
    assert life.reason() == "elsewhere/decided"
    life.wants("status: Pending", f"expect: {{status: Approved After, schedule: {{start: {start}}}}}")
    assert life.reason() == "reopen/wanted"
    life.apply()
    assert life.reason() == "in-sync/same"


def test_a_reset_that_comes_again_is_not_written_over_again(life: Life) -> None:
    start = scheduled(life)
    life.console("Pending")
    assert life.reason() == "conflict/reopened"
    members = ("status: Approved After", f"schedule: {{start: {start}}}", "expect: {status: Pending}")
    life.wants(*members)
    assert life.reason() == "schedule/wanted"
    life.apply()
    assert life.reason() == "in-sync/same"
    life.console("Pending")
    assert life.reason() == "conflict/reopened"
    assert len(life.repo.writes()) == 2


def test_a_saved_plan_holds_what_the_reviewer_saw(life: Life) -> None:
    life.console("Rejected")
    life.wants("status: Approved", "expect: {status: Rejected}")
    assert life.repo.run("plan", "--out", "plan.json").code == 0
    shown = life.repo.run("show", "plan.json", "--format", "json").out
    assert '"expect": {"state": {"status": "Rejected"}}' in shown
    assert life.repo.run("apply", "plan.json", "--yes").code == 0


@pytest.mark.parametrize(
    ("members", "place", "message"),
    [
        (("status: Approved", "expect: {status: Pending, schedule: {start: 2036-01-01T00:00:00Z}}"), ":31", "schedule"),
        (("status: Approved", "expect: {schedule: {start: 2036-01-01T00:00:00Z}}"), "", "`status` is missing"),
        (
            ("status: Approved", "expect: {status: Approved After, schedule: {start: 2036-02-31T00:00:00Z}}"),
            ":56",
            "2036-02-31",
        ),
        (("status: Pending", "decided: {by: a, at: 2020-01-01T00:00:00Z, where: b, reason: c}"), "", "no decision"),
        (("status: Approved", "decided: {by: a, at: 2100-01-01T00:00:00Z, where: b, reason: c}"), "", "the future"),
        (("status: Approved", "decided: {by: a, at: 2020-01-01T00:00:00Z}"), "", "`where` is missing"),
    ],
)
def test_faults_of_what_was_seen_and_decided_are_told_at_their_place(
    life: Life, members: tuple[str, ...], place: str, message: str
) -> None:
    life.wants(*members)
    said = life.repo.run("validate")
    assert said.code == 1
    assert message in said.out + said.err
    assert f"tickets/web.yaml:7{place}" in said.out + said.err


# Agreement.


def test_an_acceptance_says_who_brought_the_ticket_there(life: Life) -> None:
    scheduled(life)
    moved = life.at(20)
    life.repo.sandbox.world.console(FIRST, Status("Approved After"), start=moved)
    assert life.reason() == "conflict/console"
    life.wants("status: Approved After", f"schedule: {{start: {moved}}}")
    assert life.reason() == "in-sync/accepted"
    life.apply()
    (accepted,) = [entry for entry in life.entries() if isinstance(entry, AcceptedEntry)]
    assert accepted.by == "local:svc-approver"
    assert "accepted: local:svc-approver made it" in " ".join(life.repo.run("explain", FIRST).out.split())
    life.wants("status: Pending")
    assert life.reason() == "reopen/wanted"


# Gone before its time, and in time.


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_a_schedule_that_somebody_ends_early_is_not_settled(life: Life, status: str) -> None:
    start = scheduled(life, hours=240)
    life.console(status)
    life.repo.sandbox.world.delete(FIRST)
    said = life.repo.run("plan")
    assert said.code == 5
    assert "conflict/gone-early" in said.out
    assert start.replace("Z", "")[:16] in said.out
    assert "1 entry left" in life.repo.run("tidy").out
    life.apply(code=5)
    (observed,) = [entry for entry in life.entries() if isinstance(entry, ObservedEntry)]
    assert observed.first_gone < datetime.fromisoformat(start)
    life.repo.sandbox.world.advance(300 * HOUR)
    assert life.reason() == "conflict/gone-early"
    life.apply(code=5)
    assert "1 entry left" in life.repo.run("tidy").out
    assert len([entry for entry in life.entries() if isinstance(entry, ObservedEntry)]) == 1
    life.wants(f"status: {status}", f"decided: {{by: jane, at: {life.at(-250)}, where: console, reason: urgent}}")
    assert life.reason() == "settled/attested"
    life.apply()
    assert "1 entry settled" in life.repo.run("tidy").out


def test_a_saved_plan_records_what_it_saw_early_also_when_it_is_applied_late(life: Life) -> None:
    start = scheduled(life, hours=10)
    life.console("Rejected")
    life.repo.sandbox.world.delete(FIRST)
    assert life.repo.run("plan", "--out", "plan.json").code == 5
    life.repo.sandbox.world.advance(12 * HOUR)
    assert life.repo.run("apply", "plan.json", "--yes").code == 5
    (observed,) = [entry for entry in life.entries() if isinstance(entry, ObservedEntry)]
    assert observed.first_gone < datetime.fromisoformat(start)
    assert life.reason() == "conflict/gone-early"


def test_a_schedule_that_is_gone_after_its_start_is_observed_with_its_bounds(life: Life) -> None:
    scheduled(life, hours=10)
    life.repo.sandbox.world.advance(11 * HOUR)
    assert life.reason() == "settled/receipt"
    assert not [entry for entry in life.entries() if isinstance(entry, ObservedEntry)], "plans write nothing"
    assert "not seen so far; window" in papers(life)
    life.apply()
    life.apply()
    (observed,) = [entry for entry in life.entries() if isinstance(entry, ObservedEntry)]
    assert observed.last_armed is not None
    assert observed.last_armed < life.now() - timedelta(hours=10)
    assert observed.first_gone >= life.now() - timedelta(minutes=1)
    said = life.repo.run("explain", FIRST).out
    assert "no longer exists: it went between" in " ".join(said.split())
    table = life.repo.run("ledger", "export", "--format", "csv").out
    assert '"last_armed","first_gone"' in table
    assert f'"{format_instant(observed.first_gone)}"' in table
    armed, gone = (f"{moment:%Y-%m-%d %H:%M}" for moment in (observed.last_armed, observed.first_gone))
    bounds = rf"between \w+ {armed}\S* UTC \(last seen armed\) and \w+ {gone}\S* UTC \(first seen gone\); window"
    assert re.search(bounds, papers(life))
    before = format_instant(life.now() - timedelta(hours=5))
    assert "first seen gone" in papers(life, "--to", before), "also when that was after the time that is asked about"


def papers(life: Life, *options: str) -> str:
    """An auditor's working papers as text."""
    assert life.repo.run("report", "--audit", "--out", "papers", *options).code == 0
    text = (life.repo.folder / "papers" / "audit.html").read_text()
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_tidy_takes_out_what_was_left_to_others_and_is_gone(life: Life) -> None:
    life.repo.decide(f"guid: {FIRST}\n    status: Pending", f"guid: {SECOND}\n    status: Pending")
    life.console("Approved")
    life.repo.sandbox.world.process()
    said = life.repo.run("tidy")
    assert f"{FIRST} closed elsewhere seen gone at" in said.out
    assert "1 entry settled, 1 entry left" in said.out
    left = (life.repo.folder / "tickets" / "web.yaml").read_text(encoding="utf-8")
    assert FIRST not in left
    assert SECOND in left
    (kept,) = (life.repo.folder / "history").rglob("*.yaml")
    assert f"# {FIRST} closed elsewhere seen gone at" in kept.read_text(encoding="utf-8")
    assert life.repo.run("validate").code == 0


# Freezes that come later.


def freeze(life: Life, *, opens: float, hours: float, extra: str = "") -> str:
    return (
        f"policy: {{freezes: [{{name: later, start: '{life.at(opens)}', stop: '{life.at(opens + hours)}'{extra}}}]}}\n"
    )


def test_an_armed_schedule_in_a_later_freeze_is_a_conflict_with_a_patch(life: Life) -> None:
    scheduled(life, hours=10)
    life.repo.configure(freeze(life, opens=5, hours=10))
    said = life.repo.run("plan")
    assert said.code == 5
    assert "conflict/freeze" in said.out
    assert "which is in freeze later" in said.out
    life.patch()
    assert life.reason() == "reopen/wanted"
    life.apply()
    assert life.reason() == "in-sync/same"
    assert life.repo.sandbox.world.tickets[FIRST].status == "Pending"


def test_a_freeze_of_other_objects_or_times_or_with_an_override_is_none(life: Life) -> None:
    start = scheduled(life, hours=10)
    life.repo.configure(freeze(life, opens=20, hours=10))
    assert life.reason() == "in-sync/same"
    life.repo.configure(freeze(life, opens=5, hours=10, extra=r", objects: ['\VED\Policy\Other\**']"))
    assert life.reason() == "in-sync/same"
    life.repo.configure(freeze(life, opens=5, hours=10))
    path = life.repo.folder / "tickets" / "web.yaml"
    path.write_text(
        f"{path.read_text(encoding='utf-8')}overrides:\n  - {{rule: freeze, tickets: [{FIRST}], reason: agreed, "
        f"until: {life.at(300)}}}\n",
        encoding="utf-8",
    )
    assert life.reason() == "in-sync/same"
    assert start


def test_freezes_may_recur_like_windows(life: Life) -> None:
    start = scheduled(life, hours=10)
    day = datetime.fromisoformat(start)
    rule = f"rule: 'FREQ=MONTHLY;BYMONTHDAY={day.day}', start: '00:00', duration: 24h, timezone: UTC"
    life.repo.configure(f"policy: {{freezes: [{{name: monthly, {rule}}}]}}\n")
    said = life.repo.run("plan")
    assert (said.code, "which is in freeze monthly" in " ".join(said.out.split())) == (5, True)
    life.wants("status: Approved After", f"schedule: {{start: {start.replace(start[:4], str(day.year + 1), 1)}}}")
    assert life.reason() == "refused/freeze"
    life.repo.configure("policy: {freezes: [{name: monthly, rule: FREQ=DAILY, start: '25:00', stop: x}]}\n")
    assert life.repo.run("plan").code == 1


def test_under_the_stop_every_armed_schedule_is_shown(life: Life) -> None:
    scheduled(life)
    life.repo.environ("RECONCILER_STOP", "1")
    said = life.repo.run("plan")
    assert said.code == 5
    assert "conflict/freeze" in said.out
    assert "end the stop" in said.out
    life.repo.environ("RECONCILER_STOP", "")
    assert life.reason() == "in-sync/same"


# Decided outside.


def attested(life: Life, status: str = "Approved", reason: str = "INC0012345", extra: str = "") -> None:
    life.wants(
        f"status: {status}",
        f'decided: {{by: "AD+CORP:jdoe", at: {life.at(-1)}, where: console, reason: {reason}}}',
        f"expect: {{object: '{OBJECT}'}}",
        *([extra] if extra else []),
    )


def test_what_was_approved_in_the_console_is_recorded_and_settled(life: Life) -> None:
    life.console("Approved")
    life.repo.sandbox.world.process()
    life.wants("status: Approved")
    assert life.reason() == "missing/ticket"
    attested(life)
    said = life.repo.run("plan")
    assert said.code == 0
    told = " ".join(said.out.split())
    assert "decided by AD+CORP:jdoe" in told
    assert "TPP answers for a GUID with a typing error just the same" in told
    life.apply()
    (entry,) = [entry for entry in life.entries() if isinstance(entry, AttestedEntry)]
    assert (entry.gone, entry.decided.by, entry.object) == (True, "AD+CORP:jdoe", OBJECT)
    life.apply()
    assert len([entry for entry in life.entries() if isinstance(entry, AttestedEntry)]) == 1
    by_hand = [
        entry for entry in life.entries() if isinstance(entry, AttentionEntry) and entry.reason == "manual/attested"
    ]
    assert [entry.state for entry in by_hand] == [Episode.BEGIN, Episode.END]
    assert by_hand[0].detail.startswith("by AD+CORP:jdoe at ")
    assert "manual/attested" in papers(life)
    assert life.repo.writes() == []
    assert "settled" in life.repo.run("plan", "--ignore-seals").out
    assert "attested: Approved was decided by AD+CORP:jdoe" in " ".join(life.repo.run("explain", FIRST).out.split())
    assert "1 entry settled" in life.repo.run("tidy").out
    assert life.repo.run("ledger", "verify").code == 0


def test_an_attestation_of_a_ticket_that_still_waits_is_a_conflict_and_sends_nothing(life: Life) -> None:
    attested(life)
    said = life.repo.run("plan")
    assert (said.code, "conflict/not-decided" in said.out) == (5, True)
    life.apply(code=5)
    assert life.repo.writes() == []
    life.patch()
    assert life.reason() == "approve/wanted"


def test_what_the_console_armed_is_recorded_and_settled_when_gone(life: Life) -> None:
    start = life.at(5)
    life.repo.sandbox.world.console(FIRST, Status("Approved After"), start=start)
    attested(life, "Approved After", extra=f"schedule: {{start: {start}}}")
    assert life.reason() == "in-sync/accepted"
    life.apply()
    (entry,) = [entry for entry in life.entries() if isinstance(entry, AttestedEntry)]
    assert not entry.gone
    assert life.reason() == "in-sync/same"
    life.repo.sandbox.world.advance(6 * HOUR)
    assert life.reason() == "settled/attested"
    life.apply()
    assert life.reason() == "settled/attested"


def test_ownership_judges_what_was_decided_outside_and_freezes_and_limits_do_not(life: Life) -> None:
    life.console("Approved")
    life.repo.sandbox.world.process()
    attested(life)
    life.repo.configure(
        freeze(life, opens=-5, hours=100).replace("policy: {", "policy: {limits: {changes: 0, approvals: 0}, ")
    )
    assert life.reason() == "settled/attested"
    life.repo.configure(r"policy: {owns: ['\VED\Policy\Payments\**']}" + "\n")
    assert life.reason() == "refused/ownership"
    life.apply(code=3)
    assert not [entry for entry in life.entries() if isinstance(entry, AttestedEntry)]


def test_two_tickets_of_which_one_is_stuck(life: Life) -> None:
    life.console("Rejected")
    life.repo.decide(f"guid: {FIRST}\n    status: Approved", f"guid: {SECOND}\n    status: Approved")
    assert life.repo.run("apply", "--yes").code == 5
    assert [write["GUID"].strip("{}") for write in life.repo.writes()] == [SECOND]  # type: ignore[attr-defined]


# Import of what is decided already.


def test_import_takes_what_is_decided_already_as_entries_that_change_nothing(life: Life) -> None:
    life.console("Approved After", hours=5)
    life.console("Rejected", guid=SECOND)
    said = life.repo.run("import")
    assert said.code == 0, said.err
    assert "2 tickets: decided or scheduled already, written as they are" in said.out
    assert "3 new tickets; 1 Pending" in said.out
    (path,) = (life.repo.folder / "tickets").rglob("*.yaml")
    text = path.read_text(encoding="utf-8")
    assert "Approved After already, last updated by local:svc-approver" in text
    assert life.repo.run("fmt", "--check").code == 0
    steps = {step["guid"]: step["reason"] for step in life.repo.plan_json()["steps"]}
    assert (steps[FIRST], steps[SECOND]) == ("in-sync/accepted", "in-sync/accepted")
    life.apply()
    assert life.repo.writes() == []
    life.console("Pending")
    life.repo.sandbox.world.console(FIRST, Status("Approved After"), start=life.at(9))
    assert step_of(life)["reason"] == "mismatch/status"


# Orphans.


def remove(life: Life) -> None:
    """Let git name another ticket alone."""
    life.repo.decide(f"guid: {SECOND}\n    status: Pending")


def step_of(life: Life, guid: str = FIRST) -> dict[str, object]:
    (found,) = [step for step in life.repo.plan_json()["steps"] if step["guid"] == guid] or [{}]
    return found


def test_a_schedule_that_no_manifest_names_any_more_is_shown_with_its_time(life: Life) -> None:
    start = scheduled(life)
    remove(life)
    said = life.repo.run("plan")
    assert said.code == 5
    assert "orphan/armed" in said.out
    told = " ".join(said.out.split())
    assert f"no manifest names it any more; TPP approves it at {start[:19]}" in told
    assert "merge status: Pending" in told
    life.apply(code=5)
    assert len(life.repo.writes()) == 1
    assert step_of(life)["reason"] == "orphan/armed"


def test_the_policy_takes_orphans_back(life: Life) -> None:
    scheduled(life)
    remove(life)
    life.repo.configure("policy: {orphans: take-back, require: [explanation, expect]}\n")
    assert step_of(life)["reason"] == "reopen/orphan"
    life.repo.run("plan", "--out", "plan.json")
    assert life.repo.run("apply", "plan.json", "--yes").code == 0
    assert [write["Status"] for write in life.repo.writes()] == ["Approved After", "Pending"]
    assert step_of(life) == {}


def test_an_entry_with_pending_takes_an_orphan_back(life: Life) -> None:
    scheduled(life)
    remove(life)
    life.wants("status: Pending")
    assert life.reason() == "reopen/wanted"


def test_an_orphan_that_the_console_moved_is_shown_and_never_taken_back(life: Life) -> None:
    scheduled(life)
    life.console("Approved After", hours=20)
    remove(life)
    life.repo.configure("policy: {orphans: take-back}\n")
    found = step_of(life)
    assert found["reason"] == "orphan/armed"
    assert "moved in the console" in str(found["detail"])


def test_what_is_still_named_or_no_longer_armed_is_no_orphan(life: Life) -> None:
    start = scheduled(life)
    folder = life.repo.folder / "tickets"
    (folder / "web.yaml").rename(folder / "renamed.yaml")
    assert step_of(life)["reason"] == "in-sync/same"
    (folder / "renamed.yaml").rename(life.repo.folder / "elsewhere.yaml")
    remove(life)
    assert step_of(life)["reason"] == "orphan/armed"
    life.repo.write("staging/web.yaml", (life.repo.folder / "elsewhere.yaml").read_text(encoding="utf-8"))
    life.repo.configure("environments: {staging: {tickets: [staging]}}\n")
    assert step_of(life) == {}
    life.repo.configure()
    life.console("Pending")
    assert step_of(life) == {}
    life.console("Rejected")
    assert step_of(life) == {}
    assert start


def test_a_plan_of_some_paths_knows_what_the_others_name(life: Life) -> None:
    scheduled(life)
    life.repo.decide(f"guid: {SECOND}\n    status: Pending", name="tickets/other.yaml")
    said = life.repo.run("plan", "tickets/other.yaml", "--format", "json")
    assert FIRST not in said.out


def test_an_orphan_that_is_gone_is_recorded_once_and_not_read_again(life: Life) -> None:
    scheduled(life, hours=1)
    remove(life)
    life.repo.sandbox.world.advance(2 * HOUR)
    found = step_of(life)
    assert (found["reason"], found["named"]) == ("settled/receipt", False)
    assert life.repo.run("tidy").code == 0
    life.apply()
    assert len([entry for entry in life.entries() if isinstance(entry, ObservedEntry)]) == 1
    before = len(life.repo.sandbox.log.calls("ticketDetails"))
    assert step_of(life) == {}
    read = life.repo.sandbox.log.calls("ticketDetails")[before:]
    assert all(FIRST not in str(call.json) for call in read)


def test_what_a_rule_armed_is_no_orphan_while_git_has_the_rule(life: Life) -> None:
    start = life.at(10)
    rule = (
        "version: 1\nkind: rules\nchange: CHG0041234\nrules:\n  - name: weekend\n    at_most: 5\n"
        f"    match: {{object: '{OBJECT}', created_before: {life.at(-0.001)}}}\n"
        f"    status: Approved After\n    schedule: {{start: {start}}}\n    explanation: weekend\n"
        f"    valid_until: {life.at(100)}\n"
    )
    life.repo.write("tickets/rules.yaml", rule)
    life.repo.decide(f"guid: {SECOND}\n    status: Pending", name="tickets/other.yaml")
    life.apply()
    assert len(life.repo.writes()) == 1
    life.repo.write("tickets/rules.yaml", rule.replace("Web\\www.example.com'", "Web\\other.example.com'"))
    assert step_of(life) == {}
    (life.repo.folder / "tickets" / "rules.yaml").unlink()
    assert step_of(life)["reason"] == "orphan/armed"
