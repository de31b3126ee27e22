"""`reconciler plan`: show what an apply would do. The reader that it is given cannot write."""

from pathlib import Path

import click

from reconciler.app.context import open_context
from reconciler.app.emergency import planned_emergency
from reconciler.app.outputs import OutputKind, check_outputs, saved_as
from reconciler.app.plan import plan as make_plan
from reconciler.app.request import Request, Seals
from reconciler.app.reschedule import make_patch
from reconciler.app.tickets import Wanted
from reconciler.cli.exit_codes import of_plan
from reconciler.cli.metrics import Metrics, metrics_options
from reconciler.cli.options import (
    SHARD,
    Invocation,
    check_emergency,
    common_options,
    emergency_option,
    part_options,
    warn_without_policy,
)
from reconciler.cli.output import PLAN_FORMATS, detail_of, format_option, show_plan, show_timeline
from reconciler.cli.progress import Terminal
from reconciler.cli.telling import Listeners, listener_options, notify_listeners
from reconciler.ledger.plan_files import save_plan
from reconciler.model.plan import Shard
from reconciler.model.value import replace
from reconciler.rendering.manifest_changes import patch_head


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan for `apply`.")
@format_option((*PLAN_FORMATS, "patch"))
@click.option("--exit-code", is_flag=True, help="Leave with 10 when changes are pending.")
@click.option("--shard", type=SHARD, metavar="K/N", help="Plan part K of N, divided by object.")
@click.option("--since", metavar="REV", help="Plan only entries that changed since this git revision.")
@part_options
@emergency_option
@click.option("--ignore-seals", is_flag=True, help="Judge also what is in sealed manifests.")
@click.option("--recheck", is_flag=True, help="Read settled tickets, too: are they still gone? Ignores seals.")
@click.option("--no-context", is_flag=True, help="Do not read the certificates behind the tickets.")
@click.option("--timeline", is_flag=True, help="Show windows and freezes along a line of time.")
@click.option("--quiet", "-q", is_flag=True, help="Only totals and what needs attention.")
@click.option("--verbose", "-v", is_flag=True, help="Everything, also what is fine.")
@metrics_options
@listener_options
@common_options
def command(
    invocation: Invocation,
    paths: tuple[str, ...],
    out: Path | None,
    style: str,
    exit_code: bool,
    shard: Shard | None,
    since: str | None,
    wanted: Wanted,
    incident: str | None,
    ignore_seals: bool,
    recheck: bool,
    no_context: bool,
    timeline: bool,
    quiet: bool,
    verbose: bool,
    metrics: Metrics,
    notify: str | None,
    notify_as: str,
) -> int:
    """Show what an apply of PATHS would do (default: the manifests that the configuration names)."""
    check_emergency(incident, wanted, paths)
    seals = Seals.IGNORED if ignore_seals else Seals.RESPECTED
    settings = metrics.settings = invocation.settings()
    warn_without_policy(settings)
    check_outputs((*saved_as(out, OutputKind.PLAN), *metrics.outputs()), settings, paths)
    with open_context(settings, observer=Terminal()) as context:
        asked = Request(paths, shard, since, seals=seals, recheck=recheck, certificates=not no_context, wanted=wanted)
        if incident is not None:
            asked = replace(asked, emergency=planned_emergency(context, wanted.names[0], incident))
        plan = make_plan(context, asked)
        metrics.see(context, plan)
    if out is not None:
        save_plan(plan, out)
    if style == "patch":
        patch = make_patch(plan, settings.windows)
        # bytes: line ends of the manifests are kept on every system
        click.echo((patch_head(patch.found) + "".join(patch.diffs)).encode("utf-8"), nl=False)
    else:
        show_plan(plan, style, detail_of(quiet, verbose))
    if timeline and style == "text":
        show_timeline(plan)
    notify_listeners(Listeners(notify, notify_as), context, plan)
    return int(of_plan(plan, changes_matter=exit_code))
