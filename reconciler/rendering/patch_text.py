"""What stands above a patch of new windows: what was done and why, in lines that git and patch skip."""

from collections.abc import Iterator, Sequence

from reconciler.model.findings import NoProposal, Proposal, Rescheduled
from reconciler.model.status import Schedule
from reconciler.rendering import times
from reconciler.rendering.escape import terminal
from reconciler.rendering.words import counted


def patch_head(found: Sequence[Rescheduled]) -> str:
    """Return the comment lines above the diffs, one block for each ticket."""
    return "".join(f"# {line}".rstrip() + "\n" for line in _lines(found))


def _lines(found: Sequence[Rescheduled]) -> Iterator[str]:
    proposals = [each for each in found if isinstance(each, Proposal)]
    others = [each for each in found if isinstance(each, NoProposal)]
    if not found:
        yield "No window is over: there is nothing to change."
        return
    yield f"New windows for {counted(len(proposals), 'ticket')} whose window is over. Nothing is extended by itself:"
    yield "review the times, apply this with `git apply` at the top of the checkout, and open a pull request."
    for proposal in proposals:
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
    if others:
        yield ""
        yield "Not in this patch:"
    for other in others:
        yield f"  {other.step.guid} at {terminal(str(other.step.source))}: {terminal(other.why)}"


def _both(schedule: Schedule, proposal: Proposal) -> str:
    said = times.window(schedule)
    return f"{said} ({times.local_window(schedule, proposal.zone)})" if proposal.zone is not None else said
