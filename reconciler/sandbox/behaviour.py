"""How the sandbox's server behaves where TPP's versions and settings differ."""

import re
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from reconciler.model.value import replace
from reconciler.sandbox.wire import GuidStyle, TimeStyle


def _is_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name!r} is no time zone", "write one such as Europe/Berlin") from None


def _is_version(text: str) -> None:
    if not re.fullmatch(r"\d{1,4}(\.\d{1,6}){1,3}", text):
        raise ValueError(f"{text!r} is no version", "write one such as '26.1.0.2000', in quotes")


_Hidden = Annotated[Literal[3, 4], Meta(description="3 or 4")]
_FailureStatus = Annotated[Literal[200, 400], Meta(description="200 or 400")]


class Behaviour(Struct, frozen=True, kw_only=True):
    """Switches for what differs between servers, or is not established about them.

    `zone` is the server's local time zone, in which it reads times without an offset; it is deliberately not UTC.
    `unseen` is the Result for a ticket that is newer than the caller's permissions, `denied` the one for a ticket
    that the caller may not see. `failure_status` is the HTTP status that carries a failing Result (200 or 400).
    `deletion_delay` is how long a resolved ticket stays; it goes with the first processing after that.
    `plain_approved` reports scheduled approvals as `Approved`. `cascade` carries a decision to all tickets
    of the object's stage. `refresh_voids_access` ends the old access token of a grant when it is refreshed.
    """

    checks = MappingProxyType({"version": _is_version, "zone": _is_zone})
    version: str = "26.1.0.2000"
    schedules_in_details: bool = True
    plain_approved: bool = False
    guids: GuidStyle = GuidStyle.BRACES
    times: TimeStyle = TimeStyle.DATE
    zone: str = "America/Denver"
    unseen: _Hidden = 3
    denied: _Hidden = 4
    failure_status: _FailureStatus = 200
    keep_rejected: bool = True
    deletion_delay: timedelta = timedelta(0)
    cascade: bool = False
    access_lifetime: timedelta = timedelta(days=90)
    grant_lifetime: timedelta = timedelta(days=365)
    refresh_voids_access: bool = True

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor version, for comparing."""
        major, minor, *_ = (*self.version.split("."), "0", "0")
        return int(major), int(minor)

    @property
    def accepts_extras(self) -> bool:
        """Whether UpdateStatus takes Approvers, ObjectDN, Reason and UserData: documented up to 25.x only."""
        return self.release < (26, 0)

    @property
    def missing_scope_status(self) -> int:
        """403 since 20.4, 401 before (TPP reference, Bearer token errors)."""
        return 403 if self.release >= (20, 4) else 401


def old_server(behaviour: Behaviour | None = None) -> Behaviour:
    """Return the behaviour of a server of before 20.4: no schedules in Details, 401 for a missing scope."""
    return replace(behaviour or Behaviour(), version="20.3.0.1000", schedules_in_details=False)
