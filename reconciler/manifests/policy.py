"""The policy of a configuration, decoded from its members; the schema has seen their shape.

Its regular expressions never take long: a subset of Python's in which the ways to match can be counted.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from reconciler.manifests.decode import attempt
from reconciler.manifests.problems import Code, InvalidValue
from reconciler.manifests.text import folder_key
from reconciler.manifests.times import in_order, instant
from reconciler.manifests.windows import decode_window, seconds
from reconciler.model.certificate import NoteCode
from reconciler.model.policy import (
    ChangeRule,
    EmergencyRule,
    FolderRules,
    FourEyes,
    Freeze,
    Limits,
    Orphans,
    OverrideBounds,
    Policy,
    RecurringFreeze,
    RecurringWindow,
    ReviewedPlan,
    Reviewers,
    RuleBounds,
    WindowRule,
)
from reconciler.model.value import quote

Members = Mapping[str, Any]


def decode_policy(stated: Members, zone: tzinfo | None, faults: list[InvalidValue], members: Members) -> Policy:
    """Return the policy that the configuration states; what is wrong with it is added to `faults`."""
    pattern = stated.get("change_pattern")
    if pattern is not None:
        attempt(partial(check_expression, pattern), faults, "policy", "change_pattern")
    four_eyes, budget = stated.get("four_eyes"), stated.get("failure_budget")
    longest = stated.get("rules", {}).get("longest")
    rules_longest = attempt(partial(seconds, longest), faults, "policy", "rules", "longest") if longest else None
    freezes, recurring = _freezes(stated, zone, faults, ("policy", "freezes"), members)
    return Policy(
        require=frozenset(stated.get("require", ())),
        change_pattern=pattern,
        owns=tuple(stated.get("owns", ())),
        limits=_limits(stated),
        freezes=freezes,
        recurring_freezes=recurring,
        four_eyes=None if four_eyes is None else _four_eyes(four_eyes),
        failure_budget=None if budget is None else int(budget),
        change_record=_change_rules(stated.get("change_record", ())),
        refuse=frozenset(NoteCode(code) for code in stated.get("refuse", ())),
        reviewed_plan=ReviewedPlan(stated.get("reviewed_plan", Policy().reviewed_plan)),
        rules=RuleBounds() if rules_longest is None else RuleBounds(rules_longest),
        orphans=Orphans(stated.get("orphans", Policy().orphans)),
        emergency=_emergency(stated["emergency"], faults) if "emergency" in stated else None,
        overrides=_override_bounds(stated.get("overrides", {}), faults, ("policy", "overrides")),
        folders=_folders(stated.get("folders", {}), zone, faults, members),
    )


def _emergency(stated: Members, faults: list[InvalidValue]) -> EmergencyRule:
    attempt(partial(check_expression, stated["incident"]), faults, "policy", "emergency", "incident")
    return EmergencyRule(
        stated["incident"],
        int(stated.get("per_day", EmergencyRule("").per_day)),
        frozenset(name.replace("_", "-") for name in stated.get("waives", ())),  # the guards' own names
    )


def _limits(stated: Members) -> Limits:
    return Limits(**{name: int(value) for name, value in stated.get("limits", {}).items()})


def _folders(
    stated: Mapping[str, Members], zone: tzinfo | None, faults: list[InvalidValue], members: Members
) -> dict[str, FolderRules]:
    """Decode the rules of folders. Names are told apart without case: some file systems know no other way."""
    found: dict[str, FolderRules] = {}
    known: dict[str, str] = {}
    for written, rules in stated.items():
        place = ("policy", "folders", written)
        if (other := known.setdefault(folder_key(written), written)) != written:
            hint = "put the rules of a folder in one place; names that differ only in case are one folder"
            faults.append(InvalidValue(Code.CONFIG_VALUE, f"this is the folder {quote(other)} again", hint, place))
            continue
        freezes, recurring = _freezes(rules, zone, faults, (*place, "freezes"), members)
        bounds = rules.get("overrides")
        reviewers = rules.get("reviewers")
        found[written] = FolderRules(
            owns=tuple(rules.get("owns", ())),
            limits=_limits(rules),
            reviewers=None if reviewers is None else _reviewers(reviewers),
            freezes=freezes,
            recurring_freezes=recurring,
            overrides=None if bounds is None else _override_bounds(bounds, faults, (*place, "overrides")),
        )
    return found


def _override_bounds(stated: Members, faults: list[InvalidValue], path: tuple[str | int, ...]) -> OverrideBounds:
    plain, longest = OverrideBounds(), stated.get("longest")
    spelled = None if longest is None else attempt(partial(seconds, longest), faults, *path, "longest")
    return OverrideBounds(
        rules=frozenset(stated["rules"]) if "rules" in stated else plain.rules,
        longest=plain.longest if spelled is None else spelled,
        reviewers=_reviewers(stated["reviewers"]) if "reviewers" in stated else plain.reviewers,
    )


def _reviewers(stated: int | Members) -> Reviewers:
    if isinstance(stated, Mapping):
        return Reviewers(int(stated.get("count", 1)), tuple(stated["teams"]))
    return Reviewers(int(stated))


def _change_rules(stated: Members | Sequence[Members]) -> tuple[ChangeRule, ...]:
    return (_change_rule(stated),) if isinstance(stated, Mapping) else tuple(map(_change_rule, stated))


def _change_rule(stated: Members) -> ChangeRule:
    lists = {name: tuple(map(str.lower, stated[name])) for name in ("state", "type", "approval") if name in stated}
    emergency = stated.get("emergency")
    return ChangeRule(
        **lists,
        objects=tuple(stated.get("objects", ChangeRule().objects)),
        window=WindowRule(stated.get("window", WindowRule.INSIDE)),
        affected=stated.get("affected", False),
        requester_may_review_alone=stated.get("requester_may_review_alone", True),
        refuse_when_unavailable=stated.get("when_unavailable") != "warn",
        emergency=None if emergency is None else _change_rule(emergency),
    )


def _four_eyes(stated: Members) -> FourEyes:
    asked = _reviewers(stated.get("reviewers", FourEyes().reviewers))
    return FourEyes(asked.count, stated.get("allow_direct_push", False), (asked,) if asked.teams else ())


def _freezes(
    stated: Members, zone: tzinfo | None, faults: list[InvalidValue], path: tuple[str | int, ...], members: Members
) -> tuple[tuple[Freeze, ...], tuple[RecurringFreeze, ...]]:
    """Decode freezes: those that come once, and those that come again."""
    found = [
        _freeze(freeze, zone, faults, (*path, index), members) for index, freeze in enumerate(stated.get("freezes", ()))
    ]
    once = tuple(freeze for freeze in found if isinstance(freeze, Freeze))
    return once, tuple(freeze for freeze in found if isinstance(freeze, RecurringFreeze))


def _freeze(
    stated: Members, zone: tzinfo | None, faults: list[InvalidValue], path: tuple[str | int, ...], members: Members
) -> Freeze | RecurringFreeze | None:
    if "rule" in stated:
        window = attempt(partial(decode_window, stated, zone, members), faults, *path)
        objects = tuple(stated.get("objects", ("**",)))
        return RecurringFreeze(stated["name"], window, objects) if isinstance(window, RecurringWindow) else None
    start = attempt(partial(instant, stated["start"], zone), faults, *path, "start")
    stop = attempt(partial(instant, stated["stop"], zone), faults, *path, "stop")
    if start is None or stop is None:
        return None
    return attempt(partial(_ordered_freeze, stated, start, stop), faults, *path)


def _ordered_freeze(stated: Members, start: datetime, stop: datetime) -> Freeze:
    in_order(start, stop)
    return Freeze(stated["name"], start, stop, tuple(stated.get("objects", ("**",))))


_TEXT = 1_000
"""Characters that a text may have which is matched; so often may what is repeated without a bound come."""

_MOST_WAYS = 10_000_000
_QUANTIFIER = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<least>[0-9]+)(?P<more>,(?P<most>[0-9]*))?\})[?+]?")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[^0-9A-Za-z]|[AZbBdDsSwWnrtfv]|x[0-9A-Fa-f]{2})", re.DOTALL)
_UNBOUNDED_HINT = (
    "write ^ at its beginning, bounds such as {1,20} for + and *, and repeat no group that has choices in it"
)


def check_expression(pattern: str) -> None:
    """Raise InvalidValue for what is no regular expression, or one that could take long on some text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python warns of will mean something else one day
            re.compile(pattern)
    except (re.error, OverflowError, Warning) as error:
        hint = "put a backslash before special characters"
        if isinstance(error, re.error):
            hint = f"{error.msg} at character {(error.pos or 0) + 1}"
        raise InvalidValue(Code.CONFIG_PATTERN, f"{quote(pattern)} is not a regular expression", hint) from None
    reading = _Reading(pattern)
    ways = reading.choices()
    if reading.at < len(pattern):
        message = f"{quote(pattern)} has {quote(pattern[reading.at : reading.at + 3])}, for which there is no bound"
        hint = "use plain characters, classes, groups, `|` and repetitions alone"
        raise InvalidValue(Code.CONFIG_PATTERN, message, hint)
    if ways * (1 if pattern.startswith(("^", "\\A")) and "|" not in reading.outside else _TEXT) > _MOST_WAYS:
        raise InvalidValue(Code.CONFIG_PATTERN, f"{quote(pattern)} could take too long on some texts", _UNBOUNDED_HINT)


