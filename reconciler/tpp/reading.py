"""The ports' TicketReader over HTTP: many tickets at once, each fault a value."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Lock, Thread

from reconciler.model.guid import Guid
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Reading, Unread
from reconciler.tpp import wire
from reconciler.tpp.asking import Asker, Failure
from reconciler.tpp.calls import DETAILS, EXISTS
from reconciler.tpp.refreshing import Permissions
from reconciler.tpp.results import Result, describe

_NOT_SEEN = (Result.TICKET_DOES_NOT_EXIST, Result.INSUFFICIENT_PRIVILEGES)


class HttpTicketReader:
    """Reads tickets. It has no way to change one: its channel was made without UpdateStatus."""

    def __init__(self, asker: Asker, permissions: Permissions, in_flight: int) -> None:
        """Read over one channel with at most `in_flight` calls under way."""
        self._asker = asker
        self._permissions = permissions
        self._in_flight = in_flight

    def read(self, guid: Guid) -> Reading:
        """Read one ticket. One that is not seen is read again after Permissions/Refresh, then looked for with Exists.

        A ticket that is newer than the session is invisible until the permissions are refreshed
        (TPP reference, Permissions/Refresh).
        """
        refreshes = self._permissions.refreshes
        seen = self._details(guid)
        if seen in _NOT_SEEN and not refreshes:
            failure = self._permissions.refresh()
            if failure is not None:
                return Unread(f"not seen, and permissions could not be refreshed: {failure.why}", failure.systemic)
            seen = self._details(guid)
        return self._hidden_or_gone(guid) if seen is Result.TICKET_DOES_NOT_EXIST else _reading(seen)

    def _details(self, guid: Guid) -> LiveTicket | Result | Failure:
        def parse(members: wire.Members) -> LiveTicket | Result:
            result = wire.result_of(members)
            return wire.live_ticket(guid, members) if result is Result.SUCCESS else result

        return self._asker.ask(DETAILS, {"GUID": guid}, parse, guid)

    def _hidden_or_gone(self, guid: Guid) -> Reading:
        match self._asker.ask(EXISTS, {"GUID": guid}, wire.result_of, guid):
            case Result.TICKET_DOES_NOT_EXIST:
                return Gone()
            case Result.SUCCESS:
                return Hidden()
            case other:
                return _reading(other)

    def read_many(self, guids: Iterable[Guid]) -> Iterator[tuple[Guid, Reading]]:
        """Read many tickets at once and yield them as they come. Memory holds what is in flight, little more."""
        wanted = dict.fromkeys(guids)
        workers = min(self._in_flight, len(wanted))
        pool = _Pool(iter(wanted), Queue(workers * 4), self.read)
        for number in range(workers):
            Thread(target=pool.work, name=f"reader-{number}", daemon=True).start()
        return pool.collect(workers)


@dataclass(slots=True)
class _Pool:
    """Threads that take GUIDs from one source and put readings into one queue; None says that a thread ended."""

    source: Iterator[Guid]
    answers: "Queue[tuple[Guid, Reading] | BaseException | None]"
    read: Callable[[Guid], Reading]
    taking: Lock = field(default_factory=Lock)
    stopped: bool = False

    def work(self) -> None:
        try:
            while not self.stopped:
                with self.taking:
                    guid = next(self.source, None)
                if guid is None:
                    break
                self.answers.put((guid, self.read(guid)))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the answers are awaited
            self.answers.put(error)
        else:
            self.answers.put(None)

    def collect(self, working: int) -> Iterator[tuple[Guid, Reading]]:
        try:
            while working:
                answer = self.answers.get()
                if isinstance(answer, BaseException):
                    raise answer
                if answer is None:
                    working -= 1
                else:
                    yield answer
        finally:
            self._stop()

    def _stop(self) -> None:
        """Let no thread start another call, and make room for the answers that are still to come."""
        self.stopped = True
        with suppress(Empty):
            while True:
                self.answers.get_nowait()


def _reading(seen: LiveTicket | Result | Failure) -> Reading:
    match seen:
        case LiveTicket():
            return Found(seen)
        case Result.INSUFFICIENT_PRIVILEGES:
            return Hidden()
        case Result():
            return Unread(describe(seen))
        case Failure(why, hint, systemic, _, _):
            return Unread(f"{why} ({hint})" if hint else why, systemic)
