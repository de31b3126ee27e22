"""What the ledger remembers of tickets, read from its files as they are: no index, no cache, nothing to go stale.

The cost follows the tickets that are asked for: every line is looked at, but only theirs are read.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import LedgerBroken
from reconciler.ledger.files import READ_AHEAD, ledger_files, reading
from reconciler.ledger.heads import BROKEN_HINT, beginnings, in_order
from reconciler.ledger.reading import GUID_LENGTH, GUID_MARK, decode
from reconciler.model.brief_codec import Brief, read_brief
from reconciler.model.canonical import canonical
from reconciler.model.decision import Seal, Source
from reconciler.model.guid import Guid
from reconciler.model.receipt import Outcome
from reconciler.model.record import Intent, OpenIntent, Remembered, Sealed, Story
from reconciler.model.value import replace

_INTENT, _RECEIPT = b'"entry":"intent"', b'"entry":"receipt"'
_CLOSED, _SEALED = b'"entry":"closed"', b'"entry":"sealed"'
_SETTLES_NOTHING = frozenset({Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED})


@dataclass(frozen=True, slots=True)
class LedgerMemory:
    """The memory of the ledger in the folder `root`; implements ports.Memory."""

    root: Path

    def recall(self, guids: Iterable[Guid]) -> Mapping[Guid, Story]:
        """Return the story of each ticket that the ledger knows. Raises LedgerBroken for lines that can't be read."""
        recollection = _Recollection({guid.encode(): guid for guid in guids})
        for path in in_order(beginnings(self.root)) if recollection.wanted else ():
            recollection.read(self.root, path)
        return recollection.stories()

    def seals(self) -> Mapping[str, Seal]:
        """Return the seals of manifests by the digest of their content. Raises LedgerBroken."""
        found: dict[str, Seal] = {}
        for path in ledger_files(self.root):
            with reading(self.root / path), (self.root / path).open("rb", buffering=READ_AHEAD) as file:
                for number, line in enumerate(file, start=1):
                    if _SEALED in line and line.endswith(b"\n"):
                        entry = decode(line, Source(path, number)).entry
                        if isinstance(entry, Sealed):
                            found[entry.seal.content] = entry.seal
        return found


@dataclass(slots=True)
class _Recollection:
    """What was found so far. Intents stay unread until it is clear that no receipt follows them."""

    wanted: Mapping[bytes, Guid]
    last: dict[Guid, Remembered] = field(default_factory=dict)
    open: dict[Guid, tuple[bytes, Source]] = field(default_factory=dict)

    def read(self, root: Path, path: str) -> None:
        """Read one file. This loop sees every line of the ledger: it is bare on purpose."""
        wanted, skip, length = self.wanted, len(GUID_MARK), GUID_LENGTH
        number = 0
        with reading(root / path), (root / path).open("rb", buffering=READ_AHEAD) as file:
            for line in file:
                number += 1
                start = line.find(GUID_MARK) + skip
                if line[start : start + length] in wanted and line.endswith(b"\n"):
                    self._take(wanted[line[start : start + length]], line, Source(path, number))

    def stories(self) -> dict[Guid, Story]:
        """Return everything that was found."""
        opened = {guid: _open_intent(line, source) for guid, (line, source) in self.open.items()}
        return {guid: Story(self.last.get(guid), opened.get(guid)) for guid in self.last.keys() | opened.keys()}

    def _take(self, guid: Guid, line: bytes, source: Source) -> None:
        if _INTENT in line:
            self.open[guid] = line, source
        elif _RECEIPT in line:
            self._receive(guid, _brief(line, source))
        elif _CLOSED in line:
            self._see_gone(guid)
        else:
            decode(line, source)

    def _receive(self, guid: Guid, brief: Brief) -> None:
        if guid in self.open and brief.outcome not in _SETTLES_NOTHING:
            line, _ = self.open[guid]
            if b'"operation":' + canonical(brief.operation) in line:
                del self.open[guid]
        if brief.remembered is not None:
            self.last[guid] = brief.remembered
        elif brief.gone:
            self._see_gone(guid)

    def _see_gone(self, guid: Guid) -> None:
        """GUIDs are never used again, so a ticket that was seen to be gone stays gone."""
        last = self.last.get(guid)
        if last is not None and not last.gone:
            self.last[guid] = replace(last, gone=True)


def _brief(line: bytes, source: Source) -> Brief:
    try:
        return read_brief(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        decode(line, source)
        raise LedgerBroken(f"{source}: the line can't be read: {error}", BROKEN_HINT) from None


def _open_intent(line: bytes, source: Source) -> OpenIntent:
    written = decode(line, source)
    if not isinstance(written.entry, Intent):
        raise LedgerBroken(f"{source}: the line is no intent", BROKEN_HINT)
    return OpenIntent(written.entry, written.run)
