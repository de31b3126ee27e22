"""`reconciler tidy`: settled entries move from the manifests to the history, each with its proof."""

from pathlib import Path

import click

from reconciler.app.context import open_context
from reconciler.app.plan import plan as make_plan
from reconciler.app.request import Request, Seals
from reconciler.app.tidy import keep_folders, tidy
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.cli.progress import Terminal
from reconciler.codec import json_text
from reconciler.model.settings import Settings
from reconciler.rendering.manifest_changes import tidy_json, tidy_text


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--history", type=click.Path(path_type=Path, file_okay=False), help="Where to [default: history].")
@click.option("--dry-run", is_flag=True, help="Show what would move, and write nothing.")
@format_option()
@common_options
def command(invocation: Invocation, paths: tuple[str, ...], history: Path | None, dry_run: bool, style: str) -> int:
    """Move decisions that the ledger proves settled from the manifests at PATHS to the history.

    Nothing is moved without a receipt; what stays is told with its reason.
    """
    settings = invocation.settings()
    target = _history(settings, history, paths)
    with open_context(settings, observer=Terminal()) as context:
        plan = make_plan(context, Request(paths, seals=Seals.IGNORED, certificates=False))
        tidied = tidy(plan, context.ledger, target, context.clock.now(), write=not dry_run)
        if not dry_run:
            keep_folders(paths or settings.tickets)
    shown = json_text(tidy_json(tidied)) if style == "json" else tidy_text(tidied, dry_run)
    click.echo(shown, nl=False)
    return 0


def _history(settings: Settings, history: Path | None, paths: tuple[str, ...]) -> Path:
    """Return the folder of the history, beside the configuration by default; never one that is planned from."""
    base = Path(settings.path).parent if settings.path else Path()
    target = history or base / "history"
    for planned in paths or settings.tickets:
        if Path(planned).resolve() in (target.resolve(), *target.resolve().parents):
            raise click.BadParameter(f"{target} lies inside {planned}, which is planned from", param_hint="--history")
    return target
