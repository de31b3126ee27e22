"""`reconciler report`: a static site about a plan and the ledger, for people who look rather than read. Offline."""

from datetime import datetime
from pathlib import Path

import click

from reconciler.app.context import SystemClock
from reconciler.app.outputs import check_site
from reconciler.app.plan import read_plan
from reconciler.app.report import read_ledger, write_site
from reconciler.app.version import tool
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import INSTANT, Invocation, common_options
from reconciler.cli.terminal import local_zone
from reconciler.rendering.html.controls import Checked
from reconciler.rendering.html.page import Frame
from reconciler.rendering.html.site import Report, site
from reconciler.rendering.words import counted


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
def command(
    invocation: Invocation,
    out: Path,
    plan_file: Path | None,
    ledger: Path | None,
    title: str,
    repository: str,
    last_success: datetime | None,
) -> int:
    """Write a self-contained site (Open, Timeline, Ledger, Controls, Plan) that needs no server and no network.

    A broken ledger is shown with its faults, and the command exits with 4.
    """
    settings = invocation.settings()
    check_site(out, settings)
    plan = read_plan(plan_file) if plan_file else None
    folder = ledger or Path(settings.ledger)
    found = read_ledger(folder)
    about = settings.environment or settings.server or (plan.target if plan else "")
    frame = Frame(title, SystemClock().now(), about, tool(), zone=local_zone(), repository=repository)
    checked = Checked(found.files, found.count, found.head, found.heads, found.faults)
    report = Report(frame, plan, list(found.lines), chain=checked, heartbeat=last_success or found.last_end)
    files = site(report)
    write_site(out, files)
    click.echo(f"wrote {counted(len(files), 'page')}; open {out / 'index.html'}", err=True)
    if not found.faults:
        return int(Exit.OK)
    click.echo(f"error: the ledger in {folder} is broken: {found.faults[0]}", err=True)
    return int(Exit.SERVER)
