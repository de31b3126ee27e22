"""`reconciler explain`: everything about one ticket on one page."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options
from reconciler.cli.parameters import GUID
from reconciler.model.explanation import Declaration, Explanation, Sighted
from reconciler.model.guid import Guid

if TYPE_CHECKING:
    from reconciler.cli.wiring import House
    from reconciler.model.decision import Source
    from reconciler.model.plan import Plan
    from reconciler.model.ticket import Reading


@click.command()
@click.argument("guid", type=GUID)
@click.argument("paths", nargs=-1, type=click.Path())
@common_options
def command(invocation: Invocation, guid: Guid, paths: tuple[str, ...]) -> int:
    """Tell where GUID is declared, its live state, its story, the verdict and what to do."""
    from reconciler.cli.planning import Request, make_plan
    from reconciler.cli.preflight import introduce
    from reconciler.cli.terminal import view_of
    from reconciler.cli.wiring import open_house
    from reconciler.rendering.explain_text import explain_text
    from reconciler.tpp.session import ticket_reader

    with open_house(invocation) as house:
        reader = ticket_reader(house.session)
        plan = make_plan(house, reader, introduce(house, Request(paths=paths, only=guid), final=False))
        found = _gather(house, guid, plan, reader.read(guid), _named(house, paths))
    click.echo(explain_text(found, view_of()), nl=False)
    return 0


def _named(house: "House", paths: tuple[str, ...]) -> frozenset[Guid]:
    from reconciler.manifests.load import load_desired

    settings = house.settings
    desired = load_desired(paths or settings.tickets, windows=settings.windows, now=house.clock.now())
    return frozenset(decision.guid for decision in desired.decisions)


def _gather(house: "House", guid: Guid, plan: "Plan", reading: "Reading", named: frozenset[Guid]) -> Explanation:
    from reconciler.ledger.reading import read_lines

    step = next((step for step in plan.steps if step.guid == guid), None)
    live, object_dn = _in_words(reading)
    return Explanation(
        guid=guid,
        live=live,
        step=step,
        declaration=_declaration(step.source) if step else None,
        story=tuple(read_lines(Path(house.settings.ledger), (guid,))),
        siblings=_siblings(house, guid, object_dn, named) if object_dn else (),
        notes=plan.notes,
    )


def _in_words(reading: "Reading") -> tuple[str, str]:
    """Say in one line what the server answered, and name the object that waits."""
    from reconciler.model.ticket import Found, Gone, Hidden, Unread
    from reconciler.planning.judge import spell

    match reading:
        case Found(ticket):
            approvers = f", approvers {', '.join(ticket.approvers)}" if ticket.approvers else ""
            said = f"{spell(ticket.state)}; {ticket.object} waits for it, made by {ticket.workflow}{approvers}"
            return f"{said}; reason: {ticket.reason}" if ticket.reason else said, ticket.object
        case Gone():
            return "there is no such ticket: it was processed, deleted, or never there", ""
        case Hidden():
            return "the ticket exists and the server denies it to us", ""
        case Unread(why):
            return f"it could not be read: {why}", ""


def _siblings(house: "House", guid: Guid, object_dn: str, named: frozenset[Guid]) -> tuple[Sighted, ...]:
    from reconciler.tpp.finding import find_tickets

    others = (other for other in find_tickets(house.session, object_dn=object_dn) if other != guid)
    return tuple(Sighted(other, other in named) for other in sorted(others))


def _declaration(source: "Source") -> Declaration | None:
    """Ask git who wrote the line; None outside of a checkout."""
    from reconciler.github.git import Git, GitFailure

    folder, name = Path(source.path).resolve().parent, Path(source.path).name
    try:
        blamed = Git(folder, dict(os.environ)).run(
            "blame", "--line-porcelain", f"-L{source.line},{source.line}", "--", name
        )
    except (GitFailure, OSError):
        return None
    facts = dict(line.split(" ", 1) for line in blamed.splitlines()[1:] if " " in line and not line.startswith("\t"))
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(int(facts.get("author-time", "0")), UTC)
    return Declaration(blamed.split(" ", 1)[0], facts.get("author", ""), f"{at:%Y-%m-%d %H:%M} UTC")
