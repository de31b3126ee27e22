"""Reading how the server behaves and who gets in, for a seed."""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from reconciler.model.canonical import Json
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.plain import Reader
from reconciler.sandbox.results import Result
from reconciler.sandbox.ways_in import JwtMapping, WaysIn

_BEHAVIOUR = tuple(Behaviour.__dataclass_fields__)
_ISSUER = tuple(JwtMapping.__dataclass_fields__)
_Word = TypeVar("_Word", bound=StrEnum)


def decode_behaviour(reader: Reader, value: Json) -> Behaviour:
    """Return the behaviour of the section `server`: the fields of Behaviour, durations in seconds."""
    values, place, plain = reader.mapping(value, "server", _BEHAVIOUR), "server", Behaviour()

    def flag(name: str) -> bool:
        return reader.flag(values, name, place, getattr(plain, name))

    def duration(name: str) -> timedelta:
        return timedelta(seconds=reader.number(values, name, place, getattr(plain, name).total_seconds()))

    return Behaviour(
        version=_version(reader, reader.text(values, "version", place, plain.version)),
        schedules_in_details=flag("schedules_in_details"),
        plain_approved=flag("plain_approved"),
        guids=_word(reader, values, "guids", plain.guids),
        times=_word(reader, values, "times", plain.times),
        zone=_zone(reader, reader.text(values, "zone", place, plain.zone)),
        unseen=_result(reader, values, "unseen", plain.unseen),
        denied=_result(reader, values, "denied", plain.denied),
        failure_status=_failure_status(reader, values),
        keep_rejected=flag("keep_rejected"),
        deletion_delay=duration("deletion_delay"),
        cascade=flag("cascade"),
        access_lifetime=duration("access_lifetime"),
        grant_lifetime=duration("grant_lifetime"),
        refresh_voids_access=flag("refresh_voids_access"),
    )


def decode_ways_in(reader: Reader, top: Mapping[str, Json], plain: WaysIn) -> WaysIn:
    """Return what the sections applications, users, certificates and issuers say, or what `plain` has instead."""
    users, passwords = plain.users, plain.passwords
    if "users" in top:
        section = reader.mapping(top["users"], "users", ())
        entries = {
            name: reader.mapping(item, f"users.{name}", ("identity", "password")) for name, item in section.items()
        }
        users = {name: reader.text(entry, "identity", f"users.{name}") for name, entry in entries.items()}
        passwords = {name: reader.text(entry, "password", f"users.{name}") for name, entry in entries.items()}
    return WaysIn(
        applications=_texts(reader, top, "applications", plain.applications),
        users=users,
        passwords=passwords,
        certificates=_texts(reader, top, "certificates", plain.certificates),
        issuers=tuple(_issuer(reader, item, place) for place, item in reader.items(top.get("issuers"), "issuers")),
    )


def _issuer(reader: Reader, item: Json, place: str) -> JwtMapping:
    values = reader.mapping(item, place, _ISSUER)
    mapping = JwtMapping(
        issuer=reader.text(values, "issuer", place),
        grantee=reader.text(values, "grantee", place),
        purpose=reader.text(values, "purpose", place),
        purpose_claim=reader.text(values, "purpose_claim", place, "aud"),
        identity_claim=reader.text(values, "identity_claim", place, "sub"),
        pattern=reader.text(values, "pattern", place, ".*"),
        keys=reader.text(values, "keys", place, ""),
        ca=reader.text(values, "ca", place, ""),
    )
    try:
        re.compile(mapping.pattern)
    except re.error as error:
        reader.fault(f"{place}.pattern", f"is no regular expression: {error}")
    return mapping


def _texts(reader: Reader, top: Mapping[str, Json], name: str, plain: Mapping[str, str]) -> Mapping[str, str]:
    if name not in top:
        return plain
    values = reader.mapping(top[name], name, ())
    return {key: reader.text(values, key, name) for key in values}


def _word(reader: Reader, values: Mapping[str, Json], name: str, plain: _Word) -> _Word:
    text = reader.text(values, name, "server", plain)
    words = {str(word): word for word in type(plain)}
    if text not in words:
        reader.fault(f"server.{name}", f"{text!r} is not known", f"known are: {', '.join(words)}")
    return words.get(text, plain)


def _result(reader: Reader, values: Mapping[str, Json], name: str, plain: Result) -> Result:
    number = int(reader.number(values, name, "server", plain))
    if number not in (Result.TICKET_DOES_NOT_EXIST, Result.INSUFFICIENT_PRIVILEGES):
        reader.fault(f"server.{name}", "must be 3 or 4")
        return plain
    return Result(number)


def _failure_status(reader: Reader, values: Mapping[str, Json]) -> int:
    status = int(reader.number(values, "failure_status", "server", 200))
    if status not in (200, 400):
        reader.fault("server.failure_status", "must be 200 or 400")
    return status


def _version(reader: Reader, text: str) -> str:
    if not re.fullmatch(r"\d{1,4}(\.\d{1,6}){1,3}", text):
        reader.fault("server.version", f"{text!r} is no version", "write one such as '26.1.0.2000', in quotes")
        return Behaviour().version
    return text


def _zone(reader: Reader, name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        reader.fault("server.zone", f"{name!r} is no time zone", "write one such as Europe/Berlin")
        return Behaviour().zone
    return name
