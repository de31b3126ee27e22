"""Turns values that are well-formed by the schema into decisions, and finds what a schema can't say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, TypeVar

from reconciler.manifests.problems import Code, InvalidValue
from reconciler.manifests.times import in_order, instant, to_the_millisecond
from reconciler.manifests.windows import Windows
from reconciler.model.decision import (
    Attestation,
    Decision,
    Expectation,
    ExpectedCertificate,
    Override,
    Parameters,
    Selection,
    Severity,
    Source,
    WindowUse,
)
from reconciler.model.status import State, Status, approved, approved_after, approved_between, pending, rejected
from reconciler.model.ticket import Guid
from reconciler.model.value import quote

Entry = Mapping[str, Any]
_T = TypeVar("_T")

_PLAIN: dict[str, State] = {
    Status.PENDING: pending(),
    Status.APPROVED: approved(),
    Status.REJECTED: rejected(),
}


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What a file says for all of its entries. `defaults` None means that they are broken, so nothing builds on them.

    `zone_broken` says that the file names a zone that is none, so that times without an offset are nobody's fault.
    """

    windows: Windows
    change: str | None = None
    zone: tzinfo | None = None
    zone_broken: bool = False
    defaults: Entry | None = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def once(self, text: str | None) -> str | None:
        """Return the one copy of a text that is kept in memory, for most texts of a file stand in it often."""
        return None if text is None else self.texts.setdefault(text, text)


def decode_ticket(entry: Entry, header: FileHeader, source: Source, faults: list[InvalidValue]) -> Decision | None:
    """Return the decision of one entry; None when `faults` got what is wrong with it, or its file's defaults are."""
    defaults = header.defaults
    if defaults is None:  # broken: find what is wrong with the entry by itself
        if "status" not in entry or (entry["status"] not in _PLAIN and "schedule" not in entry):
            return None
        defaults = {}
    before = len(faults)
    get = entry.get
    wanted, window = _wanted(entry, defaults, header, faults)
    until = get("valid_until") or defaults.get("valid_until")
    valid_until = attempt(lambda: instant(until, header.zone), faults, "valid_until") if until else None
    expect, parameters = get("expect"), get("parameters")
    if "expect" in defaults:
        expect = _laid_over(defaults["expect"], expect or {})
    if "parameters" in defaults:
        parameters = {**defaults["parameters"], **(parameters or {})}
    seen = _seen(expect, header, faults) if expect and "status" in expect else None
    decided = _decided(entry["decided"], wanted, header, faults) if "decided" in entry else None
    if len(faults) > before:
        drop_follow_ups(faults, before, header)
    if wanted is None or len(faults) > before:
        return None
    if valid_until and wanted.status == Status.APPROVED_BETWEEN and wanted.stop and valid_until > wanted.stop:
        hint = "remove it, or set it to when the approval has to be sent at the latest"
        message = "`valid_until` is after the end of the window, so it never counts"
        faults.append(InvalidValue(Code.TICKET_VALID_UNTIL, message, hint, ("valid_until",), Severity.WARNING))
    return Decision(
        guid=normal_guid(entry["guid"]),
        wanted=wanted,
        source=source,
        explanation=header.once(get("explanation") or defaults.get("explanation")),
        change=header.once(get("change") or defaults.get("change") or header.change),
        expect=_expectation(expect, seen, header) if expect else _NO_EXPECTATION,
        valid_until=valid_until,
        parameters=_parameters(parameters) if parameters else _NO_PARAMETERS,
        window=window,
        decided=decided,
    )


def _laid_over(defaults: Entry, stated: Entry) -> Entry:
    """Lay what a ticket expects over the defaults; a status of its own has its own times, or none."""
    below = {key: value for key, value in defaults.items() if key != "schedule" or "status" not in stated}
    return {**below, **stated}


def _seen(expect: Entry, header: FileHeader, faults: list[InvalidValue]) -> State | None:
    """Return the state that the reviewer saw."""
    times = expect.get("schedule", {})
    read = {
        name: attempt(lambda text=text: _exact(text, header.zone), faults, "expect", "schedule", name)  # type: ignore[misc]
        for name, text in times.items()
    }
    start, stop = read.get("start"), read.get("stop")
    if start is not None and stop is not None:
        attempt(lambda: in_order(start, stop), faults, "expect", "schedule")
    return State(expect["status"], start, stop if start is not None else None)


