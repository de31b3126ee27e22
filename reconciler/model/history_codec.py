"""Records of the ledger's story as JSON: what `ledger log` and `ledger export` print."""

from reconciler.model.canonical import Json
from reconciler.model.decision_codec import encode_source
from reconciler.model.history import Record
from reconciler.model.instant import format_instant
from reconciler.model.provenance_codec import encode_provenance
from reconciler.model.record import Closed, Recorded
from reconciler.model.state_codec import encode_optional_state


def encode_record(record: Record) -> dict[str, Json]:
    """Return a record with the same members for every kind, null where there is nothing to say."""
    receipt = record.entry.receipt if isinstance(record.entry, Recorded) else None
    intent = record.intent
    return {
        "at": format_instant(record.at),
        "outcome": record.outcome,
        "guid": record.guid,
        "object": record.object or None,
        "workflow": record.workflow or None,
        "change": record.change,
        "before": encode_optional_state(record.before),
        "after": encode_optional_state(record.after),
        "seen": encode_optional_state(receipt.seen if receipt else None),
        "gone": receipt.gone if receipt else isinstance(record.entry, Closed),
        "result": receipt.result if receipt else None,
        "proof": receipt.proof.value if receipt else None,
        "detail": receipt.detail if receipt else "",
        "explanation": intent.explanation if intent else None,
        "operation": receipt.operation if receipt else intent.operation if intent else None,
        "decision": record.decision,
        "source": None if record.source is None else encode_source(record.source),
        "run": record.line.run,
        "provenance": encode_provenance(record.line.provenance),
        "ledger": {"path": record.line.source.path, "line": record.line.source.line, "hash": record.line.hash},
    }
