"""`reconciler validate`: check manifests and configuration without a server, credentials or anything to lose."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.app.context import SystemClock
from reconciler.app.validate import Validation, validate
from reconciler.app.version import tool
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.model.decision import Problem
from reconciler.model.value import replace
from reconciler.rendering.problems import problems_github, problems_json, problems_sarif, problems_text

FORMATS = ("text", "json", "github", "sarif")


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--format", "style", type=click.Choice(FORMATS), default="text", show_default=True)
@common_options
def command(invocation: Invocation, paths: tuple[str, ...], style: str) -> int:
    """Check PATHS (default: the manifests that the configuration names) and the configuration.

    Every fault of every file is told at once, and what the policy refuses whatever the tickets are. Offline: no server
    and no credentials are needed.
    """
    checked = validate(
        paths,
        config=invocation.config,
        environment=invocation.environment,
        environ=os.environ,
        now=SystemClock().now(),
    )
    click.echo(_rendered(checked, style), nl=False)
    return Exit.INVALID if checked.errors else Exit.OK


def _rendered(checked: Validation, style: str) -> str:
    if style == "text" and not checked.problems:
        return _all_well(checked)

    problems = checked.problems
    root = os.environ.get("GITHUB_WORKSPACE", "")
    match style:
        case "json":
            return problems_json(problems)
        case "github":
            return problems_github(_absolute(problems, root), root=root)
        case "sarif":
            return problems_sarif(_absolute(problems, root), tool=tool(), root=root)
        case _:
            colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            return problems_text(problems, colour=colour) + ("" if checked.errors else _all_well(checked))


def _absolute(problems: Sequence[Problem], root: str) -> Sequence[Problem]:
    """Name files from the root of the disk, so that what is below `root` can be named relative to it."""
    if not root:
        return problems
    return [replace(each, source=replace(each.source, path=str(Path.cwd() / each.source.path))) for each in problems]


def _all_well(checked: Validation) -> str:
    desired = checked.desired
    counts = (
        (len(desired.decisions), "decision"),
        (len(desired.selections), "rule"),
        (len(desired.overrides), "override"),
    )
    parts = [f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count]
    files = len(desired.files)
    return f"valid: {', '.join(parts)} in {files:,} file{'' if files == 1 else 's'}\n"
