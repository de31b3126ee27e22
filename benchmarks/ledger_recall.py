"""What an old ledger adds to a run: recalling 500 tickets beside 200,000 receipts of others, with nothing cached.

    python -m benchmarks.ledger_recall [--receipts 200000] [--runs 400] [--rounds 5]

The subjects are processes of their own that recall 500 tickets from an empty ledger and from an old one, take the head
of the old one, verify it, and recall 50,000 of its own tickets. Prints what the old ledger adds to the empty one.
"""

import argparse
import subprocess
import sys
import tempfile
import uuid
from datetime import timedelta
from pathlib import Path

from benchmarks.measure import Cost, Figures, cost_of, in_turns
from reconciler.codec import encode_line
from reconciler.ledger.files import file_of, line_hash
from reconciler.ledger.heads import head_digest
from reconciler.model.record import Entry, Head, Opened
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from tests.builders import NOW
from tests.ledger.ledgers import OPENED, PROVENANCE, intent, recorded

HOME = Path(__file__).parents[1]
CHILD = """
import sys
from pathlib import Path
from uuid import UUID
from reconciler.ledger.chain import verify
from reconciler.ledger.heads import ledger_head
from reconciler.ledger.index import read_index
task, root = sys.argv[1], Path(sys.argv[2])
number = {"recall": 500, "recall-own": 50_000}.get(task, 0)
guids = [str(UUID(int=index + (0 if task == "recall-own" else 1 << 100))) for index in range(number)]
if task.startswith("recall"):
    found = len(read_index(root, guids, ["https://tpp.example.com"]).histories)
    assert found == (number if task == "recall-own" else 0), found
elif task == "head":
    ledger_head(root)
else:
    verify(root)
"""


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        old, empty = Path(name) / "old", Path(name) / "empty"
        empty.mkdir()
        size = write_ledger(old, options.receipts, options.runs)
        print(f"{options.receipts:,} receipts in {options.runs:,} files, {size / 1e6:,.0f} MB")
        figures = in_turns(
            options.rounds,
            {
                "recall 500, empty ledger": lambda: _child("recall", empty),
                "recall 500, old ledger": lambda: _child("recall", old),
                "recall 50,000 of its own": lambda: _child("recall-own", old),
                "head of the old ledger": lambda: _child("head", old),
                "verify the old ledger": lambda: _child("verify", old),
            },
        )
    for subject, figure in figures.items():
        print(f"{subject:26} {_told(figure)}")
    base, aged = figures["recall 500, empty ledger"], figures["recall 500, old ledger"]
    print(f"the old ledger adds {aged.wall - base.wall:.2f} s and {aged.peak - base.peak:.0f} MB to a recall of 500")


def write_ledger(root: Path, receipts: int, runs: int) -> int:
    """Write runs with an intent and a receipt for every ticket, without syncing each; return the bytes."""
    heads: tuple[Head, ...] = ()
    size = 0
    for number in range(runs):
        run = f"{NOW - timedelta(hours=runs - number):%Y%m%dT%H%M%SZ}-{number:06x}"
        guids = range(receipts * number // runs, receipts * (number + 1) // runs)
        entries: list[Entry] = [replace(OPENED, heads=heads)]
        for value in guids:
            guid, operation = Guid(str(uuid.UUID(int=value))), f"{value:012x}"
            explanation = f"Web tier renewal, weekend 48 [op:{operation}]"
            entries.append(intent(value, guid=guid, operation=operation, explanation=explanation))
            entries.append(recorded(value, guid=guid, operation=operation))
        path = root / file_of(run)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines, last = _chained(entries, run, head_digest(heads))
        path.write_bytes(lines)
        heads = (Head(file_of(run), last, len(entries)),)
        size += len(lines)
    return size


def _chained(entries: list[Entry], run: str, previous: str) -> tuple[bytes, str]:
    lines = bytearray()
    for number, entry in enumerate(entries, start=1):
        assert isinstance(entry, Opened) == (number == 1)
        line = encode_line(entry, number, run, PROVENANCE, previous)
        previous = line_hash(line)
        lines += line + b"\n"
    return bytes(lines), previous


def _child(task: str, root: Path) -> Cost:
    return cost_of([sys.executable, "-c", CHILD, task, str(root)], cwd=str(HOME))


def _told(figure: Figures) -> str:
    return (
        f"{figure.wall:6.2f} s ({figure.least:.2f} to {figure.most:.2f}), "
        f"{figure.cpu:5.2f} s of processor, {figure.peak:4.0f} MB"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--receipts", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error}\n{error.stderr.decode()}") from None
