"""`reconciler version`: the version, as `--version` prints it."""

import click

from reconciler.app.version import version


@click.command()
def command() -> None:
    """Print the version."""
    click.echo(f"reconciler {version()}")
