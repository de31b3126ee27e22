"""What the ledger tells about time: decisions by week, how long tickets waited, missed windows, tickets that moved."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil

from reconciler.model.plan import Plan
from reconciler.model.receipt import TOOK_EFFECT, Outcome, Receipt
from reconciler.model.record import AttentionEntry, Intent, Line, guid_of
from reconciler.model.status import Schedule, Status
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Verdict

WEEKS = 53
"""The most weeks that are kept: one year, and the week it began in."""
_VERDICTS: Mapping[str, Verdict] = {
    Status.APPROVED: Verdict.APPROVE,
    Status.REJECTED: Verdict.REJECT,
    Status.PENDING: Verdict.REOPEN,
    Status.APPROVED_AFTER: Verdict.SCHEDULE,
    Status.APPROVED_BETWEEN: Verdict.SCHEDULE,
}


@dataclass(slots=True)
class Week:
    """One week (from Monday, UTC): decisions by verdict, hours since creation, missed windows, stale tickets."""

    start: datetime
    decided: Counter[Verdict] = field(default_factory=Counter)
    waited: list[float] = field(default_factory=list)
    missed: int = 0
    stale: int = 0


def weeks(lines: Iterable[Line]) -> list[Week]:
    """Return the weeks from the first to the last receipt, empty ones included, at most WEEKS."""
    found: dict[datetime, Week] = {}
    asked: dict[str, Intent] = {}
    windows: dict[Guid, Schedule] = {}
    for line in by_time(lines):
        match line.entry:
            case Intent() as intent:
                asked[intent.operation] = intent
            case Receipt() as receipt:
                week = found.setdefault(_monday(receipt.at), Week(_monday(receipt.at)))
                _count(week, receipt, asked.get(receipt.operation or ""), windows)
            case _:
                pass
    return _filled(found)


def _count(week: Week, receipt: Receipt, intent: Intent | None, windows: dict[Guid, Schedule]) -> None:
    if receipt.outcome is Outcome.STALE:
        week.stale += 1
    if receipt.outcome not in TOOK_EFFECT:
        return
    week.decided[verdict_of(receipt)] += 1
    if intent is not None and intent.created is not None and intent.before.status == Status.PENDING:
        week.waited.append(max((receipt.at - intent.created).total_seconds(), 0) / 3_600)
    earlier = windows.pop(receipt.guid, None)
    if earlier is not None and earlier.stop is not None and earlier.stop < receipt.at:
        week.missed += 1
    if receipt.after.schedule is not None:
        windows[receipt.guid] = receipt.after.schedule


def verdict_of(receipt: Receipt) -> Verdict:
    """The verdict behind a receipt, taken from the wanted status where older lines do not name it."""
    return receipt.verdict or _VERDICTS.get(receipt.after.status, Verdict.APPROVE)


def _filled(found: Mapping[datetime, Week]) -> list[Week]:
    if not found:
        return []
    last = max(found)
    first = max(min(found), last - timedelta(weeks=WEEKS - 1))
    count = (last - first) // timedelta(weeks=1) + 1
    starts = (first + timedelta(weeks=number) for number in range(count))
    return [found.get(start) or Week(start) for start in starts]


def _monday(moment: datetime) -> datetime:
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed. Raises ValueError for none."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(ceil(share * len(values)) - 1, 0)]


def by_time(lines: Iterable[Line]) -> list[Line]:
    """Lines in the order in which things happened; lines of one instant in the order of their file."""
    return sorted(lines, key=lambda line: (line.entry.at, line.source))


def stories(lines: Iterable[Line]) -> dict[Guid, list[Line]]:
    """The lines of each ticket, in the order in which things happened."""
    found: dict[Guid, list[Line]] = {}
    for line in by_time(lines):
        guid = guid_of(line.entry)
        if guid is not None:
            found.setdefault(guid, []).append(line)
    return found


def since(plan: Plan, lines: Iterable[Line]) -> dict[Guid, Line]:
    """The last line about each ticket that was written after a plan was made.

    The heads that the plan names tell; a plan that names none is judged by its time.
    """
    heads = {head.path: head.lines for head in plan.ledger_heads}
    found: dict[Guid, Line] = {}
    for line in lines:
        guid, entry = guid_of(line.entry), line.entry
        later = line.source.line > heads.get(line.source.path, 0) if heads else entry.at > plan.made_at
        if later and guid is not None and not isinstance(entry, Intent | AttentionEntry):
            found[guid] = line
    return found
