"""The controls as a page: the chain and its heads, the heartbeat, the guards, and how many eyes each decision had."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.plan import Control, Plan
from reconciler.model.receipt import Outcome, Receipt
from reconciler.model.record import Head, Intent, Line
from reconciler.rendering import times
from reconciler.rendering.escape import html
from reconciler.rendering.html.page import Frame, badge, facts, moment, page, small_table
from reconciler.rendering.html.plan import controls as controls_table
from reconciler.rendering.words import counted

_EFFECTIVE = (Outcome.APPLIED, Outcome.AWAITING_OTHERS)
_OLD = timedelta(days=2)
_MOST_HEADS = 200
_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of the ledger's hash chain found.

    `head` is the hash over the heads of all files, `faults` one sentence for each place where it is broken.
    """

    files: int
    lines: int
    head: str
    heads: tuple[Head, ...] = ()
    faults: tuple[str, ...] = ()


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
    body = (
        "<h1>Controls</h1>\n<p class=lede>Checks of the ledger, of the plan and of reviews.</p>\n"
        + facts(
            (
                ("Ledger chain", _chain(chain)),
                ("Last successful reconcile", _heartbeat(heartbeat, frame.made_at)),
                ("Updates without a receipt", _open(lines)),
                ("Decisions another person reviewed", _reviewed(lines)),
            )
        )
        + _faults(chain)
        + controls_table((*(plan.controls if plan else ()), *controls))
        + _people(lines)
        + _heads(chain)
    )
    return page(frame, "Controls", body, current="controls.html")


def _chain(chain: Checked | None) -> str:
    if chain is None:
        return badge("not checked", "care")
    if chain.faults:
        return badge("broken", "bad")
    if not chain.lines:
        return badge("empty")
    return f"{badge('verified', 'good')} {counted(chain.lines, 'line')} in {counted(chain.files, 'file')}"


def _faults(chain: Checked | None) -> str:
    if chain is None or not chain.faults:
        return ""
    items = "".join(f"<li>{html(fault, 1_000)}</li>" for fault in chain.faults[:_MOST_FAULTS])
    rest = f"<li>… and {len(chain.faults) - _MOST_FAULTS:,} more</li>" if len(chain.faults) > _MOST_FAULTS else ""
    return f'<div class="note"><strong>The ledger is not intact</strong><ul>{items}{rest}</ul></div>\n'


def _heartbeat(heartbeat: datetime | None, now: datetime) -> str:
    if heartbeat is None:
        return badge("unknown", "care")
    age = now - heartbeat
    tone = "care" if age > _OLD else "good"
    return f"{badge(f'{times.span(age)} ago', tone)} {moment(heartbeat)}"


def _open(lines: Sequence[Line]) -> str:
    settled = {
        line.entry.operation
        for line in lines
        if isinstance(line.entry, Receipt) and line.entry.outcome is not Outcome.UNKNOWN
    }
    asked = {line.entry.operation for line in lines if isinstance(line.entry, Intent)}
    number = len(asked - settled)
    return badge(f"{number:,}", "bad" if number else "good")


def _decisions(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if isinstance(line.entry, Receipt) and line.entry.outcome in _EFFECTIVE]


def _reviewed(lines: Sequence[Line]) -> str:
    decisions = _decisions(lines)
    if not decisions:
        return "none yet"
    reviews = [line.provenance.review for line in decisions]
    good = sum(review is not None and bool(set(review.reviewers) - {review.author}) for review in reviews)
    tone = "good" if good == len(decisions) else "care"
    return badge(f"{good:,} of {len(decisions):,}", tone)


def _people(lines: Sequence[Line]) -> str:
    wrote: Counter[str] = Counter()
    reviewed: Counter[str] = Counter()
    for line in _decisions(lines):
        review = line.provenance.review
        wrote[review.author if review else "unknown"] += 1
        reviewed.update(review.reviewers if review else ())
    rows = [
        (html(name), f"{wrote[name]:,}", f"{reviewed[name]:,}")
        for name in sorted(wrote | reviewed, key=lambda name: (-wrote[name] - reviewed[name], name))[:_MOST_HEADS]
    ]
    return small_table("People", ("Person", "#Decisions authored", "#Decisions reviewed"), rows)


def _heads(chain: Checked | None) -> str:
    if chain is None or not chain.heads:
        return ""
    heads = sorted(chain.heads, key=lambda head: head.path, reverse=True)
    rows = [
        (f"<code>{html(head.path)}</code>", f"{head.lines:,}", f"<code>{html(head.hash)}</code>")
        for head in heads[:_MOST_HEADS]
    ]
    rest = f"<p>… and {len(heads) - _MOST_HEADS:,} older files.</p>\n" if len(heads) > _MOST_HEADS else ""
    whole = f"<p>Hash over all of it, worth noting elsewhere: <code>{html(chain.head)}</code></p>\n"
    return small_table("Verified up to", ("File", "#Lines", "Hash of its last line"), rows) + rest + whole
