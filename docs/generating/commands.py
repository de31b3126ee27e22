"""The page of the commands: what `--help` says of each, in the order of the table of commands."""

import click

from docs.generating.text import cell, table
from reconciler.cli.main import cli

_EVERYWHERE = frozenset({"--config", "--env", "--log-level", "--log-format", "-h"})


def page() -> str:
    """Return the page of all commands."""
    context = click.Context(cli, info_name="reconciler", terminal_width=100)
    parts = [_INTRODUCTION, table(("Option", "Meaning"), _options(_common(context)))]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        parts += _sections(command, click.Context(command, parent=context, info_name=name), 2)
    return "\n".join(parts)


_INTRODUCTION = """# Commands

Product is on standard output, chatter on standard error. What each command leaves with is on the page
[Exit codes](exit-codes.md). Every command takes these options:
"""


def _sections(command: click.Command, context: click.Context, level: int) -> list[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{'#' * level} {context.command_path}\n", f"```text\n{usage}\n```\n", _paragraphs(command.help or "")]
    options = [found for found in command.get_params(context) if _is_own(found)]
    if options:
        parts.append(table(("Option", "Meaning"), _options(options)))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            parts += _sections(inner, click.Context(inner, parent=context, info_name=name), level + 1)
    return parts


def _common(context: click.Context) -> list[click.Parameter]:
    plan = cli.get_command(context, "plan")
    assert plan is not None
    return [found for found in plan.get_params(context) if isinstance(found, click.Option) and not _is_own(found)]


def _is_own(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and not parameter.hidden and not _EVERYWHERE & set(parameter.opts)


def _options(options: list[click.Parameter]) -> list[tuple[str, ...]]:
    records = [option.get_help_record(click.Context(click.Command(None))) for option in options]
    return [(f"`{record[0]}`".replace("|", "\\|"), cell(record[1])) for record in records if record]


def _paragraphs(text: str) -> str:
    return "\n\n".join(cell(paragraph) for paragraph in text.replace("\b", "").split("\n\n")) + "\n"
