"""The real packages wired together against a real sandbox over HTTP: the TPP client, the ledger on disk, the engine.

Waits cost no time: client, engine and sandbox share a clock that moves when somebody sleeps.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.applying.context import RunContext
from reconciler.applying.engine import apply_plan
from reconciler.errors import GuardRefused
from reconciler.ledger.chain import verify
from reconciler.ledger.files import new_run_id
from reconciler.ledger.heads import heads_not_in
from reconciler.ledger.history import lines_since, read_lines
from reconciler.ledger.index import read_index
from reconciler.ledger.journal import open_journal
from reconciler.ledger.lock import hold_lock, this_process
from reconciler.model.decision import Decision
from reconciler.model.plan import Plan
from reconciler.model.policy import Orphans, Policy
from reconciler.model.receipt import Outcome, Receipt, Run
from reconciler.model.record import NO_HISTORY, Intent, Line, Opened, TicketHistory
from reconciler.model.review import Provenance
from reconciler.model.settings import Requests, Settings
from reconciler.model.ticket import Answer, Guid, NotSent, parse_guid
from reconciler.planning.guards import Circumstances
from reconciler.planning.judge import judge, judge_closed, needs_reading
from reconciler.planning.orphans import judge_orphan, may_be_armed
from reconciler.planning.planner import assemble, enforce_again
from reconciler.planning.selections import since_plan
from reconciler.ports import TicketWriter, Update
from reconciler.sandbox.log import Entry
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox
from reconciler.sandbox.seed import Seed
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.session import Session, open_session, ticket_reader
from reconciler.tpp.writer import ticket_writer
from tests.builders import NOW
from tests.fakes import NoStop, at_least
from tests.trust.mortal import Life, MortalLedger, MortalReader, MortalWriter

PATIENT, IMPATIENT = 10.0, 0.15
"""Real seconds after which the client stops waiting for an answer."""


@dataclass
class SleepClock:
    """A clock that moves when somebody sleeps, and a little whenever somebody looks. For many threads."""

    at: datetime = NOW
    lock: threading.Lock = field(default_factory=threading.Lock)
    coming: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)

    def now(self) -> datetime:
        with self.lock:
            self.at += timedelta(microseconds=10)
            return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.at += at_least(seconds)
            due = [what for when, what in self.coming if when <= self.at]
            self.coming = [(when, what) for when, what in self.coming if when > self.at]
        for what in due:
            what()

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Have something happen once this much time has passed."""
        with self.lock:
            self.coming.append((self.at + timedelta(seconds=seconds), what))


@dataclass
class MachineClock:
    """A machine's clock, which is ahead of the server's by some time, or behind it."""

    server: SleepClock
    skew: timedelta

    def now(self) -> datetime:
        return self.server.now() + self.skew

    def monotonic(self) -> float:
        return self.server.monotonic()

    def sleep(self, seconds: float) -> None:
        self.server.sleep(seconds)


