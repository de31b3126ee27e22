"""How the server spells and reads GUIDs and instants."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from reconciler.model.guid import Guid
from reconciler.model.instant import format_instant
from reconciler.sandbox.behaviour import GuidStyle, TimeStyle

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
