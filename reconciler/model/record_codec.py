"""Lines of the ledger as JSON (schemas/ledger.schema.json): what happened, its number, its run, and the hash before.

A line does not carry its own hash: that is the SHA-256 of its bytes, so `sha256sum` is enough to check a chain.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from reconciler.model.canonical import Json
from reconciler.model.decision_codec import (
    decode_source,
    decode_window,
    encode_seal,
    encode_source,
    encode_window,
    take_seal,
)
from reconciler.model.decoding import Fields, fault, guid, instant, sequence, text, texts, version, whole
from reconciler.model.instant import format_instant
from reconciler.model.provenance_codec import take_provenance
from reconciler.model.record import Closed, Ended, Entry, Head, Intent, Opened, Recorded, Sealed
from reconciler.model.review import Provenance
from reconciler.model.run_codec import decode_counts, encode_counts, encode_receipt, take_receipt
from reconciler.model.state_codec import decode_state, encode_state, sparse

LEDGER_VERSION = 1


@dataclass(frozen=True, slots=True)
class Written:
    """What one ledger line says, as far as its text alone tells. `number` counts the lines of the file from 1."""

    entry: Entry
    number: int
    run: str
    provenance: Provenance
    previous: str


def encode_line(entry: Entry, number: int, run: str, provenance: Mapping[str, Json], previous: str) -> dict[str, Json]:
    """Return the JSON shape of a line. `provenance` is already encoded, because all lines of a run share it."""
    return {
        **encode_entry(entry),
        **provenance,
        "line": number,
        "run": run,
        "previous": previous,
    }


def decode_line(value: object, place: str = "") -> Written:
    """Read a line. Raises ValueError with the place of the first fault."""
    fields = Fields(value, place)
    kind = fields.take("entry", text)
    if kind not in _DECODERS:
        raise fault(f"{place}/entry", f"{kind!r} is none of {', '.join(_DECODERS)}")
    written = Written(
        number=fields.take("line", whole),
        run=fields.take("run", text),
        previous=fields.take("previous", text),
        provenance=take_provenance(fields),
        entry=_DECODERS[kind](fields),
    )
    fields.done()
    return written


def encode_entry(entry: Entry) -> dict[str, Json]:
    """Return the members that a line has because of what it records; `entry` is the word for it."""
    match entry:
        case Opened():
            return _encode_opened(entry)
        case Intent():
            return _encode_intent(entry)
        case Recorded():
            return _encode_recorded(entry)
        case Closed():
            at = format_instant(entry.at)
            return {"entry": "closed", "at": at, "guid": entry.guid, "decision": entry.decision}
        case Sealed():
            return {"entry": "sealed", "at": format_instant(entry.at), **encode_seal(entry.seal)}
        case Ended():
            counts = encode_counts(entry.counts)
            return sparse(
                {"entry": "ended", "at": format_instant(entry.at), "counts": counts, "stopped": entry.stopped}
            )
        case _:
            assert_never(entry)


def encode_heads(heads: tuple[Head, ...]) -> list[Json]:
    """Return heads as `{path, hash, lines}`, in their order."""
    return [{"path": head.path, "hash": head.hash, "lines": head.lines} for head in heads]


def _encode_opened(entry: Opened) -> dict[str, Json]:
    return sparse(
        {
            "entry": "opened",
            "version": LEDGER_VERSION,
            "at": format_instant(entry.at),
            "digest": entry.digest,
            "heads": encode_heads(entry.heads),
            "shard": entry.shard,
            "overrides": list(entry.overrides) or None,
        }
    )


def _decode_opened(fields: Fields) -> Opened:
    fields.take("version", lambda found, place: version(found, place, supported=LEDGER_VERSION, kind="ledger"))
    return Opened(
        at=fields.take("at", instant),
        digest=fields.take("digest", text),
        heads=fields.take("heads", sequence(_decode_head)),
        shard=fields.optional("shard", text),
        overrides=fields.maybe("overrides", texts, ()),
    )


def _decode_head(value: object, place: str) -> Head:
    fields = Fields(value, place)
    head = Head(fields.take("path", text), fields.take("hash", text), fields.take("lines", whole))
    fields.done()
    return head


def _encode_intent(entry: Intent) -> dict[str, Json]:
    return sparse(
        {
            "entry": "intent",
            "at": format_instant(entry.at),
            "operation": entry.operation,
            "guid": entry.guid,
            "decision": entry.decision,
            "before": encode_state(entry.before),
            "after": encode_state(entry.after),
            "object": entry.object,
            "workflow": entry.workflow,
            "updated": None if entry.updated is None else format_instant(entry.updated),
            "created": None if entry.created is None else format_instant(entry.created),
            "change": entry.change,
            "explanation": entry.explanation,
            "window": None if entry.window is None else encode_window(entry.window),
            "source": None if entry.source is None else encode_source(entry.source),
            "attempt": entry.attempt,
        }
    )


def _decode_intent(fields: Fields) -> Intent:
    return Intent(
        at=fields.take("at", instant),
        operation=fields.take("operation", text),
        guid=fields.take("guid", guid),
        decision=fields.take("decision", text),
        before=fields.take("before", decode_state),
        after=fields.take("after", decode_state),
        object=fields.take("object", text),
        workflow=fields.take("workflow", text),
        updated=fields.optional("updated", instant),
        change=fields.optional("change", text),
        explanation=fields.optional("explanation", text),
        window=fields.optional("window", decode_window),
        source=fields.optional("source", decode_source),
        attempt=fields.take("attempt", whole),
        created=fields.optional("created", instant),
    )


def _encode_recorded(entry: Recorded) -> dict[str, Json]:
    own = {"decision": entry.decision, "change": entry.change}
    window = None if entry.window is None else encode_window(entry.window)
    return {"entry": "receipt", **encode_receipt(entry.receipt), **sparse({**own, "window": window})}


def _decode_recorded(fields: Fields) -> Recorded:
    return Recorded(
        receipt=take_receipt(fields),
        decision=fields.take("decision", text),
        change=fields.optional("change", text),
        window=fields.optional("window", decode_window),
    )


def _decode_closed(fields: Fields) -> Closed:
    return Closed(fields.take("at", instant), fields.take("guid", guid), fields.take("decision", text))


def _decode_sealed(fields: Fields) -> Sealed:
    return Sealed(fields.take("at", instant), take_seal(fields))


def _decode_ended(fields: Fields) -> Ended:
    return Ended(
        at=fields.take("at", instant),
        counts=fields.take("counts", decode_counts),
        stopped=fields.optional("stopped", text),
    )


_DECODERS: Mapping[str, Callable[[Fields], Entry]] = {
    "opened": _decode_opened,
    "intent": _decode_intent,
    "receipt": _decode_recorded,
    "closed": _decode_closed,
    "sealed": _decode_sealed,
    "ended": _decode_ended,
}
