"""Which manifests have nothing left to decide, so that the ledger can seal them."""

from collections import Counter
from collections.abc import Collection, Iterable

from reconciler.model.decision import Seal
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Reason

_TOOK_EFFECT = frozenset({Outcome.APPLIED, Outcome.AWAITING_OTHERS})


def seals(candidates: Iterable[Seal], steps: Iterable[Step], gone: Collection[Guid] = ()) -> tuple[Seal, ...]:
    """Return the manifests of which every decision is over. `gone` are tickets that went with what was applied now.

    A decision that has no step counts as open, so a part of a plan seals nothing that it does not show.
    """
    over = Counter(step.source.path for step in steps if is_over(step) or step.guid in gone)
    return tuple(seal for seal in candidates if over[seal.path] == seal.decisions)


def is_over(step: Step) -> bool:
    """Whether a decision is done for good: it was proven to be applied, and no intent waits for its receipt."""
    return step.reason is Reason.SETTLED_RECEIPT and step.operation is None


def went(receipts: Iterable[Receipt]) -> frozenset[Guid]:
    """Return the tickets that were seen to be gone after what was asked of them had provably taken effect."""
    return frozenset(
        receipt.guid
        for receipt in receipts
        if receipt.gone and receipt.outcome in _TOOK_EFFECT and receipt.proof is not Proof.INFERRED
    )
