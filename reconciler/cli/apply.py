"""`reconciler apply`: do what a plan says, after everything that can be checked has been checked."""

from pathlib import Path

import click

from reconciler.app.apply import ApplyResult, carry_out
from reconciler.app.context import Context, open_context
from reconciler.app.emergency import agreed_by_token, planned_emergency
from reconciler.app.outputs import OutputKind, check_outputs, saved_as
from reconciler.app.request import Request
from reconciler.app.saved_plan import Prepared, applied_before, prepared_file, prepared_now
from reconciler.app.tickets import Wanted
from reconciler.atomic import atomic_write
from reconciler.cli.exit_codes import Exit, of_plan, of_run, worst
from reconciler.cli.metrics import Metrics, metrics_options
from reconciler.cli.options import (
    DURATION,
    SHARD,
    Invocation,
    check_emergency,
    common_options,
    emergency_option,
    part_options,
    require_policy,
)
from reconciler.cli.output import RUN_FORMATS, detail_of, format_option, show_plan, show_run
from reconciler.cli.process import take_fault
from reconciler.cli.progress import Terminal
from reconciler.cli.telling import Listeners, listener_options, notify_listeners, tell_change_records
from reconciler.cli.terminal import is_interactive
from reconciler.codec import run_json
from reconciler.errors import GuardRefused
from reconciler.model.plan import Plan, Shard
from reconciler.model.receipt import Outcome, Run
from reconciler.model.review import Emergency
from reconciler.model.status import format_instant
from reconciler.model.value import replace
from reconciler.rendering.escape import terminal
from reconciler.rendering.summary import effects
from reconciler.rendering.words import counted

_IN_LEDGER = "`reconciler ledger log` has what was done"


@click.command()
@click.argument("paths", nargs=-1, metavar="[PLAN.JSON | PATHS]...", type=click.Path())
@click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@click.option("--dry-run", is_flag=True, help="Check and show everything, and write nothing.")
@click.option("--reviewed", type=click.Path(path_type=Path), help="Refuse whatever this plan does not contain.")
@format_option(RUN_FORMATS)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the report of the run as JSON.")
@click.option("--shard", type=SHARD, metavar="K/N", help="Apply part K of N, divided by object.")
@part_options
@emergency_option
@click.option("--lock-timeout", type=DURATION, metavar="TIME", help="Wait so long for another run, such as 90s.")
@click.option("--fail-fast", is_flag=True, help="Start no further write once one has failed.")
@click.option("--no-policy", is_flag=True, help="Apply although there is no configuration, so that no policy holds.")
@click.option("--quiet", "-q", is_flag=True, help="Only totals and what needs attention.")
@click.option("--verbose", "-v", is_flag=True, help="Everything, also what is fine.")
@metrics_options
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
    wanted: Wanted,
    incident: str | None,
    fail_fast: bool,
    lock_timeout: float | None,
    no_policy: bool,
    quiet: bool,
    verbose: bool,
    metrics: Metrics,
    notify: str | None,
    notify_as: str,
) -> int:
    """Apply a saved plan exactly as it is, or plan the manifests at PATHS and apply that."""
    detail = detail_of(quiet, verbose)
    check_emergency(incident, wanted, paths)
    settings = metrics.settings = invocation.settings()
    require_policy(settings, no_policy=no_policy)
    outputs = (*saved_as(out, OutputKind.RUN), *metrics.outputs())
    check_outputs(outputs, settings, [path for path in paths if not path.endswith(".json")])
    with open_context(settings, observer=Terminal(), applying=not dry_run) as context:
        request = Request(paths, shard, wanted=wanted)
        if incident is not None:
            planned = planned_emergency(context, wanted.names[0], incident)
            request = replace(request, emergency=agreed_by_token(context, planned))
        ready = _prepared(context, request, reviewed, shown=dry_run or not yes)
        metrics.plan = ready.plan
        if style == "text":
            show_plan(ready.plan, "text", detail)
        if dry_run:
            if style != "text":
                show_plan(ready.plan, style, detail)
            return int(of_plan(ready.plan))
        if done := applied_before(context, ready.plan):
            rest = len(ready.plan.changes) - done
            click.echo(
                f"An earlier run of this plan applied {counted(done, 'change')} of it; "
                + (f"{rest:,} {'is' if rest == 1 else 'are'} left." if rest else "there is nothing to apply."),
                err=True,
            )
        _ask(ready.plan, yes=yes or done == len(ready.plan.changes))
        with metrics.noting_pushes():
            ended = carry_out(context, ready, fail_fast=fail_fast, lock_timeout=lock_timeout or 0.0)
        metrics.run, metrics.pushed = ended.run, ended.pushed
        if style != "text" or ended.run.receipts or ended.run.notes:
            show_run(ended.run, style, detail)
        if (fault := take_fault()) is not None:
            click.echo(f"warning: the outcome could not be printed: {fault.strerror}; {_IN_LEDGER}", err=True)
        if ready.emergency is not None:
            _say_what_next(ready.emergency, ended.run)
        _save(ended.run, out)
        tell_change_records(context, ready.plan, ended.run)
        metrics.see(context, ready.plan, ended.run)
        notify_listeners(Listeners(notify, notify_as), context, ready.plan, ended.run)
    return _code(ready.plan, ended)