@dataclass
class Harness:
    """A server, a repository's decisions, and a ledger: plan and apply as often as you like.

    With `late` the server carries out an update that many seconds after it answered without having done so.
    """

    sandbox: Sandbox
    ledger: Path
    clock: SleepClock
    decisions: dict[Guid, Decision]
    policy: Policy = Policy()
    stop: NoStop = field(default_factory=NoStop)
    workers: int = 2
    settle: float = 5.0
    read_timeout: float = PATIENT
    late: float | None = None
    skew: timedelta = timedelta()

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.sandbox.url,)

    @property
    def machine(self) -> "MachineClock":
        """The clock of the machine that runs, which may differ from the server's."""
        return MachineClock(self.clock, self.skew)

    @contextmanager
    def session(self) -> Iterator[Session]:
        limits = Requests(reads=4, writes=self.workers, connect_timeout=5.0, read_timeout=self.read_timeout, wait=0.0)
        settings = Settings(server=self.sandbox.url, requests=limits)
        secrets = Secrets(token=Secret(self.sandbox.token))
        with open_session(settings, secrets, self.machine, jitter=lambda: 0.0) as session:
            yield session

    def plan(self) -> Plan:
        """Read, recall and judge, as `reconciler plan` does."""
        now = self.machine.now()
        index = read_index(self.ledger, self.decisions, self.targets)
        histories, heads = index.histories, index.chain.heads
        steps = []
        with self.session() as session:
            unsettled = {g: d for g, d in self.decisions.items() if needs_reading(histories.get(g, NO_HISTORY), d)}
            for guid, reading in ticket_reader(session).read_many(unsettled):
                steps.append(judge(self.decisions[guid], reading, histories.get(guid, NO_HISTORY), now))
            target = session.target
            armed = {g: h for g, h in index.scheduled.items() if may_be_armed(h, now)}
            for guid, reading in ticket_reader(session).read_many(tuple(armed)):
                take_back = self.policy.orphans is Orphans.TAKE_BACK
                orphan = judge_orphan(guid, reading, armed[guid], now, take_back=take_back)
                steps += [orphan] if orphan is not None else []
        for guid in self.decisions.keys() - unsettled.keys():
            steps.append(judge_closed(self.decisions[guid], histories[guid], now))
        empty = Plan("test", target, now, now + timedelta(days=1), "", (), ledger_heads=heads)
        return assemble(empty, steps, Circumstances(self.policy, now))

    def apply(self, plan: Plan | None = None, *, life: Life | None = None) -> Run:
        """Apply a plan, or one that is made now, as `reconciler apply` does. With a `life` the process may die.

        Raises GuardRefused when the ledger is not the one that the plan was made from.
        """
        plan, life = plan or self.plan(), life or Life()
        plan = enforce_again(plan, Circumstances(self.policy, self.machine.now()))
        verify(self.ledger)
        if heads_not_in(self.ledger, plan.ledger_heads):
            raise GuardRefused("the ledger is not the one that the plan was made from")
        histories = read_index(self.ledger, (step.guid for step in plan.steps), self.targets).histories
        name = new_run_id(self.machine.now())
        origin = Provenance("test", plan.target)
        with (
            self.session() as session,
            hold_lock(self.ledger, this_process(name, self.machine.now())) as lock,
            closing(open_journal(lock, name, origin, Opened(self.machine.now(), plan.digest))) as journal,
        ):
            context = RunContext(
                reader=MortalReader(ticket_reader(session), life),
                writer=LateWriter(MortalWriter(ticket_writer(session), life), self),
                ledger=MortalLedger(journal, life),
                clock=self.machine,
                breaker=CircuitBreaker(self.stop, self.policy.failure_budget),
                run=name,
                origin=origin,
                settle=self.settle,
            )
            later = lines_since(self.ledger, plan.ledger_heads, (step.guid for step in plan.changes), self.targets)
            since = since_plan(plan.changes, later, histories)
            return apply_plan(plan, histories, context, since=since, workers=self.workers, progress=lambda _: None)

    @property
    def lines(self) -> list[Line]:
        return list(read_lines(self.ledger))

    def history(self, guid: Guid) -> TicketHistory:
        return read_index(self.ledger, [guid], self.targets).histories.get(guid, NO_HISTORY)

    def deliver(self, entry: Entry) -> None:
        """Carry out an update that the server has heard before, as one does that was held up on its way."""
        host, port = urlsplit(self.sandbox.url).netloc.split(":")
        with closing(HTTPConnection(host, int(port), timeout=10)) as connection:
            headers = {"Authorization": f"Bearer {self.sandbox.token}", "Content-Type": "application/json"}
            connection.request("POST", "/vedsdk/Workflow/Ticket/UpdateStatus", entry.body, headers)
            connection.getresponse().read()

    # What the server saw.

    def effects(self) -> dict[Guid, list[Entry]]:
        """The updates with effect, by ticket."""
        found: dict[Guid, list[Entry]] = {}
        for entry in self.sandbox.log.updates:
            if entry.effect and entry.guid:
                found.setdefault(parse_guid(entry.guid), []).append(entry)
        return found

    def took(self, operation: str | None) -> bool:
        """Whether the server carried out an update of this operation."""
        return any(entry.effect and _explains(entry, operation) for entry in self.sandbox.log.updates)

    def answered_everything(self) -> bool:
        """Whether no request is under way any more."""
        return all(entry.status is not None for entry in self.sandbox.log.entries)


def _explains(entry: Entry, operation: str | None) -> bool:
    body = entry.json
    return isinstance(body, Mapping) and f"[op:{operation}]" in str(body.get("Explanation"))


@dataclass
class LateWriter:
    """The writer of a run before a server that carries out late what it did not carry out at once."""

    true: TicketWriter
    harness: Harness

    def update(self, update: Update) -> Answer:
        answer = self.true.update(update)
        if self.harness.late is not None and not isinstance(answer, NotSent):
            heard = [each for each in self.harness.sandbox.log.updates if parse_guid(each.guid or "") == update.guid]
            if heard and not any(each.effect for each in heard):
                self.harness.clock.later(self.harness.late, lambda: self.harness.deliver(heard[-1]))
        return answer


@contextmanager
def open_harness(
    ledger: Path, decisions: Iterable[Decision], seed: Seed, *, tick: float | None = 0, **settings: object
) -> Iterator[Harness]:
    """Run a sandbox with this seed and hand out a harness around it. `tick` 0: approved tickets go at once."""
    clock = SleepClock()
    with running_sandbox(seed, clock=clock, listening=Listening(tick=tick)) as sandbox:
        yield Harness(sandbox, ledger, clock, {each.guid: each for each in decisions}, **settings)  # type: ignore[arg-type]


def assert_receipts_are_true(harness: Harness, run: Run) -> None:
    """Hold every receipt against what the server did."""
    for receipt in run.receipts:
        assert not _is_false(harness, receipt), f"{receipt.outcome} is not true: {receipt}"


def _is_false(harness: Harness, receipt: Receipt) -> bool:
    took = harness.took(receipt.operation) if receipt.operation else False
    match receipt.outcome:
        case Outcome.APPLIED | Outcome.AWAITING_OTHERS:
            return not took
        case Outcome.FAILED | Outcome.NOT_ATTEMPTED | Outcome.STALE | Outcome.REJECTED_BY_SERVER:
            return took
        case Outcome.UNKNOWN:
            return False


def assert_no_write_twice(harness: Harness) -> None:
    """At most one effective write for each ticket."""
    twice = {guid: [entry.number for entry in found] for guid, found in harness.effects().items() if len(found) > 1}
    assert not twice, f"tickets with more than one effective write: {twice}"


def intents(harness: Harness) -> set[tuple[Guid, str | None]]:
    """What the ledger says was about to be sent."""
    return {(line.entry.guid, line.entry.explanation) for line in harness.lines if isinstance(line.entry, Intent)}


def assert_no_write_without_intent(harness: Harness) -> None:
    """Every update that reached the server has its intent in the ledger, on disk before it was sent."""
    intended = intents(harness)
    for entry in harness.sandbox.log.updates:
        body = json.loads(entry.body)
        assert (parse_guid(body["GUID"]), body.get("Explanation")) in intended
