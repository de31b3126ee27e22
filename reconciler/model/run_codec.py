"""Runs and receipts as JSON: what `apply --format json` prints (schemas/receipt.schema.json)."""

from collections.abc import Mapping

from reconciler.model.canonical import Json
from reconciler.model.decision_codec import decode_source, encode_source
from reconciler.model.decoding import (
    Fields,
    boolean,
    fault,
    guid,
    instant,
    integer,
    nullable,
    sequence,
    text,
    texts,
    version,
    whole,
    word,
)
from reconciler.model.instant import format_instant
from reconciler.model.receipt import Outcome, Proof, Receipt, Run
from reconciler.model.state_codec import decode_state, encode_optional_state, encode_state, sparse
from reconciler.model.verdict import Verdict

RUN_VERSION = 1


def encode_run(run: Run) -> dict[str, Json]:
    """Return the JSON shape of the report of a run. Receipts keep their order."""
    optional = sparse({"shard": run.shard, "stopped": run.stopped, "notes": list(run.notes) or None})
    return {
        "version": RUN_VERSION,
        "run": run.run,
        "digest": run.digest,
        "target": run.target,
        "environment": run.environment,
        "started_at": format_instant(run.started_at),
        "ended_at": format_instant(run.ended_at),
        "counts": encode_counts(run.counts),
        **optional,
        "receipts": [encode_receipt(receipt) for receipt in run.receipts],
    }


def decode_run(value: object) -> Run:
    """Read the report of a run. Raises ValueError with the place of the first fault."""
    fields = Fields(value, "")
    fields.take("version", lambda found, place: version(found, place, supported=RUN_VERSION, kind="run"))
    run = Run(
        run=fields.take("run", text),
        digest=fields.take("digest", text),
        target=fields.take("target", text),
        started_at=fields.take("started_at", instant),
        ended_at=fields.take("ended_at", instant),
        receipts=fields.take("receipts", sequence(_decode_listed)),
        environment=fields.take("environment", nullable(text)),
        shard=fields.optional("shard", text),
        stopped=fields.optional("stopped", text),
        notes=fields.maybe("notes", texts, ()),
    )
    counts = fields.take("counts", decode_counts)
    fields.done()
    if counts != run.counts:
        raise fault("/counts", "the counts do not fit the receipts")
    return run


def encode_receipt(receipt: Receipt) -> dict[str, Json]:
    """Return the JSON shape of one receipt."""
    optional = sparse(
        {
            "seen": encode_optional_state(receipt.seen),
            "gone": receipt.gone or None,
            "verdict": None if receipt.verdict is None else receipt.verdict.value,
            "object": receipt.object or None,
            "workflow": receipt.workflow or None,
            "source": None if receipt.source is None else encode_source(receipt.source),
        }
    )
    return {
        "guid": receipt.guid,
        "outcome": receipt.outcome.value,
        "before": encode_optional_state(receipt.before),
        "after": encode_state(receipt.after),
        "result": receipt.result,
        "operation": receipt.operation,
        "proof": receipt.proof.value,
        "at": format_instant(receipt.at),
        "detail": receipt.detail,
        **optional,
    }


def take_receipt(fields: Fields) -> Receipt:
    """Read the members of a receipt, which a ledger line mixes with its own. Raises ValueError with the place."""
    return Receipt(
        guid=fields.take("guid", guid),
        outcome=fields.take("outcome", _OUTCOME),
        at=fields.take("at", instant),
        after=fields.take("after", decode_state),
        before=fields.take("before", _STATE_OR_NULL),
        seen=fields.optional("seen", decode_state),
        gone=fields.maybe("gone", boolean, False),
        result=fields.take("result", nullable(integer)),
        operation=fields.take("operation", nullable(text)),
        proof=fields.take("proof", _PROOF),
        detail=fields.take("detail", text),
        verdict=fields.optional("verdict", _VERDICT),
        object=fields.maybe("object", text, ""),
        workflow=fields.maybe("workflow", text, ""),
        source=fields.optional("source", decode_source),
    )


def encode_counts(counts: Mapping[Outcome, int]) -> dict[str, Json]:
    """Return counts by the word of the outcome, in the order of the outcomes."""
    return {outcome.value: counts[outcome] for outcome in Outcome if counts.get(outcome)}


def decode_counts(value: object, place: str) -> dict[Outcome, int]:
    """Read counts by outcome. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    counts = {outcome: fields.maybe(outcome.value, whole, 0) for outcome in Outcome}
    fields.done()
    return {outcome: count for outcome, count in counts.items() if count}


_OUTCOME = word(Outcome)
_PROOF = word(Proof)
_VERDICT = word(Verdict)
_STATE_OR_NULL = nullable(decode_state)


def _decode_listed(value: object, place: str) -> Receipt:
    fields = Fields(value, place)
    receipt = take_receipt(fields)
    fields.done()
    return receipt
