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


REMEDIES: list[tuple[Reason, Trouble, Remedy]] = [
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
    asking = {
        each for each in Reason if each.verdict.group is Group.ATTENTION and not each.value.startswith("refused/")
    }
    assert asking == {reason for reason, *_ in REMEDIES} | set(TRIED_ELSEWHERE)


def test_the_console_is_a_way_out_under_the_stop(life: Life) -> None:
    scheduled(life)
    life.repo.environ("RECONCILER_STOP", "1")
    assert reasons(life)[FIRST] == Reason.CONFLICT_FREEZE
    life.repo.sandbox.world.console(FIRST, Status("Pending"))
    assert reasons(life)[FIRST] != Reason.CONFLICT_FREEZE
    assert SECOND not in reasons(life)
