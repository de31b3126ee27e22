"""JSON ↔ model: the one file that knows how the server spells things. Reading is tolerant, meaning is strict."""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache

from reconciler.codec import Json, Unsound, json_line, members_of
from reconciler.model.declared import Form, stated
from reconciler.model.status import State, Status, as_utc
from reconciler.model.ticket import Guid, LiveTicket, parse_guid
from reconciler.model.value import replace
from reconciler.ports import Update


class Result(IntEnum):
    """The verdict inside an answer; HTTP 200 alone says little (TPP reference, Workflow/Ticket, result codes)."""

    NONE = 0
    SUCCESS = 1
    GENERIC_FAILURE = 2
    TICKET_DOES_NOT_EXIST = 3
    INSUFFICIENT_PRIVILEGES = 4
    BAD_ARGUMENTS = 5
    OBJECT_DOES_NOT_EXIST = 6
    REMOTE_ERROR = 7
    WORKFLOW_OBJECT_DOES_NOT_EXIST = 8


@dataclass(frozen=True, slots=True)
class Meaning:
    """A code in words. `executed` says whether a refused UpdateStatus can have happened; None means: unknown."""

    name: str
    says: str
    remedy: str
    executed: bool | None


MEANINGS: Mapping[Result, Meaning] = {
    Result.NONE: Meaning(
        "None", "the server gave no verdict", "look at the ticket and at the server's log", executed=None
    ),
    Result.SUCCESS: Meaning("Success", "the server took the call", "nothing", executed=True),
    Result.GENERIC_FAILURE: Meaning(
        "GenericFailure", "the server failed without a reason", "look at the ticket and at the server's log", None
    ),
    Result.TICKET_DOES_NOT_EXIST: Meaning(
        "TicketDoesNotExist",
        "the server knows no such ticket: it was processed, deleted, or never there",
        "check the GUID, and whether somebody decided the ticket",
        executed=False,
    ),
    Result.INSUFFICIENT_PRIVILEGES: Meaning(
        "InsufficientPrivileges",
        "the identity may not act on this ticket",
        "an administrator makes the identity an approver of the workflow, or gives it rights on the object",
        executed=False,
    ),
    Result.BAD_ARGUMENTS: Meaning(
        "BadArguments", "the server refuses an argument", "check the decision's parameters and times", executed=False
    ),
    Result.OBJECT_DOES_NOT_EXIST: Meaning(
        "ObjectDoesNotExist", "the object of the ticket is gone", "check object_dn, or drop the decision", False
    ),
    Result.REMOTE_ERROR: Meaning(
        "RemoteError", "a server behind the server failed", "look at the ticket and at the server's log", executed=None
    ),
    Result.WORKFLOW_OBJECT_DOES_NOT_EXIST: Meaning(
        "WorkflowObjectDoesNotExist", "the workflow of the ticket is gone", "ask who owns the workflow", executed=False
    ),
}


def describe(result: Result) -> str:
    """Return one sentence for a person: code, name, meaning, remedy."""
    meaning = MEANINGS[result]
    return f"Result {result.value} ({meaning.name}): {meaning.says}; {meaning.remedy}"


LARGEST_ANSWER = 4 * 1024 * 1024
"""The most bytes of one answer that are read. Details takes a few kilobytes, a large Enumerate about one million."""

_DATE = re.compile(r"/Date\((-?\d{1,17})(?:[+-]\d{4})?\)/", re.ASCII)
_ATTRIBUTE_TIME = "%m/%d/%Y %H:%M:%S"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEDULED = frozenset({Status.APPROVED_AFTER, Status.APPROVED_BETWEEN})
_RESULTS = tuple(Result)
_BLANKS = " \t\n\r"
_OBJECT_READ = 1
_AS_KEPT = timedelta(seconds=1)
"""Attributes have no fractions of a second."""
_LONGEST_KEPT = 100
"""Characters; longer texts, which no sound answer has in these places, are read anew each time."""

Members = Mapping[str, Json]
"""The members of an answer, with their names in lower case."""


class BadAnswer(ValueError):
    """The server's answer is not what the call yields; the text says in which way."""


class TooLarge(BadAnswer):
    """The answer has more bytes than are read of one."""


