"""`reconciler apply`: do what a plan says, after everything that can be checked has been checked."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import RUN_FORMATS, detail_of, show_plan, show_run
from reconciler.cli.parameters import SHARD
from reconciler.cli.telling import Listeners, listener_options, tell
from reconciler.model.plan import Plan
from reconciler.model.shard import Shard
from reconciler.rendering.view import Detail

if TYPE_CHECKING:
    from reconciler.cli.running import Ended
    from reconciler.model.receipt import Run


@click.command()
@click.argument("paths", nargs=-1, metavar="[PLAN.JSON | PATHS]...", type=click.Path())
@click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@click.option("--dry-run", is_flag=True, help="Check and show everything, and write nothing.")
@click.option("--reviewed", type=click.Path(path_type=Path), help="Refuse whatever this plan does not contain.")
@click.option("--format", "style", type=click.Choice(RUN_FORMATS), default="text", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the report of the run as JSON.")
@click.option("--shard", type=SHARD, metavar="K/N", help="Apply part K of N, divided by object.")
@click.option("--fail-fast", is_flag=True, help="Start no further write once one has failed.")
@click.option("--quiet", "-q", is_flag=True, help="Only totals and what needs attention.")
@click.option("--verbose", "-v", is_flag=True, help="Everything, also what is fine.")
@listener_options
@common_options
def command(
    invocation: Invocation,
    paths: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    reviewed: Path | None,
    style: str,
    out: Path | None,
    shard: Shard | None,
    fail_fast: bool,
    quiet: bool,
    verbose: bool,
    metrics: Path | None,
    notify: str | None,
    notify_as: str,
) -> int:
    """Apply a saved plan exactly as it is, or plan the manifests at PATHS and apply that."""
    from reconciler.cli.exit_codes import of_plan
    from reconciler.cli.plan_to_apply import manifests_to_apply, plan_to_apply
    from reconciler.cli.running import carry_out
    from reconciler.cli.wiring import Seals, open_house

    detail = detail_of(quiet, verbose)
    with open_house(invocation, manifests_to_apply(paths), Seals.RESPECTED_AND_SOUGHT) as house:
        plan = plan_to_apply(house, paths, reviewed, shard)
        if style == "text":
            show_plan(plan, "text", detail)
        if dry_run:
            if style != "text":
                show_plan(plan, style, detail)
            return int(of_plan(plan))
        _ask(plan, yes=yes)
        ended = carry_out(plan, house, fail_fast=fail_fast)
        _report(ended.run, style, detail, out)
        tell(Listeners(metrics, notify, notify_as), Path(house.settings.ledger), plan, ended.run)
    return _code(plan, ended)


def _ask(plan: Plan, *, yes: bool) -> None:
    """Have a person agree to the changes. Raises GuardRefused for a no, UsageError where nobody can be asked."""
    from reconciler.cli.terminal import is_interactive
    from reconciler.errors import GuardRefused
    from reconciler.rendering.words import counted

    if yes or not plan.changes:
        return
    if not is_interactive():
        raise click.UsageError("nobody can be asked here: add --yes to apply without asking")
    if not click.confirm(f"Apply {counted(len(plan.changes), 'change')}? Approvals can't be undone", err=True):
        raise GuardRefused("not confirmed, so nothing was written", "run it again once you agree with the plan")


def _report(run: "Run", style: str, detail: Detail, out: Path | None) -> None:
    if out is not None:
        from reconciler.rendering.json_text import run_json

        out.write_text(run_json(run), encoding="utf-8")
    if style != "text" or run.receipts or run.notes:
        show_run(run, style, detail)


def _code(plan: Plan, ended: "Ended") -> int:
    from reconciler.cli.exit_codes import Exit, of_plan, of_run, worst

    stopped = Exit.BUG if ended.bug else Exit.SERVER if ended.systemic else Exit.OK
    code = worst((of_plan(plan), of_run(ended.run), stopped))
    untold = ended.signal is None or code in (Exit.BUG, Exit.UNKNOWN)
    return int(code) if untold else 128 + (ended.signal or 0)
