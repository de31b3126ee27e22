"""How the sandbox's server behaves where versions and settings differ, where sources disagree, or where none says.

Sources: the *contract* is the vendor's WebSDK OpenAPI 26.1.1, a *page* is one of its documentation, a *client* is one
of its public clients. *Open* means that no public source settles it; docs/tpp.md lists them.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from reconciler.sandbox.wire import GuidStyle, ResultCode, TimeStyle


def _is_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name!r} is no time zone", "write one such as Europe/Berlin") from None


def _is_version(text: str) -> None:
    if not re.fullmatch(r"\d{1,4}(\.\d{1,6}){1,3}", text):
        raise ValueError(f"{text!r} is no version", "write one such as '26.1.0.2000', in quotes")


EXTRAS = ("Approvers", "ObjectDN", "Reason", "UserData")
"""Members of UpdateStatus up to 25.x (page); the contract has none of them."""

_Hidden = Annotated[Literal[3, 4], Meta(description="3 or 4")]
_RequestStatus = Annotated[Literal[200, 400], Meta(description="200 or 400")]
_DeniedStatus = Annotated[Literal[200, 400, 401], Meta(description="200, 400 or 401")]
_FaultStatus = Annotated[Literal[200, 400, 500], Meta(description="200, 400 or 500")]
_Body = Annotated[Literal["oauth", "workflow"], Meta(description="oauth or workflow")]
_Members = Annotated[Literal["ignored", "refused"], Meta(description="ignored or refused")]
_Case = Annotated[Literal["exact", "any"], Meta(description="exact or any")]
_Stop = Annotated[Literal["ignored", "kept"], Meta(description="ignored or kept")]
_Missed = Annotated[Literal["kept", "reopened"], Meta(description="kept or reopened")]
_Unviewed = Annotated[Literal[7, 400], Meta(description="7 or 400")]
_Unread = Annotated[Literal["empty", "refused"], Meta(description="empty or refused")]
_Lists = Annotated[Literal["absent", "empty"], Meta(description="absent or empty")]
_Rows = Annotated[Literal["all", "few"], Meta(description="all or few")]
_MostRows = Annotated[int, Meta(ge=0, description="a number of rows, 0 for no bound")]
_Waiting = Annotated[Literal["open", "pending"], Meta(description="open or pending")]
_AttributeTimes = Annotated[
    Literal["universal", "local", "iso", "absent"], Meta(description="universal, local, iso or absent")
]
_Explanation = Annotated[
    Literal["ApprovalExplanation", "ApprovalReason"], Meta(description="ApprovalExplanation or ApprovalReason")
]


class Behaviour(Struct, frozen=True, kw_only=True):
    """Switches; the defaults are TPP 26.1 where everything that is open goes well."""

    checks = MappingProxyType({"version": _is_version, "zone": _is_zone})

    version: str = "26.1.0.2000"
    """What SystemStatus/Version answers. Before 20.4 a missing scope is 401, then 403 (page: bearer token errors);
    before 26.0 UpdateStatus takes Approvers, ObjectDN, Reason and UserData (page 25.x; the contract has none)."""
    schedules_in_details: bool = True
    """Whether Details has ScheduledStart and ScheduledStop (contract: yes; pages before 25: no)."""
    attribute_times: _AttributeTimes = "universal"
    """How Config spells the times of a ticket's object: month/day/year and seconds (client) in UTC (page: "universal"),
    in the server's own zone, as ISO 8601, or not at all. Open but for those two."""
    plain_approved: bool = False
    """Report scheduled approvals as plain `Approved`. Open."""
    guids: GuidStyle = GuidStyle.BRACES
    """How answers spell a GUID (pages and clients show all four)."""
    times: TimeStyle = TimeStyle.DATE
    """How answers spell an instant (pages show all three)."""
    zone: str = "America/Denver"
    """The server's own zone, in which it reads times without an offset (page: UpdateStatus); not UTC on purpose."""
    unseen: _Hidden = 3
    """The Result for a ticket that is newer than the caller's permissions. Open: 3 or 4."""
    denied: _Hidden = 4
    """The Result for a ticket that the caller may not see. Open: 3 or 4."""
    failure_status: _RequestStatus = 200
    """The HTTP status of a failing Result about the request (contract: 400; clients expect 200)."""
    denied_status: _DeniedStatus = 200
    """The HTTP status of Result 4 (contract: 401 is "not authorized to update the workflow ticket status")."""
    fault_status: _FaultStatus = 200
    """The HTTP status of Results 2 and 7 (contract: 500 with a Workflow body)."""
    bad_request_body: _Body = "oauth"
    """The body of a 400 to a ticket call that lacks a property (contract: a Workflow body; page: an OAuth error)."""
    refresh_scope: str = ""
    """The scope of Permissions/Refresh (contract: `security`; page 25.1: any valid scope)."""
    self_scope: str = ""
    """The scope of Identity/Self (contract, and the scope table of a client: `configuration`; pages before: any)."""
    user_data_required: bool = False
    """Whether Create wants UserData (contract: yes; a client sends none)."""
    unknown_members: _Members = "ignored"
    """What becomes of members that a call does not have. Open."""
    member_case: _Case = "exact"
    """Whether `guid` is `GUID` in a body. Open."""
    explanation_in: _Explanation = "ApprovalExplanation"
    """Which member of Details has the approver's text: two pages have the two in opposite meanings."""
    after_stop: _Stop = "ignored"
    """What becomes of a stop that comes with `Approved After`, as in the page's third example. Open."""
    missed_window: _Missed = "kept"
    """Whether a ticket whose window was missed keeps its status or is Pending again (page: to be scheduled again)."""
    keep_rejected: bool = True
    """Whether a rejected ticket stays. Open."""
    deletion_delay: timedelta = timedelta(0)
    """How long a resolved ticket stays; it goes with the first processing after that. Open."""
    cascade: bool = False
    """Carry a decision to all tickets of the object's stage, as the console does (page); over REST: open."""
    access_lifetime: timedelta = timedelta(days=90)
    """How long an access token lives (page: 90 days unless set otherwise)."""
    grant_lifetime: timedelta = timedelta(days=365)
    """How long a grant can be refreshed; 0 for ever (contract: `expires` is null, `expires_unix_time` 0 then)."""
    refresh_voids_access: bool = True
    """Whether a refresh ends the old access token of the grant. Open."""

    dn_scope: str = ""
    """The scope of Config/DnToGuid (contract: `configuration`; page 26.2: any valid scope)."""
    unviewed: _Unviewed = 400
    """The Result of Config/DnToGuid for an object without the right View. Open: 7 or 400."""
    unread: _Unread = "empty"
    """What the details of a certificate with View and without Read are: without details, or 403. Open."""
    empty_lists: _Lists = "absent"
    """Whether details have lists that are empty (clients' test data show both)."""
    row_members: _Rows = "all"
    """How much of a certificate a row of the search has (client's test data: few on older servers)."""
    record_count: bool = True
    """Whether the search has X-Record-Count (page: of HEAD; a client reads it of GET, too)."""
    most_rows: _MostRows = 0
    """How many rows a page of the search has at the most, whatever was asked for; 0 for no bound. Open."""
    pending_workflow: _Waiting = "open"
    """Whether the filter PendingWorkflow finds objects with any open ticket or with a pending one only. Open."""

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor version, for comparing."""
        major, minor, *_ = (*self.version.split("."), "0", "0")
        return int(major), int(minor)

    @property
    def accepts_extras(self) -> bool:
        """Whether UpdateStatus takes EXTRAS."""
        return self.release < (26, 0)

    @property
    def missing_scope_status(self) -> int:
        """The HTTP status when a grant lacks the scope of a call."""
        return 403 if self.release >= (20, 4) else 401

    def status_of(self, result: ResultCode) -> int:
        """Return the HTTP status that carries a failing Result."""
        match result:
            case ResultCode.INSUFFICIENT_PRIVILEGES:
                return self.denied_status
            case ResultCode.GENERIC_FAILURE | ResultCode.REMOTE_ERROR:
                return self.fault_status
            case _:
                return self.failure_status

    def members_of(self, operation: str, members: tuple[str, ...]) -> tuple[str, ...]:
        """Return the members that a call takes here."""
        return members + EXTRAS if operation == "ticketUpdateStatus" and self.accepts_extras else members

    def scope_of(self, operation: str, usual: str) -> str:
        """Return the scope that an operation needs here, where it `usual`ly needs another."""
        return {
            "permissionsRefresh": self.refresh_scope,
            "identitySelf": self.self_scope,
            "resolveDn": self.dn_scope,
        }.get(operation, usual)


PROFILES: Mapping[str, Behaviour] = MappingProxyType(
    {
        "26.1": Behaviour(),
        "strict-26.1": Behaviour(
            failure_status=400,
            denied_status=401,
            fault_status=500,
            bad_request_body="workflow",
            refresh_scope="security",
            self_scope="configuration",
            dn_scope="configuration",
            unviewed=7,
            unread="refused",
            pending_workflow="pending",
            user_data_required=True,
            unknown_members="refused",
        ),
        "lenient-24": Behaviour(
            version="24.3.0.1800",
            schedules_in_details=False,
            guids=GuidStyle.PLAIN,
            member_case="any",
            explanation_in="ApprovalReason",
            after_stop="kept",
            missed_window="reopened",
            empty_lists="empty",
            row_members="few",
            record_count=False,
            grant_lifetime=timedelta(0),
            refresh_voids_access=False,
        ),
        "old-20.3": Behaviour(version="20.3.0.1000", schedules_in_details=False, attribute_times="local"),
    }
)
"""Named sets of switches: as kind as sources allow, as strict as the contract, as an older server may be."""
DEFAULT_PROFILE = "26.1"
"""The profile of a sandbox that names none."""
