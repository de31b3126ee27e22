"""`reconciler import`: entries for tickets that no manifest names yet. Never anything but Pending."""

from collections.abc import Iterable
from pathlib import Path

import click

from reconciler.app.context import Context, open_context
from reconciler.app.import_tickets import default_pattern, import_tickets, is_planned, listed, on_server
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.cli.progress import Terminal
from reconciler.codec import json_text
from reconciler.manifests.write import check_pattern
from reconciler.model.ticket import Guid
from reconciler.rendering.manifest_changes import intake_text

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command("import")
@click.option("--mine", is_flag=True, help="Tickets that wait for the caller (the default).")
@click.option("--object", "object_dn", metavar="NAME", help="On this object, by name or DN; * and ** are wildcards.")
@click.option("--file", "lines", type=_FILE, help="Tickets whose GUIDs are in this file, one a line.")
@click.option(
    "--csv",
    "table",
    type=_FILE,
    help="Tickets of a table with a column GUID; its decisions are not taken.",
)
@click.option("--layout", metavar="PATTERN", help="Where entries go [default: TICKETS/{year}/{month}/{folder}.yaml].")
@click.option("--no-context", is_flag=True, help="Do not read the certificates behind the tickets, and pin none.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@format_option()
@common_options
def command(
    invocation: Invocation,
    mine: bool,
    object_dn: str | None,
    lines: Path | None,
    table: Path | None,
    layout: str | None,
    no_context: bool,
    dry_run: bool,
    style: str,
) -> int:
    """Write manifests for tickets that no manifest names yet, with what is expected of each.

    What manifests name already is left alone, so an interrupted import is resumed by running it again.
    """
    if sum((mine, object_dn is not None, lines is not None, table is not None)) > 1:
        raise click.UsageError("choose one of --mine, --object, --file and --csv")
    settings = invocation.settings()
    pattern = layout or default_pattern(settings.tickets)
    _check(pattern, settings.tickets)
    with open_context(settings, observer=Terminal()) as context:
        intake = import_tickets(
            context,
            lambda: _tickets(context, lines, table, object_dn),
            pattern=pattern,
            write=not dry_run,
            certificates=not no_context,
        )
    shown = json_text(intake.as_json()) if style == "json" else intake_text(intake, dry_run)
    click.echo(shown, nl=False)
    return int(Exit.SERVER if intake.unread else Exit.OK)


def _tickets(context: Context, lines: Path | None, table: Path | None, object_dn: str | None) -> Iterable[Guid]:
    if table is not None:
        return listed(table, table=True)
    return listed(lines, table=False) if lines is not None else on_server(context, object_dn)


def _check(pattern: str, tickets: tuple[str, ...]) -> None:
    try:
        check_pattern(pattern)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--layout") from None
    if not is_planned(pattern, tickets):
        hint = f"{pattern} is not among the manifests that the configuration names: {', '.join(tickets)}"
        raise click.BadParameter(hint, param_hint="--layout")
