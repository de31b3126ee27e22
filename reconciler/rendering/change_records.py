"""A change record in words: what the guard saw of it, for every view. Nothing here is neutral yet."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import tzinfo

from reconciler.model.change_record import ChangeNote, ChangeOutcome, SeenChange
from reconciler.model.plan import Plan
from reconciler.model.receipt import Outcome, Receipt, Run
from reconciler.model.record import Intent
from reconciler.model.status import Schedule
from reconciler.rendering import times
from reconciler.rendering.escape import visible
from reconciler.rendering.summary import by_urgency, name_of_receipt


def state_of(record: SeenChange) -> str:
    """Return state, approval and type, or why they are not known: `scheduled, approved, normal`."""
    if record.unchecked:
        return f"could not be checked: {record.unchecked}"
    return ", ".join(part for part in (record.state, record.approval, record.type) if part) or "in no state"


def window_of(record: SeenChange, zone: tzinfo | None = None) -> str:
    """Return when the change is planned; empty when the record could not be looked up."""
    if record.unchecked:
        return ""
    planned = planned_window(record)
    return f"planned {times.local_first_window(planned, zone)}" if planned else "not planned"


def planned_window(record: SeenChange) -> Schedule | None:
    """Return the planned window, None without a start."""
    return Schedule(record.start, record.stop) if record.start is not None else None


def facts_of(record: SeenChange, zone: tzinfo | None = None) -> str:
    """Return state and window: `scheduled, approved; planned Sat 2026-11-28 22:00 to Sun 02:00 UTC`."""
    return "; ".join(part for part in (state_of(record), window_of(record, zone)) if part)


def summary(record: SeenChange, zone: tzinfo | None = None) -> str:
    """Say it all in one line: `Web tier (scheduled, approved; planned …)`."""
    facts = facts_of(record, zone)
    return f"{record.title} ({facts})" if record.title else facts


def notes_of(plan: Plan, run: Run, head: str) -> tuple[ChangeNote, ...]:
    """Return the note about a run for each change that its tickets name, with at most _MOST of them in its text."""
    changes = {step.guid: step.change for step in plan.steps}
    receipts: dict[str, list[Receipt]] = defaultdict(list)
    for receipt in by_urgency(run.receipts):
        if change := changes.get(receipt.guid):
            receipts[change].append(receipt)
    return tuple(_note(change, run, head, found) for change, found in sorted(receipts.items()))


def _note(change: str, run: Run, head: str, receipts: Sequence[Receipt]) -> ChangeNote:
    counts = Counter(receipt.outcome for receipt in receipts)
    totals = ", ".join(f"{counts[outcome]:,} {outcome.value}" for outcome in Outcome if counts[outcome])
    lines = [f"TPP approval tickets, run {run.run} on {run.target}: {totals}"]
    lines += [_outcome_line(receipt) for receipt in receipts[:_MOST]]
    lines += [f"and {len(receipts) - _MOST:,} more"] if len(receipts) > _MOST else []
    lines.append(f"Ledger head {head}")
    outcomes = (ChangeOutcome(each.guid, each.object, each.outcome.value, each.detail) for each in receipts)
    return ChangeNote(change, run.run, "\n".join(map(_harmless, lines)), head, tuple(outcomes))


def _outcome_line(receipt: Receipt) -> str:
    detail = f" ({receipt.detail})" if receipt.detail and receipt.outcome is not Outcome.APPLIED else ""
    return f"{name_of_receipt(receipt)}, ticket {receipt.guid}: {receipt.outcome.value}{detail}"


def _harmless(line: str) -> str:
    """Return a line that neither ServiceNow ([code]) nor Jira ([~name], {color}) takes for more than text."""
    return visible(line, 400).translate(_MARKUP)


_MOST = 50
_MARKUP = str.maketrans("[]{}|", "()()/")


def seen_before(intent: Intent) -> str:
    """Return what the guard saw of the record before an update was sent; empty when no record was asked for."""
    record = intent.change_record
    return f"{record.id} was {summary(record)}, seen {times.utc(record.seen_at)}" if record else ""
