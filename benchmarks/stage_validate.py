"""Validation beside the check-jsonschema command on the same files and schema."""

from pathlib import Path

from benchmarks import workload
from benchmarks.measure import Cost, cost_of, in_turns
from benchmarks.report import Report
from benchmarks.setting import BIN, Setting, configure, reconciler

_SCHEMA = Path(__file__).parent.parent / "schemas" / "decisions.schema.json"


def run(setting: Setting, report: Report) -> None:
    """Measure one file, a thousand files, one file with bad entries, and memory at ten times the size."""
    home = setting.home("validate")
    one = workload.manifests(home / "one", setting.size)
    many = workload.manifests(home / "many", setting.size, files=min(1000, setting.size))
    bad = workload.manifests(home / "bad", setting.size, bad=1)
    configure(home)

    def ours(folder: Path) -> Cost:
        return cost_of(reconciler("validate", str(folder)), cwd=str(home))

    def theirs(folder: Path) -> Cost:
        files = sorted(str(path) for path in folder.iterdir())
        return cost_of([str(BIN / "check-jsonschema"), "--schemafile", str(_SCHEMA), *files], cwd=str(home))

    subjects = {
        "validate, one file": lambda: ours(one),
        "validate, many files": lambda: ours(many),
        "validate, one file with 1 % bad entries": lambda: ours(bad),
        "check-jsonschema, one file": lambda: theirs(one),
        "check-jsonschema, many files": lambda: theirs(many),
    }
    found = report.measured(in_turns(setting.rounds, subjects))
    for kind in ("one file", "many files"):
        ratio = found[f"check-jsonschema, {kind}"].wall / found[f"validate, {kind}"].wall
        report.ratio(
            f"times faster than check-jsonschema, {kind}", ratio, at_least=10, of=f"{setting.size:,} decisions"
        )
    large = workload.manifests(home / "large", setting.size * 10)
    peak = report.measured(in_turns(setting.rounds, {"validate, ten times the size": lambda: ours(large)}))
    report.ratio(
        "peak MiB of validate at ten times the size",
        peak["validate, ten times the size"].peak,
        at_most=250 * 10**6 / 2**20,
        of=f"{setting.size * 10:,} decisions",
    )
