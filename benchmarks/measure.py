"""Processes timed one after the other, in turns, so that noise hits all of them alike."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took: wall and processor seconds, and its peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over rounds, with the spread of the wall times (least, most)."""

    wall: float
    cpu: float
    peak: float
    least: float
    most: float
    rounds: int


def cost_of(command: Sequence[str], *, cwd: str | None = None, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end and return what it took. Raises CalledProcessError when it fails unexpectedly."""
    return cost_together([command], cwd=cwd, env=env)


def cost_together(
    commands: Sequence[Sequence[str]], *, cwd: str | None = None, env: Mapping[str, str] | None = None
) -> Cost:
    """Run commands side by side to the end of the last: processor time of all, peak memory of the largest.

    Raises CalledProcessError when one fails unexpectedly.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        processes = [
            subprocess.Popen(
                command, cwd=cwd, env=None if env is None else dict(env), stdout=subprocess.DEVNULL, stderr=said
            )
            for command in commands
        ]
        cpu = peak = 0.0
        for process in processes:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu += usage.ru_utime + usage.ru_stime
            peak = max(peak, usage.ru_maxrss / 1024)
        wall = time.perf_counter() - started
        said.seek(0)
        for process in processes:
            if process.returncode not in (0, 1, 5, 10):
                raise subprocess.CalledProcessError(process.returncode, process.args, stderr=said.read())
    return Cost(wall, cpu, peak)


def in_turns(rounds: int, subjects: Mapping[str, Callable[[], Cost]]) -> dict[str, Figures]:
    """Measure every subject once a round, in turns, and return the medians."""
    costs: dict[str, list[Cost]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, run in subjects.items():
            costs[name].append(run())
    return {name: _figures(found) for name, found in costs.items()}


def _figures(costs: Sequence[Cost]) -> Figures:
    walls = [cost.wall for cost in costs]
    return Figures(
        wall=statistics.median(walls),
        cpu=statistics.median(cost.cpu for cost in costs),
        peak=statistics.median(cost.peak for cost in costs),
        least=min(walls),
        most=max(walls),
        rounds=len(costs),
    )
