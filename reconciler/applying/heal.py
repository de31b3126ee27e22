"""Writing down what reading has proven since: what became of intents of dead runs, and tickets gone for good."""

from reconciler.applying.perform import resolve
from reconciler.applying.tools import Tools
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome
from reconciler.model.record import Closed, Recorded, Story
from reconciler.model.verdict import Group, Verdict


def needs_healing(step: Step, story: Story) -> bool:
    """Say whether the ledger has something to learn about a step that changes nothing."""
    if step.group is Group.CHANGE:
        return False
    return story.open is not None or (step.verdict is Verdict.SETTLED and not step.closed)


def heal(step: Step, story: Story, tools: Tools) -> Recorded | Closed | None:
    """Return the ledger entry that follows from reading the ticket; None when nothing new is known. Sends nothing."""
    if tools.brake.reason() is not None:
        return None
    if story.open is None:
        return Closed(tools.clock.now(), step.guid, step.decision)
    resolved = resolve(step, story.open, tools)
    return None if resolved.receipt.outcome is Outcome.UNKNOWN else resolved
