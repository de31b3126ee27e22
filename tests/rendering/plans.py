"""Plans and runs for tests of the views: the recorded cases, and large ones."""

from functools import cache
from pathlib import Path

from reconciler.codec import decode_plan, decode_run
from reconciler.model.decision import Source
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.model.value import replace
from tests import builders

CASES = Path(__file__).parent / "cases"


def recorded_plan(name: str) -> Plan:
    return decode_plan((CASES / name / "plan.json").read_bytes())


def recorded_run(name: str) -> Run:
    return decode_run((CASES / name / "run.json").read_bytes())


PLANS = {path.parent.name: recorded_plan(path.parent.name) for path in sorted(CASES.glob("*/plan.json"))}
RUNS = {path.parent.name: recorded_run(path.parent.name) for path in sorted(CASES.glob("*/run.json"))}


@cache
def large_plan(rows: int = 10_000) -> Plan:
    """A plan with every kind of step of the case irreversible-first, each on an object of its own."""
    plan = PLANS["irreversible-first"]
    steps = tuple(
        builders.altered(
            plan.steps[number % len(plan.steps)],
            guid=builders.guid(number),
            object=rf"\VED\Policy\Web\host-{number:05d}.example.com",
            source=Source("tickets/web.yaml", number + 1),
        )
        for number in range(rows)
    )
    return replace(plan, steps=steps)


@cache
def large_run(rows: int = 10_000) -> Run:
    run = RUNS["irreversible-first"]
    receipts = tuple(
        builders.altered(run.receipts[number % len(run.receipts)], guid=builders.guid(number)) for number in range(rows)
    )
    return replace(run, receipts=receipts)
