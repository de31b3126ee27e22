"""The tickets of the sandbox and everything that happens to them. Thread-safe; knows nothing of HTTP."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock

import msgspec

from reconciler.codec import decode, json_line
from reconciler.model.status import Schedule, Status
from reconciler.model.ticket import Guid, parse_guid
from reconciler.model.value import replace
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.identities import Directory
from reconciler.sandbox.store import NoStore, StateStore
from reconciler.sandbox.ticket import Processed, Ruling, Ticket, decide, due_times, process
from reconciler.sandbox.wire import ResultCode

DEFAULT_WORKFLOW = r"\VED\Policy\Workflows\Stage 0"


@dataclass(slots=True)
class World:
    """All tickets. `processing` says whether the servers that process tickets are up."""

    clock: SandboxClock = field(default_factory=SandboxClock)
    behaviour: Behaviour = Behaviour()
    directory: Directory = field(default_factory=Directory)
    store: StateStore = field(default_factory=NoStore)
    default_approvers: tuple[str, ...] = ()
    processing: bool = True
    serial: int = 0
    immediate: bool = False
    _tickets: dict[Guid, Ticket] = field(default_factory=dict)
    _made: dict[Guid, Ticket] = field(default_factory=dict)
    _objects: dict[str, str] = field(default_factory=dict)
    _on: dict[str, Guid] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def restore(self) -> bool:
        """Take over what an earlier process left in the store; say whether there was anything."""
        settings = dict(self.store.items("settings"))
        self.serial = int(settings.get("serial", "0"))
        self.processing = settings.get("processing", "on") == "on"
        self._tickets = {Guid(key): msgspec.json.decode(text, type=Ticket) for key, text in self.store.items("tickets")}
        self._made = dict(self._tickets)
        self._on = {ticket.object.casefold(): guid for guid, ticket in self._tickets.items()}
        self._objects = {decode(key.encode(), str): text for key, text in self.store.items("objects")}
        return bool(settings)

    @property
    def tickets(self) -> Mapping[Guid, Ticket]:
        """The tickets as they are now, by GUID, in order of creation."""
        with self._lock:
            return dict(self._tickets)

    def ticket_on(self, dn: str) -> Ticket | None:
        """Return the newest ticket that stops an object."""
        with self._lock:
            return self._tickets.get(self._on.get(dn.casefold(), Guid("")))

    @property
    def objects(self) -> Mapping[str, str]:
        """Objects whose certificate status is more than waiting, by DN."""
        return dict(self._objects)

    def add_ticket(  # noqa: PLR0913 - what a ticket is made of, all but nothing optional
        self,
        guid: str | None = None,
        *,
        object: str | None = None,
        workflow: str = DEFAULT_WORKFLOW,
        approvers: Iterable[str] | None = None,
        reason: str = "An approval is needed",
        status: Status = Status.PENDING,
        schedule: Schedule | None = None,
        explanation: str = "",
        user_data: str = "",
        stage: int = 0,
        denied: Iterable[str] = (),
        created: datetime | None = None,
        new: bool = False,
    ) -> Ticket:
        """Add a ticket and return it. Without `object` it gets one of its own.

        With `new` no token sees it until permissions are refreshed. Raises ValueError for text that is no GUID.
        """
        with self._lock:
            name = parse_guid(guid or str(uuid.uuid4()))
            self.serial += new
            made = created or self.clock.now()
            ticket = Ticket(
                guid=name,
                object=object or rf"\VED\Policy\Web\{name[:13]}.example.com",
                workflow=workflow,
                created=made,
                updated=made,
                approvers=self._universals(self.default_approvers if approvers is None else approvers),
                denied=self._universals(denied),
                reason=reason,
                user_data=user_data,
                stage=stage,
                serial=self.serial if new else 0,
                status=status,
                schedule=schedule,
                explanation=explanation,
            )
            self._made[name] = ticket
            self._keep(ticket)
            self.store.put("settings", "serial", str(self.serial))
            return ticket

    def look_up(self, guid: str, identity: str, seen: int) -> Ticket | ResultCode:
        """Return a ticket as `identity` sees it with permissions that cover tickets up to the serial `seen`."""
        try:
            ticket = self._tickets.get(parse_guid(guid))
        except ValueError:
            return ResultCode.BAD_ARGUMENTS
        if ticket is None:
            return ResultCode.TICKET_DOES_NOT_EXIST
        if ticket.serial > seen:
            return ResultCode(self.behaviour.unseen)
        if ticket.denied and not self.directory.voices(identity).isdisjoint(ticket.denied):
            return ResultCode(self.behaviour.denied)
        return ticket

    def knows(self, guid: str, seen: int) -> bool:
        """Return whether a ticket is there and covered by permissions up to the serial `seen`, denied or not."""
        ticket = self._tickets.get(parse_guid(guid))
        return ticket is not None and ticket.serial <= seen

    def rule(self, guid: Guid, ruling: Ruling, voices: frozenset[str], by: str) -> tuple[ResultCode, bool]:
        """Apply the ruling of an approver, whose name is `by`; return the Result and whether any ticket changed."""
        with self._lock:
            ticket = self._tickets.get(guid)
            if ticket is None:
                return ResultCode.TICKET_DOES_NOT_EXIST, False
            if ticket.approvers and voices.isdisjoint(ticket.approvers):
                return ResultCode.INSUFFICIENT_PRIVILEGES, False
            decided = decide(ticket, ruling, voices, self.clock.now(), self.behaviour)
            if isinstance(decided, ResultCode):
                return decided, False
            changed = decided is not ticket
            if changed:
                self._keep(replace(decided, updated_by=by))
            if self.behaviour.cascade:
                changed |= self._cascade(ticket, ruling, voices)
            if changed and self.immediate and self.processing:
                self.process()
            return ResultCode.SUCCESS, changed

    def console(
        self,
        guid: str,
        status: Status,
        *,
        by: str | None = None,
        start: str | None = None,
        stop: str | None = None,
        explanation: str | None = None,
    ) -> ResultCode:
        """Decide as a person at the console does: as the approver `by`, or for all approvers when it is None."""
        with self._lock:
            ticket = self._tickets.get(parse_guid(guid))
            if ticket is None:
                return ResultCode.TICKET_DOES_NOT_EXIST
            voices = frozenset(ticket.approvers) if by is None else self.directory.voices(by)
            name = next(iter(self._universals([by] if by else ticket.approvers[:1])), "")
            return self.rule(ticket.guid, Ruling(status, start, stop, explanation), voices, name)[0]

    def delete(self, guid: str) -> bool:
        """Remove a ticket for good; say whether there was one."""
        with self._lock:
            name = parse_guid(guid)
            self.store.remove("tickets", name)
            return self._tickets.pop(name, None) is not None

    def restore_ticket(self, guid: str) -> Ticket:
        """Bring a ticket back as it was made, as a restored database does. Raises KeyError for one that never was."""
        with self._lock:
            ticket = self._made[parse_guid(guid)]
            self._keep(ticket)
            return ticket

    def reissue(self, guid: str) -> Ticket:
        """Give the object a new ticket with a new GUID, as a changed workflow does. Raises KeyError without one."""
        with self._lock:
            old = self._tickets[parse_guid(guid)]
            self.delete(guid)
            return self.add_ticket(
                object=old.object, workflow=old.workflow, approvers=old.approvers, reason=old.reason, new=True
            )

    def process(self) -> Processed:
        """Look at all tickets once, as TPP does now and then. Does nothing while processing is paused."""
        with self._lock:
            if not self.processing:
                return Processed()
            outcome = process(self._tickets.values(), self.clock.now(), self.behaviour)
            for ticket in outcome.changed:
                self._keep(ticket)
            for name, status in outcome.objects:
                self._objects[name] = status
                self.store.put("objects", json_line(name), status)
            for guid in outcome.deleted:
                self.delete(guid)
            return outcome

    def advance(self, seconds: float) -> datetime:
        """Move the clock and process on the way whatever becomes due, so that a jump misses no window."""
        with self._lock:
            since = self.clock.now()
            until = since + timedelta(seconds=seconds)
            if self.processing:
                for moment in due_times(self._tickets.values(), since, until):
                    self.clock.set(moment)
                    self.process()
            self.clock.set(until)
            self.process()
            return self.clock.now()

    def pause(self) -> None:
        """Take down the servers that process tickets; the calls go on."""
        self._switch("off")

    def resume(self) -> None:
        """Bring the servers that process tickets up again."""
        self._switch("on")

    def _universals(self, spellings: Iterable[str]) -> tuple[str, ...]:
        return tuple(found.universal if (found := self.directory.find(name)) else name for name in spellings)

    def _switch(self, text: str) -> None:
        self.processing = text == "on"
        self.store.put("settings", "processing", text)

    def _cascade(self, ticket: Ticket, ruling: Ruling, voices: frozenset[str]) -> bool:
        changed = False
        for other in list(self._tickets.values()):
            same = (other.object.casefold(), other.stage) == (ticket.object.casefold(), ticket.stage)
            if same and other.guid != ticket.guid and not (other.approvers and voices.isdisjoint(other.approvers)):
                own = replace(ruling, approvers=None, user_data=None)
                decided = decide(other, own, voices, self.clock.now(), self.behaviour)
                if isinstance(decided, Ticket) and decided is not other:
                    self._keep(decided)
                    changed = True
        return changed

    def _keep(self, ticket: Ticket) -> None:
        self._tickets[ticket.guid] = ticket
        self._on[ticket.object.casefold()] = ticket.guid
        self.store.put("tickets", ticket.guid, msgspec.json.encode(ticket).decode())
