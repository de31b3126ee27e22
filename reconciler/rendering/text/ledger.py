"""The ledger's story for terminals: one line per record, and everything that is known of it when asked for."""

from collections.abc import Iterator

from reconciler.model.receipt import Outcome, Receipt
from reconciler.model.record import ACCEPTED, ATTENTION, ATTENTION_ENDED, CLOSED, OPEN, SUPERSEDED, Record
from reconciler.rendering import times
from reconciler.rendering.escape import log_lines, terminal
from reconciler.rendering.summary import parameters_in, short
from reconciler.rendering.text.layout import Ink, field, fit, fit_start, joined, padded, painted
from reconciler.rendering.text.step import record_fields
from reconciler.rendering.view import PLAIN, Detail, View
from reconciler.rendering.words import OUTCOMES, PROOFS, cause_of, override_words

_INKS = {
    Outcome.APPLIED.value: Ink.GOOD,
    Outcome.AWAITING_OTHERS.value: Ink.TIME,
    Outcome.STALE.value: Ink.CARE,
    Outcome.NOT_ATTEMPTED.value: Ink.CARE,
    SUPERSEDED: Ink.CARE,
    CLOSED: Ink.DIM,
    ACCEPTED: Ink.DIM,
    ATTENTION: Ink.CARE,
    ATTENTION_ENDED: Ink.DIM,
}
_SAYS = {
    OPEN: "an update was about to be sent, and no receipt says what became of it",
    SUPERSEDED: "no receipt followed; a later run looked at the ticket and tried again",
    CLOSED: "the ticket no longer exists",
    ACCEPTED: "somebody else did what the manifest wants; from here on git moves the ticket",
    ATTENTION: "from here on it asks for attention",
    ATTENTION_ENDED: "it asks for attention no more",
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
    wanted = f"→ {fit_start(terminal(record.after.status), _STATUS)}" if record.after else terminal(record.reason, 60)
    return f"{at}  {outcome}  {name}  {ticket}  {wanted}".rstrip()


def _name(record: Record) -> str:
    if not record.guid:
        return "(the run)"
    return record.object.rpartition("\\")[2] if record.object else "(object not known)"


def _facts(record: Record, view: View) -> Iterator[tuple[str, str]]:
    if record.guid:
        yield "ticket", record.guid
    yield "says", _SAYS[record.outcome]
    if record.reason:
        yield "reason", f"{terminal(record.reason)}: {cause_of(record.reason)}"
    if record.detail:
        yield "detail", terminal(record.detail, 1_000)
    for use in record.overrides:
        yield "override", terminal(override_words(use), 1_000)
    if isinstance(record.entry, Receipt):
        receipt = record.entry
        result = "" if receipt.result is None else f", Result {receipt.result}"
        yield "proof", f"{PROOFS[receipt.proof]}{result}"
    yield from ((name, terminal(value, 1_000)) for name, value in _decided(record) if value)
    if record.intent is not None:
        yield from ((name, value) for name, value in record_fields(record.intent.change_record, view) if value)
    yield from _origin(record)
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


def _origin(record: Record) -> Iterator[tuple[str, str]]:
    provenance = record.line.provenance
    environment = f", environment {terminal(provenance.environment)}" if provenance.environment else ""
    yield "server", terminal(provenance.target) + environment
    if provenance.identity:
        yield "identity", terminal(provenance.identity)
    if provenance.commit:
        repository = f" of {terminal(provenance.repository)}" if provenance.repository else ""
        yield "commit", terminal(provenance.commit) + repository
    review = record.review
    if review is None:
        yield "review", "not known"
    else:
        reviewers = terminal(", ".join(review.reviewers)) if review.reviewers else "nobody"
        yield "review", f"#{review.pull_request} by {terminal(review.author)}, reviewed by {reviewers}"
        reviewed = f"reviewed {times.utc(max(review.reviewed_at))}" if review.reviewed_at else ""
        merged = f"merged {times.utc(review.merged_at)}" if review.merged_at else ""
        if reviewed or merged:
            yield "", ", ".join(each for each in (reviewed, merged) if each)
        if review.url:
            yield "", terminal(review.url)
    if provenance.workflow_run:
        yield "job", terminal(provenance.workflow_run)
