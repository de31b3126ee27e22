"""The files of an audit pack that are made from its records: proof, records, reviews, table."""

from reconciler.codec import Json, json_text, plain, record_members
from reconciler.model.record import Audit, Record
from reconciler.rendering.csv import csv_header, csv_row


def proof_json(audit: Audit) -> str:
    """Return what VERIFY.md checks: the head of the ledger, the heads behind it, and the place of every record."""
    return json_text(
        {
            "version": 1,
            "asked": dict(audit.asked),
            "filter": {name: list(values) for name, values in audit.chosen.items()},
            "prefix": audit.prefix,
            "head": audit.head,
            "heads": audit.heads,
            "files": list(audit.files),
            "records": [_place(record) for record in audit.records],
            "absent": [{"what": absent.what, "why": absent.why} for absent in audit.absent],
        }
    )


def records_json(audit: Audit) -> str:
    """Return every record with all that is known of it."""
    return json_text(
        {"version": 1, "head": audit.head, "records": [record_members(record) for record in audit.records]}
    )


def records_csv(audit: Audit) -> str:
    """Return every record as a line that is safe for spreadsheets."""
    return csv_header() + "".join(csv_row(record) for record in audit.records)


def reviews_json(audit: Audit) -> str:
    """Return who decided: for each run its commit, review and identity."""
    runs = {record.line.run: record.line.provenance for record in audit.records}
    reviews: list[Json] = [{"run": run, **plain(runs[run])} for run in sorted(runs)]
    return json_text({"version": 1, "runs": reviews})


def _place(record: Record) -> dict[str, Json]:
    source = record.line.source
    return {"path": source.path, "line": source.line, "hash": record.line.hash, "guid": record.guid}
