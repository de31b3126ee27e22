"""Change the code line by line, see which changes no test notices, and judge: what `make mutate` runs.

mutmut writes the mutants, all of them into one copy of the project. Its own runner has pytest collect the tests anew
for each mutant, which takes longer than the tests. Here they are collected once: each mutant gets a fork of that
process, which runs the tests that enter the changed function until the first one fails.
"""

import argparse
import contextlib
import fnmatch
import gc
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
COPY = ROOT / "mutants"
MEASURED, RESULTS = COPY / "measured.jsonl", COPY / "results.jsonl"
STATUS = {0: "survived", 1: "killed", -signal.SIGPROF: "timeout", -signal.SIGALRM: "timeout"}
NOTICED = ("killed", "timeout", "crashed")
# Seconds that a test gets beyond timeout_multiplier times what it takes without a change: of CPU, and by the clock.
SPARE_CPU, SPARE = 5.0, 30.0
LONGEST = 300.0
MEMORY = 8 << 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="*", default=["*"], help="which to change, as 'reconciler.ledger.*'")
    parser.add_argument("--resume", action="store_true", help="go on where the last run was stopped")
    parser.add_argument("--survivors", action="store_true", help="try those that survived again, with the tests of now")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many mutants at once")
    options = parser.parse_args()
    os.chdir(ROOT)
    if not (RESULTS.exists() and (options.resume or options.survivors)):
        shutil.rmtree(COPY, ignore_errors=True)
    names = generated(options.jobs, anew=not RESULTS.exists())
    names = [name for name in names if any(fnmatch.fnmatch(function_of(name), each) for each in options.functions)]
    if options.survivors:
        MEASURED.unlink(missing_ok=True)
    done = {name for name, status in results().items() if options.resume or status in NOTICED}
    todo = [name for name in names if name not in done]
    if todo and not Runner(todo, options.jobs, tool()["mutmut"]).run():
        return 1
    return judged({name: results().get(name, "not tried") for name in names})


def tool() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]


def generated(jobs: int, *, anew: bool) -> list[str]:
    """Return the names of all mutants, which mutmut writes if they are to be written anew."""
    from mutmut.__main__ import collect_source_file_mutation_data, create_mutants
    from mutmut.utils import file_utils

    with contextlib.redirect_stdout(io.StringIO()):
        if anew:
            file_utils.copy_src_dir()
            create_mutants(jobs)
        file_utils.copy_also_copy_files()
        file_utils.setup_source_paths()
    return [name for _, name, _ in collect_source_file_mutation_data(mutant_names=())[0]]


