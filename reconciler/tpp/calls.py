"""The calls that only read, by name. UpdateStatus is not among them: see writing.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One method of the server and its path below the address. `may_be_empty` when an empty body says "none".

    A call equals itself alone: what is allowed is looked up for every call that is sent.
    """

    name: str
    method: str
    path: str
    may_be_empty: bool = False


DETAILS = Call("details", "POST", "/vedsdk/Workflow/Ticket/Details")
EXISTS = Call("exists", "POST", "/vedsdk/Workflow/Ticket/Exists")
ENUMERATE = Call("enumerate", "POST", "/vedsdk/Workflow/Ticket/Enumerate")
PERMISSIONS_REFRESH = Call("permissions-refresh", "GET", "/vedsdk/Permissions/Refresh")
IDENTITY_SELF = Call("identity-self", "GET", "/vedsdk/Identity/Self")
IDENTITY_BROWSE = Call("identity-browse", "POST", "/vedsdk/Identity/Browse")
IDENTITY_VALIDATE = Call("identity-validate", "POST", "/vedsdk/Identity/Validate", may_be_empty=True)
VERSION = Call("version", "GET", "/vedsdk/SystemStatus/Version")
VERIFY = Call("verify", "GET", "/vedauth/Authorize/Verify")

READS = frozenset(
    {
        DETAILS,
        EXISTS,
        ENUMERATE,
        PERMISSIONS_REFRESH,
        IDENTITY_SELF,
        IDENTITY_BROWSE,
        IDENTITY_VALIDATE,
        VERSION,
        VERIFY,
    }
)
"""Everything that a session for reading can ever send. All of it is safe to repeat, the POSTs too."""

NEED_CONFIGURATION = frozenset({IDENTITY_BROWSE, IDENTITY_VALIDATE})
"""The reads that need the scope `configuration`; the others take any scope (TPP reference, token scopes)."""
