"""A finished run for terminals: totals from the receipts, one line for each that matters, and what to do about it."""

from collections.abc import Iterator
from itertools import groupby

from reconciler.model.receipt import Outcome, Receipt, Run
from reconciler.rendering import times
from reconciler.rendering.escape import log_lines, terminal
from reconciler.rendering.summary import TROUBLE, by_urgency, listed, name_of_receipt, short, what_next_after
from reconciler.rendering.text.layout import (
    PLAIN,
    Detail,
    Ink,
    View,
    columns,
    field,
    fit,
    fit_start,
    joined,
    painted,
    wrapped,
)
from reconciler.rendering.words import OUTCOMES, PROOFS, counted

_INKS = {
    Outcome.APPLIED: Ink.GOOD,
    Outcome.AWAITING_OTHERS: Ink.TIME,
    Outcome.STALE: Ink.CARE,
    Outcome.NOT_ATTEMPTED: Ink.CARE,
}
_STATUS = 16
"""Columns of a status: the longest that TPP knows has sixteen."""
_NAME = 12
"""Columns that a name keeps beside everything else."""
_FEW = 50
"""Applied receipts are listed one by one up to this many; more are a number."""


def run_text(run: Run, view: View = PLAIN) -> str:
    """Return the report of a run. Its totals are counted from the receipts, never from what was planned."""
    lines: list[str] = []
    if view.detail is not Detail.QUIET:
        lines.extend(_header(run, view))
    for outcome, group in groupby(by_urgency(run.receipts), key=lambda receipt: receipt.outcome):
        lines.extend(_outcome(outcome, list(group), view))
    if view.detail is not Detail.QUIET:
        for note in run.notes:
            first, *rest = wrapped(terminal(note, 1_000), view.width - 2)
            lines.extend([f"- {first}", *(f"  {line}" for line in rest)])
    counts = listed(run.counts) or "nothing to apply"
    first, *rest = wrapped(f"{counts} · {counted(len(run.receipts), 'receipt')}", view.width - 5)
    lines.append(painted("Run: ", Ink.STRONG, view.colour) + first)
    lines.extend(f"     {line}" for line in rest)
    for sentence in what_next_after(run):
        lines.extend(wrapped(terminal(sentence, 1_000), view.width))
    return log_lines(joined(lines))


def _header(run: Run, view: View) -> Iterator[str]:
    yield painted(fit_start(f"Run {terminal(run.run)}", view.width), Ink.STRONG, view.colour)
    where = terminal(run.target) + (f", environment {terminal(run.environment)}" if run.environment else "")
    shard = f", shard {terminal(run.shard)}" if run.shard else ""
    yield from field("server", where + shard, width=view.width, indent=2)
    yield from field("plan", f"digest {terminal(run.digest)[:19]}", width=view.width, indent=2)
    ran = f"{times.both(run.started_at, view.zone)}, took {times.span(run.ended_at - run.started_at)}"
    yield from field("began", ran, width=view.width, indent=2)
    yield ""


def _outcome(outcome: Outcome, receipts: list[Receipt], view: View) -> Iterator[str]:
    trouble = outcome in TROUBLE
    if view.detail is Detail.QUIET and not trouble:
        return
    words = OUTCOMES[outcome]
    title = f"{outcome.value} ({len(receipts):,})"
    yield (
        painted(title, _INKS.get(outcome, Ink.BAD), view.colour) + f"  {words.cause}"[: max(view.width - len(title), 0)]
    )
    if words.remedy:
        yield from field("do", words.remedy, width=view.width, indent=2, label=4)
    if trouble or len(receipts) <= _FEW or view.detail is Detail.VERBOSE:
        for receipt in receipts:
            yield from _receipt(receipt, view, trouble=trouble)
    yield ""


def _receipt(receipt: Receipt, view: View, *, trouble: bool) -> Iterator[str]:
    place = terminal(f"{receipt.source.path}:{receipt.source.line}") if receipt.source else ""
    verbose = view.detail is Detail.VERBOSE
    ticket = short(receipt.guid)
    before = fit_start(terminal(receipt.before.status), _STATUS) if receipt.before else "?"
    moved = f"{before} → {fit_start(terminal(receipt.after.status), _STATUS)}"
    place = fit(place, max(view.width // 3, 12))
    room = view.width - 4 - len(ticket) - columns(moved) - columns(place) - 4
    beside = bool(place) and room >= _NAME
    if not beside:
        room += columns(place) + 2
    name = fit(terminal(name_of_receipt(receipt)), max(room, _NAME))
    tail = " " * (room - columns(name) + 2) + painted(place, Ink.DIM, view.colour) if beside else ""
    yield f"  {painted(name, Ink.STRONG, view.colour)}  {painted(ticket, Ink.DIM, view.colour)}  {moved}{tail}"
    if place and not beside:
        yield from field("source", place, width=view.width)
    if receipt.detail:
        yield from field("detail", terminal(receipt.detail, 1_000), width=view.width)
    if verbose or trouble:
        facts = [
            PROOFS[receipt.proof],
            f"Result {receipt.result}" if receipt.result is not None else "",
            f"op:{terminal(receipt.operation)}" if receipt.operation else "",
        ]
        yield from field("proof", ", ".join(fact for fact in facts if fact), width=view.width)
        yield from field("ticket", receipt.guid, width=view.width)
        if receipt.object:
            yield from field("object", terminal(receipt.object), width=view.width)