def _prepared(context: Context, request: Request, reviewed: Path | None, *, shown: bool) -> Prepared:
    """Prepare a saved plan, which is used as it is, or plan the manifests now, with certificates if it is `shown`."""
    if not any(path.endswith(".json") for path in request.paths):
        return prepared_now(context, replace(request, certificates=shown), reviewed)
    if request != Request(request.paths[:1]) or reviewed is not None:
        raise click.UsageError("a saved plan is applied alone, as it is: without other paths or options that choose")
    return prepared_file(context, Path(request.paths[0]))


def _ask(plan: Plan, *, yes: bool) -> None:
    """Have a person agree to the changes. Raises GuardRefused for a no, UsageError where nobody can be asked."""
    if yes or not plan.changes:
        return
    if not is_interactive():
        raise click.UsageError("nobody can be asked here: add --yes to apply without asking")
    for sentence in effects(plan):
        click.echo(sentence, err=True)
    if not click.confirm(f"Apply {counted(len(plan.changes), 'change')}?", err=True):
        raise GuardRefused("not confirmed, so nothing was written", "run it again once you agree with the plan")


def _say_what_next(emergency: Emergency, run: Run) -> None:
    """Print what the entry has to say, so that git tells of it too."""
    if Outcome.APPLIED not in run.counts:
        return
    at = format_instant(run.ended_at.replace(microsecond=0))
    decided = f"by: '{emergency.asked} and {emergency.agreed}', at: {at}, where: laptop, reason: {emergency.incident}"
    click.echo("Bring it into git by a pull request: the entry of the ticket, and in it", err=True)
    click.echo(terminal(f"    decided: {{{decided}}}", 1_000), err=True)


def _save(run: Run, out: Path | None) -> None:
    """Save the report. What was sent was sent: where it can't be saved, the outcome and its exit code stand."""
    if out is None:
        return
    try:
        atomic_write(out, run_json(run).encode())
    except OSError as error:
        why = f"the report of the run was not saved to {out}: {error.strerror or error}"
        click.echo(f"warning: {terminal(why)}; {_IN_LEDGER}", err=True)


def _code(plan: Plan, ended: ApplyResult) -> int:
    others = frozenset(step.guid for step in plan.steps if not step.own)
    codes = {of_plan(plan), of_run(ended.run, others)}
    codes |= {Exit(128 + ended.signal)} if ended.signal is not None else set()
    codes |= {Exit.SERVER} if ended.lasting else set()
    codes |= {Exit.REFUSED} if ended.halted else set()
    codes |= {Exit.BUG} if ended.bug else set()
    return int(worst(codes))
