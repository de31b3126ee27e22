"""`reconciler import`: entries for tickets that no manifest names yet. Never anything but Pending."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options
from reconciler.model.guid import Guid, parse_guid

if TYPE_CHECKING:
    from reconciler.cli.wiring import House
    from reconciler.model.intake import Intake

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command("import")
@click.option("--mine", is_flag=True, help="Tickets that wait for the caller (the default).")
@click.option("--object", "object_dn", metavar="DN", help="Tickets on this object; * and ** are wildcards.")
@click.option("--file", "listed", type=_FILE, help="Tickets whose GUIDs are in this file, one a line.")
@click.option("--csv", "table", type=_FILE, help="Tickets of a table with a column GUID; its decisions are not taken.")
@click.option("--layout", metavar="PATTERN", help="Where entries go [default: TICKETS/{year}/{month}/{folder}.yaml].")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--format", "style", type=click.Choice(("text", "json")), default="text", show_default=True)
@common_options
def command(
    invocation: Invocation,
    mine: bool,
    object_dn: str | None,
    listed: Path | None,
    table: Path | None,
    layout: str | None,
    dry_run: bool,
    style: str,
) -> int:
    """Write manifests for tickets that no manifest names yet, each as Pending with what is expected of it.

    What manifests name already is left alone, so an interrupted import is resumed by running it again.
    """
    from reconciler.cli import importing
    from reconciler.cli.progress import progress_bar
    from reconciler.cli.wiring import open_house
    from reconciler.tpp.identities import own_identities
    from reconciler.tpp.session import ticket_reader

    if sum((mine, object_dn is not None, listed is not None, table is not None)) > 1:
        raise click.UsageError("choose one of --mine, --object, --file and --csv")
    with open_house(invocation) as house, progress_bar("Reading tickets") as progress:
        pattern = layout or importing.default_pattern(house.settings.tickets)
        _check(pattern, house.settings.tickets)
        known = importing.known_guids(house)
        found = _listed(listed, table) if listed or table else _found(house, object_dn)
        work = importing.Import(
            pattern=pattern,
            identities=importing.bare_identities(identity.universal for identity in own_identities(house.session)),
            now=house.clock.now(),
            write=importing.write_nothing if dry_run else importing.write_entries,
        )
        intake = importing.run_import(found, known, ticket_reader(house.session), work, progress)
    _show(intake, style, dry_run=dry_run)
    return 4 if intake.unread else 0


def _check(pattern: str, tickets: tuple[str, ...]) -> None:
    from reconciler.cli.importing import is_planned
    from reconciler.manifests.write import check_pattern

    try:
        check_pattern(pattern)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--layout") from None
    if not is_planned(pattern, tickets):
        hint = f"{pattern} is not among the manifests that the configuration names: {', '.join(tickets)}"
        raise click.BadParameter(hint, param_hint="--layout")


def _found(house: "House", object_dn: str | None) -> Iterable[Guid]:
    """Ask the server for GUIDs. It knows no wildcards: with one, the caller's tickets are read and compared."""
    from reconciler.model.ticket import Found
    from reconciler.planning.patterns import matches
    from reconciler.tpp.finding import find_tickets
    from reconciler.tpp.session import ticket_reader

    if object_dn is None or "*" not in object_dn:
        return find_tickets(house.session, object_dn=object_dn)
    readings = ticket_reader(house.session).read_many(find_tickets(house.session))
    return [
        guid for guid, reading in readings if isinstance(reading, Found) and matches(object_dn, reading.ticket.object)
    ]


def _listed(listed: Path | None, table: Path | None) -> Iterable[Guid]:
    """Take GUIDs from a file. Raises InvalidInput for every line that has none."""
    from reconciler.errors import InvalidInput
    from reconciler.model.decision import Problem, Source

    path = listed or table or Path()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem("import-file", Source(str(path)), f"can't be read: {error}", "give a text file in UTF-8")
        raise InvalidInput((problem,)) from None
    rows = _column(text, path) if table else [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    guids, problems = [], []
    for number, cell in rows:
        try:
            guids.append(parse_guid(cell))
        except ValueError as error:
            hint = "write one GUID a line, with or without braces"
            problems.append(Problem("import-guid", Source(str(path), number), str(error), hint))
    if problems:
        raise InvalidInput(tuple(problems))
    return guids


def _column(text: str, path: Path) -> list[tuple[int, str]]:
    from reconciler.errors import InvalidInput
    from reconciler.model.decision import Problem, Source

    reader = csv.DictReader(io.StringIO(text))
    name = next((name for name in reader.fieldnames or () if name.strip().casefold() in ("guid", "ticketguid")), None)
    if name is None:
        hint = "give the table a first row with a column named GUID"
        raise InvalidInput((Problem("import-csv", Source(str(path), 1), "the table has no column GUID", hint),))
    return [(reader.line_num, str(row[name] or "")) for row in reader]


def _show(intake: "Intake", style: str, *, dry_run: bool) -> None:
    from reconciler.rendering.intake_text import intake_text

    if style == "json":
        click.echo(json.dumps(intake.as_json(), indent=2))
    else:
        click.echo(intake_text(intake, dry_run), nl=False)
