"""What a tidy moved to the history, and what stays in the manifests and why."""

from collections.abc import Mapping

from msgspec import Struct

from reconciler.model.decision import Source
from reconciler.model.guid import Guid
from reconciler.model.verdict import Reason


class Settlement(Struct, frozen=True):
    """The ledger's proof that a decision was applied: run, time and outcome of the receipt, its hash and its place."""

    guid: Guid
    run: str
    at: str
    outcome: str
    hash: str
    source: Source


class Stay(Struct, frozen=True):
    """An entry that stays where it is, with the reason of its verdict."""

    guid: Guid
    source: Source
    reason: Reason


class Tidied(Struct, frozen=True):
    """`moved` maps a manifest to its file in the history and the proofs of the entries that went there."""

    moved: Mapping[str, tuple[str, tuple[Settlement, ...]]]
    stays: tuple[Stay, ...]
