"""The controls as a page: the chain and its heads, the heartbeat, the guards, and how many eyes each decision had."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.plan import Control, Plan
from reconciler.model.receipt import Outcome, Receipt
from reconciler.model.record import Head, Intent, Line
from reconciler.rendering.html.page import Frame, page

_EFFECTIVE = (Outcome.APPLIED, Outcome.AWAITING_OTHERS)
_MOST_PEOPLE = 200


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of the ledger's hash chain found.

    `head` is the hash over the heads of all files, `faults` one sentence for each place where it is broken.
    `unanswered` are the updates in all of it that have no receipt, None when they were not counted.
    """

    files: int
    lines: int
    head: str
    heads: tuple[Head, ...] = ()
    faults: tuple[str, ...] = ()
    unanswered: int | None = None


def controls_page(
    frame: Frame,
    plan: Plan | None,
    lines: Sequence[Line],
    *,
    controls: tuple[Control, ...],
    chain: Checked | None,
    heartbeat: datetime | None,
) -> str:
    """Return the page for those who check."""
    decisions = [line for line in lines if isinstance(line.entry, Receipt) and line.entry.outcome in _EFFECTIVE]
    return page(
        "controls.html",
        frame,
        "Controls",
        current="controls.html",
        chain=chain,
        heads=sorted(chain.heads, key=lambda head: head.path, reverse=True) if chain else (),
        heartbeat=heartbeat,
        unanswered=_unanswered(lines) if chain is None or chain.unanswered is None else chain.unanswered,
        decided=len(decisions),
        good=sum(_has_reviewer(line) for line in decisions),
        controls=(*(plan.controls if plan else ()), *controls),
        people=_people(decisions),
    )


def _unanswered(lines: Sequence[Line]) -> int:
    settled = {
        line.entry.operation
        for line in lines
        if isinstance(line.entry, Receipt) and line.entry.outcome is not Outcome.UNKNOWN
    }
    return len({line.entry.operation for line in lines if isinstance(line.entry, Intent)} - settled)


def _has_reviewer(line: Line) -> bool:
    """Whether somebody else than its author reviewed a decision."""
    review = line.provenance.review
    return review is not None and bool(set(review.reviewers) - {review.author})


def _people(decisions: Sequence[Line]) -> list[tuple[str, str, str]]:
    """Return who authored and reviewed how many decisions, those with most of them first."""
    wrote: Counter[str] = Counter()
    reviewed: Counter[str] = Counter()
    for line in decisions:
        review = line.provenance.review
        wrote[review.author if review else "unknown"] += 1
        reviewed.update(review.reviewers if review else ())
    listed = sorted(wrote | reviewed, key=lambda name: (-wrote[name] - reviewed[name], name))
    return [(name, f"{wrote[name]:,}", f"{reviewed[name]:,}") for name in listed[:_MOST_PEOPLE]]
