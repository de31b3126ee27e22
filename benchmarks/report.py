"""What was measured, as lines for a reader and as JSON for the documentation."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.measure import Figures


@dataclass(frozen=True, slots=True)
class Ratio:
    """One ratio with its target. `at_most` says whether less is better."""

    name: str
    value: float
    target: float
    at_most: bool
    detail: str

    @property
    def met(self) -> bool:
        """Whether the target was reached in this run."""
        return self.value <= self.target if self.at_most else self.value >= self.target

    def is_off(self, factor: float) -> bool:
        """Whether the ratio is worse than its target by a factor that no noise explains."""
        return self.value > self.target * factor if self.at_most else self.value < self.target / factor


@dataclass(slots=True)
class Report:
    """Everything of one run of the benchmarks."""

    ratios: list[Ratio] = field(default_factory=list)
    figures: dict[str, Figures] = field(default_factory=dict)
    load_before: float = field(default_factory=lambda: round(os.getloadavg()[0], 1))

    def ratio(
        self, name: str, value: float, *, at_most: float | None = None, at_least: float | None = None, of: str
    ) -> None:
        """Note a ratio and show it at once."""
        target = at_most if at_most is not None else at_least or 0.0
        found = Ratio(name, value, target, at_most is not None, of)
        self.ratios.append(found)
        sign = "≤" if found.at_most else "≥"
        print(f"{'met ' if found.met else 'MISS'}  {name:<58} {value:8.2f}  {sign} {target:g}   {of}", flush=True)

    def measured(self, figures: dict[str, Figures]) -> dict[str, Figures]:
        """Note what was measured and show it at once."""
        self.figures.update(figures)
        for name, found in figures.items():
            spread = f"{found.least:.3f} to {found.most:.3f} s in {found.rounds} rounds"
            print(
                f"      {name:<58} {found.wall:8.3f} s ({spread}), {found.cpu:.3f} s cpu, {found.peak:.0f} MiB",
                flush=True,
            )
        return figures

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        machine = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
            "load_before": self.load_before,
        }
        document = {
            "machine": machine,
            "ratios": [asdict(ratio) | {"met": ratio.met} for ratio in self.ratios],
            "figures": {name: asdict(found) for name, found in self.figures.items()},
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
