"""Which decisions a plan is of: rules expanded, those that nobody asked for left out, identities resolved."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from reconciler.app.context import Context
from reconciler.app.request import Request
from reconciler.app.since import changed_since
from reconciler.app.tickets import chosen
from reconciler.errors import InvalidInput
from reconciler.model.decision import Decision, Desired, Parameters, Problem
from reconciler.model.declared import Form, declared
from reconciler.model.ticket import Found, Guid
from reconciler.model.value import replace
from reconciler.planning.selections import expand, too_open


class Narrowed(NamedTuple):
    """The decisions to plan, how many were left out, and the tickets of all of them."""

    desired: Desired
    left_out: int
    named: frozenset[Guid]


def narrowed(context: Context, desired: Desired, request: Request) -> Narrowed:
    """Return the decisions that are asked for, each on one ticket and with identities that the server knows.

    Raises InvalidInput, UnclearName, ServerFailure.
    """
    if desired.selections:
        desired = _expanded(context, desired)
    declared = len(desired.decisions)
    named = frozenset(decision.guid for decision in desired.decisions)
    if request.since is not None:
        desired = changed_since(request.since, desired, context.settings.windows, context.clock.now())
    if request.wanted:
        desired = replace(desired, decisions=chosen(desired.decisions, request.wanted))
    if request.only is not None:
        kept = tuple(decision for decision in desired.decisions if decision.guid == request.only)
        desired = replace(desired, decisions=kept)
    desired = _resolved(context, desired)
    return Narrowed(desired, declared - len(desired.decisions) if request.part else 0, named)


def _expanded(context: Context, desired: Desired) -> Desired:
    """Replace each rule by decisions on single tickets, among those that the caller can list."""
    longest = timedelta(seconds=context.settings.policy.rules.longest)
    if faults := too_open(desired.selections, context.clock.now(), longest):
        raise InvalidInput(faults)
    explicit = frozenset(decision.guid for decision in desired.decisions)
    guids = [guid for guid in context.backend.find() if guid not in explicit]
    readings = (reading for _, reading in context.backend.reader().read_many(guids))
    candidates = [reading.ticket for reading in readings if isinstance(reading, Found)]
    decisions, problems = expand(desired.selections, candidates, explicit)
    if problems:
        raise InvalidInput(problems)
    return replace(desired, decisions=desired.decisions + decisions, selections=())


def _resolved(context: Context, desired: Desired) -> Desired:
    """Put the server's stable identities in place of names. Raises InvalidInput for every name that has none."""
    identities = [name for name, each in declared(Parameters).items() if each.form is Form.IDENTITIES]
    stated = [
        (decision, name, said)
        for decision in desired.decisions
        for name in identities
        if (said := getattr(decision.parameters, name))
    ]
    if not stated:
        return desired
    resolution = context.backend.resolve(identity for _, _, said in stated for identity in said)
    problems = tuple(
        Problem(
            "unknown-identity",
            decision.source,
            f"{name.removesuffix('s')} {resolution.unresolved[identity]}",
            "write the prefixed name of one identity, such as AD+CORP:jdoe, or its prefixed universal",
        )
        for decision, name, said in stated
        for identity in said
        if identity in resolution.unresolved
    )
    if problems:
        raise InvalidInput(problems)
    decisions = tuple(_with_universals(each, identities, resolution.universals) for each in desired.decisions)
    return replace(desired, decisions=decisions)


def _with_universals(decision: Decision, identities: list[str], universals: Mapping[str, str]) -> Decision:
    found: dict[str, Any] = {
        name: tuple(universals.get(identity, identity) for identity in said)
        for name in identities
        if (said := getattr(decision.parameters, name))
    }
    return replace(decision, parameters=replace(decision.parameters, **found)) if found else decision
