"""The ledger's records as files: JSON, and CSV (RFC 4180), whose cells no spreadsheet takes for formulas.

The columns keep their names and their order; later ones come at the end.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from reconciler.codec import json_pieces, record_members
from reconciler.model.decision import OverrideUse
from reconciler.model.receipt import Receipt
from reconciler.model.record import AttentionEntry, AttestedEntry, ClosedEntry, Intent, ObservedEntry, Record
from reconciler.model.review import Review
from reconciler.model.status import Schedule, State, format_instant, parse_instant
from reconciler.rendering.escape import csv_cell
from reconciler.rendering.summary import parameters_in
from reconciler.rendering.words import found_words

EXCEL_START = "\ufeff"
"""With this mark at its start a spreadsheet reads the file as UTF-8."""
NOT_KNOWN = "not known"
"""What stands where a fact about people could not be established; an empty cell says that there is none."""


def records_json(head: str, records: Iterable[Record]) -> Iterator[str]:
    """Yield records with all that is known of each, and the head of the ledger that they were read from."""
    return json_pieces({"version": 1, "head": head, "records": map(record_members, records)})


def records_csv(records: Iterable[Record], *, excel: bool = False) -> Iterator[str]:
    """Yield every record as a line that is safe for spreadsheets."""
    yield csv_header(excel=excel)
    for record in records:
        yield csv_row(record, excel=excel)


def csv_header(*, excel: bool = False) -> str:
    """Return the line with the names of the columns."""
    return (EXCEL_START if excel else "") + ",".join(csv_cell(name) for name in _COLUMNS) + "\r\n"


def csv_row(record: Record, *, excel: bool = False) -> str:
    """Return one record as a line; every cell is quoted. For Excel times are `YYYY-MM-DD HH:MM:SS`, in UTC."""
    cells = ((name, column(record)) for name, column in _COLUMNS.items())
    shown = (_for_excel(value) if excel and name in _TIMES else value for name, value in cells)
    return ",".join(csv_cell(value) for value in shown) + "\r\n"


def _for_excel(value: str) -> str:
    return " ".join(f"{parse_instant(each):%Y-%m-%d %H:%M:%S}" if "T" in each else each for each in value.split(" "))


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
        review = record.review
        return NOT_KNOWN if review is None else read(review)

    return cell


def _reviewed_at(review: Review) -> str:
    if not review.reviewers:
        return ""
    return " ".join(map(format_instant, review.reviewed_at)) or NOT_KNOWN


def _gone(record: Record) -> str:
    receipt = record.entry if isinstance(record.entry, Receipt) else None
    seen = isinstance(record.entry, ClosedEntry | ObservedEntry)
    attested = isinstance(record.entry, AttestedEntry) and record.entry.gone
    return "yes" if seen or attested or (receipt is not None and receipt.gone) else "no"


def _detail(record: Record) -> str:
    if isinstance(record.entry, Receipt | Intent | AttentionEntry):
        return record.detail
    return found_words(record.entry)


def _of_observation(read: Callable[[ObservedEntry], datetime | None]) -> Callable[[Record], str]:
    def cell(record: Record) -> str:
        moment = read(record.entry) if isinstance(record.entry, ObservedEntry) else None
        return "" if moment is None else format_instant(moment)

    return cell


def _operation(record: Record) -> str:
    """Return the tag of the operation; it begins with `op:`, so that no spreadsheet takes it for a number."""
    sent = record.entry if isinstance(record.entry, Receipt) else record.intent
    return f"op:{sent.operation}" if sent is not None and sent.operation else ""


def _parameters(record: Record) -> str:
    """Return what was sent besides status and explanation."""
    sent = parameters_in(record.intent.parameters) if record.intent else []
    return "; ".join(f"{name}: {value}" for name, value in sent)


def _override(use: OverrideUse) -> str:
    return f"{use.rule} until {format_instant(use.until)}: {use.reason} ({use.source})"


_TIMES = frozenset({"at", "start", "stop", "reviewed_at", "merged_at"})
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
    "detail": _detail,
    "explanation": lambda record: (record.intent.explanation or "") if record.intent else "",
    "last_armed": _of_observation(lambda seen: seen.last_armed),
    "first_gone": _of_observation(lambda seen: seen.first_gone),
    "operation": _operation,
    "decision": lambda record: record.digest,
    "source": lambda record: str(record.source or ""),
    "author": _of_review(lambda review: review.author),
    "reviewers": _of_review(lambda review: " ".join(review.reviewers) or "nobody"),
    "merged_by": _of_review(lambda review: review.merged_by or NOT_KNOWN),
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
    "reason": lambda record: record.reason,
    "overrides": lambda record: "; ".join(map(_override, record.overrides)),
    "reviewed_at": _of_review(_reviewed_at),
    "merged_at": _of_review(lambda review: format_instant(review.merged_at) if review.merged_at else NOT_KNOWN),
    "parameters": _parameters,
}
