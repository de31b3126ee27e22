"""`reconciler ledger log`: what was done to which ticket, when, by whom, and how it ended."""

import sys
from pathlib import Path

import click

from reconciler.cli.ledger_filter import Filter, filter_options, folder_of, ledger_option, records_of
from reconciler.cli.options import Invocation, common_options


@click.command()
@filter_options
@ledger_option
@click.option("--format", "style", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--verbose", "-v", is_flag=True, help="Everything that is known of each record.")
@common_options
def log(invocation: Invocation, *, wanted: Filter, ledger: Path | None, style: str, verbose: bool) -> None:
    """Show what was done to tickets, oldest first; intents that no receipt answers come last."""
    folder = folder_of(invocation, ledger)
    records = records_of(folder, wanted)
    if style == "json":
        from reconciler.cli.ledger_export import records_json

        click.echo(records_json(folder, records), nl=False)
        return
    from reconciler.cli.terminal import view_of
    from reconciler.rendering.text.ledger import record_text
    from reconciler.rendering.view import Detail

    view = view_of(sys.stdout, Detail.VERBOSE if verbose else Detail.NORMAL)
    shown = 0
    for record in records:
        click.echo(record_text(record, view), nl=False)
        shown += 1
    if not shown:
        click.echo("nothing in the ledger fits", err=True)
