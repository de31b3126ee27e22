"""What a team allows: the values that guards check a plan against."""

from datetime import datetime

from msgspec import Struct

from reconciler.model.value import Count


class Freeze(Struct, frozen=True):
    """No change may take effect on matching objects between `start` and `stop` (UTC)."""

    name: str
    start: datetime
    stop: datetime
    objects: tuple[str, ...] = ("**",)


class Limits(Struct, frozen=True, omit_defaults=True):
    """The most a single plan may do. None means: no limit. `percent` is of the decisions that the plan names."""

    changes: Count | None = None
    approvals: Count | None = None
    rejections: Count | None = None
    percent: Count | None = None


class FourEyes(Struct, frozen=True):
    """How many people other than the author and the last pusher must have approved the pull request."""

    reviewers: int = 1
    allow_direct_push: bool = False


class Policy(Struct, frozen=True):
    """All guard settings of one environment. Empty means: nothing is asked for, nothing is limited."""

    require: frozenset[str] = frozenset()
    change_pattern: str | None = None
    owns: tuple[str, ...] = ()
    limits: Limits = Limits()
    freezes: tuple[Freeze, ...] = ()
    four_eyes: FourEyes | None = None
    failure_budget: int | None = None
