"""The plans of shards put together."""

from pathlib import Path

from reconciler.ledger.plan_files import load_plan, save_plan
from reconciler.planning.digest import check_digest
from reconciler.planning.merge import merge_plans


def merge_files(files: tuple[Path, ...], out: Path) -> None:
    """Write the plan of the whole. Raises InvalidInput, GuardRefused."""
    plans = [load_plan(path) for path in files]
    for plan in plans:
        check_digest(plan)
    save_plan(merge_plans(plans), out)
