"""`reconciler explain`: everything about one ticket on one page."""

import click

from reconciler.app.context import open_context
from reconciler.app.explain import explain
from reconciler.cli.options import GUID, Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.cli.progress import Terminal
from reconciler.cli.terminal import view_of
from reconciler.model.ticket import Guid
from reconciler.rendering.explain_json import explain_json
from reconciler.rendering.text.explain import explain_text


@click.command()
@click.argument("guid", type=GUID)
@click.argument("paths", nargs=-1, type=click.Path())
@format_option()
@common_options
def command(invocation: Invocation, guid: Guid, paths: tuple[str, ...], style: str) -> int:
    """Tell where GUID is declared, its live state, its story, the verdict and what to do."""
    with open_context(invocation.settings(), observer=Terminal()) as context:
        found = explain(context, guid, paths)
    click.echo(explain_json(found) if style == "json" else explain_text(found, view_of()), nl=False)
    return 0
