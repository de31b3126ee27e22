"""Bodies of requests and answers: reading them with the types of the API description, and how answers are spelled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from reconciler import codec
from reconciler.codec import Json, json_line
from reconciler.model.status import format_instant
from reconciler.model.ticket import Guid
from reconciler.sandbox.identities import Directory


class ResultCode(IntEnum):
    """The verdict of a ticket call, whatever the HTTP status says."""

    NONE = 0
    SUCCESS = 1
    GENERIC_FAILURE = 2
    TICKET_DOES_NOT_EXIST = 3
    INSUFFICIENT_PRIVILEGES = 4
    BAD_ARGUMENTS = 5
    OBJECT_DOES_NOT_EXIST = 6
    REMOTE_ERROR = 7
    WORKFLOW_OBJECT_DOES_NOT_EXIST = 8


class GuidStyle(StrEnum):
    """How answers spell a GUID; all four occur (docs/tpp.md)."""

    BRACES = "braces"
    PLAIN = "plain"
    UPPER = "upper"
    UPPER_BRACES = "upper-braces"


class TimeStyle(StrEnum):
    """How answers spell an instant; all three occur (docs/tpp.md)."""

    DATE = "date"
    DATE_OFFSET = "date-offset"
    ISO = "iso"


JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `effect` says whether a ticket was changed, made or deleted, `result` is the Result in the body."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: bool = False
    result: int | None = None


def answer(payload: Mapping[str, Json], status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(status, json_line(payload).encode("utf-8"))


def success(payload: Mapping[str, Json], *, effect: bool = False) -> Response:
    """Answer a ticket call with Result 1 and what it yields."""
    body = json_line({**payload, "Result": int(ResultCode.SUCCESS)}).encode("utf-8")
    return Response(200, body, effect=effect, result=ResultCode.SUCCESS)


def failure(result: ResultCode, status: int, yields: tuple[str, ...] = ()) -> Response:
    """Answer a ticket call with a failing Result; everything that it would have yielded is null."""
    body: dict[str, Json] = dict.fromkeys(yields)
    body["Result"] = int(result)
    return Response(status, json_line(body).encode("utf-8"), result=result)


def oauth_error(status: int, error: str, description: str) -> Response:
    """Refuse as the authorisation server does; 401 carries WWW-Authenticate (RFC 6750)."""
    body = json_line({"error": error, "error_description": description}).encode("utf-8")
    challenge = f'Bearer realm="WebSDK", error="{error}", error_description="{description}"'
    return Response(status, body, headers={"WWW-Authenticate": challenge} if status == 401 else {})


def bad_request(description: str) -> Response:
    """Refuse a request that lacks a required property or is malformed."""
    return oauth_error(400, "invalid_request", description)


class BadBody(Exception):
    """The body is no JSON object, or a property is missing or has the wrong type."""


def parse(data: bytes) -> Mapping[str, Json]:
    """Return the members of a JSON object. Raises Malformed for anything else."""
    try:
        value: Json = codec.parse(data)
    except (ValueError, RecursionError):
        raise BadBody("the body is not JSON") from None
    if not isinstance(value, Mapping):
        raise BadBody("the body is not a JSON object")
    return value


def parse_form(data: bytes) -> Mapping[str, Json]:
    """Return the fields of a form. Raises Malformed for bytes that are none."""
    try:
        return dict(parse_qsl(data.decode("ascii"), keep_blank_values=True, strict_parsing=True))
    except ValueError:
        raise BadBody("the body is no form") from None


def text(body: Mapping[str, Json], name: str) -> str:
    """Return a required text. Raises Malformed."""
    value = body.get(name)
    if not isinstance(value, str):
        raise BadBody(f"{name} is required and must be text")
    return value


def optional(body: Mapping[str, Json], name: str) -> str | None:
    """Return a text that may be absent or null. Raises Malformed."""
    return None if body.get(name) is None else text(body, name)


def whole_number(body: Mapping[str, Json], name: str, default: int) -> int:
    """Return a whole number that may be absent or null. Raises Malformed."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise BadBody(f"{name} must be a whole number")
    return int(value)


def identities(directory: Directory, value: Json) -> tuple[str, ...] | None:
    """Return the prefixed universals of identities, None when one is unknown. Raises Malformed.

    One Identity value or a list of them: a page has the one, the contract the other.
    """
    if not isinstance(value, list | Mapping):
        raise BadBody("Approvers is required and must be an identity or a list of them")
    found: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, Mapping):
            raise BadBody("an approver must be an identity")
        identity = directory.resolve(item)
        if identity is None:
            return None
        found.append(identity.universal)
    return tuple(found)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")


def spell_guid(guid: Guid, style: GuidStyle) -> str:
    """Spell a GUID as the server is set to."""
    match style:
        case GuidStyle.PLAIN:
            return guid
        case GuidStyle.BRACES:
            return "{" + guid + "}"
        case GuidStyle.UPPER:
            return guid.upper()
        case GuidStyle.UPPER_BRACES:
            return "{" + guid.upper() + "}"


def spell_time(moment: datetime | None, style: TimeStyle) -> str | None:
    """Spell an instant as the server is set to: /Date(milliseconds)/, with +0000, or ISO 8601."""
    if moment is None:
        return None
    if style is TimeStyle.ISO:
        return format_instant(moment)
    milliseconds = (moment - _EPOCH) // _MILLISECOND
    return f"/Date({milliseconds}{'+0000' if style is TimeStyle.DATE_OFFSET else ''})/"


def read_time(text: str, zone: str) -> datetime | None:
    """Read an instant; without an offset it is in the server's `zone`. None when it is no time at all."""
    try:
        if match := _DATE.fullmatch(text.strip()):
            return _EPOCH + timedelta(milliseconds=int(match.group(1)))
        moment = datetime.fromisoformat(text.strip())
        return (moment.replace(tzinfo=_zone(zone)) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=8)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
