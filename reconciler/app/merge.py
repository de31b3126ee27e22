"""The plans of shards put together."""

from pathlib import Path

from reconciler.app.saved_plans import read_plan
from reconciler.ledger.plan_files import save_plan
from reconciler.planning.merge import merge_plans


def merge_files(files: tuple[Path, ...], out: Path) -> None:
    """Write the plan of the whole. Raises InvalidInput, GuardRefused."""
    save_plan(merge_plans([read_plan(path) for path in files]), out)
