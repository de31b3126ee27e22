"""What a team allows: the values that guards check a plan against."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from reconciler.model.certificate import NoteCode
from reconciler.model.value import Count


class Freeze(Struct, frozen=True):
    """No change may take effect on matching objects between `start` and `stop` (UTC)."""

    name: str
    start: datetime
    stop: datetime
    objects: tuple[str, ...] = ("**",)


class RecurringWindow(Struct, frozen=True):
    """A window that comes again: an RFC 5545 rule over local days in an IANA zone, with local start and stop times.

    `first` is the local date and time from which the rule counts (no offset: it is wall time in `timezone`),
    `duration` its length in wall-clock seconds.
    """

    rule: str
    timezone: str
    first: datetime
    duration: int


class RecurringFreeze(Struct, frozen=True):
    """A freeze that comes again, as a recurring window does."""

    name: str
    window: RecurringWindow
    objects: tuple[str, ...] = ("**",)


class Limits(Struct, frozen=True, omit_defaults=True):
    """The most a single plan may do. None means: no limit. `percent` is of the decisions that the plan names."""

    changes: Count | None = None
    approvals: Count | None = None
    rejections: Count | None = None
    percent: Count | None = None


class Reviewers(Struct, frozen=True, omit_defaults=True):
    """So many people; where teams on GitHub are named, so many members of any of them."""

    count: int = 1
    teams: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Spell it as people say it."""
        return f"{self.count} of {' or '.join(self.teams)}" if self.teams else str(self.count)


class FourEyes(Struct, frozen=True, omit_defaults=True):
    """How many people other than the author and the last pusher must have approved the pull request.

    `of_teams` says how many of them must be members of teams.
    """

    reviewers: int = 1
    allow_direct_push: bool = False
    of_teams: tuple[Reviewers, ...] = ()


class WindowRule(StrEnum):
    """How the execution window has to lie to the planned window of a change record."""

    INSIDE = "inside"
    OVERLAPS = "overlaps"
    IGNORE = "ignore"


class ChangeRule(Struct, frozen=True, omit_defaults=True):
    """What the change record of an approval has to be. Empty tuples mean: anything.

    `affected` asks that the record names the object among its items, `requester_may_review_alone` False that somebody
    else than its requester has reviewed the decision, too. `refuse_when_unavailable` False lets a decision
    through, with a warning, when the system can't be asked. `emergency` is the rule for records of type emergency.
    """

    state: tuple[str, ...] = ("scheduled", "implement")
    type: tuple[str, ...] = ()
    approval: tuple[str, ...] = ()
    window: WindowRule = WindowRule.INSIDE
    objects: tuple[str, ...] = ("**",)
    affected: bool = False
    refuse_when_unavailable: bool = True
    requester_may_review_alone: bool = True
    emergency: "ChangeRule | None" = None


class ReviewedPlan(StrEnum):
    """Whether a change needs the plan that the reviewers of its pull request saw."""

    REQUIRED = "required"
    WHEN_THERE = "when-there"


class Orphans(StrEnum):
    """What becomes of schedules of ours that are still armed and that no manifest names any more."""

    ATTENTION = "attention"
    TAKE_BACK = "take-back"


class RuleBounds(Struct, frozen=True):
    """How long, in seconds from when a plan is made, a rule of a campaign may go on deciding."""

    longest: int = 30 * 86_400


class EmergencyRule(Struct, frozen=True):
    """What two people may decide at once, without a pull request.

    `incident` is what the number of an incident has to match, `per_day` how many tickets may be decided so within 24
    hours, and `waives` has the guards that do not hold then.
    """

    incident: str
    per_day: Count = 3
    waives: frozenset[str] = frozenset()


class OverrideBounds(Struct, frozen=True, omit_defaults=True):
    """What may be overridden, for how many seconds from a plan at most, and by how many more reviewers.

    `rules` None means: every rule that can be overridden at all.
    """

    rules: frozenset[str] | None = None
    longest: int = 14 * 86_400
    reviewers: Reviewers = Reviewers(0)


class FolderRules(Struct, frozen=True, omit_defaults=True):
    """Rules for the manifests below a folder, beside those of the repository. What is empty or None adds nothing."""

    owns: tuple[str, ...] = ()
    limits: Limits = Limits()
    reviewers: Reviewers | None = None
    freezes: tuple[Freeze, ...] = ()
    recurring_freezes: tuple[RecurringFreeze, ...] = ()
    overrides: OverrideBounds | None = None


class Policy(Struct, frozen=True):
    """All guard settings of one environment. Empty means: nothing is asked for, nothing is limited.

    Of `change_record` the first rule counts whose objects match.
    `timezone` is the one that people read times in. `folders` are named as the configuration does, relative to it.
    """

    require: frozenset[str] = frozenset()
    change_pattern: str | None = None
    owns: tuple[str, ...] = ()
    limits: Limits = Limits()
    freezes: tuple[Freeze, ...] = ()
    recurring_freezes: tuple[RecurringFreeze, ...] = ()
    rules: RuleBounds = RuleBounds()
    four_eyes: FourEyes | None = None
    failure_budget: int | None = None
    change_record: tuple[ChangeRule, ...] = ()
    timezone: str | None = None
    reviewed_plan: ReviewedPlan = ReviewedPlan.WHEN_THERE
    orphans: Orphans = Orphans.ATTENTION
    refuse: frozenset[NoteCode] = frozenset()
    emergency: EmergencyRule | None = None
    overrides: OverrideBounds = OverrideBounds()
    folders: Mapping[str, FolderRules] = field(default_factory=dict)

    @property
    def asks_reviewers(self) -> bool:
        """Whether any decision needs reviewers."""
        bounds = (self.overrides, *(rules.overrides for rules in self.folders.values() if rules.overrides is not None))
        return (
            self.four_eyes is not None
            or any(rules.reviewers is not None for rules in self.folders.values())
            or any(each.reviewers.count for each in bounds)
        )

    @property
    def teams(self) -> frozenset[str]:
        """All teams on GitHub whose members some decision needs."""
        asked = [*(self.four_eyes.of_teams if self.four_eyes is not None else ()), self.overrides.reviewers]
        for rules in self.folders.values():
            asked += [each for each in (rules.reviewers, rules.overrides and rules.overrides.reviewers) if each]
        return frozenset(team for each in asked for team in each.teams)
