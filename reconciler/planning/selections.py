"""Which decisions a plan takes: patterns over objects, rules expanded to tickets, and what changed since a commit."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from reconciler.model.decision import Decision, Expectation, Problem, Selection
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome
from reconciler.model.record import NO_HISTORY, AcceptedEntry, ClosedEntry, Intent, Line, ReceiptEntry, TicketHistory
from reconciler.model.ticket import Guid, LiveTicket, dn_key
from reconciler.planning.judge import spell

_STARS = re.compile(r"(\\\*\*(?=\\|\Z)|\*\*|\*)")
_OR_NOTHING = "\\**"
"""Two stars behind a backslash that stand for a whole part or none: `\\VED\\**` also fits `\\VED`."""


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    chunks = _chunks(dn_key(pattern))
    spelled = ""
    for index, (star, texts) in enumerate(chunks):
        last = index + 1 == len(chunks)
        ahead = ""
        if not last and chunks[index + 1][0] == _OR_NOTHING:
            ahead = r"(?=\\|\Z)" if index + 2 == len(chunks) else r"(?=\\)"
        if star == _OR_NOTHING and last and texts == [""]:
            spelled += r"(?:\\.*)?"
        elif not star:
            spelled += _chunk(texts, ahead, last=last)
        else:
            spelled += f".*?{_chunk(texts, ahead, last=True)}" if last else f"(?>.*?{_chunk(texts, ahead, last=False)})"
    return re.compile(spelled, re.DOTALL)


def _chunks(pattern: str) -> list[tuple[str, list[str]]]:
    """Return the texts between double stars, each split at its single stars, with the double star before it."""
    first, *rest = _STARS.split(pattern)
    chunks = [("", [first])]
    for star, text in zip(rest[::2], rest[1::2], strict=True):
        if star == "*":
            chunks[-1][1].append(text)
        elif star == _OR_NOTHING and chunks[-1][0] and chunks[-1][1] == [""]:
            chunks[-1] = (chunks[-1][0], [text])  # nothing stands between two of them, so one says as much
        else:
            chunks.append((star, [text]))
    return chunks


def _chunk(texts: list[str], ahead: str, *, last: bool) -> str:
    first, *others = map(re.escape, texts)
    if not others:
        return first + ahead
    spelled = [rf"(?>[^\\]*?{text})" for text in others]
    spelled[-1] = rf"[^\\]*{others[-1]}" if last else rf"(?>[^\\]*?{others[-1]}{ahead})"
    return first + "".join(spelled)


def matches(pattern: str, name: str) -> bool:
    r"""Whether a DN fits a pattern.

    `\VED\Policy\Web\**` fits the folder itself and all below it, `\VED\**\Web` also `\VED\Web`.
    """
    return _compiled(pattern).fullmatch(dn_key(name)) is not None


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


def takes(selection: Selection, ticket: LiveTicket) -> bool:
    """Say whether a rule takes a ticket: every condition that it states must hold."""
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


_NOTHING_WAS_SENT = frozenset({Outcome.FAILED, Outcome.NOT_ATTEMPTED})
_TOOK_EFFECT = frozenset({Outcome.APPLIED, Outcome.AWAITING_OTHERS})


@dataclass(frozen=True, slots=True)
class Since:
    """Why a step is not sent: it is `done` already, or what happened to its ticket since the plan was made."""

    done: bool
    why: str


def since_plan(
    steps: Iterable[Step], lines: Mapping[Guid, Sequence[Line]], histories: Mapping[Guid, TicketHistory]
) -> Mapping[Guid, Since]:
    """Return the steps that are not sent. `lines` are those about tickets that were written after the plan's heads.

    Lines that say that nothing was sent don't count, so that a run that was stopped can be taken up with its plan.
    """
    found = {step.guid: _since(step, lines.get(step.guid, ()), histories.get(step.guid, NO_HISTORY)) for step in steps}
    return {guid: since for guid, since in found.items() if since is not None}


def _since(step: Step, lines: Sequence[Line], history: TicketHistory) -> Since | None:
    told = _that_count(lines)
    if not told:
        return None
    effects = [line.entry for line in told if _took_effect(line)]
    last = effects[-1] if effects else None
    if isinstance(last, ReceiptEntry) and history.open is None:
        same = last.decision == step.decision and last.receipt.after == step.after
        if same and history.last is not None and history.last.operation == last.receipt.operation:
            return Since(True, "")
    return Since(False, _what_happened(told[-1]))


def _that_count(lines: Sequence[Line]) -> list[Line]:
    """Leave out what was not sent: receipts that say so, and the intents that they answer."""
    unsent = {
        line.entry.receipt.operation
        for line in lines
        if isinstance(line.entry, ReceiptEntry) and line.entry.receipt.outcome in _NOTHING_WAS_SENT
    }
    return [line for line in lines if _counts(line, unsent)]


def _counts(line: Line, unsent: set[str | None]) -> bool:
    match line.entry:
        case ReceiptEntry(receipt=receipt):
            return receipt.outcome not in _NOTHING_WAS_SENT
        case Intent(operation=operation):
            return operation not in unsent
        case _:
            return True


def _took_effect(line: Line) -> bool:
    return isinstance(line.entry, ReceiptEntry) and line.entry.receipt.outcome in _TOOK_EFFECT


def _what_happened(line: Line) -> str:
    match line.entry:
        case ReceiptEntry(receipt=receipt) if receipt.outcome in _TOOK_EFFECT:
            return f"run {line.run} has applied {spell(receipt.after)} since the plan was made"
        case ReceiptEntry(receipt=receipt):
            return f"run {line.run} found it {receipt.outcome.value} since the plan was made"
        case Intent(after=after):
            return f"run {line.run} has begun to send {spell(after)} since the plan was made"
        case AcceptedEntry(after=after):
            return f"run {line.run} has accepted {spell(after)} since the plan was made"
        case ClosedEntry():
            return f"run {line.run} has seen that it is gone since the plan was made"
        case _:
            return f"run {line.run} has an entry about it since the plan was made"
