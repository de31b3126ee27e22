"""`reconciler plan`: show what an apply would do. The reader that it is given cannot write."""

from pathlib import Path

import click

from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import PLAN_FORMATS, detail_of, show_plan
from reconciler.cli.parameters import SHARD
from reconciler.cli.telling import Listeners, listener_options, tell
from reconciler.model.plan import Plan
from reconciler.model.shard import Shard


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan for `apply`.")
@click.option("--format", "style", type=click.Choice(PLAN_FORMATS), default="text", show_default=True)
@click.option("--exit-code", is_flag=True, help="Leave with 10 when changes are pending.")
@click.option("--shard", type=SHARD, metavar="K/N", help="Plan part K of N, divided by object.")
@click.option("--since", metavar="REV", help="Plan only entries that changed since this git revision.")
@click.option("--ignore-seals", is_flag=True, help="Judge also what is in sealed manifests.")
@click.option("--timeline", is_flag=True, help="Show windows and freezes along a line of time.")
@click.option("--quiet", "-q", is_flag=True, help="Only totals and what needs attention.")
@click.option("--verbose", "-v", is_flag=True, help="Everything, also what is fine.")
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
    ignore_seals: bool,
    timeline: bool,
    quiet: bool,
    verbose: bool,
    metrics: Path | None,
    notify: str | None,
    notify_as: str,
) -> int:
    """Show what an apply of PATHS would do (default: the manifests that the configuration names)."""
    from reconciler.cli.exit_codes import of_plan
    from reconciler.cli.planning import Request, make_plan
    from reconciler.cli.preflight import introduce
    from reconciler.cli.progress import progress_bar
    from reconciler.cli.wiring import Seals, open_house
    from reconciler.tpp.session import ticket_reader

    seals = Seals.IGNORED if ignore_seals else Seals.RESPECTED
    with open_house(invocation, paths, seals) as house, progress_bar("Reading tickets") as progress:
        request = Request(shard=shard, since=since, progress=progress)
        plan = make_plan(
            house, ticket_reader(house.session), request, lambda asked: introduce(house, asked, final=False)
        )
        settings = house.settings
    if out is not None:
        from reconciler.ledger.plan_files import save_plan

        save_plan(plan, out)
    if style == "patch":
        from reconciler.cli.patching import show_patch

        show_patch(plan, settings.windows)
    else:
        show_plan(plan, style, detail_of(quiet, verbose))
    if timeline and style == "text":
        _show_timeline(plan)
    tell(Listeners(metrics, notify, notify_as), Path(settings.ledger), plan)
    return int(of_plan(plan, changes_matter=exit_code))


def _show_timeline(plan: Plan) -> None:
    from reconciler.cli.terminal import view_of
    from reconciler.rendering.text.timeline import timeline_text

    click.echo(timeline_text(plan, view_of()), nl=False)
