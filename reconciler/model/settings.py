"""The configuration as a value: reconciler.yaml with an environment chosen and everything defaulted."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

from reconciler.model.change_record import ChangeSystem
from reconciler.model.policy import Policy, RecurringWindow


class AuthMethod(StrEnum):
    """How the reconciler gets its bearer token."""

    TOKEN = "token"
    REFRESH = "refresh"
    PASSWORD = "password"
    CERTIFICATE = "certificate"
    GITHUB_OIDC = "github-oidc"
    JWT = "jwt"


class Auth(Struct, frozen=True):
    """The authentication method with what it needs besides secrets, which never stand in the configuration.

    `plan` and `apply` are whole, with the members that they leave out taken from this one; None when it holds for both.
    `token_file` is where the refresh method keeps the successor; `keyring` is the service name to keep it in
    instead; `jwt_file` and `jwt_command` say where the jwt method gets its JWT.
    """

    method: AuthMethod = AuthMethod.TOKEN
    client_id: str = "reconciler"
    scope: str = "certificate:approve"
    audience: str | None = None
    token_file: str | None = None
    keyring: str | None = None
    username: str | None = None
    jwt_file: str | None = None
    jwt_command: tuple[str, ...] = ()
    plan: "Auth | None" = None
    apply: "Auth | None" = None

    def used(self, *, applying: bool) -> "Auth":
        """Return what holds for reading, or for an apply."""
        return (self.apply if applying else self.plan) or self

    @property
    def ways(self) -> Mapping[str, "Auth"]:
        """What is signed in with, by the part that says so; empty is the name of what no part replaces."""
        parts = {name: part for name, part in (("plan", self.plan), ("apply", self.apply)) if part is not None}
        return parts if len(parts) == 2 else {"": self, **parts}


class Tls(Struct, frozen=True):
    """Files (PEM) that TLS uses: the authorities to trust instead of the system's, and the client's certificate.

    Verification is always on.
    """

    ca_bundle: str | None = None
    client_cert: str | None = None
    client_key: str | None = None


class Requests(Struct, frozen=True):
    """Calls in flight, and time limits in seconds.

    `patience` is how long after a lost answer the update may still take effect, so that nothing is sent again; `wait`
    how long a server that is away is waited for; `grace` how long a run goes on after a signal, to end what it began;
    `deadline` bounds the whole run, None means no bound.
    """

    reads: int = 16
    writes: int = 4
    connect_timeout: float = 10.0
    read_timeout: float = 95.0
    settle: float = 5.0
    patience: float = 900.0
    wait: float = 120.0
    grace: float = 5.0
    deadline: float | None = None


class ContextSettings(Struct, frozen=True):
    """What reviewers see of certificates besides the tickets, and how much may be asked for it.

    `timeout` is in seconds for all of a plan, `warn` the days before the end of a certificate from which it is urgent,
    `details` the most certificates that are read in full, at a call each: of more the plan has what a search tells.
    `fields` are the custom fields to show.
    """

    certificates: bool = True
    timeout: float = 30.0
    warn: int = 14
    details: int = 500
    fields: tuple[str, ...] = ()


class LedgerBranch(Struct, frozen=True):
    """The branch that keeps the ledger between runs. `lock` when its remote also keeps runs on other machines apart."""

    name: str
    remote: str = "origin"
    lock: bool = True


class SingleWindow(Struct, frozen=True):
    """A window that happens once. `stop` None means that it has no end. Instants are UTC."""

    start: datetime
    stop: datetime | None = None


WindowDefinition = SingleWindow | RecurringWindow


class Settings(Struct, frozen=True):
    """Everything that reconciler.yaml says for one environment.

    Paths are absolute or relative to the working directory. `former_servers` are earlier URLs of the same server.

    `environment` is the chosen name, None for the base; `path` is the file that was read, None when there was none.
    """

    server: str | None = None
    tickets: tuple[str, ...] = ("tickets",)
    ledger: str = "ledger"
    ledger_branch: LedgerBranch | None = None
    ledger_people: Literal["login", "id"] = "login"
    auth: Auth = Auth()
    tls: Tls = Tls()
    requests: Requests = Requests()
    policy: Policy = Policy()
    windows: Mapping[str, WindowDefinition] = field(default_factory=dict)
    environment: str | None = None
    environments: tuple[str, ...] = ()
    path: str | None = None
    plan_ttl: int = 86400
    stop_file: str | None = None
    timezone: str | None = None
    former_servers: tuple[str, ...] = ()
    change_records: ChangeSystem | None = None
    context: ContextSettings = ContextSettings()

    @property
    def targets(self) -> tuple[str, ...]:
        """The server and the URLs that it had before: what the ledger tells of these counts, and nothing else."""
        return (*((self.server,) if self.server else ()), *self.former_servers)
