"""An auditor's working papers, one page to print: integrity, population, sample, segregation, exceptions, rules."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.model.evidence import PolicyChange, Population
from reconciler.model.receipt import Receipt
from reconciler.model.record import AttentionEntry, Record
from reconciler.rendering.html.assets import policy, style
from reconciler.rendering.html.templates import render

_SHEETS = ("base.css",)
SAMPLE = 25
"""Decisions in the sample, spread evenly over the time."""
NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Duties:
    """What one person did: how many decisions they wrote, reviewed, both of the same, and wrote with no reviewer."""

    name: str
    authored: int
    reviewed: int
    own: int
    alone: int


def papers_page(
    asked: str, population: Population, records: Sequence[Record], changes: Sequence[PolicyChange], integrity: str
) -> str:
    """Return the working papers as a whole document."""
    decided = [record for record in records if isinstance(record.entry, Receipt)]
    return render(
        "papers.html",
        asked=asked[:1].upper() + asked[1:],
        population=population,
        sample=spread(decided, SAMPLE),
        people=segregation(decided),
        exceptions=[record for record in records if isinstance(record.entry, AttentionEntry)],
        changes=changes,
        integrity=integrity,
        policy=policy(_SHEETS, ()),
        style=style(*_SHEETS),
    )


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
