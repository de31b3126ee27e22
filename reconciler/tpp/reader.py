"""The ports' TicketReader over HTTP: many tickets at once, each fault a value."""

import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

from reconciler.model.status import Status
from reconciler.model.ticket import Found, Gone, Guid, Hidden, LiveTicket, Reading, Unread
from reconciler.ports import Readings
from reconciler.tpp import wire
from reconciler.tpp.client import CONFIG_READ_ALL, DETAILS, EXISTS, PERMISSIONS_REFRESH, Client, Failure
from reconciler.tpp.wire import Result, describe

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

_POLL, _BACKPRESSURE_POLL = 0.01, 0.001
"""Seconds between two looks at what has been read, and between two looks for room to put more."""
_UNCOLLECTED = 16
"""How many answers may wait for each call in flight: few enough for any memory, enough to seldom stop for."""
_TICKET_OBJECTS = "\\VED\\Workflow Tickets\\"
_SCHEDULED = (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)
_NOT_SEEN = (Result.TICKET_DOES_NOT_EXIST, Result.INSUFFICIENT_PRIVILEGES)


class Permissions:
    """Permissions/Refresh, once a run: it makes tickets visible that are newer than the session."""

    def __init__(self, client: Client) -> None:
        """Refresh by this client."""
        self._client = client
        self._lock = Lock()
        self._refused: Failure | None = None
        self.refreshes = 0
        """How often the permissions were refreshed in this run: 0 or 1."""

    def refresh(self) -> Failure | None:
        """Refresh unless it has been done; threads that ask meanwhile wait. Return why it could not be done.

        Contract 26.1 asks for the scope `security`: a refusal holds for the whole run.
        """
        with self._lock:
            if self.refreshes or self._refused is not None:
                return self._refused
            answer = self._client.ask(PERMISSIONS_REFRESH, None, wire.result_of)
            if isinstance(answer, Failure):
                self._refused = answer if answer.access and not answer.systemic else None
                return answer
            if answer is not Result.SUCCESS:
                return Failure(f"Permissions/Refresh answered Result {answer.value}")
            self.refreshes += 1
            return None

    @property
    def refused(self) -> Failure | None:
        """Why this token may not refresh permissions, None when it may or nobody tried."""
        return self._refused


class TicketObjects:
    """The objects that tickets are in the configuration, whose attributes say more than Details does.

    Contract 26.1 asks for the scope `configuration`: a refusal holds for the whole run.
    """

    def __init__(self, client: Client) -> None:
        """Read by this client."""
        self._client = client
        self._names: tuple[str, ...] = ("{}", "{{{}}}")
        self._refused: Failure | None = None

    @property
    def refused(self) -> Failure | None:
        """Why this token may not read them, None when it may or nobody tried."""
        return self._refused

    def read(self, guid: Guid) -> wire.Attributes | Failure:
        """Return the attributes, none when there is no such object. Whether its name has braces is not established."""
        if self._refused is not None:
            return self._refused
        for name in self._names:
            members = {"ObjectDN": _TICKET_OBJECTS + name.format(guid)}
            answer = self._client.ask(CONFIG_READ_ALL, members, wire.attributes)
            if isinstance(answer, Failure):
                self._refused = answer if answer.access and not answer.systemic else None
                return answer
            if answer is not None:
                self._names = (name, *(other for other in self._names if other != name))
                return answer
        return {}


