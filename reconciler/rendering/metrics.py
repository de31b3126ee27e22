"""Figures for Prometheus, as the text file that the node exporter's textfile collector reads.

Format: Prometheus documentation, "Text-based format". Every metric is a gauge: the file is a snapshot.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.model.plan import Plan
from reconciler.model.receipt import Outcome, Run
from reconciler.model.record import Intent, Line, ReceiptEntry
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.escape import visible

_Sample = tuple[Mapping[str, str], float]


def metrics_text(
    plan: Plan | None,
    *,
    now: datetime,
    run: Run | None = None,
    lines: Iterable[Line] = (),
    last_success: datetime | None = None,
    created: Sequence[datetime] = (),
) -> str:
    """Return the metrics file. `created` are the creation times of the tickets that are pending, where known."""
    own = _labels(plan, run)
    out: list[str] = []
    if plan is not None:
        out.extend(_plan(plan, own))
    if run is not None:
        samples = [({**own, "outcome": outcome.value}, float(run.counts.get(outcome, 0))) for outcome in Outcome]
        out.extend(_metric("outcomes", "Receipts of the last run by outcome.", samples))
    out.extend(_metric("unknown_outcomes", "Updates whose outcome is unknown.", [(own, _open(lines, run))]))
    if created:
        oldest = max((now - moment).total_seconds() for moment in created)
        out.extend(_metric("oldest_pending_seconds", "Age of the oldest pending ticket.", [(own, max(oldest, 0.0))]))
    if last_success is not None:
        sample = (own, last_success.timestamp())
        out.extend(_metric("last_success_timestamp_seconds", "When a reconcile last succeeded.", [sample]))
    out.extend(_metric("generated_timestamp_seconds", "When these metrics were written.", [(own, now.timestamp())]))
    return "".join(f"{line}\n" for line in out)


def _plan(plan: Plan, own: Mapping[str, str]) -> Iterator[str]:
    by_verdict = [({**own, "verdict": verdict.value}, float(plan.counts.get(verdict, 0))) for verdict in Verdict]
    yield from _metric("decisions", "Decisions of the last plan by verdict.", by_verdict)
    yield from _metric("decisions_sealed", "Decisions in sealed manifests.", [(own, float(plan.decisions_sealed))])
    groups = Counter(step.group for step in plan.steps)
    drift = float(groups[Group.CHANGE] + groups[Group.ATTENTION])
    yield from _metric("drift", "Decisions that differ from what the server has.", [(own, drift)])
    missed = float(plan.counts.get(Verdict.MISSED, 0))
    yield from _metric("missed_windows", "Scheduled decisions whose window passed unused.", [(own, missed)])
    made = plan.made_at.timestamp()
    yield from _metric("plan_timestamp_seconds", "When the last plan was made.", [(own, made)])


def _open(lines: Iterable[Line], run: Run | None) -> float:
    """Count operations whose last word is an intent or an unknown outcome."""
    unknown: set[str] = set()
    for line in lines:
        match line.entry:
            case Intent(operation=operation):
                unknown.add(operation)
            case ReceiptEntry(receipt=receipt) if receipt.operation and receipt.outcome is not Outcome.UNKNOWN:
                unknown.discard(receipt.operation)
            case _:
                pass
    if run is not None:
        unknown |= {receipt.operation or receipt.guid for receipt in run.receipts if receipt.outcome is Outcome.UNKNOWN}
    return float(len(unknown))


def _labels(plan: Plan | None, run: Run | None) -> dict[str, str]:
    source = plan or run
    if source is None:
        return {}
    labels = {"target": source.target}
    if source.environment:
        labels["environment"] = source.environment
    if source.shard:
        labels["shard"] = source.shard
    return labels


def _metric(name: str, said: str, samples: Iterable[_Sample]) -> Iterator[str]:
    full = f"tpp_reconciler_{name}"
    yield f"# HELP {full} {said}"
    yield f"# TYPE {full} gauge"
    for labels, value in samples:
        shown = ",".join(f'{label}="{_label(text)}"' for label, text in labels.items())
        yield f"{full}{{{shown}}} {value:.16g}" if shown else f"{full} {value:.16g}"


def _label(text: str) -> str:
    return visible(text, 200).replace("\\", "\\\\").replace('"', '\\"')
