"""`reconciler fmt`: put the keys of manifests in canonical order, comments kept."""

import os
from pathlib import Path

import click

from reconciler.app.context import SystemClock
from reconciler.app.outputs import check_in_place, write_output
from reconciler.app.validate import validate_files
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.errors import InvalidInput
from reconciler.manifests.format import format_manifest
from reconciler.manifests.text import repository_of


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--check", is_flag=True, help="Change nothing; name the files that are not in order and leave with 1.")
@common_options
def command(invocation: Invocation, paths: tuple[str, ...], check: bool) -> int:
    """Put the keys of the manifests in PATHS (default: those of the configuration) in canonical order.

    Lines are moved and never rewritten, so comments, quotes and spacing stay. Faulty manifests are left alone.
    """
    checked = validate_files(
        paths,
        config=invocation.config,
        environment=invocation.environment,
        environ=os.environ,
        now=SystemClock().now(),
    )
    if checked.errors:
        raise InvalidInput(checked.errors)
    changed: list[tuple[Path, str]] = []
    for path in map(Path, checked.desired.files):
        text = path.read_bytes().decode("utf-8")
        formatted = format_manifest(str(path), text)
        if formatted != text:
            changed.append((path, formatted))
    if not check:
        check_in_place(
            (path for path, _ in changed), repository_of(str(invocation.config) if invocation.config else None)
        )
    for path, formatted in changed:
        if not check:
            write_output(path, formatted)
        click.echo(f"{'not in order' if check else 'put in order'}: {path}")
    return Exit.INVALID if check and changed else Exit.OK
