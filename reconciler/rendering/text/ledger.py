"""The ledger's story for terminals: one line per record, and everything that is known of it when asked for."""

from collections.abc import Iterator

from reconciler.model.receipt import Outcome, Receipt
from reconciler.model.record import ACCEPTED, CLOSED, OPEN, SUPERSEDED, Record
from reconciler.model.review import Provenance
from reconciler.rendering import times
from reconciler.rendering.escape import log_lines, terminal
from reconciler.rendering.summary import parameters_in, short
from reconciler.rendering.text.layout import Ink, field, fit, fit_start, joined, padded, painted
from reconciler.rendering.text.step import record_fields
from reconciler.rendering.view import PLAIN, Detail, View
from reconciler.rendering.words import OUTCOMES, PROOFS

_INKS = {
    Outcome.APPLIED.value: Ink.GOOD,
    Outcome.AWAITING_OTHERS.value: Ink.TIME,
    Outcome.STALE.value: Ink.CARE,
    Outcome.NOT_ATTEMPTED.value: Ink.CARE,
    SUPERSEDED: Ink.CARE,
    CLOSED: Ink.DIM,
    ACCEPTED: Ink.DIM,
}
_SAYS = {
    OPEN: "an update was about to be sent, and no receipt says what became of it",
    SUPERSEDED: "no receipt followed; a later run looked at the ticket and tried again",
    CLOSED: "the ticket no longer exists",
    ACCEPTED: "somebody else did what the manifest wants; from here on git moves the ticket",
} | {outcome.value: words.cause for outcome, words in OUTCOMES.items()}
_OUTCOME = 18
"""Columns of an outcome: the longest is `rejected-by-server`."""
_STATUS = 16
"""Columns of a status: the longest that TPP knows has sixteen."""
_BESIDE = len("2026-11-23 12:00Z") + _OUTCOME + len("00000001") + len("→ ") + _STATUS + 4 * 2
"""Columns of everything beside the name."""
_NAME = 11
"""Columns that a name keeps on a narrow terminal."""


def record_text(record: Record, view: View = PLAIN) -> str:
    """Return one record: a line, and below it all there is to know of it when the view is verbose."""
    lines = [_line(record, view)]
    if view.detail is Detail.VERBOSE:
        for name, value in _facts(record, view):
            lines.extend(field(name, value, width=view.width))
        lines.append("")
    return log_lines(joined(lines))


def _line(record: Record, view: View) -> str:
    at = painted(f"{record.at:%Y-%m-%d %H:%M}Z", Ink.DIM, view.colour)
    outcome = painted(padded(record.outcome, _OUTCOME), _INKS.get(record.outcome, Ink.BAD), view.colour)
    room = max(view.width - _BESIDE, _NAME)
    name = padded(fit(terminal(_name(record)), room), room)
    ticket = painted(short(record.guid), Ink.DIM, view.colour)
    wanted = f"→ {fit_start(terminal(record.after.status), _STATUS)}" if record.after else ""
    return f"{at}  {outcome}  {name}  {ticket}  {wanted}".rstrip()


def _name(record: Record) -> str:
    return record.object.rpartition("\\")[2] if record.object else "(object not known)"


def _facts(record: Record, view: View) -> Iterator[tuple[str, str]]:
    yield "ticket", record.guid
    yield "says", _SAYS[record.outcome]
    if isinstance(record.entry, Receipt):
        receipt = record.entry
        if receipt.detail:
            yield "detail", terminal(receipt.detail, 1_000)
        result = "" if receipt.result is None else f", Result {receipt.result}"
        yield "proof", f"{PROOFS[receipt.proof]}{result}"
    yield from ((name, terminal(value, 1_000)) for name, value in _decided(record) if value)
    if record.intent is not None:
        yield from ((name, value) for name, value in record_fields(record.intent.change_record, view) if value)
    yield from _origin(record.line.provenance)
    yield "run", terminal(record.line.run)
    yield "ledger", f"{terminal(str(record.line.source))} {record.line.hash[:19]}"
    if view.zone is not None:
        yield "local", times.local(record.at, view.zone)


def _decided(record: Record) -> Iterator[tuple[str, str]]:
    """Yield what was decided of which object, as it stands; empty where it is not known."""
    schedule = record.after.schedule if record.after else None
    yield "object", record.object
    yield "workflow", record.workflow
    yield "window", times.window(schedule) if schedule else ""
    yield "before", record.before.status if record.before else ""
    yield "change", record.change or ""
    yield "text", (record.intent.explanation or "") if record.intent else ""
    yield from parameters_in(record.intent.parameters) if record.intent else ()
    yield "source", str(record.source or "")


def _origin(provenance: Provenance) -> Iterator[tuple[str, str]]:
    environment = f", environment {terminal(provenance.environment)}" if provenance.environment else ""
    yield "server", terminal(provenance.target) + environment
    if provenance.identity:
        yield "identity", terminal(provenance.identity)
    if provenance.commit:
        repository = f" of {terminal(provenance.repository)}" if provenance.repository else ""
        yield "commit", terminal(provenance.commit) + repository
    if provenance.review is not None:
        review = provenance.review
        reviewers = terminal(", ".join(review.reviewers)) if review.reviewers else "nobody"
        yield "review", f"#{review.pull_request} by {terminal(review.author)}, reviewed by {reviewers}"
        if review.url:
            yield "", terminal(review.url)
    if provenance.workflow_run:
        yield "job", terminal(provenance.workflow_run)
