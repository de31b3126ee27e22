"""Names of approvers in manifests, resolved once per run to the prefixed universals that TPP wants."""

from reconciler.cli.wiring import House
from reconciler.errors import InvalidInput
from reconciler.model.decision import Decision, Problem
from reconciler.model.value import replace
from reconciler.tpp.identities import resolve_identities


def resolve_approvers(house: House, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """Return the decisions with universals in place of names. Raises InvalidInput for every name that has none."""
    named = [decision for decision in decisions if decision.parameters.approvers]
    names = (name for decision in named for name in decision.parameters.approvers or ())
    resolution = resolve_identities(house.session, names)
    problems = tuple(
        Problem(
            "unknown-identity",
            decision.source,
            f"approver {resolution.unresolved[name]}",
            "write the prefixed name of one identity, such as AD+CORP:jdoe, or its prefixed universal",
        )
        for decision in named
        for name in decision.parameters.approvers or ()
        if name in resolution.unresolved
    )
    if problems:
        raise InvalidInput(problems)
    return tuple(_resolved(decision, dict(resolution.universals)) for decision in decisions)


def _resolved(decision: Decision, universals: dict[str, str]) -> Decision:
    names = decision.parameters.approvers
    if not names:
        return decision
    found = tuple(universals.get(name, name) for name in names)
    return replace(decision, parameters=replace(decision.parameters, approvers=found))
