"""How large and how often a run of the benchmarks measures, and where it works."""

import sys
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
LATENCY = 0.025
IN_FLIGHT = 32


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


def configure(home: Path, in_flight: int = IN_FLIGHT, tickets: str = "tickets") -> None:
    """Write the configuration of a stage; the server comes from the environment."""
    (home / "reconciler.yaml").write_text(
        f"version: 1\nserver: https://localhost\ntickets: [{tickets}]\nledger: ledger\n"
        f"requests: {{reads: {in_flight}, writes: {in_flight}}}\n",
        encoding="utf-8",
    )
