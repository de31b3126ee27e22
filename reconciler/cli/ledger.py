"""`reconciler ledger`: read, verify and export the record of what was applied. Works offline."""

import click

from reconciler.cli.ledger_export import export
from reconciler.cli.ledger_log import log
from reconciler.cli.ledger_verify import verify


@click.group()
def command() -> None:
    """Read, verify and export the record of what was applied. Needs no server and no credentials."""


for _subcommand in (log, verify, export):
    command.add_command(_subcommand)
