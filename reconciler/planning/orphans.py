"""Schedules of ours that are still armed and that no manifest names any more. Pure."""

from datetime import datetime, timedelta

from reconciler.model.decision import NOWHERE, Decision, Selection
from reconciler.model.plan import EntryEdit, Step
from reconciler.model.record import LastWrite, TicketHistory
from reconciler.model.status import Schedule, Status, format_instant, pending
from reconciler.model.ticket import Gone, Guid, Reading
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.facts import PATIENCE, gather, is_early, is_window_over
from reconciler.planning.judge import judge

_ARMED = frozenset({Reason.REOPEN_WANTED, Reason.CONFLICT_CONSOLE, Reason.CONFLICT_COUNTED})
_SHOWN_AS_THEY_ARE = frozenset(
    {
        Reason.ERROR_UNREADABLE,
        Reason.ERROR_UNAVAILABLE,
        Reason.INVISIBLE_DENIED,
        Reason.UNCLEAR_LOST_ANSWER,
        Reason.CONFLICT_UNKNOWN_OPERATION,
    }
)
_WHY = "no manifest names it any more"


def may_be_armed(history: TicketHistory, now: datetime) -> bool:
    """Whether a ticket may still be scheduled as the ledger has it."""
    wanted = history.open.intent.after if history.open is not None else None
    last = history.last.after if history.last is not None and not history.last.gone else None
    states = [state for state in (wanted, last) if state is not None]
    return any(state.schedule is not None and not is_window_over(state, now) for state in states)


def is_of_a_rule(history: TicketHistory, rules: tuple[Selection, ...]) -> bool:
    """Whether one of these rules decided the ticket last. Earlier releases did not write its name, but its file."""
    decided = history.open.intent if history.open is not None else history.last
    if decided is None:
        return False
    if decided.rule is not None:
        return any(rule.name == decided.rule for rule in rules)
    return any(rule.source.path == decided.source.path for rule in rules)


def judge_orphan(
    guid: Guid,
    reading: Reading,
    history: TicketHistory,
    now: datetime,
    *,
    take_back: bool,
    patience: timedelta = PATIENCE,
) -> Step | None:
    """Return the step of a ticket that the ledger has as scheduled and no manifest names; None when all is well.

    What the console moved, or decided, is shown and never taken back.
    """
    known = history.last or (history.open.intent if history.open is not None else None)
    source, change = (known.source, known.change) if known is not None else (NOWHERE, None)
    decision = Decision(guid, pending(), source, explanation=_WHY, change=change)
    last = gather(decision, reading, history, now).last
    step = replace(judge(decision, reading, history, now, patience), named=False)
    if isinstance(reading, Gone):
        early = last is not None and is_early(last, now)
        return replace(
            step, reason=Reason.ELSEWHERE_CLOSED if early else Reason.SETTLED_RECEIPT, detail=_WHY, edit=None
        )
    if step.reason in _SHOWN_AS_THEY_ARE:
        return replace(step, detail=f"{_WHY}; {step.detail}" if step.detail else _WHY)
    if last is None or (armed := _armed(step, last, now)) is None:
        return None
    ours = step.reason is Reason.REOPEN_WANTED and not last.attested
    if ours and take_back:
        return replace(step, reason=Reason.REOPEN_ORPHAN)
    return replace(
        step,
        reason=Reason.ORPHAN_ARMED,
        detail=f"{_WHY}; {_when(armed)}{_by(step, last)}",
        edit=EntryEdit(wanted=pending(), seen=None if ours else step.before),
    )


def _armed(step: Step, last: LastWrite, now: datetime) -> Schedule | None:
    """Return the schedule that will take effect, None when none will."""
    if step.reason not in _ARMED or step.before is None or step.before.status == Status.REJECTED:
        return None
    armed = last.after if step.before.schedule is None else step.before
    return None if is_window_over(armed, now) else armed.schedule


def _when(armed: Schedule) -> str:
    start = f"TPP approves it at {format_instant(armed.start)}"
    return f"{start}, until {format_instant(armed.stop)}" if armed.stop is not None else start


def _by(step: Step, last: LastWrite) -> str:
    if step.reason is Reason.CONFLICT_CONSOLE:
        return "; it was moved in the console"
    if step.reason is Reason.CONFLICT_COUNTED:
        return " once the others have approved it too"
    return f"; {'recorded' if last.attested else 'scheduled'} by run {last.run}"
