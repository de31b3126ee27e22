"""The ledger's story as CSV for spreadsheets (RFC 4180); a cell that could be taken for a formula is neutralised."""

from collections.abc import Callable

from reconciler.model.receipt import Receipt
from reconciler.model.record import ClosedEntry, Record
from reconciler.model.review import Review
from reconciler.model.status import Schedule, State, format_instant
from reconciler.rendering.escape import csv_cell


def csv_header() -> str:
    """Return the line with the names of the columns."""
    return ",".join(csv_cell(name) for name in _COLUMNS) + "\r\n"


def csv_row(record: Record) -> str:
    """Return one record as a line; every cell is quoted."""
    return ",".join(csv_cell(column(record)) for column in _COLUMNS.values()) + "\r\n"


def _status(state: State | None) -> str:
    return "" if state is None else state.status


def _schedule(record: Record) -> Schedule | None:
    return None if record.after is None else record.after.schedule


def _start(record: Record) -> str:
    schedule = _schedule(record)
    return "" if schedule is None else format_instant(schedule.start)


def _stop(record: Record) -> str:
    schedule = _schedule(record)
    return "" if schedule is None or schedule.stop is None else format_instant(schedule.stop)


def _of_receipt(read: Callable[[Receipt], str]) -> Callable[[Record], str]:
    return lambda record: read(record.entry) if isinstance(record.entry, Receipt) else ""


def _of_review(read: Callable[[Review], str]) -> Callable[[Record], str]:
    def cell(record: Record) -> str:
        review = record.line.provenance.review
        return "" if review is None else read(review)

    return cell


def _gone(record: Record) -> str:
    receipt = record.entry if isinstance(record.entry, Receipt) else None
    return "yes" if isinstance(record.entry, ClosedEntry) or (receipt is not None and receipt.gone) else "no"


def _operation(record: Record) -> str:
    if isinstance(record.entry, Receipt):
        return record.entry.operation or ""
    return record.intent.operation if record.intent else ""


_COLUMNS: dict[str, Callable[[Record], str]] = {
    "at": lambda record: format_instant(record.at),
    "outcome": lambda record: record.outcome,
    "ticket": lambda record: record.guid,
    "object": lambda record: record.object,
    "workflow": lambda record: record.workflow,
    "change": lambda record: record.change or "",
    "before": lambda record: _status(record.before),
    "after": lambda record: _status(record.after),
    "start": _start,
    "stop": _stop,
    "seen": _of_receipt(lambda receipt: _status(receipt.seen)),
    "gone": _gone,
    "result": _of_receipt(lambda receipt: "" if receipt.result is None else str(receipt.result)),
    "proof": _of_receipt(lambda receipt: receipt.proof.value),
    "detail": _of_receipt(lambda receipt: receipt.detail),
    "explanation": lambda record: (record.intent.explanation or "") if record.intent else "",
    "operation": _operation,
    "decision": lambda record: record.digest,
    "source": lambda record: str(record.source or ""),
    "author": _of_review(lambda review: review.author),
    "reviewers": _of_review(lambda review: " ".join(review.reviewers)),
    "merged_by": _of_review(lambda review: review.merged_by or ""),
    "deployment_approvals": _of_review(lambda review: " ".join(review.approvals)),
    "pull_request": _of_review(lambda review: str(review.pull_request)),
    "pull_request_url": _of_review(lambda review: review.url),
    "commit": lambda record: record.line.provenance.commit or "",
    "repository": lambda record: record.line.provenance.repository or "",
    "identity": lambda record: record.line.provenance.identity or "",
    "workflow_run": lambda record: record.line.provenance.workflow_run or "",
    "environment": lambda record: record.line.provenance.environment or "",
    "target": lambda record: record.line.provenance.target,
    "tool": lambda record: record.line.provenance.tool,
    "run": lambda record: record.line.run,
    "ledger_file": lambda record: record.line.source.path,
    "ledger_line": lambda record: str(record.line.source.line),
    "ledger_hash": lambda record: record.line.hash,
}
