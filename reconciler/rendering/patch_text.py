"""What stands above a patch of new windows and decisions: what was done and why, in lines that git and patch skip."""

from collections.abc import Iterator, Sequence

from reconciler.model.findings import Amendment, NoProposal, Proposal, Rescheduled
from reconciler.model.status import Schedule
from reconciler.rendering import times
from reconciler.rendering.escape import terminal
from reconciler.rendering.summary import to_merge
from reconciler.rendering.words import counted


def patch_head(found: Sequence[Rescheduled]) -> str:
    """Return the comment lines above the diffs, one block for each ticket."""
    return "".join(f"# {line}".rstrip() + "\n" for line in _lines(found))


def _lines(found: Sequence[Rescheduled]) -> Iterator[str]:
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
