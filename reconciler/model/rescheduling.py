"""Windows that are over, and the ones that could take their place."""

from datetime import datetime, tzinfo

from msgspec import Struct

from reconciler.model.plan import Step
from reconciler.model.status import Schedule


class Proposal(Struct, frozen=True):
    """The next window for a step whose window is over. `how` says how it was found, `zone` is where it is local.

    `late` is the step's `valid_until` (UTC) when it has passed, `frozen` the name of a freeze that the new window
    touches: the new window alone does not help then.
    """

    step: Step
    times: Schedule
    how: str
    zone: tzinfo | None = None
    late: datetime | None = None
    frozen: str | None = None


class NoProposal(Struct, frozen=True):
    """A step whose window is over and that only a person can give another one."""

    step: Step
    why: str


Rescheduled = Proposal | NoProposal