def results() -> dict[str, str]:
    """Return what became of each mutant the last time that it was tried."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    return {entry["mutant"]: entry["status"] for entry in map(json.loads, lines)}


class Test(NamedTuple):
    """A test, and how long it takes without a change."""

    item: pytest.Item
    seconds: float
    cpu: float


@dataclass(eq=False)
class Runner:
    """A plugin of pytest that runs what was collected in forks: each test by itself, then the tests for each mutant."""

    mutants: list[str]
    jobs: int
    settings: dict[str, Any]
    entered: set[str] = field(default_factory=set)
    tests: dict[str, list[Test]] = field(default_factory=lambda: defaultdict(list))
    report: Path | None = None
    passed: bool = False

    def run(self) -> bool:
        """Try all mutants, unless a test fails without a change."""
        from mutmut.mutation import trampoline

        trampoline.record_trampoline_hit = lambda name, **_: self.entered.add(name)
        # Not in the environment: what tests start as processes of their own runs the code as it is.
        trampoline._mutant_under_test = "stats"  # noqa: SLF001
        # Without chance, which would make a difference from one mutant to the next.
        options = ["--rootdir=.", "-q", "-s", "--hypothesis-profile=ci", *self.settings["pytest_add_cli_args"]]
        with contextlib.chdir(COPY):
            pytest.main([*options, *self.settings["pytest_add_cli_args_test_selection"]], plugins=[self])
        return self.passed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.collect()
        gc.freeze()  # or each fork copies what it only counts
        if not session.testsfailed and (MEASURED.exists() or self.measured(session.items)):
            self.passed = True
            items = {item.nodeid: item for item in session.items}
            for entry in map(json.loads, MEASURED.read_text("utf-8").splitlines()):
                for function in entry["enters"]:
                    self.tests[function].append(Test(items[entry["test"]], entry["seconds"], entry["cpu"]))
            self.try_all()
        return True

    def measured(self, items: Sequence[pytest.Item]) -> bool:
        """Write down how long each test takes and what it enters without a change; return whether all pass."""
        print(f"{len(items):,} tests without a change ...", flush=True)
        done = list(forked(((item, partial(self.measure, item)) for item in items), self.jobs))
        failing = [f"fails without a change ({code}): {said}" for _, code, said, _ in done if code]
        print("\n".join(failing), flush=True)
        if not failing:
            MEASURED.write_text("\n".join(said for _, _, said, _ in done), "utf-8")
        return not failing

    def measure(self, item: pytest.Item, report: Path) -> None:
        self.entered.clear()
        began, worked = time.perf_counter(), time.process_time()
        self.run_tests([Test(item, LONGEST, LONGEST)], report)
        took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - worked}
        report.write_text(json.dumps({"test": item.nodeid, **took, "enters": sorted(self.entered)}), "utf-8")

    def try_all(self) -> None:
        """Try each mutant, and add what became of it to the results."""
        noticing: dict[str, Counter[str]] = defaultdict(Counter)
        counts: Counter[str] = Counter()
        began = time.monotonic()

        def work() -> Iterator[tuple[str, Callable[[Path], None]]]:
            for name in self.mutants:
                function = name.partition("__mutmut_")[0]
                # What noticed another change of a function is likely to notice this one, too.
                by = noticing[function]
                tests = sorted(self.tests[function], key=lambda test: (-by[test.item.nodeid], test.seconds))
                yield name, partial(self.run_tests, tests, mutant=name)

        with RESULTS.open("a", encoding="utf-8") as file:
            for name, code, said, seconds in forked(work(), self.jobs):
                status = STATUS.get(code, "crashed")
                counts[status] += 1
                test = said.partition("\n")[0]
                noticing[name.partition("__mutmut_")[0]][test] += code == 1
                entry = {"mutant": name, "status": status, "test": test, "seconds": seconds}
                print(json.dumps(entry), file=file, flush=True)
                if (tried := counts.total()) % 100 == 0:
                    left = (time.monotonic() - began) / tried * (len(self.mutants) - tried) / 60
                    print(f"{tried:,} of {len(self.mutants):,}: {told(counts)}; {left:.0f} min left", flush=True)

    def run_tests(self, tests: Sequence[Test], report: Path, mutant: str = "") -> None:
        """Run tests in this process, which ends with the first that fails or takes too long."""
        from mutmut.mutation.trampoline import set_mutant_under_test

        self.report, times = report, self.settings["timeout_multiplier"]
        if mutant:
            set_mutant_under_test(mutant)  # in the environment, too
        for test, following in zip_longest(tests, tests[1:]):
            report.write_text(test.item.nodeid, "utf-8")
            # An endless loop is told by its CPU, on a busy machine, too; what waits for ever takes none.
            signal.setitimer(signal.ITIMER_PROF, times * test.cpu + SPARE_CPU)
            signal.setitimer(signal.ITIMER_REAL, times * test.seconds + SPARE)
            test.item.ihook.pytest_runtest_protocol(item=test.item, nextitem=following and following.item)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.report is not None:
            self.report.write_text(f"{report.nodeid}\n{report.longreprtext}", "utf-8")
            os._exit(1)


def forked(work: Iterable[tuple[Any, Callable[[Path], None]]], jobs: int) -> Iterator[tuple[Any, int, str, float]]:
    """Do each piece of work in a fork, `jobs` at once; yield its key, exit code, report and seconds."""
    running: dict[int, tuple[Any, Path, float]] = {}
    work = iter(work)
    try:
        while True:
            for key, do in islice(work, jobs - len(running)):
                folder = Path(tempfile.mkdtemp(prefix="mutant-"))
                if not (pid := os.fork()):
                    in_fork(do, folder)
                running[pid] = key, folder, time.monotonic()
            if not running:
                return
            pid, status = os.wait()
            if pid in running:
                key, folder, began = running[pid]
                report = folder / "report"
                said = report.read_text("utf-8") if report.exists() else ""
                seconds = round(time.monotonic() - began, 2)
                clean_up(pid, running.pop(pid)[1])
                yield key, os.waitstatus_to_exitcode(status), said, seconds
    finally:
        for pid, (_, folder, _) in running.items():
            clean_up(pid, folder)


def in_fork(do: Callable[[Path], None], folder: Path) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
        do(folder / "report")
        code = 0
    except BaseException:
        (folder / "report").write_text(traceback.format_exc(), "utf-8")
        raise
    finally:
        os._exit(code)


def clean_up(pid: int, folder: Path) -> None:
    """End what a fork started, and remove what it wrote."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class MayLive:
    """Mutants of a function (`*` for all) whose changed line has this text; `why` nobody loses anything by them."""

    function: str
    line: str
    why: str

    def fits(self, function: str, line: str) -> bool:
        return self.function in ("*", function) and self.line in line


def judged(statuses: dict[str, str]) -> int:
    """Tell which mutants no test noticed, beside those that may live; return 1 if they are too many."""
    settings = tool()["mutants"]
    listed = tomllib.loads((ROOT / settings["may_live"]).read_text("utf-8"))
    may_live = [MayLive(**entry) for entry in listed.get("may_live", ())]
    counts = Counter(statuses.values())
    used: set[MayLive] = set()
    surviving = []
    for name in (name for name, status in statuses.items() if status not in NOTICED):
        function, line = function_of(name), changed_line(name)
        reasons = [each for each in may_live if each.fits(function, line)]
        used.update(reasons)
        if not reasons:
            surviving.append(f"{name} ({statuses[name]}): {line}")
    share = 100 * len(surviving) / max(len(statuses), 1)
    print("\n".join(surviving))
    print("\n".join(f"no mutant is like this any more: {each}" for each in may_live if each not in used))
    print(f"{len(statuses):,} mutants: " + told(counts))
    print(f"{len(surviving):,} survive beside those that may: {share:.1f} %, at most {settings['most_surviving']} %")
    return int(not statuses or share > settings["most_surviving"])


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in counts.most_common())


def function_of(name: str) -> str:
    """Return the function of a mutant as Python names it: mutmut writes x_ before it, or xǁClassǁmethod."""
    module, _, mangled = name.rpartition("__mutmut_")[0].rpartition(".")
    plain = mangled[1:].replace("ǁ", ".").lstrip(".") if "ǁ" in mangled else mangled.removeprefix("x_")
    return f"{module}.{plain}"


def changed_line(name: str) -> str:
    """Return the first line that a mutant has and the code has not, or else the first that it lacks."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = get_diff_for_mutant(name).splitlines()[2:]  # without the names of the files
    return next(line[1:].strip() for sign in "+-" for line in lines if line.startswith(sign))


if __name__ == "__main__":
    sys.exit(main())
