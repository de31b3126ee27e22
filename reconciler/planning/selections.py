"""Which decisions a plan takes: patterns over objects, rules expanded to tickets, and what changed since a commit."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from reconciler.model.decision import Decision, Expectation, Problem, Selection
from reconciler.model.plan import Step
from reconciler.model.receipt import TOOK_EFFECT, Outcome, Proof, Receipt
from reconciler.model.record import (
    NO_HISTORY,
    AcceptedEntry,
    AttentionEntry,
    AttestedEntry,
    Intent,
    Line,
    TicketHistory,
)
from reconciler.model.status import format_instant
from reconciler.model.ticket import Guid, LiveTicket, dn_key
from reconciler.planning.judge import spell

_STARS = re.compile(r"(\\\*\*(?=\\|\Z)|\*\*|\*)")
_OR_NOTHING = "\\**"
"""Two stars behind a backslash that stand for a whole part or none: `\\VED\\**` also fits `\\VED`."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern over names as a machine that looks once at each character: it never tries a second way.

    A name has to begin with `start`. A place is the number of the pattern's own characters between there and it, and a
    set of places is an int with a bit for each. `leads_on` has the places that a character leads on from, `keeps` those
    where two stars stand, which any character keeps, `keeps_in_part` those of one star as well, and `or_nothing` those
    from which a backslash may lead on by two.
    """

    start: str
    leads_on: Mapping[str, int]
    keeps: int
    keeps_in_part: int
    or_nothing: int
    ends: int

    def fits(self, name: str) -> bool:
        """Whether the whole name fits, both in the same case."""
        if not name.startswith(self.start):
            return False
        at, all_else = 1, self.ends & self.keeps
        for character in name[len(self.start) :]:
            on = (at & self.leads_on.get(character, 0)) << 1
            if character == "\\":
                at = on | (at & self.or_nothing) << 2 | at & self.keeps
            else:
                at = on | at & self.keeps_in_part
            if not at or at & all_else:
                break
        return bool(at & self.ends)


@lru_cache(maxsize=1024)
def parse_pattern(pattern: str) -> Pattern:
    """Return the machine of a pattern."""
    leads_on: dict[str, int] = defaultdict(int)
    keeps = keeps_in_part = or_nothing = 0
    place = ends = 1
    start, *rest = _STARS.split(dn_key(pattern))
    for piece in rest:
        if piece == "**":
            keeps |= place
        elif piece == "*":
            keeps_in_part |= place
        elif piece == _OR_NOTHING and keeps & place:
            pass  # two stars stand before it, and say as much
        elif piece == _OR_NOTHING:
            leads_on["\\"] |= place
            or_nothing |= place
            ends, place = place | place << 1, place << 1
            keeps |= place
        else:
            for character in piece:
                leads_on[character] |= place
                ends = place = place << 1
    return Pattern(start, leads_on, keeps, keeps | keeps_in_part, or_nothing, ends)


def matches(pattern: str, name: str) -> bool:
    r"""Whether a DN fits a pattern.

    `\VED\Policy\Web\**` fits the folder itself and all below it, `\VED\**\Web` also `\VED\Web`.
    """
    return parse_pattern(pattern).fits(dn_key(name))


def pattern_of(name: str) -> str:
    r"""Return the pattern that people mean on the command line: `www.example.com` is the last part of any DN."""
    return name if "\\" in name or name == "**" else f"**\\{name}"


def matches_any(patterns: tuple[str, ...], name: str) -> str | None:
    """Return the first pattern that the DN fits, None when there is none."""
    return next((pattern for pattern in patterns if matches(pattern, name)), None)


def expand(
    selections: tuple[Selection, ...], candidates: Iterable[LiveTicket], explicit: frozenset[Guid]
) -> tuple[tuple[Decision, ...], tuple[Problem, ...]]:
    """Return a decision for every ticket that a rule takes, sorted by GUID, and the faults of the rules.

    An explicit entry wins over a rule. Two rules on one ticket, and a rule that takes more tickets than its
    `at_most`, are faults; a rule with a fault takes nothing.
    """
    taken: dict[Guid, list[Selection]] = defaultdict(list)
    tickets: dict[Guid, LiveTicket] = {}
    for ticket in sorted(candidates, key=lambda ticket: ticket.guid):
        if ticket.guid in explicit:
            continue
        for selection in selections:
            if takes(selection, ticket):
                taken[ticket.guid].append(selection)
                tickets[ticket.guid] = ticket
    problems = _contested(taken) + _too_many(selections, taken)
    if problems:
        return (), problems
    return tuple(_decision(found[0], tickets[guid]) for guid, found in sorted(taken.items())), ()


def too_open(selections: Iterable[Selection], now: datetime, longest: timedelta) -> tuple[Problem, ...]:
    """Return the faults of rules that decide tickets which nobody can have seen, or for longer than they may."""
    found = []
    for each in selections:
        if each.created_before is not None and each.created_before > now:
            message = f"rule {each.name!r}: created_before {format_instant(each.created_before)} is in the future"
            found.append(
                Problem("rule-future", each.source, message, "a rule takes only tickets that are there already")
            )
        if each.valid_until is not None and each.valid_until > now + longest:
            message = f"rule {each.name!r}: valid_until {format_instant(each.valid_until)} is too far ahead"
            until = format_instant((now + longest).replace(microsecond=0))
            hint = f"let it end by {until}, or raise policy.rules.longest"
            found.append(Problem("rule-too-long", each.source, message, hint))
    return tuple(found)


def takes(selection: Selection, ticket: LiveTicket) -> bool:
    """Return whether a rule takes a ticket: every condition that it states must hold."""
    if not matches(selection.object, ticket.object):
        return False
    if selection.workflow is not None and not matches(selection.workflow, ticket.workflow):
        return False
    if selection.reason is not None and not matches(selection.reason, ticket.reason):
        return False
    if selection.created_before is not None:
        return ticket.created is not None and ticket.created < selection.created_before
    return True


def _decision(selection: Selection, ticket: LiveTicket) -> Decision:
    """Bind the rule to the ticket that was seen: what it expects is what is there now."""
    return Decision(
        guid=ticket.guid,
        wanted=selection.wanted,
        source=selection.source,
        explanation=selection.explanation,
        change=selection.change,
        expect=Expectation(ticket.object, ticket.workflow),
        valid_until=selection.valid_until,
        window=selection.window,
        rule=selection.name,
    )


def _contested(taken: Mapping[Guid, list[Selection]]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            "rules-overlap",
            found[1].source,
            f"rules {', '.join(repr(selection.name) for selection in found)} all take ticket {guid}",
            f"narrow one of them, or name the ticket in a manifest (the first is at {found[0].source})",
        )
        for guid, found in sorted(taken.items())
        if len(found) > 1
    )


def _too_many(selections: tuple[Selection, ...], taken: Mapping[Guid, list[Selection]]) -> tuple[Problem, ...]:
    counts = {id(selection): 0 for selection in selections}
    for found in taken.values():
        for selection in found:
            counts[id(selection)] += 1
    return tuple(
        Problem(
            "rule-takes-too-many",
            selection.source,
            f"rule {selection.name!r} takes {counts[id(selection)]} tickets, at_most is {selection.at_most}",
            "narrow the rule, or raise at_most after looking at the tickets with `reconciler import --dry-run`",
        )
        for selection in selections
        if counts[id(selection)] > selection.at_most
    )


@dataclass(frozen=True, slots=True)
class Since:
    """Why a step is not sent: it is `done` already, or what happened since the plan was made.

    `passing` says that another attempt may find it otherwise.
    """

    done: bool
    why: str
    passing: bool = False


def since_plan(
    steps: Iterable[Step], lines: Mapping[Guid, Sequence[Line]], histories: Mapping[Guid, TicketHistory]
) -> Mapping[Guid, Since]:
    """Return the steps that are not sent. `lines` are those about tickets that were written after the plan's heads.

    Lines that prove that nothing was sent don't count, so that a run that was stopped can be taken up with its plan.
    """
    found = {step.guid: _since(step, lines.get(step.guid, ()), histories.get(step.guid, NO_HISTORY)) for step in steps}
    return {guid: since for guid, since in found.items() if since is not None}


def _since(step: Step, lines: Sequence[Line], history: TicketHistory) -> Since | None:
    counted = _that_count(lines)
    if not counted:
        return None
    effects = [line.entry for line in counted if _took_effect(line)]
    last = effects[-1] if effects else None
    if isinstance(last, Receipt) and history.open is None:
        same = last.digest == step.digest and last.after == step.after
        if same and history.last is not None and history.last.operation == last.operation:
            return Since(True, "")
    return Since(False, _what_happened(counted[-1]))


def _that_count(lines: Sequence[Line]) -> list[Line]:
    """Leave out what was not sent: receipts that say so, the intents that they answer, and exceptions."""
    unsent = {line.entry.operation for line in lines if isinstance(line.entry, Receipt) and _was_not_sent(line.entry)}
    return [line for line in lines if _counts(line, unsent)]


def _counts(line: Line, unsent: set[str | None]) -> bool:
    match line.entry:
        case Receipt() as receipt:
            return not _was_not_sent(receipt)
        case Intent(operation=operation):
            return operation not in unsent
        case AttentionEntry():
            return False
        case _:
            return True


def _was_not_sent(receipt: Receipt) -> bool:
    """Whether nothing left the machine. An update that showed no effect did, and only a new plan may send it again."""
    failed = receipt.outcome is Outcome.FAILED and receipt.proof is not Proof.UNCHANGED
    return failed or receipt.outcome is Outcome.NOT_ATTEMPTED


def _took_effect(line: Line) -> bool:
    return isinstance(line.entry, Receipt) and line.entry.outcome in TOOK_EFFECT


def _what_happened(line: Line) -> str:
    match line.entry:
        case Receipt() as receipt if receipt.outcome in TOOK_EFFECT:
            return f"run {line.run} has applied {spell(receipt.after)} since the plan was made"
        case Receipt() as receipt if receipt.outcome is Outcome.FAILED:
            return (
                f"run {line.run} found that an update of {spell(receipt.after)} had no effect since the plan was made"
            )
        case Receipt() as receipt:
            return f"run {line.run} found it {receipt.outcome.value} since the plan was made"
        case Intent(after=after):
            return f"run {line.run} has begun to send {spell(after)} since the plan was made"
        case AcceptedEntry(after=after):
            return f"run {line.run} has accepted {spell(after)} since the plan was made"
        case AttestedEntry(after=after):
            return f"run {line.run} has recorded {spell(after)} since the plan was made"
        case _:  # closed or observed
            return f"run {line.run} has seen that it is gone since the plan was made"
