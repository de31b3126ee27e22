"""Ways to a token: each acquires, renews and revokes one. Adding a way is adding a class and its row in METHODS."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.settings import Auth, AuthMethod, Settings
from reconciler.ports import Clock, Deadline
from reconciler.tpp import wire
from reconciler.tpp.client import FINAL, GET_TOKEN, Call, Client, ClientContext, Outcome
from reconciler.tpp.limiter import AdaptiveLimiter
from reconciler.tpp.redaction import Redactor
from reconciler.tpp.retries import Kind, Shown, shown_by
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.token_store import CurrentToken, TokenStore, open_store
from reconciler.tpp.transport import (
    PLAIN_HEADERS,
    Reply,
    Timeouts,
    Transport,
    TransportFailure,
    parse_address,
)

_log = logging.getLogger("reconciler.tpp")
_LAST_CALL = 1.0
"""Seconds that the revocation of a grant gets where a run was told to end and has no time left."""

IdToken = Callable[[], str]
"""Gets a fresh JWT that says who we are. Raises ServerFailure."""
Proof = Mapping[str, Secret | str]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the authorisation server grants. `refresh` is used once: each use yields its successor."""

    access: Secret
    refresh: Secret | None = None


def read_tokens(members: wire.Members) -> Tokens:
    """Read a grant. Raises BadAnswer."""
    access, refresh = wire.text(members, "access_token"), wire.text(members, "refresh_token")
    if not access:
        raise wire.BadAnswer("the grant has no access_token")
    try:
        return Tokens(Secret(access), Secret(refresh) if refresh else None)
    except CredentialsRefused:
        raise wire.BadAnswer("a token of the grant holds control characters") from None


_OAUTH = Call("authorize/oauth", "POST", "/vedauth/authorize/oauth", Kind.GRANT)
_CERTIFICATE = Call("authorize/certificate", "POST", "/vedauth/authorize/certificate", Kind.GRANT)
_JWT = Call("authorize/jwt", "POST", "/vedauth/authorize/jwt", Kind.GRANT)
_REFRESH = Call("authorize/token", "POST", "/vedauth/authorize/token", Kind.SINGLE_USE)
_CALLS = frozenset({_OAUTH, _CERTIFICATE, _JWT, _REFRESH})
_INTEGRATION = "and that the API integration of the client_id allows the scope to this identity"
_WAY = "check the URL, the network and the proxy"
_REMEDIES = {
    _OAUTH: f"check TPP_USERNAME and TPP_PASSWORD, {_INTEGRATION}",
    _CERTIFICATE: f"check that the certificate belongs to a TPP user, {_INTEGRATION}",
    _JWT: f"check the JWT mapping of TPP (issuer, audience, claims), {_INTEGRATION}",
    _REFRESH: (
        "it was used before, revoked or has expired: `reconciler auth login` gets a new grant and stores its refresh "
        "token. Each works once, so runs that share one have to share the store; where they can't, choose another "
        "auth.method"
    ),
}


class AuthServer:
    """The calls of the authorisation server."""

    def __init__(self, context: ClientContext, auth: Auth) -> None:
        """Call over the connections of a run, without its token."""
        self._context = context
        self._client = Client(context, AdaptiveLimiter(1, context.clock), _CALLS)
        self._auth = auth

    def with_password(self, secrets: Secrets) -> Tokens:
        """Get a grant for user name and password. Raises CredentialsRefused, ServerFailure."""
        username = secrets.username or self._auth.username
        if username is None or secrets.password is None:
            raise CredentialsRefused("user name or password is missing", "set TPP_USERNAME and TPP_PASSWORD")
        proof: Proof = {"username": username, "password": secrets.password, "scope": self._auth.scope}
        return self._granted(_OAUTH, proof)

    def with_certificate(self) -> Tokens:
        """Get a grant for the client certificate. Raises CredentialsRefused, ServerFailure."""
        return self._granted(_CERTIFICATE, {"scope": self._auth.scope})

    def with_jwt(self, jwt: Secret) -> Tokens:
        """Get a grant for a JWT. Raises CredentialsRefused, ServerFailure."""
        return self._granted(_JWT, {"jwt": jwt, "scope": self._auth.scope})

    def with_refresh_token(self, token: Secret) -> Tokens:
        """Use up a refresh token. Raises CredentialsRefused, ServerFailure."""
        return self._granted(_REFRESH, {"refresh_token": token, "grant_type": "refresh_token"})

    def _granted(self, call: Call, proof: Proof) -> Tokens:
        redactor = self._context.redactor
        redactor.hide(*(value for value in proof.values() if isinstance(value, Secret)))
        plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in proof.items()}
        body = wire.encode({"client_id": self._auth.client_id, **plain})
        answer = self._client.call(call, body, lambda outcome: self._judge(call, outcome))
        if isinstance(answer, ServerFailure):
            raise answer
        redactor.hide(answer.access, answer.refresh)
        return answer

    def _judge(self, call: Call, outcome: Outcome) -> tuple[Tokens | ServerFailure, Shown | None]:
        match outcome:
            case TransportFailure(why, kind, sent):
                failure = ServerFailure(f"no grant from {call.name}: {why}", outcome.hint or _WAY)
                return failure, None if kind in FINAL else Shown.UNANSWERED if sent else Shown.NOT_SENT
            case Reply(200, _, body):
                try:
                    return read_tokens(wire.read_members(body)), None
                except wire.BadAnswer as error:
                    hint = "check the URL; a proxy or login page may answer"
                    return ServerFailure(f"no grant from {call.name}: {error}", hint), None
            case Reply(400 | 401 | 403 as status, _, body):
                reason = self._context.redactor.refusal(body)
                return CredentialsRefused(f"{call.name} refuses ({status}): {reason}", _REMEDIES[call]), None
            case Reply(status, _, body):
                reason = self._context.redactor.refusal(body)
                failure = ServerFailure(f"{call.name} answered HTTP {status}: {reason}", "check the URL of the server")
                return failure, shown_by(status)

    def revoke(self, token: Secret) -> str | None:
        """Revoke the grant of a token, once. Return why it could not be done, None when it was."""
        limits = self._context.limits
        headers = {**PLAIN_HEADERS, "Authorization": f"Bearer {token.reveal()}"}
        left = max(self._context.deadline.left(), _LAST_CALL)
        timeouts = Timeouts(min(limits.connect_timeout, left), min(limits.read_timeout, left))
        match self._context.transport.send("GET", "/vedauth/revoke/token", headers, None, timeouts):
            case TransportFailure(why):
                return why
            case Reply(200):
                return None
            case Reply(status, _, body):
                return f"HTTP {status}: {self._context.redactor.refusal(body)}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everything that a way to a token may need."""

    server: AuthServer
    auth: Auth
    secrets: Secrets
    redactor: Redactor
    id_token: IdToken | None = None
    has_certificate: bool = False


