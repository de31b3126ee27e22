"""What import, tidy and a patch of new windows and decisions do to manifests, and why."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.findings import Amendment, Intake, NoProposal, Proposal, Rescheduled, Tidied
from reconciler.model.status import Schedule
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.rendering import times
from reconciler.rendering.escape import terminal
from reconciler.rendering.summary import to_merge, verb
from reconciler.rendering.text.layout import joined
from reconciler.rendering.words import REASONS, counted

_NAMED = 20
_LISTED = 100
"""Tickets of a file that a dry run names."""


def intake_text(intake: Intake, only_shown: bool) -> str:
    """Return the report. `only_shown` says that nothing was written."""
    return joined(_of_intake(intake, only_shown))


def _of_intake(intake: Intake, only_shown: bool) -> Iterator[str]:
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


def tidy_text(tidied: Tidied, only_shown: bool) -> str:
    """Return the report. `only_shown` says that nothing was moved."""
    return joined(_of_tidy(tidied, "would move" if only_shown else "moved"))


def tidy_json(tidied: Tidied) -> Mapping[str, object]:
    """Return the report as plain values."""
    return {
        "version": 1,
        "moved": [
            {"guid": proof.guid, "from": name, "to": target, "run": proof.run, "at": proof.at, "receipt": proof.hash}
            for name, (target, proofs) in sorted(tidied.moved.items())
            for proof in proofs
        ],
        "stays": [{"guid": stay.guid, "source": str(stay.source), "reason": stay.reason} for stay in tidied.stays],
    }


def _of_tidy(tidied: Tidied, moved: str) -> Iterator[str]:
    total = 0
    for name, (target, proofs) in sorted(tidied.moved.items()):
        total += len(proofs)
        yield f"{moved} {counted(len(proofs), 'entry', 'entries')} from {terminal(name)} to {terminal(target)}"
        for proof in proofs:
            yield f"  {proof.guid} {proof.outcome} {replace(proof, hash=proof.hash[:19]).proof}"
    for reason, number in sorted(Counter(stay.reason for stay in tidied.stays).items()):
        entries = f"{counted(number, 'entry', 'entries')} {verb(number, 'stays', 'stay')}"
        yield f"{entries}: {reason}, {REASONS[reason].cause}"
    yield f"{counted(total, 'entry', 'entries')} settled, {counted(len(tidied.stays), 'entry', 'entries')} left"


def patch_head(found: Sequence[Rescheduled]) -> str:
    """Return the comment lines above the diffs, one block for each ticket."""
    return "".join(f"# {line}".rstrip() + "\n" for line in _of_patch(found))


def _of_patch(found: Sequence[Rescheduled]) -> Iterator[str]:
    if not found:
        yield "No window is over and nothing is contested: there is nothing to change."
        return
    proposals = [each for each in found if isinstance(each, Proposal)]
    amendments = [each for each in found if isinstance(each, Amendment)]
    yield from _introduced(proposals, amendments)
    for amendment in amendments:
        yield from _amended(amendment)
    for proposal in proposals:
        yield from _proposed(proposal)
    others = [each for each in found if isinstance(each, NoProposal)]
    if others:
        yield ""
        yield "Not in this patch:"
    for other in others:
        yield f"  {other.step.guid} at {terminal(str(other.step.source))}: {terminal(other.why)}"


def _introduced(proposals: Sequence[Proposal], amendments: Sequence[Amendment]) -> Iterator[str]:
    if proposals or not amendments:
        tickets = counted(len(proposals), "ticket")
        yield f"New windows for {tickets} whose window is over. Nothing is extended by itself:"
    if amendments:
        yield f"Entries that end the trouble of {counted(len(amendments), 'ticket')}. Nothing is agreed to by itself:"
    yield "review this, apply it with `git apply` at the top of the checkout, and open a pull request."


def _proposed(proposal: Proposal) -> Iterator[str]:
    yield ""
    yield f"{proposal.step.guid} at {terminal(str(proposal.step.source))}, {proposal.step.reason}"
    if proposal.step.after.schedule is not None:
        yield f"  was  {_both(proposal.step.after.schedule, proposal)}"
    yield f"  new  {_both(proposal.times, proposal)}"
    yield f"  how  {terminal(proposal.how)}"
    if proposal.late is not None:
        yield f"  but  its valid_until, {times.utc(proposal.late)}, has passed: decide on a new one by hand"
    if proposal.frozen is not None:
        yield f"  but  it touches freeze {terminal(proposal.frozen)}: move it, or wait for the one after"


def _amended(amendment: Amendment) -> Iterator[str]:
    step = amendment.step
    yield ""
    yield f"{step.guid} at {terminal(str(step.source))}, {step.reason}"
    yield f"  now  {terminal(step.detail, 1_000)}"
    yield f"  new  {terminal(to_merge(amendment.edit))}"


def _both(schedule: Schedule, proposal: Proposal) -> str:
    window = times.window(schedule)
    return f"{window} ({times.local_window(schedule, proposal.zone)})" if proposal.zone is not None else window
