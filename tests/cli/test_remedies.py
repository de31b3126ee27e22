"""No remedy leads back to the verdict that it is for: each is applied, and the plan made again."""

from collections.abc import Callable

import pytest

from reconciler.model.status import Status
from reconciler.model.verdict import Group, Reason
from tests.cli.repo import FIRST, SECOND
from tests.cli.test_life_of_a_decision import OBJECT, Life, attested, freeze, remove, scheduled
from tests.cli.test_life_of_a_decision import life as life  # the fixture

Trouble = Callable[[Life], None]
Remedy = Callable[[Life], None]

WORKFLOW = r"\VED\Policy\Workflows\Stage 0"


def console(life: Life) -> None:
    life.wants("status: Approved")
    life.console("Rejected")


def reopened(life: Life) -> None:
    scheduled(life)
    life.console("Pending")


def too_late(life: Life) -> None:
    scheduled(life, hours=1)
    life.repo.sandbox.world.advance(2 * 3600)
    life.wants("status: Rejected")


def gone_early(life: Life) -> None:
    scheduled(life, hours=10)
    life.console("Approved")
    life.repo.sandbox.world.delete(FIRST)


def frozen(life: Life) -> None:
    scheduled(life, hours=10)
    life.repo.configure(freeze(life, opens=5, hours=10))


def not_decided(life: Life) -> None:
    attested(life)


def orphaned(life: Life) -> None:
    scheduled(life)
    remove(life)


def other_object(life: Life) -> None:
    life.wants("status: Approved", r"expect: {object: '\VED\Policy\Web\typo'}")


def other_workflow(life: Life) -> None:
    life.wants("status: Approved", r"expect: {workflow: '\VED\Policy\Workflows\Stage 9'}")


def other_status(life: Life) -> None:
    life.wants("status: Approved", "expect: {status: Pending}")
    life.console("Rejected")


def missing(life: Life) -> None:
    life.wants("status: Approved")
    life.repo.sandbox.world.delete(FIRST)


def window_over(life: Life) -> None:
    times = f"schedule: {{start: {life.at(1)}, stop: {life.at(2)}}}"
    life.wants("status: Approved Between", times)
    life.repo.sandbox.world.advance(3 * 3600)


def window_missed(life: Life) -> None:
    life.wants("status: Approved Between", f"schedule: {{start: {life.at(1)}, stop: {life.at(2)}}}")
    life.apply()
    life.repo.sandbox.world.pause()
    life.repo.sandbox.world.advance(3 * 3600)


def late(life: Life) -> None:
    life.wants("status: Approved", f"valid_until: {life.at(1)}")
    life.repo.sandbox.world.advance(2 * 3600)


def patch(life: Life) -> None:
    life.patch()


def insist_on_a_rejected_one(life: Life) -> None:
    life.wants("status: Approved", "expect: {status: Rejected}")


def insist_on_a_reset_one(life: Life) -> None:
    life.wants("status: Approved", "expect: {status: Pending}")


def say_that_it_was_decided(life: Life) -> None:
    attested(life)


def take_the_entry_out(life: Life) -> None:
    remove(life)


def pending(life: Life) -> None:
    life.wants("status: Pending")


def decide_in_the_console(life: Life) -> None:
    life.console("Approved")
    life.repo.sandbox.world.process()


def take_back(life: Life) -> None:
    life.repo.configure("policy: {orphans: take-back}\n")


def an_override(life: Life) -> None:
    path = life.repo.folder / "tickets" / "web.yaml"
    path.write_text(
        f"{path.read_text(encoding='utf-8')}overrides:\n  - {{rule: freeze, tickets: [{FIRST}], reason: agreed, "
        f"until: {life.at(300)}}}\n",
        encoding="utf-8",
    )


def correct_the_expectation(life: Life) -> None:
    life.wants("status: Approved", f"expect: {{object: '{OBJECT}', workflow: '{WORKFLOW}'}}")


def a_later_valid_until(life: Life) -> None:
    life.wants("status: Approved", f"valid_until: {life.at(5)}")


def under(policy: str, *members: str) -> Trouble:
    """The policy of a repository whose entry does not keep to it."""

    def trouble(life: Life) -> None:
        life.repo.configure(f"policy: {policy}\n")
        life.wants("status: Approved", *members)

    return trouble


def without_policy(life: Life) -> None:
    life.repo.configure("policy: {limits: {changes: 10}}\n")


def with_a_change(life: Life) -> None:
    life.wants("status: Approved", "change: CHG0041234")


def move_out_of_the_freeze(life: Life) -> None:
    life.wants("status: Approved After", f"schedule: {{start: {life.at(48)}}}")


def approve_in_a_freeze(life: Life) -> None:
    life.repo.configure(freeze(life, opens=-1, hours=10))
    life.wants("status: Approved")


def reject_too_many(life: Life) -> None:
    life.repo.configure("policy: {limits: {rejections: 0}}\n")
    life.wants("status: Rejected")


def stopped(life: Life) -> None:
    (life.repo.folder / "STOP").write_text("an incident\n", encoding="utf-8")
    life.repo.configure("stop_file: STOP\n")
    life.wants("status: Approved")


def end_the_stop(life: Life) -> None:
    (life.repo.folder / "STOP").unlink()


