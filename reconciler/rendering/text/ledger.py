"""The ledger for terminals: a line per record and all that is known of it; what an auditor asks of it as a whole."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.model.evidence import Anchor, LogEvent, PolicyChange, Population, Reconciliation
from reconciler.model.receipt import Outcome, Receipt
from reconciler.model.record import ACCEPTED, ATTENTION, ATTENTION_ENDED, CLOSED, OPEN, SUPERSEDED, Record
from reconciler.model.review import Review
from reconciler.rendering import times
from reconciler.rendering.escape import log_lines, terminal
from reconciler.rendering.summary import last_name, parameters_in, short
from reconciler.rendering.text.layout import PLAIN, Detail, Ink, View, field, fit, fit_start, joined, padded, painted
from reconciler.rendering.text.step import record_fields
from reconciler.rendering.words import OUTCOMES, PROOFS, cause_of, counted, override_words

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
NOT_ORIGINAL = "internally consistent; not proven original: nothing from outside the ledger names a state of it"
"""What is said of a ledger of which nothing outside is known."""


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


def origin_text(anchors: Sequence[Anchor]) -> str:
    """Return how far it is proven that a ledger is the original."""
    telling = [anchor for anchor in anchors if anchor.named]
    if not telling:
        return NOT_ORIGINAL
    lost = [anchor for anchor in telling if anchor.missing]
    named = sum(anchor.named for anchor in telling)
    if lost:
        return f"not the ledger that {counted(len(lost), 'file')} of {len(telling):,} from outside were made from"
    return (
        f"{counted(len(telling), 'file')} from outside the ledger {'names' if len(telling) == 1 else 'name'} "
        f"{counted(named, 'head')}, and it has {'it' if named == 1 else 'all of them'}"
    )


def population_text(found: Population, asked: str, view: View) -> str:
    """Return the counts of a time, each with what it is the sum of."""
    outcomes, exceptions = sum(found.outcomes.values()), sum(found.exceptions.values())
    lines = [
        f"Population {asked}",
        *field("runs", f"{found.runs:,}", width=view.width, indent=2, label=10),
        *field("decisions", f"{found.decisions:,}", width=view.width, indent=2, label=10),
        f"    {outcomes:,} with an outcome" + _listed(found.outcomes),
        f"    {exceptions:,} with an exception alone" + _listed(found.exceptions),
        *field("overridden", f"{found.overridden:,} of the decisions", width=view.width, indent=2, label=10),
        *field("closed", f"{found.closings:,} tickets of earlier decisions", width=view.width, indent=2, label=10),
        *field("lines", f"{found.lines:,}", width=view.width, indent=2, label=10),
        "The counts foot." if found.foots else "THE COUNTS DO NOT FOOT.",
        f"They rest on the ledger {found.head}",
        *(f"  {terminal(head.path)}:{head.lines} {head.hash}" for head in found.heads),
    ]
    return log_lines(joined(lines))


def _listed(counts: Mapping[str, int]) -> str:
    return ": " + ", ".join(f"{number:,} {terminal(word)}" for word, number in counts.items()) if counts else ""


def policy_text(changes: Iterable[PolicyChange], view: View) -> str:
    """Return every configuration that runs had, oldest first, with who brought it."""
    lines: list[str] = []
    for each in changes:
        lines.append(f"{each.since:%Y-%m-%d %H:%M}Z  {_digest(each)}  {counted(each.runs, 'run')}{_place(each)}")
        lines.extend(_who(each, view))
    return log_lines(joined(lines)) if lines else "no run is in the ledger\n"


def rules_text(held: Iterable[tuple[PolicyChange, str]], view: View) -> str:
    """Return the rules that held at one time, each with who brought them."""
    lines: list[str] = []
    for each, text in held:
        until = f" until {times.utc(each.until)}" if each.until else ""
        lines.append(f"Held since {times.utc(each.since)}{until}{_place(each)}")
        lines.extend(field("config", _digest(each, whole=True), width=view.width, indent=2))
        lines.extend(_who(each, view))
        lines.extend(f"  {terminal(line, 1_000)}" for line in text.splitlines())
        if not text:
            lines.append("  its text is not kept beside the ledger")
    return log_lines(joined(lines)) if lines else "no run was there yet\n"


def _place(change: PolicyChange) -> str:
    return f"  {terminal(change.environment)}" if change.environment else ""


def _digest(change: PolicyChange, *, whole: bool = False) -> str:
    if change.config is None:
        return "not noted: no configuration, or a run of an earlier release"
    return change.config if whole else change.config[:19]


def _who(change: PolicyChange, view: View) -> Iterator[str]:
    yield from field("commit", terminal(change.commit or "not known"), width=view.width, indent=2)
    yield from field("by", _people(change.author, change.review), width=view.width, indent=2)


def _people(author: str | None, review: Review | None) -> str:
    if review is None:
        return f"{terminal(author)}, review not known" if author else "not known"
    reviewers = terminal(", ".join(review.reviewers)) or "nobody"
    return f"{terminal(review.author)}, reviewed by {reviewers} (#{review.pull_request})"


def reconciliation_text(found: Reconciliation, who: Mapping[int, str], view: View) -> str:
    """Return what was decided outside, by whom, and what the log does not show; `who` is by the row of the event."""
    ours = len(found.matched)
    by_tag = sum(each.how == "tag" for each in found.matched)
    lines: list[str] = []
    if found.outside:
        lines.append(f"Decided outside ({len(found.outside):,})")
        for event in found.outside:
            lines.extend(_event(event, who.get(event.row, ""), view))
    if found.absent:
        lines.append(f"In the ledger and not in the log ({len(found.absent):,})")
        lines.extend(_record(record) for record in found.absent)
    lines.append(
        f"{counted(found.events, 'event')} read, {counted(found.decisions, 'decision')} on tickets: "
        f"{ours:,} in the ledger ({by_tag:,} by tag, {ours - by_tag:,} by object and time), "
        f"{len(found.outside):,} made outside"
    )
    if not found.decisions:
        lines.append("No event of the log tells of a decision on a ticket: see that it covers them, and its columns.")
    return log_lines(joined(lines))


def _event(event: LogEvent, who: str, view: View) -> Iterator[str]:
    name = terminal(last_name(event.object)) or "(object not known)"
    yield f"  {event.at:%Y-%m-%d %H:%M:%S}Z  {name}  {terminal(event.name, 80)}  by {terminal(who, 80) or 'not known'}"
    yield from field("object", terminal(event.object), width=view.width)
    yield from field("says", terminal("; ".join(event.texts), 400) or "nothing more", width=view.width)


def _record(record: Record) -> str:
    name = terminal(last_name(record.object))
    return f"  {record.at:%Y-%m-%d %H:%M:%S}Z  {name}  {short(record.guid)}  {record.outcome}"
