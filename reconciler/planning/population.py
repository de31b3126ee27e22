"""How much a ledger has of a time: runs, decisions with their outcomes, and exceptions, so that the counts foot."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from reconciler.model.evidence import Population
from reconciler.model.record import (
    CLOSED,
    SUPERSEDED,
    AttentionEntry,
    Episode,
    Head,
    Line,
    Opened,
    Record,
)


def population(
    lines: Iterable[Line],
    records: Iterable[Record],
    since: datetime | None,
    until: datetime | None,
    head: str,
    heads: tuple[Head, ...],
) -> Population:
    """Count what happened from `since` on and before `until`, of a ledger whose state is `head`."""
    last: dict[tuple[str, str], str] = {}
    excepted: dict[tuple[str, str], str] = {}
    overridden: set[tuple[str, str]] = set()
    closings = 0
    for record in records:
        if not _within(record.at, since, until):
            continue
        key = record.guid, record.digest
        if record.outcome == CLOSED:
            closings += 1
        elif isinstance(record.entry, AttentionEntry):
            if record.entry.state is Episode.BEGIN and record.guid:
                excepted.setdefault(key, record.reason)
        elif record.outcome != SUPERSEDED:
            last[key] = record.outcome
            if record.overrides:
                overridden.add(key)
    alone = {key: reason for key, reason in excepted.items() if key not in last}
    inside = [line for line in lines if _within(line.entry.at, since, until)]
    return Population(
        runs=sum(isinstance(line.entry, Opened) for line in inside),
        decisions=len(last) + len(alone),
        outcomes=dict(sorted(Counter(last.values()).items())),
        exceptions=dict(sorted(Counter(alone.values()).items())),
        overridden=len(overridden),
        closings=closings,
        lines=len(inside),
        head=head,
        heads=heads,
    )


def _within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)
