"""What an auditor asks of a ledger as a whole, for terminals: counts that foot, rules over time, decisions outside."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.model.evidence import Anchor, LogEvent, PolicyChange, Population, Reconciliation
from reconciler.model.record import Record
from reconciler.model.review import Review
from reconciler.rendering import times
from reconciler.rendering.escape import log_lines, terminal
from reconciler.rendering.summary import last_name, short
from reconciler.rendering.text.layout import field, joined
from reconciler.rendering.view import View
from reconciler.rendering.words import counted

NOT_ORIGINAL = "internally consistent; not proven original: nothing from outside the ledger names a state of it"
"""What is said of a ledger of which nothing outside is known."""


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
