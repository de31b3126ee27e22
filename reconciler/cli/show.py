"""`reconciler show`: a saved plan, or the report of a run, in any format. Offline."""

from pathlib import Path

import click

from reconciler.app.saved_plan import read_plan
from reconciler.app.workflow_run import read_run
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import (
    PLAN_FORMATS,
    RUN_FORMATS,
    detail_of,
    format_option,
    show_plan,
    show_run,
    show_timeline,
)
from reconciler.codec import decode
from reconciler.model.receipt import Run


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@format_option(PLAN_FORMATS)
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
    plan = read_plan(file)
    show_plan(plan, style, detail)
    if timeline and style == "text":
        click.echo()
        show_timeline(plan)
    return 0


def _run_in(file: Path) -> Run | None:
    """Read the report of a run. None when the file is none; what it is instead is for the plan's reader to say."""
    try:
        if "receipts" not in decode(file.read_bytes(), dict[str, object]):
            return None
    except (OSError, ValueError):
        return None
    return read_run(file)
