"""Judge a run of mutmut: how many mutants no test noticed, beside those that may live, each with its reason."""

import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MUTMUT = str(Path(sys.executable).parent / "mutmut")
NOTICED = ("killed", "timeout", "segfault", "suspicious", "caught by type check")


@dataclass(frozen=True)
class MayLive:
    """Mutants of a function (`*` for all) whose changed line has this text; `why` nobody loses anything by them."""

    function: str
    line: str
    why: str

    def fits(self, function: str, line: str) -> bool:
        return self.function in ("*", function) and self.line in line


def main() -> int:
    settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["mutants"]
    listed = tomllib.loads(Path(settings["may_live"]).read_text("utf-8"))
    may_live = [MayLive(**entry) for entry in listed.get("may_live", ())]
    statuses = dict(results())
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
    print(f"{len(statuses):,} mutants: " + ", ".join(f"{count:,} {status}" for status, count in counts.most_common()))
    print(f"{len(surviving):,} survive beside those that may: {share:.1f} %, at most {settings['most_surviving']} %")
    return int(not statuses or share > settings["most_surviving"])


def results() -> Iterator[tuple[str, str]]:
    """Yield each mutant with what became of it."""
    for line in run("results", "--all", "true").splitlines():
        name, _, status = line.strip().partition(": ")
        if "__mutmut_" in name:
            yield name, status


def function_of(name: str) -> str:
    """Return the function of a mutant as Python names it: mutmut writes x_ before it, or xǁClassǁmethod."""
    module, _, mangled = name.rpartition("__mutmut_")[0].rpartition(".")
    plain = mangled[1:].replace("ǁ", ".").lstrip(".") if "ǁ" in mangled else mangled.removeprefix("x_")
    return f"{module}.{plain}"


def changed_line(name: str) -> str:
    """Return the first line that a mutant has and the code has not."""
    lines = run("show", name).splitlines()
    return next((line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")), "")


def run(*arguments: str) -> str:
    done = subprocess.run([MUTMUT, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
