"""The statement about a run that can be signed: what was planned, what became of it, and who decided.

An in-toto Statement v1 (in-toto attestation framework, "Statement") with a predicate type of our own. `actions/attest`
signs the predicate over the same subjects; `gh attestation verify` then proves where the files come from.
"""

from collections.abc import Mapping

from reconciler.codec import Json, plain
from reconciler.model.receipt import Receipt, Run
from reconciler.model.review import Provenance
from reconciler.model.status import format_instant

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:tpp-reconciler:predicate:decisions:v1"


def statement_of(subjects: Mapping[str, str], predicate: Mapping[str, Json]) -> dict[str, Json]:
    """Return the statement that `predicate` holds for files. `subjects` maps file names to `sha256:<hex>`.

    Raises ValueError when there is no subject, or a digest has another form.
    """
    if not subjects:
        raise ValueError("a statement needs a file that it is about")
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": _hex(digest)}} for name, digest in sorted(subjects.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(predicate),
    }


def predicate_of(run: Run, provenance: Provenance, ledger_head: str | None = None) -> dict[str, Json]:
    """Return what is said of a run: the applied plan, the ledger after it, every receipt, the people, the workflow run.

    Its form is `schemas/predicate.schema.json`.
    """
    pulls = {guid: own.review.pull_request for own in run.reviews for guid in own.tickets}
    return {
        "run": run.run,
        "target": run.target,
        "environment": run.environment,
        "plan": {"digest": run.digest},
        "ledger": {"head": ledger_head} if ledger_head else None,
        "startedOn": format_instant(run.started_at),
        "finishedOn": format_instant(run.ended_at),
        "stopped": run.stopped,
        "counts": {outcome.value: count for outcome, count in run.counts.items()},
        "receipts": [_receipt(receipt, pulls.get(receipt.guid)) for receipt in run.receipts],
        "reviews": [plain(own.review) for own in run.reviews],
        "provenance": plain(provenance),
    }


def _receipt(receipt: Receipt, pull: int | None) -> Json:
    return {
        "guid": receipt.guid,
        "object": receipt.object,
        "status": str(receipt.after.status),
        "outcome": receipt.outcome.value,
        "proof": receipt.proof.value,
        "operation": receipt.operation,
        "at": format_instant(receipt.at),
        "pullRequest": pull,
    }


def _hex(digest: str) -> str:
    kind, _, value = digest.partition(":")
    if kind != "sha256" or len(value) != 64:
        raise ValueError(f"{digest!r} is not a sha256 digest")
    return value