@dataclass(slots=True)
class _Reading:
    """Counts in how many ways a pattern can be tried at one place of a text. Stops at what it does not know."""

    pattern: str
    at: int = 0
    outside: str = ""

    def choices(self, depth: int = 0) -> int:
        ways, row = 0, 1
        while self.at < len(self.pattern) and self.pattern[self.at] != ")":
            if self.pattern[self.at] == "|":
                self.outside += "" if depth else "|"
                ways, row = ways + row, 1
                self.at += 1
                continue
            item = self._item(depth)
            if item is None:
                break
            row = min(row * item, _MOST_WAYS * _TEXT)
        return ways + row

    def _item(self, depth: int) -> int | None:
        ways = 1
        start = self.at
        if self.pattern[start] == "(":
            self.at += 3 if self.pattern.startswith("(?:", start) else 1
            if self.pattern[self.at] == "?":
                self.at = start
                return None
            ways = self.choices(depth + 1)
            if self.at >= len(self.pattern) or self.pattern[self.at] != ")":
                return None
            self.at += 1
        elif (found := _CLASS.match(self.pattern, start) or _ESCAPE.match(self.pattern, start)) is not None:
            self.at = found.end()
        elif self.pattern[start] in "\\[":
            return None
        else:
            self.at += 1
        quantifier = _QUANTIFIER.match(self.pattern, self.at)
        if quantifier is None:
            return ways
        self.at = quantifier.end()
        return _repeated(ways, quantifier)


def _repeated(ways: int, quantifier: re.Match[str]) -> int:
    """Return in how many ways something that has `ways` by itself can be repeated."""
    least, most = {"?": (0, 1), "*": (0, _TEXT), "+": (1, _TEXT)}.get(quantifier["sign"], (0, 0))
    if quantifier["sign"] is None:
        least = int(quantifier["least"])
        most = least if quantifier["more"] is None else int(quantifier["most"] or _TEXT)
    if ways == 1:
        return max(most - least, 0) + 1
    total: int = sum(ways ** min(count, 64) for count in range(least, min(most, least + 64) + 1))
    return min(total, _MOST_WAYS * _TEXT)
