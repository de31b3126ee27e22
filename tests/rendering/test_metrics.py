"""The metrics file, as Prometheus' own parser reads it."""

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from reconciler.model.receipt import Outcome
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.metrics import metrics_text
from tests import builders
from tests.rendering import ledgers
from tests.rendering.plans import PLANS, RUNS


def _read(text: str) -> dict[tuple[str, str], float]:
    """Each sample by its name and the one label that tells it from its siblings."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            label = sample.labels.get("verdict") or sample.labels.get("outcome") or ""
            found[(sample.name.removeprefix("tpp_reconciler_"), label)] = sample.value
    return found


def test_every_verdict_and_outcome_has_a_figure_also_when_it_is_none() -> None:
    plan, run = PLANS["irreversible-first"], RUNS["irreversible-first"]
    found = _read(metrics_text(plan, now=builders.NOW, run=run))
    assert {verdict: found[("decisions", verdict.value)] for verdict in Verdict} == {
        verdict: plan.counts.get(verdict, 0) for verdict in Verdict
    }
    assert {outcome: found[("outcomes", outcome.value)] for outcome in Outcome} == {
        outcome: run.counts.get(outcome, 0) for outcome in Outcome
    }


def test_drift_counts_what_differs_and_nothing_else() -> None:
    plan = PLANS["irreversible-first"]
    found = _read(metrics_text(plan, now=builders.NOW))
    assert found[("drift", "")] == sum(step.group is not Group.FINE for step in plan.steps)
    assert _read(metrics_text(PLANS["nothing-to-do"], now=builders.NOW))[("drift", "")] == 0


def test_unknown_outcomes_are_intents_without_a_settling_receipt() -> None:
    lines = ledgers.lines()
    unknown = _read(metrics_text(None, now=builders.NOW, lines=lines))[("unknown_outcomes", "")]
    assert unknown == 3
    assert _read(metrics_text(None, now=builders.NOW))[("unknown_outcomes", "")] == 0


def test_ages_and_instants_are_in_seconds() -> None:
    text = metrics_text(
        PLANS["empty"],
        now=builders.NOW,
        last_success=builders.NOW - timedelta(hours=2),
        created=(builders.NOW - timedelta(days=3), builders.NOW - timedelta(minutes=1)),
    )
    found = _read(text)
    assert found[("oldest_pending_seconds", "")] == 3 * 86_400
    assert found[("last_success_timestamp_seconds", "")] == (builders.NOW - timedelta(hours=2)).timestamp()
    assert found[("generated_timestamp_seconds", "")] == builders.NOW.timestamp()


def test_what_is_not_known_has_no_figure() -> None:
    found = _read(metrics_text(None, now=builders.NOW))
    assert set(found) == {("unknown_outcomes", ""), ("generated_timestamp_seconds", "")}


def test_hostile_labels_stay_one_label() -> None:
    plan = PLANS["hostile"]
    families = list(text_string_to_metric_families(metrics_text(plan, now=builders.NOW)))
    labels = {tuple(sorted(set(sample.labels) - {"verdict"})) for family in families for sample in family.samples}
    assert labels == {("environment", "shard", "target")}
