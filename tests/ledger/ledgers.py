"""Ledgers to look at: entries with sensible defaults, and whole runs on disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.codec import encode_line, sha256
from reconciler.ledger.journal import Journal, open_journal
from reconciler.ledger.lock import hold_lock, this_process
from reconciler.model.receipt import Receipt
from reconciler.model.record import AttentionEntry, ClosedEntry, Ended, Entry, Episode, Intent, Opened
from reconciler.model.review import Provenance, Review
from reconciler.model.value import replace
from tests.builders import APPROVED, NOW, OBJECT, PENDING, WORKFLOW, guid, holding, receipt

FIRST, SECOND, THIRD = "20261121T120000Z-00000a", "20261122T120000Z-00000b", "20261123T120000Z-00000c"
PROVENANCE = Provenance(
    tool="tpp-reconciler 1.0.0",
    target="https://tpp.example.com",
    environment="production",
    identity="local:{b6e6a98b-6419-4497-9249-860d136dfba0}",
    commit="9d2e1f7c0a7f1c9d2e1f7c0a7f1c9d2e1f7c0a7f",
    repository="example/tickets",
    review=Review(12, "jdoe", "https://github.com/example/tickets/pull/12", "jdoe", ("asmith",), "asmith"),
    workflow_run="https://github.com/example/tickets/actions/runs/1",
)
OPENED = Opened(NOW, "sha256:" + "0" * 64)


def decided(number: int) -> str:
    return f"sha256:{number:064x}"


def intent(number: int = 1, **changes: Any) -> Intent:
    values: dict[str, Any] = {
        "at": NOW,
        "operation": f"{number:012x}",
        "guid": guid(number),
        "digest": decided(number),
        "before": PENDING,
        "after": APPROVED,
        "object": OBJECT,
        "workflow": WORKFLOW,
        "change": "CHG0041234",
    }
    return holding(Intent, **(values | changes))


def recorded(number: int = 1, **changes: Any) -> Receipt:
    return receipt(number, **({"digest": decided(number), "change": "CHG0041234"} | changes))


def closed(number: int = 1) -> ClosedEntry:
    return ClosedEntry(NOW, guid(number), decided(number))


def exception(number: int, reason: str = "conflict/console", state: Episode = Episode.BEGIN) -> AttentionEntry:
    return AttentionEntry(NOW, reason, state, guid(number), decided(number), OBJECT)


def ended(*receipts: Receipt) -> Ended:
    return Ended(NOW, {found.outcome: 1 for found in receipts})


@contextmanager
def open_run(root: Path, run: str, opened: Opened = OPENED, provenance: Provenance = PROVENANCE) -> Iterator[Journal]:
    """Hold the lock of a ledger and begin a run."""
    with hold_lock(root, this_process(run, NOW)) as lock, open_journal(lock, run, provenance, opened) as journal:
        yield journal


def write_run(root: Path, run: str, *entries: Entry, provenance: Provenance = PROVENANCE, **opened: Any) -> Path:
    """Write the file of a run and return its path."""
    with open_run(root, run, replace(OPENED, **opened), provenance) as journal:
        for entry in entries:
            journal.append(entry)
    return journal.path


def write_three_runs(root: Path) -> tuple[Path, Path, Path]:
    """Three runs, one after the other: five, four and three lines."""
    return (
        write_run(root, FIRST, intent(1), recorded(1), intent(2), recorded(2)),
        write_run(root, SECOND, intent(3), recorded(3), closed(1)),
        write_run(root, THIRD, intent(4), recorded(4)),
    )


def spoil_the_second_line(path: Path, old: bytes, new: bytes) -> None:
    """Let the second of two lines say something else, and the third have its hash, so that the chain holds."""
    opening, line = path.read_bytes().splitlines()
    assert old in line
    line = line.replace(old, new)
    after = encode_line(closed(9), 3, path.stem, PROVENANCE, sha256(line))
    path.write_bytes(b"".join(each + b"\n" for each in (opening, line, after)))


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/dev/fd").iterdir()))
