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
@common_options
def export(invocation: Invocation, *, wanted: Filter, ledger: Path | None, style: str) -> None:
    """Print records as CSV (safe for spreadsheets) or JSON, oldest first."""
    folder = folder_of(invocation, ledger)
    records = records_of(folder, wanted)
    if style == "json":
        click.echo(records_json(folder, records), nl=False)
        return
    for line in _csv(records):
        sys.stdout.write(line)


def records_json(folder: Path, records: Iterable["Record"]) -> str:
    """Spell records as one JSON document with the head of the ledger that they were read from."""
    from reconciler.ledger.heads import ledger_head
    from reconciler.model.history_codec import encode_record
    from reconciler.model.json_text import json_text

    head = ledger_head(folder)
    return json_text({"version": 1, "head": head, "records": [encode_record(record) for record in records]})


def _csv(records: Iterable["Record"]) -> Iterator[str]:
    from reconciler.rendering.ledger_csv import csv_header, csv_row

    yield csv_header()
    yield from map(csv_row, records)
