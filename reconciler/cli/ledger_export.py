"""`reconciler ledger export`: the record for spreadsheets and programs."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.ledger_filter import Filter, filter_options, folder_of, ledger_option, records_of
from reconciler.cli.options import Invocation, common_options

if TYPE_CHECKING:
    from reconciler.model.history import Record


@click.command()
@filter_options
@ledger_option
@click.option("--format", "style", type=click.Choice(("csv", "json")), default="csv", show_default=True)
@click.option("--pack", type=click.Path(path_type=Path, dir_okay=False), help="Write an audit pack (zip) instead.")
@click.option("--plans", multiple=True, type=click.Path(path_type=Path), help="Saved plans, or folders, for the pack.")
@common_options
def export(
    invocation: Invocation,
    *,
    wanted: Filter,
    ledger: Path | None,
    style: str,
    pack: Path | None,
    plans: tuple[Path, ...],
) -> None:
    """Print records as CSV (safe for spreadsheets) or JSON, oldest first, or write an audit pack.

    An audit pack has the records with the ledger files that prove them, plans, manifests at their commits, reviews,
    and VERIFY.md, which tells how to check it all without the reconciler. The same ledger gives the same bytes.
    """
    folder = folder_of(invocation, ledger)
    if pack is not None:
        _pack(folder, wanted, plans, pack)
        return
    records = records_of(folder, wanted)
    if style == "json":
        click.echo(records_json(folder, records), nl=False)
        return
    for line in _csv(records):
        sys.stdout.write(line)


def _pack(folder: Path, wanted: Filter, plans: tuple[Path, ...], out: Path) -> None:
    from reconciler.cli.ledger_pack import write_pack
    from reconciler.rendering.escape import terminal
    from reconciler.rendering.words import counted

    audit = write_pack(folder, wanted, plans, out)
    click.echo(f"{terminal(str(out))}: {counted(len(audit.records), 'record')}, ledger {audit.head}", err=True)
    for absent in audit.absent:
        click.echo(f"not in it: {terminal(absent.what)}: {terminal(absent.why)}", err=True)


def records_json(folder: Path, records: Iterable["Record"]) -> str:
    """Spell records as one JSON document with the head of the ledger that they were read from."""
    from reconciler.ledger.heads import ledger_head
    from reconciler.model.history_codec import encode_record
    from reconciler.model.json_text import json_text

    head = ledger_head(folder)
    return json_text({"version": 1, "head": head, "records": [encode_record(record) for record in records]})


def _csv(records: Iterable["Record"]) -> Iterator[str]:
    from reconciler.rendering.csv import csv_header, csv_row

    yield csv_header()
    yield from map(csv_row, records)
