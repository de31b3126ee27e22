"""A test bench for applying: tickets that take scripted faults, a ledger that can break, a run put together."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.applying.context import RunContext
from reconciler.applying.engine import apply_plan
from reconciler.errors import LedgerUnwritable
from reconciler.model.decision import Seal
from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import Receipt, Run
from reconciler.model.record import Entry, Intent, TicketHistory
from reconciler.model.review import Provenance, Review
from reconciler.model.status import Status
from reconciler.model.ticket import Accepted, Answer, Declined, Found, Gone, Guid, LiveTicket, Reading
from reconciler.model.value import replace
from reconciler.planning.selections import Since
from reconciler.ports import Update
from tests.builders import NOW, live, plan
from tests.fakes import FakeClock, NoStop

RUN = "20261123T120000Z-0000aa"
ORIGIN = Provenance("tpp-reconciler 1.0.0", "https://tpp.example.com")

Turn = Callable[["Tickets", Update], Answer]


def accepts(tickets: "Tickets", update: Update) -> Answer:
    """Take the update, as a healthy server does."""
    if update.guid not in tickets.tickets:
        return Declined("Result 3: there is no such ticket", 3)
    tickets.take(update)
    return Accepted()


def says(answer: Answer, *, effect: bool) -> Turn:
    """Give this answer, with or without the update's effect."""

    def turn(tickets: "Tickets", update: Update) -> Answer:
        if effect:
            tickets.take(update)
        return answer

    return turn


@dataclass
class Tickets:
    """TPP as far as applying sees it. Each update takes one turn of the script; afterwards all are accepted.

    `deletes` are the statuses with which a ticket is processed and deleted at once; `others_due` the tickets that stay
    pending because other approvers are due; `first_readings` are given before the true ones; `moved_by` runs before
    each reading.
    """

    tickets: dict[Guid, LiveTicket]
    script: list[Turn] = field(default_factory=list)
    deletes: frozenset[str] = frozenset()
    others_due: frozenset[Guid] = frozenset()
    first_readings: dict[Guid, list[Reading]] = field(default_factory=dict)
    before_read: Callable[["Tickets", Guid], None] = lambda _tickets, _guid: None
    updates: list[Update] = field(default_factory=list)
    taken: list[Guid] = field(default_factory=list)
    reads: list[Guid] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, guid: Guid) -> Reading:
        self.before_read(self, guid)
        with self.lock:
            self.reads.append(guid)
            if self.first_readings.get(guid):
                return self.first_readings[guid].pop(0)
            return Found(self.tickets[guid]) if guid in self.tickets else Gone()

    def read_many(self, guids: Iterable[Guid]) -> Iterator[tuple[Guid, Reading]]:
        return ((guid, self.read(guid)) for guid in guids)

    def update(self, update: Update) -> Answer:
        with self.lock:
            self.updates.append(update)
            turn = self.script.pop(0) if self.script else accepts
        return turn(self, update)

    def take(self, update: Update) -> None:
        """Change the ticket as TPP does."""
        with self.lock:
            self.taken.append(update.guid)
            ticket = self.tickets.pop(update.guid)
            state = update.wanted
            if state.status in self.deletes and update.guid not in self.others_due:
                return
            state = replace(ticket.state, status=Status.PENDING) if update.guid in self.others_due else state
            moved = replace(
                ticket,
                state=state,
                explanation=ticket.explanation if update.explanation is None else update.explanation,
                updated=(ticket.updated or NOW) + timedelta(seconds=1),
            )
            self.tickets[update.guid] = moved


@dataclass
class BreakingLedger:
    """A ledger in a list that fails once it has `room` entries, or at every entry for which `refuses` holds."""

    room: int | None = None
    refuses: Callable[[Entry], bool] = lambda _entry: False
    entries: list[Entry] = field(default_factory=list)
    on_append: Callable[[Entry], None] = lambda _entry: None

    def append(self, entry: Entry) -> None:
        if (self.room is not None and len(self.entries) >= self.room) or self.refuses(entry):
            raise LedgerUnwritable("the ledger can't be written: No space left on device", "free some space")
        self.entries.append(entry)
        self.on_append(entry)

    def of(self, kind: type[Entry]) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry, kind)]

    @property
    def intents(self) -> list[Intent]:
        return [entry for entry in self.entries if isinstance(entry, Intent)]

    @property
    def receipts(self) -> list[Receipt]:
        return [entry for entry in self.entries if isinstance(entry, Receipt)]


@dataclass
class Bench:
    """A run to be: everything can be set before `apply`."""

    tickets: Tickets
    ledger: BreakingLedger = field(default_factory=BreakingLedger)
    clock: FakeClock = field(default_factory=FakeClock)
    stop: NoStop = field(default_factory=NoStop)
    budget: int | None = None
    origin: Provenance = ORIGIN
    settle: float = 5.0
    progress: list[int] = field(default_factory=list)
    sealable: tuple[Seal, ...] = ()
    since: dict[Guid, Since] = field(default_factory=dict)
    planned_at: datetime | None = None
    movers: dict[Guid, str] = field(default_factory=dict)
    reviews: dict[Guid, Review | None] = field(default_factory=dict)
    announced: bool = False
    breaker: CircuitBreaker = field(init=False)

    def context(self) -> RunContext:
        self.breaker = breaker = CircuitBreaker(self.stop, self.budget)
        return RunContext(
            self.tickets,
            self.tickets,
            self.ledger,
            self.clock,
            breaker,
            RUN,
            self.origin,
            self.settle,
            planned_at=self.planned_at,
            movers=self.movers,
            reviews=self.reviews,
            announced=self.announced,
        )

    def apply(self, what: Plan, histories: Mapping[Guid, TicketHistory] | None = None, workers: int = 1) -> Run:
        return apply_plan(
            what,
            histories or {},
            self.context(),
            since=self.since,
            workers=workers,
            progress=self.progress.append,
            sealable=self.sealable,
        )

    def run(self, *steps: Step, histories: Mapping[Guid, TicketHistory] | None = None, workers: int = 1) -> Run:
        return self.apply(plan(*steps), histories, workers)


def bench_of(*tickets: LiveTicket, **settings: object) -> Bench:
    """A bench with these tickets; settings of Tickets go there, the others to the bench."""
    names = {"script", "deletes", "others_due", "first_readings", "before_read"}
    own = {name: value for name, value in settings.items() if name in names}
    rest = {name: value for name, value in settings.items() if name not in names}
    return Bench(Tickets({ticket.guid: ticket for ticket in tickets}, **own), **rest)  # type: ignore[arg-type]


def as_planned(number: int, **changes: object) -> LiveTicket:
    """A live ticket that a step of tests.builders with the same number does not find stale."""
    return live(number, **({"approvers": (), "reason": ""} | changes))
