"""Skips manifests whose digest the ledger records as complete, and finds those that can be recorded so.

A sealed manifest stays unread only while its tickets are decided nowhere else, which is told by its text alone: a
manifest can be sealed if each of its GUIDs stands where a search finds it, behind `guid:` and without escapes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.codec import sha256
from reconciler.manifests.manifest import Manifest
from reconciler.model.decision import Decision, Seal

_NAMED = re.compile(rb"""guid["']?[ \t]*:[ \t]*["'{]*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})""")


class SharedTicket(Exception):
    """A sealed manifest shares a ticket with another file: everything has to be read to report it."""


@dataclass(slots=True)
class SealIndex:
    """What is found of seals while manifests are read.

    `known` has the seals of the ledger by the digest of the text, `sealing` says whether more are sought. `skipped` are
    the manifests that were not read, `sealable` those that can be sealed.
    """

    known: Mapping[str, Seal] = field(default_factory=dict)
    sealing: bool = False
    skipped: list[Seal] = field(default_factory=list)
    sealable: list[Seal] = field(default_factory=list)
    _tickets: set[bytes] = field(default_factory=set)

    def skips(self, file: str, text: bytes) -> bool:
        """Whether a file need not be read. Raises SharedTicket when two such files decide about one ticket."""
        seal = self.known.get(sha256(text)) if self.known else None
        tickets = _named(text) if seal else []
        if seal is None or len(tickets) != seal.decisions:
            return False
        before = len(self._tickets)
        self._tickets.update(tickets)
        if len(self._tickets) != before + len(tickets):
            raise SharedTicket
        self.skipped.append(Seal(file, seal.content, seal.decisions))
        return True

    def consider(self, file: str, text: bytes, manifest: Manifest) -> None:
        """Note a file that can be sealed: it has decisions alone, which depend on nothing outside of it."""
        decisions = manifest.decisions
        if not self.sealing or manifest.overrides or manifest.selections or manifest.problems:
            return
        if any(decision.window is not None for decision in decisions):
            return
        if decisions and sorted(_named(text)) == sorted(decision.guid.encode() for decision in decisions):
            self.sealable.append(Seal(file, sha256(text), len(decisions)))

    def refuse_shared(self, decisions: Iterable[Decision]) -> None:
        """Raise SharedTicket when a ticket of a file that was skipped is decided in one that was read."""
        if self._tickets and any(decision.guid.encode() in self._tickets for decision in decisions):
            raise SharedTicket


def _named(text: bytes) -> list[bytes]:
    """Return the GUIDs behind `guid:` in a text, in lower case."""
    return _NAMED.findall(text.lower())
