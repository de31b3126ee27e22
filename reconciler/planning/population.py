"""How much a ledger has of a time: runs, decisions with their outcomes, and exceptions, so that the counts foot."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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
    history: Callable[[Iterable[Line]], Iterable[Record]],
    since: datetime | None,
    until: datetime | None,
    head: str,
    heads: tuple[Head, ...],
) -> Population:
    """Count what happened from `since` on and before `until`, of a ledger whose state is `head`.

    `lines` are gone through once, and need not be in memory; `history` makes records of them.
    """
    last: dict[tuple[str, str], str] = {}
    excepted: dict[tuple[str, str], str] = {}
    overridden: set[tuple[str, str]] = set()
    inside = Counter[type]()
    closings = 0
    for record in history(_counted(lines, since, until, inside)):
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
    return Population(
        runs=inside[Opened],
        decisions=len(last) + len(alone),
        outcomes=dict(sorted(Counter(last.values()).items())),
        exceptions=dict(sorted(Counter(alone.values()).items())),
        overridden=len(overridden),
        closings=closings,
        lines=inside.total(),
        head=head,
        heads=heads,
    )


def _counted(
    lines: Iterable[Line], since: datetime | None, until: datetime | None, inside: Counter[type]
) -> Iterator[Line]:
    """Yield the lines as they are, and count those of the time by what they say."""
    for line in lines:
        if _within(line.entry.at, since, until):
            inside[type(line.entry)] += 1
        yield line


def _within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)