REMEDIES: list[tuple[Reason, Trouble, Remedy]] = [
    (Reason.REFUSED_REQUIRED, under("{require: [expect]}"), correct_the_expectation),
    (Reason.REFUSED_CHANGE_PATTERN, under("{change_pattern: '^CHG'}", "change: none"), with_a_change),
    (Reason.REFUSED_OWNERSHIP, under(r"{owns: ['\VED\Policy\Other\**']}"), take_the_entry_out),
    (Reason.REFUSED_FREEZE, approve_in_a_freeze, move_out_of_the_freeze),
    (Reason.REFUSED_FREEZE, approve_in_a_freeze, an_override),
    (Reason.REFUSED_CHANGES, under("{limits: {changes: 0}}"), without_policy),
    (Reason.REFUSED_APPROVALS, under("{limits: {approvals: 0}}"), without_policy),
    (Reason.REFUSED_REJECTIONS, reject_too_many, without_policy),
    (Reason.REFUSED_PERCENT, under("{limits: {percent: 10}}"), without_policy),
    (Reason.REFUSED_STOP, stopped, end_the_stop),
    (Reason.CONFLICT_CONSOLE, console, patch),
    (Reason.CONFLICT_CONSOLE, console, insist_on_a_rejected_one),
    (Reason.CONFLICT_REOPENED, reopened, patch),
    (Reason.CONFLICT_REOPENED, reopened, insist_on_a_reset_one),
    (Reason.CONFLICT_TOO_LATE, too_late, patch),
    (Reason.CONFLICT_TOO_LATE, too_late, take_the_entry_out),
    (Reason.CONFLICT_GONE_EARLY, gone_early, say_that_it_was_decided),
    (Reason.CONFLICT_GONE_EARLY, gone_early, take_the_entry_out),
    (Reason.CONFLICT_FREEZE, frozen, patch),
    (Reason.CONFLICT_FREEZE, frozen, pending),
    (Reason.CONFLICT_FREEZE, frozen, an_override),
    (Reason.CONFLICT_NOT_DECIDED, not_decided, patch),
    (Reason.CONFLICT_NOT_DECIDED, not_decided, decide_in_the_console),
    (Reason.ORPHAN_ARMED, orphaned, pending),
    (Reason.ORPHAN_ARMED, orphaned, take_back),
    (Reason.MISMATCH_OBJECT, other_object, correct_the_expectation),
    (Reason.MISMATCH_WORKFLOW, other_workflow, correct_the_expectation),
    (Reason.MISMATCH_STATUS, other_status, patch),
    (Reason.MISMATCH_STATUS, other_status, insist_on_a_rejected_one),
    (Reason.MISSING_TICKET, missing, say_that_it_was_decided),
    (Reason.MISSING_TICKET, missing, take_the_entry_out),
    (Reason.EXPIRED_WINDOW, window_over, patch),
    (Reason.EXPIRED_VALID_UNTIL, late, a_later_valid_until),
    (Reason.MISSED_WINDOW, window_missed, patch),
]
TRIED_ELSEWHERE = {
    Reason.CONFLICT_COUNTED: "tests/cli/test_whole_life.py and the catalogue: `Approved` again, or `Rejected`",
    Reason.CONFLICT_SCHEDULE_UNKNOWN: "the catalogue: the state without times under `expect`",
    Reason.CONFLICT_OPEN_INTENT: "the catalogue: died, rejected since, seen",
    Reason.CONFLICT_UNKNOWN_STATUS: "a newer release of the reconciler",
    Reason.CONFLICT_RESTORED: "the catalogue: restored, and seen",
    Reason.CONFLICT_UNKNOWN_OPERATION: "tests/cli/test_adopt.py",
    Reason.UNCLEAR_LOST_ANSWER: "tests/wire: time",
    Reason.MISMATCH_CERTIFICATE: "tests/cli/test_certificates.py",
    Reason.INVISIBLE_DENIED: "the server's permissions",
    Reason.ERROR_UNREADABLE: "the server",
    Reason.ERROR_UNAVAILABLE: "the server",
    Reason.REFUSED_SUPERSEDED: "tests/workflows/test_apply.py: the newest commit is the one that is applied",
    Reason.REFUSED_EMERGENCY: "tests/cli/test_emergency.py",
    Reason.REFUSED_FOUR_EYES: "tests/workflows: a review",
    Reason.REFUSED_NOT_REVIEWED: "tests/workflows/test_reviewed_plan.py: a review of the plan as it is now",
    Reason.REFUSED_AT_MOST: "tests/planning: a wider bound, or a narrower rule",
    Reason.REFUSED_IDENTITY: "tests/planning: a token of one of the approvers",
    Reason.REFUSED_CONTEXT: "tests/cli/test_certificates.py",
    Reason.REFUSED_CHANGE_RECORD: "tests/cli/test_change_records.py",
}


def reasons(life: Life) -> dict[str, str]:
    return {step["guid"]: step["reason"] for step in life.repo.plan_json()["steps"]}


@pytest.mark.parametrize(
    ("reason", "trouble", "remedy"), REMEDIES, ids=lambda value: str(getattr(value, "__name__", value))
)
def test_a_remedy_leads_out_of_its_trouble(life: Life, reason: Reason, trouble: Trouble, remedy: Remedy) -> None:
    trouble(life)
    assert reasons(life)[FIRST] == reason
    remedy(life)
    after = reasons(life).get(FIRST)
    assert after != reason
    assert after is None or Reason(after).verdict.group is not Group.ATTENTION, after


def test_every_reason_that_asks_for_attention_has_its_remedy_tried() -> None:
    asking = {each for each in Reason if each.verdict.group is Group.ATTENTION}
    assert asking == {reason for reason, *_ in REMEDIES} | set(TRIED_ELSEWHERE)


def test_the_console_is_a_way_out_under_the_stop(life: Life) -> None:
    scheduled(life)
    life.repo.environ("RECONCILER_STOP", "1")
    assert reasons(life)[FIRST] == Reason.CONFLICT_FREEZE
    life.repo.sandbox.world.console(FIRST, Status("Pending"))
    assert reasons(life)[FIRST] != Reason.CONFLICT_FREEZE
    assert SECOND not in reasons(life)
