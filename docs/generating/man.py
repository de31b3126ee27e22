"""Man pages of all commands, from what `--help` says: `python -m docs.generating.man FOLDER`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from click_man.core import write_man_pages

from reconciler.app.version import tool
from reconciler.cli.main import cli


def write(folder: Path) -> None:
    """Write a page for the program and one for each command."""
    context = click.Context(cli, info_name="reconciler")
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    cli.commands = {name: command for name, command in found.items() if command is not None}  # loaded when asked for
    _escape(cli)
    folder.mkdir(parents=True, exist_ok=True)
    version = tool().split()[-1]
    write_man_pages("reconciler", cli, version=version, target_dir=str(folder), date=f"{datetime.now(UTC):%Y-%m-%d}")


def _escape(command: click.Command) -> None:
    r"""Spell backslashes, which DNs have, as roff reads them: it takes `\VED` for an escape of its own."""
    if command.help:
        command.help = command.help.replace("\\", r"\e")
    for option in command.params:
        if isinstance(option, click.Option) and option.help:
            option.help = option.help.replace("\\", r"\e")
    for inner in getattr(command, "commands", {}).values():
        _escape(inner)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
