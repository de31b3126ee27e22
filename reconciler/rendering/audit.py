"""The files of an audit pack that are made from its records: proof, records, reviews, table. All of them in pieces."""

from collections.abc import Iterable, Iterator

from reconciler.codec import Json, json_pieces, plain, record_members
from reconciler.model.record import Audit, Record
from reconciler.rendering.csv import csv_header, csv_row


def proof_json(audit: Audit) -> Iterator[str]:
    """Yield what VERIFY.md checks: the head of the ledger, the heads behind it, and the place of every record."""
    return json_pieces(
        {
            "version": 1,
            "asked": dict(audit.asked),
            "filter": {name: list(values) for name, values in audit.chosen.items()},
            "prefix": audit.prefix,
            "head": audit.head,
            "heads": audit.heads,
            "files": list(audit.files),
            "records": map(_place, audit.records),
            "absent": [{"what": absent.what, "why": absent.why} for absent in audit.absent],
        }
    )


def records_json(head: str, records: Iterable[Record]) -> Iterator[str]:
    """Yield records with all that is known of each, and the head of the ledger that they were read from."""
    return json_pieces({"version": 1, "head": head, "records": map(record_members, records)})


def records_csv(records: Iterable[Record], *, excel: bool = False) -> Iterator[str]:
    """Yield every record as a line that is safe for spreadsheets."""
    yield csv_header(excel=excel)
    for record in records:
        yield csv_row(record, excel=excel)


def reviews_json(audit: Audit) -> Iterator[str]:
    """Yield who decided: for each run its commit, review and identity."""
    reviews: list[Json] = [{"run": run, **plain(audit.runs[run])} for run in sorted(audit.runs)]
    return json_pieces({"version": 1, "runs": reviews})


def _place(record: Record) -> dict[str, Json]:
    source = record.line.source
    return {"path": source.path, "line": source.line, "hash": record.line.hash, "guid": record.guid}
