"""How large and how often a run of the benchmarks measures, and where it works."""

import sys
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
READS = 16
WRITES = 4
"""Calls in flight, as the configuration has them when nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`size` is the number of decisions of the ordinary stages, `rounds` how often each subject is measured."""

    size: int
    rounds: int
    folder: Path

    def home(self, name: str) -> Path:
        """Return a fresh folder of a stage."""
        path = self.folder / name
        path.mkdir(parents=True)
        return path


def reconciler(*arguments: str) -> list[str]:
    """Return the command line of the reconciler."""
    return [str(BIN / "reconciler"), *arguments]


def configure(home: Path, *, certificates: bool = False) -> None:
    """Write the configuration of a stage, with the defaults that users have; the server comes from the environment.

    But for certificates, which have a stage of their own.
    """
    context = "" if certificates else "context: {certificates: false}\n"
    (home / "reconciler.yaml").write_text(
        f"version: 1\nserver: https://localhost\ntickets: [tickets]\nledger: ledger\n{context}", encoding="utf-8"
    )
