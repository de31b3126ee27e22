"""The calls that only read, by name. UpdateStatus is not among them: see writer.py."""

from dataclasses import dataclass

from reconciler.tpp.retries import Kind


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One method of the server and its path below the address.

    `may_be_empty` when an empty body says "none", `about_ticket` when HTTP 401 with a Result refuses one ticket and
    says nothing of the token. A call equals itself alone: what is allowed is looked up for every call that is sent.
    """

    name: str
    method: str
    path: str
    kind: Kind = Kind.READ
    may_be_empty: bool = False
    about_ticket: bool = False


DETAILS = Call("details", "POST", "/vedsdk/Workflow/Ticket/Details", about_ticket=True)
EXISTS = Call("exists", "POST", "/vedsdk/Workflow/Ticket/Exists", about_ticket=True)
ENUMERATE = Call("enumerate", "POST", "/vedsdk/Workflow/Ticket/Enumerate")
PERMISSIONS_REFRESH = Call("permissions-refresh", "GET", "/vedsdk/Permissions/Refresh")
IDENTITY_SELF = Call("identity-self", "GET", "/vedsdk/Identity/Self")
IDENTITY_BROWSE = Call("identity-browse", "POST", "/vedsdk/Identity/Browse")
IDENTITY_VALIDATE = Call("identity-validate", "POST", "/vedsdk/Identity/Validate", may_be_empty=True)
CONFIG_READ_ALL = Call("config-read-all", "POST", "/vedsdk/Config/ReadAll")
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
        CONFIG_READ_ALL,
        VERSION,
        VERIFY,
    }
)
"""Everything that a session for reading can ever send. All of it is safe to repeat, the POSTs too."""

NEED_OTHER_SCOPES = frozenset({IDENTITY_SELF, IDENTITY_BROWSE, IDENTITY_VALIDATE, CONFIG_READ_ALL, PERMISSIONS_REFRESH})
"""The reads that may be refused where reading tickets is not: the contract 26.1 asks for `configuration` and, for
Permissions/Refresh, `security`."""
