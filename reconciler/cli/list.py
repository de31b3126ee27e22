"""`reconciler list`: the tickets that wait, with what is decided of them."""

import re
import sys
from datetime import timedelta

import click

from reconciler.app.context import open_context
from reconciler.app.list_tickets import ListFilter, list_tickets
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options, parsed
from reconciler.cli.output import format_option
from reconciler.cli.progress import Terminal
from reconciler.cli.terminal import view_of
from reconciler.rendering.text.layout import Detail
from reconciler.rendering.waiting import waiting_csv, waiting_json, waiting_text

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _length(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,5})([mhdw])", text)
    if found is None:
        raise ValueError(f"{text!r} is no length of time")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


LENGTH = parsed("time", _length, "7d")


@click.command("list")
@click.option("--object", "object_dn", metavar="NAME", help="On this object, by name or DN; * and ** are wildcards.")
@click.option("--workflow", metavar="PATTERN", help="Tickets of these workflows.")
@click.option("--older-than", type=LENGTH, help="Tickets that have waited for so long: 7d.")
@click.option("--expiring", type=LENGTH, help="Tickets whose certificates end within this time, the first first: 30d.")
@click.option("--undecided", is_flag=True, help="Tickets that are pending, and of which manifests want nothing else.")
@click.option("--mine", is_flag=True, help="Tickets that the caller may approve.")
@format_option(("text", "json", "csv"))
@click.option("--verbose", "-v", is_flag=True, help="Everything that is known of each.")
@common_options
def command(
    invocation: Invocation,
    *,
    object_dn: str | None,
    workflow: str | None,
    older_than: timedelta | None,
    expiring: timedelta | None,
    undecided: bool,
    mine: bool,
    style: str,
    verbose: bool,
) -> int:
    """List the tickets that are there, live, with what manifests want of them and what the ledger knows."""
    asked = ListFilter(object_dn, workflow, older_than, expiring, undecided, mine)
    with open_context(invocation.settings(), observer=Terminal()) as context:
        found = list_tickets(context, asked)
    if style == "json":
        click.echo(waiting_json(found), nl=False)
    elif style == "csv":
        sys.stdout.write(waiting_csv(found))
    else:
        click.echo(waiting_text(found, view_of(detail=Detail.VERBOSE if verbose else Detail.NORMAL)), nl=False)
    return int(Exit.SERVER if found.unread else Exit.OK)
