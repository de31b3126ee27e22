"""Metrics for Prometheus: a file for the node exporter's textfile collector, or a Pushgateway, on every path.

They are made by Prometheus' own client library, the extra `metrics`. The file is a snapshot of gauges: whatever one of
them is about, it is as of `last_attempt_timestamp_seconds`.
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.app.context import Context, SystemClock
from reconciler.app.outputs import Output, OutputKind, check_outputs
from reconciler.atomic import atomic_write
from reconciler.cli.exit_codes import Exit
from reconciler.cli.process import Ending
from reconciler.errors import LedgerNotPushed, ReconcilerError, UnusableOutput
from reconciler.ledger.index import open_operations
from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import TOOK_EFFECT, Outcome, Run
from reconciler.model.settings import Settings
from reconciler.model.status import State, Status
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.escape import terminal, visible

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_PREFIX = "tpp_reconciler_"
_LAST_SUCCESS, _PUSHED = "last_success_timestamp_seconds", "ledger_pushed"
_JOB = "tpp_reconciler"
_SUCCEEDED = frozenset({Exit.OK, Exit.CHANGES})
_NEAR = timedelta(hours=24)
_TIMEOUT = 10.0


def metrics_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --metrics and --pushgateway; it receives them as one argument, `metrics`."""

    @click.option("--pushgateway", metavar="URL", help="Push metrics to this Prometheus Pushgateway.")
    @click.option("--metrics", type=click.Path(path_type=Path), help="Write metrics for Prometheus to this file.")
    @functools.wraps(function)
    def called(*args: object, metrics: Path | None, pushgateway: str | None, **rest: object) -> object:
        wanted = Metrics(metrics, pushgateway)
        wanted.check_library()
        ending = click.get_current_context().obj
        if wanted and isinstance(ending, Ending):
            ending.then(wanted.write)
        return function(*args, metrics=wanted, **rest)

    return called


