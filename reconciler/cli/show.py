"""`reconciler show`: a saved plan, or the report of a run, in any format. Offline."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import RUN_FORMATS, SAVED_PLAN_FORMATS, detail_of, show_plan, show_run

if TYPE_CHECKING:
    from reconciler.model.plan import Plan
    from reconciler.model.receipt import Run


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "style", type=click.Choice(SAVED_PLAN_FORMATS), default="text", show_default=True)
@click.option("--timeline", is_flag=True, help="Show windows and freezes along a line of time, too.")
@click.option("--quiet", "-q", is_flag=True, help="Only totals and what needs attention.")
@click.option("--verbose", "-v", is_flag=True, help="Everything, also what is fine.")
@common_options
def command(invocation: Invocation, file: Path, style: str, timeline: bool, quiet: bool, verbose: bool) -> int:  # noqa: ARG001
    """Show FILE: a plan that was saved with `plan --out`, or the output of `apply --format json`."""
    detail = detail_of(quiet, verbose)
    if (run := _run_in(file)) is not None:
        if style not in RUN_FORMATS:
            raise click.UsageError(f"{file} is the report of a run, which has no {style} view")
        show_run(run, style, detail)
        return 0
    from reconciler.ledger.plan_files import load_plan
    from reconciler.planning.digest import check_digest

    plan = load_plan(file)
    check_digest(plan)
    show_plan(plan, style, detail)
    if timeline and style == "text":
        _show_timeline(plan)
    return 0


def _run_in(file: Path) -> "Run | None":
    """Read the report of a run. None when the file is none; what it is instead is for the plan's reader to say."""
    from reconciler.errors import InvalidInput
    from reconciler.model.decision import Problem, Source
    from reconciler.model.run_codec import decode_run

    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "receipts" not in document:
        return None
    try:
        return decode_run(document)
    except ValueError as error:
        message = f"this is no report of a run that this release can read: {error}"
        raise InvalidInput((Problem("run-file/invalid", Source(str(file)), message),)) from None


def _show_timeline(plan: "Plan") -> None:
    from reconciler.cli.terminal import view_of
    from reconciler.rendering.text.timeline import timeline_text

    click.echo("\n" + timeline_text(plan, view_of()), nl=False)