def read_members(body: bytes) -> Members:
    """Read an answer that has to be one JSON object. Raises BadAnswer for everything else, whatever it is."""
    if len(body) > LARGEST_ANSWER:
        raise TooLarge(f"the answer is larger than {LARGEST_ANSWER} bytes")
    if not body:
        raise BadAnswer("the answer is empty")
    try:
        spelled = body.removeprefix(codecs.BOM_UTF8).decode().strip(_BLANKS)
        value = members_of(spelled)
    except Unsound as fault:
        raise BadAnswer(str(fault)) from None
    except UnicodeDecodeError:
        raise BadAnswer("the answer is not UTF-8 text") from None
    except RecursionError:
        raise BadAnswer("the answer is nested too deeply") from None
    except ValueError:
        raise BadAnswer("the answer is not JSON") from None
    if not isinstance(value, dict):
        raise BadAnswer("the answer is not a JSON object")
    return value


def result_of(members: Members) -> Result:
    """Return the verdict. Raises BadAnswer when it is missing or anything but a whole number from 0 to 8."""
    if "result" not in members:
        raise BadAnswer("the answer has no Result")
    value = members["result"]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 8:
        raise BadAnswer("Result is not a whole number from 0 to 8")
    return _RESULTS[value]


def live_ticket(asked: Guid, members: Members) -> LiveTicket:
    """Turn the answer of Workflow/Ticket/Details into a ticket. Raises BadAnswer.

    Check the Result first: on failure all other members are null (TPP reference, Workflow/Ticket/Details).
    """
    answered = text(members, "guid")
    if answered and _guid(answered) != asked:
        raise BadAnswer("the answer is about another ticket")
    status = text(members, "status")
    if not status:
        raise BadAnswer("the answer has no Status")
    return LiveTicket(
        guid=asked,
        state=_state(status, members),
        object=text(members, "blocking"),
        workflow=text(members, "issueddueto"),
        reason=text(members, "approvalreason"),
        explanation=text(members, "approvalexplanation"),
        approvers=tuple([_approver(each) for each in sequence(members, "approvers")]),
        created=instant(members, "created"),
        updated=instant(members, "updated"),
    )


def _state(status: str, members: Members) -> State:
    start, stop = instant(members, "scheduledstart"), instant(members, "scheduledstop")
    if start is not None:
        return State(status, start, stop)
    if stop is not None and status in _SCHEDULED:
        raise BadAnswer("the answer has a ScheduledStop without a ScheduledStart")
    return _unscheduled(status) if len(status) <= _LONGEST_KEPT else State(status)


@lru_cache(maxsize=16)
def _unscheduled(status: str) -> State:
    """Return the one state that all tickets of a status without times share."""
    return State(status)


def _approver(value: Json) -> str:
    if isinstance(value, Mapping):
        return text(value, "prefixeduniversal")
    if not isinstance(value, str):
        raise BadAnswer("Approvers holds something that is no identity")
    return _sound(value)


def guids(members: Members) -> tuple[Guid, ...]:
    """Return the tickets of Workflow/Ticket/Enumerate, each once, in the server's order. Raises BadAnswer."""
    listed = sequence(members, "guids")
    return tuple(dict.fromkeys(_guid(each) for each in listed))


def _guid(value: Json) -> Guid:
    if not isinstance(value, str):
        raise BadAnswer("a GUID is not text")
    try:
        return parse_guid(value)
    except ValueError:
        raise BadAnswer("a GUID is not spelled like one") from None


def text(members: Members, name: str) -> str:
    """Return a member that is text, "" when it is null or absent. Raises BadAnswer."""
    value = members.get(name)
    if isinstance(value, str):
        return value if value.isascii() else _sound(value)
    if value is None:
        return ""
    raise BadAnswer(f"{name} is not text")


def _sound(value: str) -> str:
    """Replace lone surrogates, which JSON can spell and no output can encode."""
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number(members: Members, name: str) -> int | None:
    """Return a member that is a whole number, None when it is null or absent. Raises BadAnswer."""
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadAnswer(f"{name} is not a whole number")
    return value


def sequence(members: Members, name: str) -> Sequence[Json]:
    """Return a member that is a list, empty when it is null or absent. Raises BadAnswer."""
    value = members.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadAnswer(f"{name} is not a list")
    return value


