"""`reconciler schema`: print a JSON Schema, for editors and other validators."""

import click

from reconciler.manifests.schema import names, text


@click.command()
@click.argument("name", type=click.Choice(names()), required=False)
def command(name: str | None) -> int:
    """Print the JSON Schema of a format; without NAME, list the formats."""
    click.echo(text(name) if name else "\n".join(names()) + "\n", nl=False)
    return 0
