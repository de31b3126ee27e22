"""What an import found and did, in words."""

from collections.abc import Iterator

from reconciler.model.findings import Intake
from reconciler.model.ticket import Guid
from reconciler.rendering.escape import terminal
from reconciler.rendering.text.layout import joined
from reconciler.rendering.words import counted

_NAMED = 20
_LISTED = 100
"""Tickets of a file that a dry run names."""


def intake_text(intake: Intake, only_shown: bool) -> str:
    """Return the report. `only_shown` says that nothing was written."""
    return joined(_lines(intake, only_shown))


def _lines(intake: Intake, only_shown: bool) -> Iterator[str]:
    wrote = "would write" if only_shown else "wrote"
    for name, guids in sorted(intake.written.items()):
        yield f"{wrote} {counted(len(guids), 'ticket')} to {terminal(name)}"
        if only_shown:
            yield from (f"  {guid}  {terminal(intake.objects.get(guid, ''))}" for guid in guids[:_LISTED])
            if len(guids) > _LISTED:
                yield f"  … and {len(guids) - _LISTED:,} more; --format json lists all"
    groups = (
        ("the server does not let us see them", intake.hidden),
        ("there is no such ticket", intake.gone),
        ("decided already, and the server does not tell how in full: not imported", intake.decided),
        ("decided or scheduled already, written as they are: nothing changes", intake.as_they_are),
        ("written, but the caller is not among the approvers", intake.not_ours),
    )
    for title, guids in groups:
        if guids:
            yield f"{counted(len(guids), 'ticket')}: {title}"
            yield from _named(sorted(guids))
    for guid, why in sorted(intake.unread.items()):
        yield f"{guid} could not be read: {terminal(why)}"
    yield from (f"note: {terminal(note)}" for note in intake.notes)
    known = f", {len(intake.known):,} known already" if intake.known else ""
    rest = "all of them Pending" if not intake.as_they_are else f"{intake.count - len(intake.as_they_are):,} Pending"
    yield f"{counted(intake.count, 'new ticket')}{known}; {rest}"


def _named(guids: list[Guid]) -> Iterator[str]:
    for guid in guids[:_NAMED]:
        yield f"  {guid}"
    if len(guids) > _NAMED:
        yield f"  … and {len(guids) - _NAMED:,} more"
