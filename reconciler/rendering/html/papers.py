"""Pages for auditors to print, without scripts: an auditor's working papers, and the summary of an audit pack."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.evidence import PolicyChange, Population
from reconciler.model.receipt import TOOK_EFFECT, Outcome, Receipt
from reconciler.model.record import RECORD_OUTCOMES, AttentionEntry, Audit, ClosedEntry, ObservedEntry, Record
from reconciler.rendering import times
from reconciler.rendering.html.page import pieces, policy, render, style

_SHEETS = ("base.css",)
SAMPLE = 25
"""Decisions in the sample, spread evenly over the time."""
NOT_KNOWN = "not known"
_TONES = {"applied": "good", "awaiting-others": "time", "stale": "care", "not-attempted": "calm", "closed": "calm"}


@dataclass(frozen=True, slots=True)
class Duties:
    """What one person did: how many decisions they wrote, reviewed, both of the same, and wrote with no reviewer."""

    name: str
    authored: int
    reviewed: int
    own: int
    alone: int


def papers_page(
    asked: str,
    population: Population,
    records: Sequence[Record],
    later: Iterable[Record],
    changes: Sequence[PolicyChange],
    integrity: str,
) -> str:
    """Return the working papers as a whole document.

    `later` are the records of the whole ledger: a schedule may take effect after the time that is asked about.
    """
    decided = [record for record in records if isinstance(record.entry, Receipt)]
    return render(
        "papers.html",
        asked=asked[:1].upper() + asked[1:],
        population=population,
        sample=spread(decided, SAMPLE),
        gone={(record.guid, record.digest): record.entry for record in later if _is_end(record.entry)},
        people=segregation(decided),
        exceptions=[record for record in records if isinstance(record.entry, AttentionEntry)],
        changes=changes,
        integrity=integrity,
        effect_words=effect_words,
        policy=policy(_SHEETS, ()),
        style=style(*_SHEETS),
    )


def _is_end(entry: object) -> bool:
    return isinstance(entry, ClosedEntry | ObservedEntry)


def effect_words(record: Record, gone: ClosedEntry | ObservedEntry | None) -> str:
    """Return between which times a decision took effect.

    What is sent takes effect between intent and receipt; a schedule between the times at which the ticket was last
    seen armed and first seen gone, or not as far as the ledger knows.
    """
    if record.outcome not in TOOK_EFFECT:
        return "no effect is known"
    schedule = record.after.schedule if record.after else None
    first_gone = gone.first_gone if isinstance(gone, ObservedEntry) else gone.at if gone else None
    if schedule is None:
        sent = _between(record.intent.at if record.intent else None, "sent", record.at, "proven")
        late = record.outcome == Outcome.AWAITING_OTHERS and first_gone is not None
        return f"{sent}; others decided by {times.utc(first_gone)}" if late and first_gone else sent
    window = f"window {times.window(schedule)}"
    if first_gone is None:
        return f"not seen so far; {window}"
    if first_gone < schedule.start:
        return f"gone before its time, by {times.utc(first_gone)}; {window}"
    armed = gone.last_armed if isinstance(gone, ObservedEntry) else None
    return f"{_between(armed or record.at, 'last seen armed', first_gone, 'first seen gone')}; {window}"


def _between(first: datetime | None, is_first: str, last: datetime, is_last: str) -> str:
    begins = f"between {times.utc(first)} ({is_first}) and " if first else "by "
    return f"{begins}{times.utc(last)} ({is_last})"


def spread(records: Sequence[Record], number: int) -> list[Record]:
    """Return at most so many records, evenly spread, the same for the same ledger."""
    if len(records) <= number:
        return list(records)
    return [records[place * len(records) // number] for place in range(number)]


def segregation(decided: Iterable[Record]) -> list[Duties]:
    """Return what each person did, whoever wrote and reviewed the same first."""
    authored, reviewed, own, alone = (Counter[str]() for _ in range(4))
    for record in decided:
        review = record.review
        author = review.author if review else NOT_KNOWN
        authored[author] += 1
        reviewed.update(review.reviewers if review else ())
        own[author] += bool(review and author in review.reviewers)
        alone[author] += not (review and set(review.reviewers) - {author})
    names = sorted(authored | reviewed, key=lambda name: (-own[name], -alone[name], name))
    return [Duties(name, authored[name], reviewed[name], own[name], alone[name]) for name in names]


def audit_page(audit: Audit) -> Iterator[str]:
    """Yield the summary, a whole document, piece by piece."""
    counts = audit.outcomes
    return pieces(
        "audit.html",
        audit=audit,
        told=", ".join(f"{counts[outcome]:,} {outcome}" for outcome in RECORD_OUTCOMES if outcome in counts)
        or "no records",
        runs=sorted(audit.runs.items()),
        tones=_TONES,
        policy=policy(_SHEETS, ()),
        style=style(*_SHEETS),
    )
