"""`reconciler report`: a static site about a plan and the ledger, for people who look rather than read. Offline."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options
from reconciler.cli.parameters import INSTANT

if TYPE_CHECKING:
    from reconciler.model.record import Line
    from reconciler.rendering.html.controls_page import Checked
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
    """Write a self-contained site (Open, Timeline, Ledger, Controls, Plan) that needs no server and no network."""
    from reconciler.rendering.html.site import site
    from reconciler.rendering.words import counted

    report = _gather(invocation, plan_file, ledger, **shown)
    files = site(report)
    _write(out, files)
    click.echo(f"wrote {counted(len(files), 'page')}; open {out / 'index.html'}", err=True)
    return 0


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
    lines, chain = _read(ledger or Path(settings.ledger))
    about = settings.environment or settings.server or (plan.target if plan else "")
    frame = Frame(str(title), SystemClock().now(), about, tool(), zone=local_zone(), repository=str(repository))
    heartbeat = last_success if isinstance(last_success, datetime) else _last_end(lines)
    return Report(frame, plan, lines, chain=chain, heartbeat=heartbeat)


def _read(folder: Path) -> "tuple[list[Line], Checked]":
    """Read and check the ledger; one that does not hold is shown as far as it can be read, with its faults."""
    from reconciler.errors import LedgerBroken
    from reconciler.ledger.chain import check
    from reconciler.ledger.heads import ledger_heads
    from reconciler.ledger.reading import read_lines
    from reconciler.rendering.html.controls_page import Checked

    lines: list[Line] = []
    if not folder.is_dir():
        return lines, Checked(0, 0, "")
    chain = check(folder)
    faults = tuple(f"{fault.source}: {fault.message}" for fault in chain.faults)
    try:
        lines.extend(read_lines(folder))
        heads = ledger_heads(folder)
    except LedgerBroken as broken:
        return lines, Checked(chain.files, chain.lines, chain.head, faults=faults or (broken.message,))
    return lines, Checked(chain.files, chain.lines, chain.head, heads, faults)


def _last_end(lines: "list[Line]") -> datetime | None:
    from reconciler.model.record import Ended

    ends = [line.entry.at for line in lines if isinstance(line.entry, Ended) and line.entry.stopped is None]
    return max(ends, default=None)


def _write(out: Path, files: Mapping[str, str]) -> None:
    from reconciler.errors import InvalidInput
    from reconciler.model.decision import Problem, Source

    try:
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        message = f"the site can't be written: {error.strerror or error}"
        raise InvalidInput((Problem("report/unwritable", Source(str(out)), message, "choose another --out"),)) from None
