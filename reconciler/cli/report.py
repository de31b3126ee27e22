"""`reconciler report`: a static site about a plan and the ledger, for people who look rather than read. Offline."""

from datetime import datetime
from pathlib import Path

import click

from reconciler.app.context import SystemClock
from reconciler.app.evidence import anchor_files, anchors, policy_changes, population_of
from reconciler.app.ledger import Filter, records_of
from reconciler.app.outputs import check_site
from reconciler.app.report import earlier, read_ledger, write_site
from reconciler.app.saved_plan import read_plan
from reconciler.app.version import tool
from reconciler.cli.exit_codes import Exit
from reconciler.cli.ledger_options import folder_of, period_options, period_words
from reconciler.cli.options import INSTANT, Invocation, common_options
from reconciler.cli.terminal import local_zone
from reconciler.rendering.html.page import Frame
from reconciler.rendering.html.papers import papers_page
from reconciler.rendering.html.site import Checked, Report, pages
from reconciler.rendering.problems import problems_text
from reconciler.rendering.text.ledger import origin_text
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
@click.option("--audit", is_flag=True, help="Write an auditor's working papers instead: one page to print.")
@period_options
@click.option("--plans", multiple=True, type=click.Path(path_type=Path), help="Plans and comments for --audit.")
@common_options
def command(
    invocation: Invocation,
    out: Path,
    plan_file: Path | None,
    ledger: Path | None,
    title: str,
    repository: str,
    last_success: datetime | None,
    *,
    audit: bool,
    since: datetime | None,
    until: datetime | None,
    plans: tuple[Path, ...],
) -> int:
    """Write a self-contained site (Open, Timeline, Ledger, Controls, Plan) that needs no server and no network.

    The ledger is shown from 90 days before its newest run, or --since, with a page for each of at most 10,000 tickets;
    earlier receipts have tables of their own. A broken ledger is shown with its faults, and the command exits with 4.
    """
    settings = invocation.settings()
    check_site(out, settings)
    plan = read_plan(plan_file) if plan_file else None
    folder = ledger or Path(settings.ledger)
    if audit:
        return _papers(folder_of(invocation, ledger), out, since, until, plans)
    steps = plan.steps if plan else ()
    found = read_ledger(folder, since, (step.guid for step in steps))
    about = settings.environment or settings.server or (plan.target if plan else "")
    frame = Frame(title, SystemClock().now(), about, tool(), zone=local_zone(), repository=repository)
    checked = Checked(found.files, found.count, found.head, found.heads, found.faults, found.unanswered)
    report = Report(
        frame, plan, found.lines, chain=checked, heartbeat=last_success or found.last_end, left_out=found.left_out
    )
    count = write_site(out, pages(report, earlier(folder, found)))
    click.echo(f"wrote {counted(count, 'page')}; open {out / 'index.html'}", err=True)
    if not found.faults:
        return int(Exit.OK)
    click.echo(f"error: the ledger in {folder} is broken: {found.faults[0]}", err=True)
    return int(Exit.SERVER)


def _papers(folder: Path, out: Path, since: datetime | None, until: datetime | None, plans: tuple[Path, ...]) -> int:
    """Write the working papers about a time. A ledger that plans from outside contradict exits with 4."""
    wanted = Filter(frozenset(), (), frozenset(), frozenset(), since, until)
    every = tuple(records_of(folder, Filter(frozenset(), (), frozenset(), frozenset(), None, None)))
    records = tuple(filter(wanted.lets, every))
    outside, lost = anchors(folder, anchor_files(plans))
    integrity = f"Every line follows the line before it. Origin: {origin_text(outside)}."
    period = period_words(since, until)
    page = papers_page(period, population_of(folder, since, until), records, every, policy_changes(folder), integrity)
    write_site(out, [("audit.html", page)])
    click.echo(f"wrote {out / 'audit.html'}", err=True)
    if lost:
        click.echo(problems_text(lost), err=True, nl=False)
    return int(Exit.SERVER if lost else Exit.OK)
