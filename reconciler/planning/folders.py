"""Rules of folders, beside those of the repository.

Of nested folders the most specific one that states a rule gives it. Which folders a manifest lies below is found out
elsewhere, because it takes a look at the disk.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from reconciler.model.decision import Override
from reconciler.model.policy import FolderRules, FourEyes, Limits, OverrideBounds, Policy
from reconciler.model.status import format_instant

Above = Sequence[str]
"""The folders that a manifest lies below, the most specific one first."""


def stated(policy: Policy, above: Above, member: str) -> tuple[str, Any] | None:
    """Return what the most specific folder says that says anything of this member, with its name."""
    for name in above:
        value = getattr(policy.folders[name], member)
        if value not in (None, (), Limits()):
            return name, value
    return None


def four_eyes_of(policy: Policy, above: Above) -> FourEyes | None:
    """Return who must have approved a decision below these folders. Of two numbers the larger counts."""
    rule, found = policy.four_eyes, stated(policy, above, "reviewers")
    if found is None:
        return rule
    asked = found[1]
    plain = rule or FourEyes()
    of_teams = (*plain.of_teams, asked) if asked.teams else plain.of_teams
    return FourEyes(max(plain.reviewers, asked.count), plain.allow_direct_push, of_teams)


def four_eyes_of_override(policy: Policy, *places: Above) -> FourEyes | None:
    """Return who must have approved an override; None when it asks for nobody more than its decision does.

    `places` are where it stands, and where the decisions stand that it spares.
    """
    more = [each.reviewers for each in _bounds(policy, *places) if each.reviewers.count]
    if not more:
        return None
    rules = [rule for above in places if (rule := four_eyes_of(policy, above)) is not None]
    reviewers = max((rule.reviewers for rule in rules), default=0) + max(each.count for each in more)
    of_teams = dict.fromkeys([team for rule in rules for team in rule.of_teams] + [each for each in more if each.teams])
    return FourEyes(reviewers, of_teams=tuple(of_teams))


def why_no_override(override: Override, policy: Policy, now: datetime, *places: Above) -> str | None:
    """Return why an override does not count, None when it does. `places` as for its reviewers."""
    for bounds in _bounds(policy, *places):
        if bounds.rules is not None and override.rule not in bounds.rules:
            allowed = ", ".join(sorted(bounds.rules)) or "nothing"
            return f"it overrides {override.rule}, and the policy lets it override {allowed}"
    longest = min(timedelta(seconds=bounds.longest) for bounds in _bounds(policy, *places))
    if override.until > now + longest:
        latest = format_instant((now + longest).replace(microsecond=0))
        return f"it lasts until {format_instant(override.until)}, and may last until {latest} at most"
    return None


def _bounds(policy: Policy, *places: Above) -> Iterator[OverrideBounds]:
    yield policy.overrides
    for above in places:
        if (found := stated(policy, above, "overrides")) is not None:
            yield found[1]


def reviews_alone(policy: Policy) -> Policy:
    """Return of a policy only what says who must have approved, and which overrides count."""
    return Policy(
        four_eyes=policy.four_eyes,
        overrides=policy.overrides,
        folders={
            name: FolderRules(reviewers=rules.reviewers, overrides=rules.overrides)
            for name, rules in policy.folders.items()
        },
    )