class Way(Protocol):
    """One way to a token. `per_run` when the grant is taken for one run, which revokes it at its end."""

    per_run: bool
    renewable: bool
    revoked: str
    """What to say after `revoke`."""

    def __init__(self, credentials: Credentials) -> None:
        """Take nothing yet."""

    def acquire(self) -> Secret:
        """Return an access token. Raises CredentialsRefused, ServerFailure."""
        ...

    def renew(self) -> Secret:
        """Return a newer access token. Raises CredentialsRefused, ServerFailure."""
        ...

    def revoke(self) -> str | None:
        """Revoke the grant of the acquired token. Return why it could not be done, None when it was."""
        ...


class GivenToken:
    """An access token from the environment, a file or standard input, which nobody here can renew."""

    per_run = renewable = False
    revoked = "the grant of the access token is revoked"

    def __init__(self, credentials: Credentials) -> None:
        """Take nothing yet."""
        self._credentials = credentials
        self._token: Secret | None = None

    def acquire(self) -> Secret:
        """Return the token that was given."""
        given = self._credentials
        self._token = given.secrets.access_token(given.auth.token_file)
        if self._token is None:
            raise CredentialsRefused(
                "there is no access token",
                f"set TPP_TOKEN or TPP_TOKEN_FILE ({GET_TOKEN}), or choose another auth.method",
            )
        given.redactor.hide(self._token)
        return self._token

    def renew(self) -> Secret:
        """Raise CredentialsRefused."""
        raise CredentialsRefused("a given token can't be renewed", "set a new one")

    def revoke(self) -> str | None:
        """Revoke the grant of the token."""
        return self._credentials.server.revoke(self._token) if self._token else "there is no access token"


class StoredRefreshToken:
    """A refresh token whose successor is stored before the access token is used for anything."""

    per_run, renewable = False, True
    revoked = "the grant of the refresh token is revoked, and the store is empty"

    def __init__(self, credentials: Credentials) -> None:
        """Take nothing yet."""
        self._credentials = credentials
        self._store: TokenStore = open_store(credentials.auth)
        self._access: Secret | None = None

    def acquire(self) -> Secret:
        """Use the stored token; if it is refused, a newer one from the environment."""
        given = self._credentials.secrets.refresh_token
        with self._store.locked():
            stored = self._store.load()
            if stored is not None:
                try:
                    return self._use(stored)
                except CredentialsRefused:
                    if given is None:
                        raise
            if given is None:
                raise CredentialsRefused(
                    "there is no refresh token",
                    "`reconciler auth login` gets one and stores it; or set TPP_REFRESH_TOKEN",
                )
            return self._use(given)

    renew = acquire

    def _use(self, token: Secret) -> Secret:
        self._store.keep(token)
        granted = self._credentials.server.with_refresh_token(token)
        if granted.refresh is None:
            raise CredentialsRefused("the server granted no successor of the refresh token", "get a new grant")
        self._store.keep(granted.refresh)
        self._access = granted.access
        return granted.access

    def revoke(self) -> str | None:
        """Revoke the grant and empty the store."""
        if self._access is None:
            return "there is no refresh token"
        why = self._credentials.server.revoke(self._access)
        if why is None:
            with self._store.locked():
                self._store.forget()
        return why


