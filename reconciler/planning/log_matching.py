"""The platform's own log held against the ledger: which decisions were ours, and which were made outside."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from reconciler.model.evidence import LogEvent, Matched, Reconciliation
from reconciler.model.receipt import Outcome, Receipt, tagged_operations
from reconciler.model.record import OPEN, Intent, Record
from reconciler.model.ticket import dn_key

NEAR = timedelta(minutes=5)
"""An event without our tag is ours when it is about an object that we decided no longer before or after than this."""
_DECIDES = re.compile(r"(?=.*(?:workflow|ticket|approval))(?=.*(?:approved|rejected))", re.IGNORECASE | re.DOTALL)
"""Names of events that tell of a decision on a ticket, such as `Workflow Ticket Approved`."""
_PERSON = re.compile(r"(?:local|[A-Za-z][\w-]*\+[^:\s]+):\S.*")
"""An identity as the platform writes it: `local:admin`, `AD+CORP:jdoe`."""
_MAY_HAVE = frozenset({Outcome.APPLIED.value, Outcome.AWAITING_OTHERS.value, Outcome.UNKNOWN.value, OPEN})
_TOOK_EFFECT = frozenset({Outcome.APPLIED.value, Outcome.AWAITING_OTHERS.value})


def reconcile(events: Sequence[LogEvent], records: Iterable[Record]) -> Reconciliation:
    """Match every decision in the log with the ledger: by our tag, else by the object within five minutes."""
    records = [record for record in records if isinstance(record.entry, Receipt | Intent)]
    ours = {_operation(record): record for record in records if _operation(record)}
    times = _times(record for record in records if record.outcome in _MAY_HAVE)
    decided = [event for event in events if _DECIDES.search(event.name)]
    matched: list[Matched] = []
    outside: list[LogEvent] = []
    for event in decided:
        tags = [tag for tag in tagged_operations(*event.texts) if tag in ours]
        if tags:
            matched.append(Matched(event, ours[tags[0]], "tag"))
        elif (record := _near(event, times)) is not None:
            matched.append(Matched(event, record, "object and time"))
        else:
            outside.append(event)
    seen = {_operation(each.record) for each in matched}
    first = decided[0].at - NEAR if decided else None
    last = decided[-1].at + NEAR if decided else None
    absent = [
        record
        for record in records
        if first is not None
        and last is not None
        and record.outcome in _TOOK_EFFECT
        and first <= record.at <= last
        and _operation(record) not in seen
    ]
    return Reconciliation(len(events), len(decided), tuple(matched), tuple(outside), tuple(absent))


def who(event: LogEvent) -> str:
    """Name who an event says did it; empty when it does not tell."""
    return event.by or next((text for text in event.texts if _PERSON.fullmatch(text)), "")


def _operation(record: Record) -> str | None:
    return record.entry.operation if isinstance(record.entry, Receipt | Intent) else None


_Times = Mapping[str, tuple[list[datetime], list[Record]]]


def _times(records: Iterable[Record]) -> _Times:
    """Return for each object when we decided on it: sent, known, and the start of a window that we set."""
    found: dict[str, list[tuple[datetime, int, Record]]] = defaultdict(list)
    for number, record in enumerate(records):
        schedule = record.after.schedule if record.after else None
        moments = {record.at, *([record.intent.at] if record.intent else []), *([schedule.start] if schedule else [])}
        for moment in moments:
            found[dn_key(record.object)].append((moment, number, record))
    return {
        name: ([moment for moment, _, _ in listed], [record for _, _, record in listed])
        for name, entries in found.items()
        if name
        for listed in [sorted(entries)]
    }


def _near(event: LogEvent, times: _Times) -> Record | None:
    for name in (event.object, *event.texts):
        moments, records = times.get(dn_key(name), ([], []))
        near = range(bisect_left(moments, event.at - NEAR), bisect_right(moments, event.at + NEAR))
        if near:
            return records[min(near, key=lambda place: abs(moments[place] - event.at))]
    return None
