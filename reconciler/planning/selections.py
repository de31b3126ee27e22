"""Rules of a campaign expanded to single decisions, each with its GUID, when a plan is made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from reconciler.model.decision import Decision, Expectation, Problem, Selection
from reconciler.model.ticket import Guid, LiveTicket
from reconciler.planning.patterns import matches


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
