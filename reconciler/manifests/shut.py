"""Manifests that stay shut because the ledger has a seal for their text, and those that can get one.

A sealed manifest stays unread only while its tickets are decided nowhere else, which is told by its text alone: a
manifest can be sealed if each of its GUIDs stands where a search finds it, behind `guid:` and without escapes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.manifests.manifest import Manifest
from reconciler.model.canonical import sha256
from reconciler.model.decision import Decision, Seal

_NAMED = re.compile(rb"""guid["']?[ \t]*:[ \t]*["'{]*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})""")


class NotAlone(Exception):
    """A ticket of a sealed manifest is decided elsewhere, too: only reading everything can say what is wrong."""


@dataclass(slots=True)
class Shut:
    """What is found of seals while manifests are read.

    `sealed` has the known seals by the digest of the text, `sealing` says whether more are sought. `kept` are the
    manifests that stayed shut, `sealable` those that can be sealed.
    """

    sealed: Mapping[str, Seal] = field(default_factory=dict)
    sealing: bool = False
    kept: list[Seal] = field(default_factory=list)
    sealable: list[Seal] = field(default_factory=list)
    _tickets: set[bytes] = field(default_factory=set)

    def keeps(self, file: str, text: bytes) -> bool:
        """Say whether a file stays shut. Raises NotAlone when two that do decide about one ticket."""
        seal = self.sealed.get(sha256(text)) if self.sealed else None
        tickets = _named(text) if seal else []
        if seal is None or len(tickets) != seal.decisions:
            return False
        before = len(self._tickets)
        self._tickets.update(tickets)
        if len(self._tickets) != before + len(tickets):
            raise NotAlone
        self.kept.append(Seal(file, seal.content, seal.decisions))
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

    def refuse_company(self, decisions: Iterable[Decision]) -> None:
        """Raise NotAlone when a ticket of a file that stayed shut is decided in one that was read."""
        if self._tickets and any(decision.guid.encode() in self._tickets for decision in decisions):
            raise NotAlone


def _named(text: bytes) -> list[bytes]:
    """Return the GUIDs behind `guid:` in a text, in lower case."""
    return _NAMED.findall(text.lower())
