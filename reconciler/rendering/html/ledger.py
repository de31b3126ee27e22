"""The ledger as a page: who decided what, when, by which commit and review; and one page for each ticket's story."""

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Receipt
from reconciler.model.record import Ended, Intent, Line, Opened, Sealed
from reconciler.model.status import State
from reconciler.model.ticket import Guid
from reconciler.rendering import change_records, times
from reconciler.rendering.certificates import certificate_fields
from reconciler.rendering.escape import html
from reconciler.rendering.history import weeks
from reconciler.rendering.html.page import Frame, badge, facts, moment, page, plain
from reconciler.rendering.html.people import origin, place, who
from reconciler.rendering.html.plan_rows import tone
from reconciler.rendering.html.plots import plots
from reconciler.rendering.html.table import Cell, Column, Table, seconds, table
from reconciler.rendering.summary import last_name, parameters_in, short
from reconciler.rendering.words import OUTCOMES, PROOFS, REASONS, counted, found_words, override_words

_TONES = {
    Outcome.APPLIED: "good",
    Outcome.AWAITING_OTHERS: "time",
    Outcome.STALE: "care",
    Outcome.NOT_ATTEMPTED: "calm",
}
_COLUMNS = (
    Column("When", "time"),
    Column("Outcome", "badge"),
    Column("Ticket", "ticket"),
    Column("Before → wanted", "move"),
    Column("Proof", "lines"),
    Column("Who", "lines"),
    Column("Run", "lines"),
)


def ledger_page(frame: Frame, lines: Sequence[Line], stories: Mapping[Guid, Sequence[Line]]) -> str:
    """Return the page of all receipts, the newest first, with the plots over time. `lines` are by time."""
    receipts = [line for line in reversed(lines) if isinstance(line.entry, Receipt)]
    if receipts:
        content = Table(
            "Every receipt, the newest first",
            _COLUMNS,
            [_row(line, line.entry) for line in receipts if isinstance(line.entry, Receipt)],
            facet=1,
            sorts={"oldest first": (0, 1), "name": (2, 1)},
            hint="Search name, DN, person, commit, run",
        )
        body = f"<h2>Receipts</h2>\n{table(content)}"
    else:
        body = '<p class="none">The ledger has no receipts yet.</p>\n'
    found = weeks(lines)
    over = f"<h2>Over time</h2>\n{plots(found)}" if found else ""
    runs = len({line.run for line in lines})
    said = f"{counted(len(receipts), 'receipt')} of {counted(runs, 'run')} about {counted(len(stories), 'ticket')}"
    return page(
        frame,
        "Ledger",
        f"<h1>Ledger</h1>\n<p class=lede>{said}.</p>\n{over}{body}",
        current="ledger.html",
        styles=("table.css", "picture.css"),
        scripts=("table.js",),
    )


def _row(line: Line, receipt: Receipt) -> tuple[Cell, ...]:
    return (
        seconds(receipt.at),
        (receipt.outcome.value, _TONES.get(receipt.outcome, "bad")),
        (
            plain(last_name(receipt.object) or "unknown object", 120),
            plain(receipt.object),
            short(receipt.guid),
            f"tickets/{receipt.guid}.html",
        ),
        (_status(receipt.before), plain(receipt.after.status, 60), ""),
        (PROOFS[receipt.proof], plain(receipt.detail)),
        who(line.provenance),
        (plain(line.run, 80), plain(str(line.source), 120)),
    )


def _status(state: State | None) -> str:
    return plain(state.status, 60) if state else "?"


def ticket_page(frame: Frame, guid: Guid, story: Sequence[Line], step: Step | None) -> str:
    """Return the story of one ticket: what the plan says now, then everything the ledger knows, in order."""
    dn, workflow = _names(story, step)
    name = last_name(dn) or "unknown object"
    stage = f", stopped by <code>{html(workflow)}</code>" if workflow else ""
    now = ""
    if step is not None:
        words = REASONS[step.reason]
        do = f" {html(words.remedy)}." if words.remedy else ""
        now = f"<p>{badge(step.verdict.value, tone(step.verdict))} {html(step.detail or words.cause)}.{do}</p>\n"
    known = [None, *(line.provenance for line in story)]
    events = "".join(
        _event(line, frame.repository, again=line.provenance == before)
        for line, before in zip(story, known, strict=False)
    )
    body = (
        f"<h1>{html(name, 160)}</h1>\n<p class=lede><code>{html(dn)}</code></p>\n"
        f"<p class=soft>Ticket <code>{guid}</code>{stage}</p>\n"
        f"{now}{_certificate(step)}"
        + (f'<h2>History</h2>\n<ol class="story">{events}</ol>\n' if story else "")
        + '<p><a href="../ledger.html">The whole ledger</a></p>\n'
    )
    return page(frame, name, body, styles=("story.css",))


def _certificate(step: Step | None) -> str:
    if step is None or step.context is None:
        return ""
    told = [(html(label).capitalize(), html(value, 1_000)) for label, value in certificate_fields(step.context)]
    return f"<h2>Certificate</h2>\n{facts(told)}" if told else ""


def _names(story: Sequence[Line], step: Step | None) -> tuple[str, str]:
    found = [
        (entry.object, entry.workflow)
        for entry in (line.entry for line in reversed(story))
        if isinstance(entry, Intent | Receipt)
    ]
    if step is not None:
        found.insert(0, (step.object, step.workflow))
    return next((dn for dn, _ in found if dn), ""), next((name for _, name in found if name), "")


def _event(line: Line, repository: str, *, again: bool) -> str:
    """One event of a story. `again`: its origin is that of the event before, so it is not said twice."""
    known = () if again else origin(line.provenance, repository)
    said = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in (*_told(line), *known, *place(line)) if value)
    return f'<li><p class="what">{_what(line)}</p><p class="soft">{moment(line.entry.at)}</p><dl>{said}</dl></li>\n'


def _what(line: Line) -> str:
    match line.entry:
        case Intent(before=before, after=after, attempt=attempt):
            again = f", attempt {attempt}" if attempt > 1 else ""
            return f"About to send: {html(before.status, 60)} → {html(after.status, 60)}{again}"
        case Receipt() as receipt:
            words = OUTCOMES[receipt.outcome].cause
            return f"{badge(receipt.outcome.value, _TONES.get(receipt.outcome, 'bad'))} {html(words)}"
        case Opened():
            return "A run began"
        case Sealed():
            return "A manifest was sealed"
        case Ended():
            return "The run ended"
        case found:
            words = found_words(found)
            return html(words[:1].upper() + words[1:], 2_000)


def _told(line: Line) -> Iterator[tuple[str, str]]:
    entry = line.entry
    if isinstance(entry, Intent):
        if entry.after.schedule:
            yield "When", html(times.window(entry.after.schedule))
        yield "Change", html(entry.change or "")
        yield "Change record", html(change_records.seen_before(entry), 1_000)
        yield "Explanation", html(entry.explanation or "", 2_000)
        for name, value in parameters_in(entry.parameters):
            yield f"Sends {name}", html(value, 1_000)
        yield "Manifest", f"<code>{html(str(entry.source))}</code>" if entry.source else ""
        yield "Operation", f"<code>op:{html(entry.operation)}</code>"
        for use in entry.overrides:
            yield "Override", html(override_words(use), 2_000)
    elif isinstance(entry, Receipt):
        yield "Proof", html(PROOFS[entry.proof])
        yield "Detail", html(entry.detail, 2_000)
        yield "Result", "" if entry.result is None else str(entry.result)