@dataclass(slots=True)
class Metrics:
    """Where metrics go, and what is known so far of the run that they are about."""

    path: Path | None = None
    gateway: str | None = None
    started: datetime = field(default_factory=lambda: SystemClock().now())
    settings: Settings | None = None
    plan: Plan | None = None
    run: Run | None = None
    unknown: int | None = None
    ends: Mapping[str, datetime] = field(default_factory=dict)
    pushed: bool | None = None

    def __bool__(self) -> bool:
        """Whether anybody wants metrics."""
        return self.path is not None or self.gateway is not None

    def outputs(self) -> tuple[Output, ...]:
        """Return the file that is written, if there is one."""
        return (Output("--metrics", self.path, OutputKind.METRICS),) if self.path is not None else ()

    def check_library(self) -> None:
        """Refuse metrics where their library is not installed. Raises UsageError."""
        if not self:
            return
        try:
            import prometheus_client  # noqa: F401 - the extra; only wanted when metrics are
        except ImportError:
            raise click.UsageError(
                "metrics need Prometheus' client library: pip install 'tpp-reconciler[metrics]'"
            ) from None

    @contextmanager
    def noting_pushes(self) -> Iterator[None]:
        """Note that the branch of the ledger lacks lines, when that is what ends a run."""
        try:
            yield
        except LedgerNotPushed:
            self.pushed = False
            raise

    def see(self, context: Context, plan: Plan, run: Run | None = None) -> None:
        """Note plan, run, open updates, and when credentials end. What can't be asked is left out."""
        if not self:
            return
        self.plan, self.run = plan, run
        with suppress(ReconcilerError):
            self.unknown = open_operations(context.ledger, context.targets)
        with suppress(ReconcilerError):
            self.ends = context.backend.ends()

    def write(self, code: int) -> None:
        """Write and push everything. A failure is a warning: the outcome stands whoever hears of it."""
        if self.path is not None and code != Exit.USAGE:
            try:
                check_outputs(self.outputs(), self.settings or Settings())
                atomic_write(self.path, self._text(code, _earlier(self.path)), mode=0o644)
            except (OSError, UnusableOutput) as error:
                why = error.problems[0].message if isinstance(error, UnusableOutput) else error.strerror or error
                click.echo(f"warning: the metrics were not written to {terminal(f'{self.path}: {why}')}", err=True)
        if self.gateway is not None:
            self._push(code, self.gateway)

    def _text(self, code: int, earlier: Mapping[str, float]) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        self._fill(registry, code, earlier)
        return generate_latest(registry)

    def _push(self, code: int, gateway: str) -> None:
        from prometheus_client import CollectorRegistry, pushadd_to_gateway

        registry = CollectorRegistry(auto_describe=False)
        self._fill(registry, code, {})
        try:
            pushadd_to_gateway(gateway, _JOB, registry, self._labels(), timeout=_TIMEOUT)
        except (OSError, ValueError) as error:  # the library lets through what urllib raises
            click.echo(f"warning: the metrics were not pushed: {type(error).__name__}", err=True)

    def _fill(self, registry: "CollectorRegistry", code: int, earlier: Mapping[str, float]) -> None:
        from prometheus_client import Gauge

        own = self._labels()

        def gauge(name: str, about: str, samples: Iterable[tuple[str, float]], label: str | None = None) -> None:
            made = Gauge(_PREFIX + name, about, [*own, *([label] if label else [])], registry=registry)
            for key, value in samples:
                labels = [*own.values(), *([key] if label else [])]
                (made.labels(*labels) if labels else made).set(value)

        succeeded = self.started.timestamp() if code in _SUCCEEDED else earlier.get(_LAST_SUCCESS)
        gauge("last_attempt_timestamp_seconds", "When the last run began.", [("", self.started.timestamp())])
        if succeeded is not None:
            about = "When the last run that exited with 0 or 10 began."
            gauge(_LAST_SUCCESS, about, [("", succeeded)])
        gauge("exit_code", "Exit code of the last run.", [("", float(code))])
        for name, moment in self.ends.items():
            gauge(f"{name}_expiry_timestamp_seconds", f"When the {name} ends.", [("", moment.timestamp())])
        pushed = earlier.get(_PUSHED) if self.pushed is None else float(self.pushed)
        if pushed is not None:
            gauge(_PUSHED, "Whether the ledger branch has every line.", [("", pushed)])
        if self.plan is not None:
            self._fill_plan(gauge, self.plan)
        if self.unknown is not None:
            gauge("unknown_outcomes", "Updates whose outcome is unknown.", [("", float(self.unknown))])
        if self.run is not None:
            counts = self.run.counts
            outcomes = [(outcome.value, float(counts.get(outcome, 0))) for outcome in Outcome]
            gauge("outcomes", "Receipts of the last run by outcome.", outcomes, "outcome")

    def _fill_plan(self, gauge: "_Gauge", plan: Plan) -> None:
        counts = plan.counts
        by_verdict = [(verdict.value, float(counts.get(verdict, 0))) for verdict in Verdict]
        gauge("decisions", "Decisions of the last plan by verdict.", by_verdict, "verdict")
        gauge("decisions_sealed", "Decisions in sealed manifests.", [("", float(plan.decisions_sealed))])
        receipts = self.run.receipts if self.run else ()
        took = {receipt.guid: receipt for receipt in receipts if receipt.outcome in TOOK_EFFECT}
        drift = sum(step.group is not Group.FINE and step.guid not in took for step in plan.steps)
        gauge("drift", "Decisions that differ from what the server has.", [("", float(drift))])
        reasons = Counter(step.reason.value for step in plan.steps if step.group is Group.ATTENTION)
        attention = [(reason, float(count)) for reason, count in sorted(reasons.items())]
        gauge("attention", "Decisions that need attention, by reason.", attention, "reason")
        decided = {guid for guid, receipt in took.items() if receipt.outcome is Outcome.APPLIED}
        pending = (step for step in plan.steps if step.guid not in decided and step.before and _is_pending(step.before))
        waiting = [step.created for step in pending if step.created]
        if waiting:
            age = (self.started - min(waiting)).total_seconds()
            gauge("oldest_pending_seconds", "Age of the oldest pending ticket.", [("", max(age, 0.0))])
        armed, near = self._schedules(plan, {guid: receipt.after for guid, receipt in took.items()})
        gauge("armed_schedules", "Schedules that TPP has and that have not begun.", [("", float(len(armed)))])
        if armed:
            opening = min(armed).timestamp()
            gauge("next_opening_timestamp_seconds", "When the next of these schedules begins.", [("", opening)])
        about = "Decisions whose window opens within 24 hours and whose schedule TPP does not have."
        gauge("unarmed_windows_near", about, [("", float(near))])

    def _schedules(self, plan: Plan, applied: Mapping[Guid, State]) -> tuple[list[datetime], int]:
        """Return the starts of schedules that wait in TPP, and how many that should wait there soon do not."""
        armed, near = [], 0
        for step in plan.steps:
            live = applied.get(step.guid, step.before)
            if live is not None and live.schedule is not None and live.schedule.start > self.started:
                armed.append(live.schedule.start)
            elif _opens_within(step, self.started, _NEAR):
                near += 1
        return armed, near

    def _labels(self) -> dict[str, str]:
        source = self.plan or self.run
        found = {
            "target": source.target if source else (self.settings.server if self.settings else None),
            "environment": source.environment if source else (self.settings.environment if self.settings else None),
            "shard": source.shard if source else None,
        }
        return {name: visible(value, 200) for name, value in found.items() if value}


_Gauge = Callable[..., None]


def _is_pending(state: State) -> bool:
    return state.status == Status.PENDING


def _opens_within(step: Step, now: datetime, length: timedelta) -> bool:
    schedule = step.after.schedule
    return schedule is not None and step.group is not Group.FINE and now <= schedule.start <= now + length


def _earlier(path: Path) -> dict[str, float]:
    """Return what stays true after a run that has nothing to say of it, from the file that is about to be replaced."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        families = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
    values = {sample.name.removeprefix(_PREFIX): sample.value for each in families for sample in each.samples}
    return {name: values[name] for name in (_LAST_SUCCESS, _PUSHED) if name in values}
