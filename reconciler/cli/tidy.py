"""`reconciler tidy`: settled entries move from the manifests to the history, each with its proof."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options

if TYPE_CHECKING:
    from reconciler.cli.wiring import House
    from reconciler.model.tidying import Tidied


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--history", type=click.Path(path_type=Path, file_okay=False), help="Where to [default: history].")
@click.option("--dry-run", is_flag=True, help="Show what would move, and write nothing.")
@click.option("--format", "style", type=click.Choice(("text", "json")), default="text", show_default=True)
@common_options
def command(invocation: Invocation, paths: tuple[str, ...], history: Path | None, dry_run: bool, style: str) -> int:
    """Move decisions that the ledger proves settled from the manifests at PATHS to the history.

    Nothing is moved without a receipt; what stays is told with its reason.
    """
    from reconciler.cli.planning import Request, make_plan
    from reconciler.cli.preflight import introduce
    from reconciler.cli.tidying import keep_folders, tidy
    from reconciler.cli.wiring import open_house
    from reconciler.tpp.session import ticket_reader

    with open_house(invocation, paths) as house:
        target = _history(house, history, paths)
        plan = make_plan(
            house, ticket_reader(house.session), Request(), lambda asked: introduce(house, asked, final=False)
        )
        ledger, now = Path(house.settings.ledger), house.clock.now()
        tidied = tidy(plan, ledger, target, now, write=not dry_run)
        if not dry_run:
            keep_folders(paths or house.settings.tickets)
    _show(tidied, style, dry_run=dry_run)
    return 0


def _history(house: "House", history: Path | None, paths: tuple[str, ...]) -> Path:
    """Return the folder of the history, beside the configuration by default; never one that is planned from."""
    base = Path(house.settings.path).parent if house.settings.path else Path()
    target = history or base / "history"
    for planned in paths or house.settings.tickets:
        if Path(planned).resolve() in (target.resolve(), *target.resolve().parents):
            raise click.BadParameter(f"{target} lies inside {planned}, which is planned from", param_hint="--history")
    return target


def _show(tidied: "Tidied", style: str, *, dry_run: bool) -> None:
    from reconciler.rendering.tidy_text import tidy_json, tidy_text

    if style == "json":
        click.echo(json.dumps(tidy_json(tidied), indent=2))
    else:
        click.echo(tidy_text(tidied, dry_run), nl=False)
