"""Saved plans as whoever reads one has to find them: whole, and with the digest of what they mean."""

from pathlib import Path

from reconciler.ledger.plan_files import load_plan
from reconciler.model.plan import Plan
from reconciler.planning.digest import check_digest


def read_plan(path: Path) -> Plan:
    """Return a saved plan. Raises InvalidInput for what is none, GuardRefused for one that was edited."""
    plan = load_plan(path)
    check_digest(plan)
    return plan
