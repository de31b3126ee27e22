"""`reconciler report`: a static site about a plan and the ledger, for people who look rather than read. Offline."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options
from reconciler.cli.parameters import INSTANT
from reconciler.cli.report_files import read_ledger, write_site

if TYPE_CHECKING:
    from reconciler.model.record import Line
    from reconciler.rendering.html.site import Report


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), help="Saved plan to show [default: none].")
@click.option("--ledger", type=click.Path(path_type=Path), help="Folder of the ledger [default: configured].")
@click.option("--title", default="Approvals", show_default=True, help="Name of the site.")
@click.option(
    "--repository", metavar="URL", default="", help="Where commits are shown, such as https://github.com/o/r."
)
@click.option("--last-success", type=INSTANT, metavar="TIME", help="When a reconcile last succeeded [default: ledger].")
@common_options
def command(invocation: Invocation, out: Path, plan_file: Path | None, ledger: Path | None, **shown: object) -> int:
    """Write a self-contained site (Open, Timeline, Ledger, Controls, Plan) that needs no server and no network.

    A ledger that does not hold is shown with its faults, and the command leaves with 3.
    """
    from reconciler.cli.exit_codes import Exit
    from reconciler.rendering.html.site import site
    from reconciler.rendering.words import counted

    report = _gather(invocation, plan_file, ledger, **shown)
    files = site(report)
    write_site(out, files)
    click.echo(f"wrote {counted(len(files), 'page')}; open {out / 'index.html'}", err=True)
    if report.chain is None or not report.chain.faults:
        return 0
    click.echo("error: the ledger does not hold; `reconciler ledger verify` says where", err=True)
    return int(Exit.REFUSED)


def _gather(
    invocation: Invocation,
    plan_file: Path | None,
    ledger: Path | None,
    title: object = "",
    repository: object = "",
    last_success: object = None,
) -> "Report":
    from reconciler.cli.clock import SystemClock
    from reconciler.cli.terminal import local_zone
    from reconciler.cli.version import tool
    from reconciler.ledger.plan_files import load_plan
    from reconciler.rendering.html.page import Frame
    from reconciler.rendering.html.site import Report

    settings = invocation.settings()
    plan = load_plan(plan_file) if plan_file else None
    lines, chain = read_ledger(ledger or Path(settings.ledger))
    about = settings.environment or settings.server or (plan.target if plan else "")
    frame = Frame(str(title), SystemClock().now(), about, tool(), zone=local_zone(), repository=str(repository))
    heartbeat = last_success if isinstance(last_success, datetime) else _last_end(lines)
    return Report(frame, plan, lines, chain=chain, heartbeat=heartbeat)


def _last_end(lines: "list[Line]") -> datetime | None:
    from reconciler.model.record import Ended

    ends = [line.entry.at for line in lines if isinstance(line.entry, Ended) and line.entry.stopped is None]
    return max(ends, default=None)