def _decided(stated: Entry, wanted: State | None, header: FileHeader, faults: list[InvalidValue]) -> Attestation | None:
    """Return who decided outside; nobody can have decided `Pending`, or in the future."""
    moment = attempt(lambda: instant(stated["at"], header.zone), faults, "decided", "at")
    if wanted is not None and wanted.status == Status.PENDING:
        hint = "say as `status` what was decided, or remove `decided`"
        faults.append(InvalidValue(Code.TICKET_DECIDED, "`Pending` is no decision", hint, ("decided",)))
    if moment is None:
        return None
    if moment > header.windows.now + _CLOCKS_DIFFER:
        hint = "say when it was decided; what is still to be decided needs no `decided`"
        faults.append(InvalidValue(Code.TICKET_DECIDED, "this is in the future", hint, ("decided", "at")))
    return Attestation(**{**stated, "at": moment})


_CLOCKS_DIFFER = timedelta(minutes=5)
_NO_EXPECTATION = Expectation()
_NO_PARAMETERS = Parameters()


def _expectation(stated: Entry, seen: State | None, header: FileHeader) -> Expectation:
    values = dict(stated)
    if seen is not None:
        values.pop("schedule", None)
        del values["status"]
        values["state"] = seen
    if "workflow" in stated:
        values["workflow"] = header.once(stated["workflow"])
    if "certificate" in stated:
        values["certificate"] = ExpectedCertificate(**stated["certificate"])
    return Expectation(**values)


def _parameters(stated: Entry) -> Parameters:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stated.items()
    }
    return Parameters(**values)


def _wanted(
    entry: Entry, defaults: Entry, header: FileHeader, faults: list[InvalidValue]
) -> tuple[State | None, WindowUse | None]:
    status = entry.get("status") or defaults["status"]
    schedule = entry.get("schedule")
    if status in _PLAIN:
        if schedule is None and status == Status.APPROVED and "schedule" in defaults:
            message = "`Approved` approves at once, but the defaults of this file give a schedule"
            hint = "use `Approved After` or `Approved Between`, or move the schedule from the defaults to the tickets"
            faults.append(InvalidValue(Code.TICKET_SCHEDULE, message, hint, ("status",)))
        elif schedule is not None:
            hint = "remove it, or state `Approved After` or `Approved Between`"
            faults.append(InvalidValue(Code.TICKET_SCHEDULE, f"`{status}` takes no schedule", hint, ("schedule",)))
        return _PLAIN[status], None
    return wanted_when(status, schedule or defaults.get("schedule"), header, faults)


def wanted_when(
    status: str, schedule: Entry | str | None, header: FileHeader, faults: list[InvalidValue]
) -> tuple[State | None, WindowUse | None]:
    """Return what a scheduled status with its schedule wants, and the window that its times come from."""
    try:
        if schedule is None:
            hint = "add one to the ticket or to the defaults"
            raise InvalidValue(Code.TICKET_SCHEDULE, f"`{status}` needs a schedule", hint)
        if isinstance(schedule, str):
            times, window = header.windows.resolve(schedule)
            _fits_window(status, times.stop is not None, schedule)
            return _scheduled(status, times.start, times.stop), window
        if status == Status.APPROVED_BETWEEN and "stop" not in schedule:
            hint = "use `Approved After`, which has no end"
            raise InvalidValue(Code.TICKET_SCHEDULE, "`Approved Between` needs a stop, but there is none", hint)
        return _timed(status, schedule["start"], schedule.get("stop"), header.zone), None
    except InvalidValue as fault:
        faults.extend(_each_time(schedule, header) or [fault.under("schedule")])
        return None, None