class HttpTicketReader:
    """Reads tickets. It has no way to change one: its client was made without UpdateStatus."""

    def __init__(self, client: Client, permissions: Permissions, objects: TicketObjects, in_flight: int) -> None:
        """Read by one client with at most `in_flight` calls under way."""
        self._client = client
        self._permissions = permissions
        self._objects = objects
        self._in_flight = in_flight

    def read(self, guid: Guid) -> Reading:
        """Read one ticket. One that is not seen is read again after Permissions/Refresh, then looked for with Exists.

        A ticket that is newer than the session is invisible until the permissions are refreshed
        (TPP reference, Permissions/Refresh).
        """
        refreshes = self._permissions.refreshes
        seen = self._details(guid)
        if isinstance(seen, LiveTicket):
            return Found(self._timed(seen))
        if seen in _NOT_SEEN and not refreshes:
            failure = self._permissions.refresh()
            if failure is None:
                seen = self._details(guid)
            elif failure is not self._permissions.refused:
                return Unread(
                    f"not seen, and permissions could not be refreshed: {failure.why}",
                    failure.systemic,
                    failure.passing,
                )
        if isinstance(seen, LiveTicket):
            return Found(self._timed(seen))
        return self._hidden_or_gone(guid) if seen is Result.TICKET_DOES_NOT_EXIST else _reading(seen)

    def _timed(self, ticket: LiveTicket) -> LiveTicket:
        """Look the times of a scheduled ticket up where Details tells none, as on servers before 25."""
        if ticket.state.schedule is not None or ticket.state.status not in _SCHEDULED:
            return ticket
        known = self._objects.read(ticket.guid)
        return ticket if isinstance(known, Failure) else wire.with_times(ticket, known)

    def _details(self, guid: Guid) -> LiveTicket | Result | Failure:
        def parse(members: wire.Members) -> LiveTicket | Result:
            result = wire.result_of(members)
            return wire.live_ticket(guid, members) if result is Result.SUCCESS else result

        return self._client.ask_about(guid, DETAILS, parse)

    def _hidden_or_gone(self, guid: Guid) -> Reading:
        match self._client.ask_about(guid, EXISTS, wire.result_of):
            case Result.TICKET_DOES_NOT_EXIST:
                return Gone()
            case Result.SUCCESS:
                return Hidden()
            case other:
                return _reading(other)

    def read_many(self, guids: Iterable[Guid]) -> Readings:
        """Read many tickets at once and yield them as they come. Memory holds what is in flight, little more."""
        return side_by_side(dict.fromkeys(guids), self.read, self._in_flight)


def side_by_side(
    asked: Collection[Asked], read: Callable[[Asked], Answered], in_flight: int
) -> Generator[tuple[Asked, Answered], None, None]:
    """Begin to read many things at once, and yield them as they come. Nobody waits for threads that are left behind."""
    workers = min(in_flight, len(asked))
    pool = _Readers(iter(asked), read, workers, workers * _UNCOLLECTED)
    for number in range(workers):
        try:
            Thread(target=pool.work, name=f"reader-{number}", daemon=True).start()
        except RuntimeError:  # the machine has no thread left: those that there are do the work
            pool.do_without(workers - number)
            if not number:
                raise
            break
    return pool.collect()


@dataclass(slots=True)
class _Readers(Generic[Asked, Answered]):
    """Threads that take what is asked for from one source, and what they read: they pause while `most` of it waits."""

    source: Iterator[Asked]
    read: Callable[[Asked], Answered]
    working: int
    most: int
    answers: deque[tuple[Asked, Answered]] = field(default_factory=deque)
    failed: BaseException | None = None
    taking: Lock = field(default_factory=Lock)
    ready: Event = field(default_factory=Event)
    stopped: bool = False

    def work(self) -> None:
        try:
            while not self.stopped:
                with self.taking:
                    asked = next(self.source, None)
                if asked is None:
                    break
                self.answers.append((asked, self.read(asked)))
                self._make_room()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the answers are awaited
            self.failed = error
        with self.taking:
            self.working -= 1
        if self.failed or not self.working:
            self.ready.set()

    def do_without(self, absent: int) -> None:
        """Wait for fewer threads."""
        with self.taking:
            self.working -= absent
        if not self.working:
            self.ready.set()

    def _make_room(self) -> None:
        if len(self.answers) * 2 < self.most:
            return
        self.ready.set()
        while len(self.answers) >= self.most and not self.stopped:
            time.sleep(_BACKPRESSURE_POLL)

    def collect(self) -> Generator[tuple[Asked, Answered], None, None]:
        """Yield answers as they come. Polls instead of notifying per answer: wake-ups contend for the interpreter."""
        try:
            while True:
                self.ready.wait(_POLL)
                self.ready.clear()
                over = not self.working
                while self.answers:
                    yield self.answers.popleft()
                if self.failed is not None:
                    raise self.failed
                if over:
                    return
        finally:
            self.stopped = True


def _reading(seen: Result | Failure) -> Reading:
    match seen:
        case Result.INSUFFICIENT_PRIVILEGES:
            return Hidden()
        case Result():
            return Unread(describe(seen))
        case Failure(why, hint, systemic, _, _, passing):
            return Unread(f"{why} ({hint})" if hint else why, systemic, passing)