class _OwnGrant(ABC):
    """A grant that is taken for a run: renewed with its refresh token while that works."""

    per_run = renewable = True
    revoked = "the grant is revoked"

    def __init__(self, credentials: Credentials) -> None:
        """Take nothing yet."""
        self._credentials = credentials
        self._tokens: Tokens | None = None

    @abstractmethod
    def _granted(self) -> Tokens: ...

    def acquire(self) -> Secret:
        self._tokens = self._granted()
        return self._tokens.access

    def renew(self) -> Secret:
        if self._tokens is None or self._tokens.refresh is None:
            return self.acquire()
        try:
            self._tokens = self._credentials.server.with_refresh_token(self._tokens.refresh)
        except CredentialsRefused:
            return self.acquire()
        return self._tokens.access

    def revoke(self) -> str | None:
        return None if self._tokens is None else self._credentials.server.revoke(self._tokens.access)


class Password(_OwnGrant):
    """User name and password."""

    def _granted(self) -> Tokens:
        return self._credentials.server.with_password(self._credentials.secrets)


class ClientCertificate(_OwnGrant):
    """The client certificate of the TLS connection."""

    def _granted(self) -> Tokens:
        if not self._credentials.has_certificate:
            raise CredentialsRefused(
                "the method certificate needs a client certificate", "set tls.client_cert and tls.client_key"
            )
        return self._credentials.server.with_certificate()


class Jwt(_OwnGrant):
    """A JWT of an issuer that TPP trusts, such as GitHub's."""

    def _granted(self) -> Tokens:
        given = self._credentials
        if given.id_token is None:
            raise CredentialsRefused(
                f"the method {given.auth.method} has no source of a JWT", "set auth.jwt_file or auth.jwt_command"
            )
        return given.server.with_jwt(Secret(given.id_token().strip()))


METHODS: Mapping[AuthMethod, type[Way]] = {
    AuthMethod.TOKEN: GivenToken,
    AuthMethod.REFRESH: StoredRefreshToken,
    AuthMethod.PASSWORD: Password,
    AuthMethod.CERTIFICATE: ClientCertificate,
    AuthMethod.GITHUB_OIDC: Jwt,
    AuthMethod.JWT: Jwt,
}


def method_of(auth: Auth, secrets: Secrets) -> AuthMethod:
    """Return how a token is got: one that was handed over wins over the configured method."""
    return auth.method if secrets.token is None else AuthMethod.TOKEN


@contextmanager
def acquired_token(credentials: Credentials) -> Iterator[CurrentToken]:
    """Get a token by the configured method. A grant taken for this run is revoked at the end, whatever happens.

    Raises CredentialsRefused and ServerFailure.
    """
    way = METHODS[method_of(credentials.auth, credentials.secrets)](credentials)
    try:
        yield CurrentToken(way.acquire(), way.renew if way.renewable else None)
    finally:
        why = way.revoke() if way.per_run else None
        if why is not None:  # logged only: it must not hide how the run ended
            _log.warning("the grant of this run could not be revoked: %s", why)


# Grants outside of runs.


def store_refresh_token(settings: Settings, secrets: Secrets, clock: Clock) -> None:
    """Get a grant with user name and password and keep its refresh token in the configured store.

    For the method refresh. Raises CredentialsRefused and ServerFailure; a grant that can't be kept is revoked.
    """
    store = open_store(settings.auth)
    with _credentials(settings, secrets, clock) as credentials, store.locked():
        tokens = credentials.server.with_password(secrets)
        try:
            if tokens.refresh is None:
                raise CredentialsRefused(
                    "the server granted no refresh token", "an administrator allows refresh tokens for this client_id"
                )
            store.keep(tokens.refresh)
        except CredentialsRefused:
            credentials.server.revoke(tokens.access)
            raise


def revoke_grant(settings: Settings, secrets: Secrets, clock: Clock) -> str:
    """Revoke the grant of the given token, or of the refresh token in the store. Return what was done.

    Raises CredentialsRefused and ServerFailure.
    """
    method = method_of(settings.auth, secrets)
    if METHODS[method].per_run:
        raise CredentialsRefused(
            f"the method {method} leaves no grant behind: each run takes its own and revokes it",
            "nothing is left to revoke",
        )
    with _credentials(settings, secrets, clock) as credentials:
        way = METHODS[method](credentials)
        way.acquire()
        why = way.revoke()
        if why is not None:
            raise ServerFailure(f"the grant could not be revoked: {why}", "it may be revoked or expired already")
        return way.revoked


@contextmanager
def _credentials(settings: Settings, secrets: Secrets, clock: Clock) -> Iterator[Credentials]:
    redactor = Redactor()
    with Transport(parse_address(settings.server), settings.tls, 1) as transport:
        context = ClientContext(transport, None, clock, settings.requests, redactor, Deadline(clock))
        yield Credentials(AuthServer(context, settings.auth), settings.auth, secrets, redactor)