def instant(members: Members, name: str) -> datetime | None:
    """Return a time in UTC from `/Date(ms)/`, with or without an offset, or from ISO 8601 with an offset.

    The milliseconds count from 1970 in UTC whatever the offset says. None for null, "" and the year 1, which is
    how .NET spells "no time". Raises BadAnswer: a time without an offset would be the server's local time.
    """
    spelled = text(members, name)
    if not spelled:
        return None
    try:
        return _moment_before(spelled) if len(spelled) <= _LONGEST_KEPT else _moment(spelled)
    except (ValueError, OverflowError):
        raise BadAnswer(f"{name} is not a time with an offset") from None


def _moment(spelled: str) -> datetime | None:
    match = _DATE.fullmatch(spelled)
    moment = _EPOCH + timedelta(milliseconds=int(match[1])) if match else datetime.fromisoformat(spelled)
    if moment.year == 1:
        return None
    moment = as_utc(moment)
    return None if moment.year == 1 else moment


_moment_before = lru_cache(maxsize=256)(_moment)
"""The same for times that were read before: tickets of one campaign, and one ticket twice, have the same."""


Attributes = Mapping[str, str]
"""The attributes of an object, each with its first value, by their names in lower case."""


def attributes(members: Members) -> Attributes | None:
    """Turn the answer of Config/ReadAll into attributes; None when there is no such object. Raises BadAnswer."""
    if number(members, "result") != _OBJECT_READ:
        return None
    found: dict[str, str] = {}
    for each in sequence(members, "namevalues"):
        if not isinstance(each, Mapping):
            raise BadAnswer("NameValues holds something that is no object")
        values = [value for value in sequence(each, "values") if isinstance(value, str)]
        if values:
            found[text(each, "name").casefold()] = _sound(values[0])
    return found


def attribute_time(spelled: str) -> datetime | None:
    """Return an attribute's time, None for what is none.

    The reference says "in universal date/time format" (Workflow Ticket object), and a client reads such attributes as
    month, day and year (pyVenafi, features/application.py).
    """
    if not spelled or len(spelled) > _LONGEST_KEPT:
        return None
    try:
        return datetime.strptime(spelled, _ATTRIBUTE_TIME).replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return _moment(spelled)
    except (ValueError, OverflowError):
        return None


def with_times(ticket: LiveTicket, known: Attributes) -> LiveTicket:
    """Return a ticket with the times that the attributes of its object tell, as it is when there are none.

    They carry no offset. So they count only where the time of creation, read in the same way, is the one of Details,
    which has one.
    """
    created = attribute_time(known.get("creation date", ""))
    if created is None or ticket.created is None or abs(ticket.created - created) >= _AS_KEPT:
        return ticket
    start, stop = (attribute_time(known.get(name, "")) for name in ("scheduled start", "scheduled stop"))
    return ticket if start is None else replace(ticket, state=State(ticket.state.status, start, stop))


def update_body(update: Update) -> bytes:
    """Spell one UpdateStatus call: status and schedule, and of the rest only what was asked for.

    Times are UTC with six decimals and Z: without a zone the server would take its own local time
    (TPP reference, Workflow/Ticket/UpdateStatus). Identities have to be prefixed universals by now.
    """
    state, schedule = update.wanted, update.wanted.schedule
    members: dict[str, Json] = {
        "GUID": update.guid,
        "Status": str(state.status),
        "Explanation": update.explanation,
        "ScheduledStart": spell_instant(schedule.start) if schedule else None,
        "ScheduledStop": spell_instant(schedule.stop) if schedule and schedule.stop else None,
    }
    for _, parameter, value in stated(update.parameters):
        identities = parameter.form is Form.IDENTITIES
        members[parameter.sent_as] = [{"PrefixedUniversal": each} for each in value] if identities else value
    return encode({name: value for name, value in members.items() if value is not None})


def spell_instant(moment: datetime) -> str:
    """Spell an instant as UpdateStatus takes it, such as 2022-11-25T07:15:00.000000Z."""
    return as_utc(moment).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def ticket_body(guid: Guid) -> bytes:
    """Spell the body of a call that is about one ticket and says nothing else."""
    return b'{"GUID": %b}' % json_line(guid).encode("ascii")


def encode(members: Mapping[str, Json]) -> bytes:
    """Spell the body of a call."""
    return json_line(members).encode("ascii")
