"""`reconciler explain`: everything about one ticket on one page."""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options
from reconciler.cli.parameters import GUID
from reconciler.model.explanation import Declaration, Explanation, Sighted
from reconciler.model.guid import Guid
from reconciler.model.value import replace

if TYPE_CHECKING:
    from reconciler.cli.wiring import House
    from reconciler.model.decision import Source
    from reconciler.model.plan import Plan
    from reconciler.model.ticket import LiveTicket
    from reconciler.ports import TicketReader


@click.command()
@click.argument("guid", type=GUID)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--format", "style", type=click.Choice(("text", "json")), default="text", show_default=True)
@common_options
def command(invocation: Invocation, guid: Guid, paths: tuple[str, ...], style: str) -> int:
    """Tell where GUID is declared, its live state, its story, the verdict and what to do."""
    from reconciler.cli.planning import Request, make_plan
    from reconciler.cli.preflight import introduce
    from reconciler.cli.wiring import open_house
    from reconciler.tpp.session import ticket_reader

    with open_house(invocation, paths) as house:
        reader = ticket_reader(house.session)

        def introduced(asked: Request) -> Request:
            # notes are about a plan, not about one ticket
            return replace(introduce(house, asked, final=False), notes=())

        plan = make_plan(house, reader, Request(only=guid), introduced)
        named = {decision.guid: decision.source for decision in house.desired.decisions}
        found = _gather(house, guid, plan, reader, named)
    _show(found, style)
    return 0


def _show(found: Explanation, style: str) -> None:
    if style == "json":
        from reconciler.rendering.explain_json import explain_json

        click.echo(explain_json(found), nl=False)
    else:
        from reconciler.cli.terminal import view_of
        from reconciler.rendering.text.explain import explain_text

        click.echo(explain_text(found, view_of()), nl=False)


def _gather(
    house: "House", guid: Guid, plan: "Plan", reader: "TicketReader", named: "Mapping[Guid, Source]"
) -> Explanation:
    from reconciler.ledger.history import read_lines
    from reconciler.model.ticket import Found

    step, reading = next(iter(plan.steps), None), reader.read(guid)
    beside = tuple(_siblings(house, reader, reading.ticket, named)) if isinstance(reading, Found) else ()
    return Explanation(
        guid=guid,
        now=plan.made_at,
        reading=reading,
        step=step,
        declaration=_declaration(step.source) if step else None,
        archived=tuple(_archived(house, guid)),
        story=tuple(read_lines(Path(house.settings.ledger), (guid,))),
        siblings=beside,
        notes=plan.notes,
    )


def _siblings(
    house: "House", reader: "TicketReader", ticket: "LiveTicket", named: "Mapping[Guid, Source]"
) -> Iterator[Sighted]:
    from reconciler.model.ticket import Found
    from reconciler.tpp.finding import find_tickets

    others = sorted(guid for guid in find_tickets(house.session, object_dn=ticket.object) if guid != ticket.guid)
    for guid, reading in sorted(reader.read_many(others)):
        yield Sighted(guid, named.get(guid), reading.ticket if isinstance(reading, Found) else None)


def _archived(house: "House", guid: Guid) -> "Iterator[Source]":
    """Find the places in the history that `tidy` writes by default."""
    from reconciler.model.decision import Source

    base = Path(house.settings.path).parent if house.settings.path else Path()
    for path in sorted((base / "history").rglob("*.yaml")):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if guid in line.lower() and not line.lstrip().startswith("#"):
                yield Source(str(path), number)


def _declaration(source: "Source") -> Declaration | None:
    """Ask git who wrote the line; None outside of a checkout, and for a file that git does not know."""
    from reconciler.github.git import Git, GitFailure

    folder, name = Path(source.path).resolve().parent, Path(source.path).name
    try:
        blamed = Git(folder, dict(os.environ)).run(
            "blame", "--line-porcelain", f"-L{source.line},{source.line}", "--", name
        )
    except (GitFailure, OSError):
        return None
    facts = dict(line.split(" ", 1) for line in blamed.splitlines()[1:] if " " in line and not line.startswith("\t"))
    commit = blamed.split(" ", 1)[0]
    if not commit.strip("0"):
        return Declaration(None)
    return Declaration(commit, facts.get("author", ""), datetime.fromtimestamp(int(facts.get("author-time", "0")), UTC))