def _each_time(schedule: Entry | str | None, header: FileHeader) -> list[InvalidValue]:
    """Return what is wrong with each of the times by itself."""
    faults: list[InvalidValue] = []
    for name, text in schedule.items() if isinstance(schedule, dict) else ():
        attempt(lambda text=text: _exact(text, header.zone), faults, "schedule", name)  # type: ignore[misc]
    return faults


def _fits_window(status: str, stops: bool, name: str) -> None:
    # Times that stand in the ticket say what they mean; a window that is used otherwise than it was made is a slip.
    if status == Status.APPROVED_AFTER and stops:
        hint = "use `Approved Between`, which has an end"
        raise InvalidValue(
            Code.TICKET_SCHEDULE, f"`Approved After` takes no stop, but window {quote(name)} has one", hint
        )
    if status == Status.APPROVED_BETWEEN and not stops:
        hint = "use `Approved After`, which has no end"
        raise InvalidValue(
            Code.TICKET_SCHEDULE, f"`Approved Between` needs a stop, but window {quote(name)} has none", hint
        )


@lru_cache(maxsize=1024)
def _timed(status: str, start: str, stop: str | None, zone: tzinfo | None) -> State:
    return _scheduled(status, _exact(start, zone), None if stop is None else _exact(stop, zone))


def _exact(text: str, zone: tzinfo | None) -> datetime:
    return to_the_millisecond(instant(text, zone))


def _scheduled(status: str, start: datetime, stop: datetime | None) -> State:
    if stop is not None:
        in_order(start, stop)
    if status == Status.APPROVED_AFTER or stop is None:
        return approved_after(start, stop)
    return approved_between(start, stop)


def attempt(read: Callable[[], _T], faults: list[InvalidValue], *path: str | int) -> _T | None:
    """Return what `read` returns; when it raises a InvalidValue, gather that, as seen from `path`, and return None."""
    try:
        return read()
    except InvalidValue as fault:
        faults.append(InvalidValue(fault.code, fault.message, fault.hint, (*path, *fault.path), fault.severity))
        return None


def decode_override(entry: Entry, header: FileHeader, source: Source, faults: list[InvalidValue]) -> Override | None:
    """Return the exemption that one entry spells; None when `faults` got what is wrong with it."""
    before = len(faults)
    until = attempt(lambda: instant(entry["until"], header.zone), faults, "until")
    drop_follow_ups(faults, before, header)
    if until is None:
        return None
    tickets = frozenset(normal_guid(text) for text in entry["tickets"])
    return Override(entry["rule"], tickets, entry["reason"], until, source)


def decode_rule(entry: Entry, header: FileHeader, source: Source, faults: list[InvalidValue]) -> Selection | None:
    """Return the selection of one rule; None when `faults` got what is wrong with it."""
    before = len(faults)
    match, status = entry["match"], entry["status"]
    times = {
        name: attempt(lambda text=text: instant(text, header.zone), faults, *path)  # type: ignore[misc]
        for name, text, path in (
            ("created_before", match.get("created_before"), ("match", "created_before")),
            ("valid_until", entry.get("valid_until"), ("valid_until",)),
        )
        if text
    }
    wanted, window = (
        (_PLAIN[status], None) if status in _PLAIN else wanted_when(status, entry["schedule"], header, faults)
    )
    drop_follow_ups(faults, before, header)
    if wanted is None or len(faults) > before:
        return None
    return Selection(
        name=entry["name"],
        wanted=wanted,
        at_most=int(entry["at_most"]),
        source=source,
        object=match["object"],
        workflow=match.get("workflow"),
        reason=match.get("reason"),
        created_before=times.get("created_before"),
        explanation=entry.get("explanation"),
        change=entry.get("change") or header.change,
        valid_until=times.get("valid_until"),
        window=window,
    )


def drop_follow_ups(faults: list[InvalidValue], since: int, header: FileHeader) -> None:
    """Forget missing offsets where the file does name a zone, which is reported as unknown by itself."""
    if header.zone_broken:
        faults[since:] = [fault for fault in faults[since:] if fault.code is not Code.TIME_NO_OFFSET]


def normal_guid(text: str) -> Guid:
    """Return the one spelling of a GUID that the schema has accepted."""
    return Guid(text.strip("{}").lower())
