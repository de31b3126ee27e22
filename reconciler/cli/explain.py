"""`reconciler explain`: everything about one ticket on one page."""

import click

from reconciler.app.context import open_context
from reconciler.app.explain import explain
from reconciler.app.tickets import named_in
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.cli.progress import Terminal
from reconciler.cli.terminal import view_of
from reconciler.rendering.explanation import explain_json
from reconciler.rendering.text.explain import explain_text


@click.command()
@click.argument("ticket")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--no-context", is_flag=True, help="Do not read the certificate behind the ticket.")
@format_option()
@common_options
def command(invocation: Invocation, ticket: str, paths: tuple[str, ...], style: str, *, no_context: bool) -> int:
    """Tell where TICKET is declared, its live state, its history, the verdict and what to do.

    TICKET is a GUID, its first digits, or the name or DN of its object.
    """
    with open_context(invocation.settings(), observer=Terminal()) as context:
        found = explain(context, named_in(context, ticket), paths, certificates=not no_context)
    click.echo(explain_json(found) if style == "json" else explain_text(found, view_of()), nl=False)
    return 0
