"""One ticket explained: where it is declared, what is there, what we did, what follows, what to do."""

from collections.abc import Iterator
from typing import assert_never

from reconciler.model.explanation import Explanation
from reconciler.model.record import Closed, Ended, Intent, Line, Opened, Recorded
from reconciler.rendering import times
from reconciler.rendering.layout import Ink, field, joined, painted
from reconciler.rendering.neutral import log_lines, terminal
from reconciler.rendering.step_text import step_lines
from reconciler.rendering.view import PLAIN, View
from reconciler.rendering.words import PROOFS, REASONS


def explain_text(found: Explanation, view: View = PLAIN) -> str:
    """Return everything that is known of one ticket as text."""
    lines = [painted(f"Ticket {found.guid}", Ink.STRONG, view.colour), ""]
    lines.extend(_declared(found, view))
    lines.extend(_live(found, view))
    lines.extend(_story(found, view))
    lines.extend(_verdict(found, view))
    return log_lines(joined(lines))


def _declared(found: Explanation, view: View) -> Iterator[str]:
    yield painted("Declared", Ink.STRONG, view.colour)
    if found.step is None:
        yield "  in no manifest: it is not managed, and is never touched"
        yield ""
        return
    yield from field("place", terminal(str(found.step.source)), width=view.width, indent=2)
    if found.declaration is not None:
        by = f"{found.declaration.commit[:12]} by {found.declaration.author}, {found.declaration.at}"
        yield from field("commit", terminal(by), width=view.width, indent=2)
    yield ""


def _live(found: Explanation, view: View) -> Iterator[str]:
    yield painted("Live", Ink.STRONG, view.colour)
    yield from field("server", terminal(found.live), width=view.width, indent=2)
    for sibling in found.siblings:
        named = "named by a manifest" if sibling.declared else "named by no manifest"
        yield from field("sibling", f"{sibling.guid}, {named}", width=view.width, indent=2)
    for note in found.notes:
        yield from field("note", terminal(note), width=view.width, indent=2)
    yield ""


def _story(found: Explanation, view: View) -> Iterator[str]:
    yield painted("Ledger", Ink.STRONG, view.colour)
    if not found.story:
        yield "  knows nothing of it"
    for line in found.story:
        when, what = _told(line)
        yield from field(when, what, width=view.width, indent=2, label=len(when))
    yield ""


def _told(line: Line) -> tuple[str, str]:
    place = f"run {line.run}, {terminal(str(line.source))}"
    match line.entry:
        case Intent(at=at) as intent:
            said = f"intent {intent.operation}, attempt {intent.attempt}: {terminal(intent.after.status)}"
            return times.utc(at), f"{said} ({place})"
        case Recorded(receipt=receipt):
            detail = f"; {terminal(receipt.detail)}" if receipt.detail else ""
            return times.utc(receipt.at), f"{receipt.outcome}: {PROOFS[receipt.proof]}{detail} ({place})"
        case Closed(at=at):
            return times.utc(at), f"seen to be gone ({place})"
        case Opened(at=at) | Ended(at=at):
            return times.utc(at), place
        case _:
            assert_never(line.entry)


def _verdict(found: Explanation, view: View) -> Iterator[str]:
    if found.step is None:
        return
    words = REASONS[found.step.reason]
    yield painted("Verdict", Ink.STRONG, view.colour)
    yield from step_lines(found.step, view)
    yield from field("rule", f"{found.step.reason}: {words.says}", width=view.width, indent=2)
    if found.step.detail:
        yield from field("detail", terminal(found.step.detail), width=view.width, indent=2)
    yield from field("to do", words.do or "nothing", width=view.width, indent=2)
