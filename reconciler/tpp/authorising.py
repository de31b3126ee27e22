"""The calls of the authorisation server: get tokens for what proves who we are, and give a grant back."""

from collections.abc import Callable
from dataclasses import dataclass

import urllib3

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.settings import Auth, Requests
from reconciler.ports import Clock
from reconciler.tpp import grant_wire, wire
from reconciler.tpp.backoff import wait_before
from reconciler.tpp.bearer import PLAIN_HEADERS
from reconciler.tpp.excerpt import Excerpts
from reconciler.tpp.exchange import Breach, Broken, Exchange
from reconciler.tpp.grant_wire import Tokens
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.usual_http import Reply

_ATTEMPTS = 4
_BUSY = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Granting:
    """Everything that a method may need to get a token."""

    exchange: Exchange
    auth: Auth
    limits: Requests
    secrets: Secrets
    clock: Clock
    excerpts: Excerpts
    id_token: Callable[[], str] | None = None
    has_certificate: bool = False

    @property
    def timeout(self) -> urllib3.Timeout:
        """The time-outs of every call."""
        return urllib3.Timeout(connect=self.limits.connect_timeout, read=self.limits.read_timeout)


def authorise(granting: Granting, method: str, proof: dict[str, Secret | str], *, single_use: bool = False) -> Tokens:
    """Ask for a grant at /vedauth/authorize/<method>.

    A `single_use` proof is sent again only when it can't have left this machine. Raises CredentialsRefused when the
    server refuses, ServerFailure when it can't be asked.
    """
    granting.excerpts.hide(*(value for value in proof.values() if isinstance(value, Secret)))
    plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in proof.items()}
    body = wire.encode({"client_id": granting.auth.client_id, **plain})
    for attempt in range(1, _ATTEMPTS + 1):
        outcome = granting.exchange.send("POST", f"/vedauth/authorize/{method}", PLAIN_HEADERS, body, granting.timeout)
        if attempt == _ATTEMPTS or not _again(outcome, single_use):
            break
        granting.clock.sleep(wait_before(attempt))
    tokens = _tokens(granting, method, outcome)
    granting.excerpts.hide(tokens.access, tokens.refresh)
    return tokens


def _again(outcome: Reply | Broken, single_use: bool) -> bool:
    match outcome:
        case Broken(_, breach, sent):
            return breach is not Breach.TRUST and not (sent and single_use)
        case Reply(status, _, _):
            return status in _BUSY and not single_use


def _tokens(granting: Granting, method: str, outcome: Reply | Broken) -> Tokens:
    match outcome:
        case Broken(why, _, _):
            raise ServerFailure(f"no grant from authorize/{method}: {why}", "check the URL, the network and the proxy")
        case Reply(200, _, body):
            try:
                return grant_wire.tokens(wire.read_members(body))
            except wire.BadAnswer as error:
                raise ServerFailure(
                    f"no grant from authorize/{method}: {error}", "check the URL; a proxy or login page may answer"
                ) from None
        case Reply(400 | 401 | 403 as status, _, body):
            said = granting.excerpts.refusal(body)
            raise CredentialsRefused(f"authorize/{method} refuses ({status}): {said}", _REMEDIES[method])
        case Reply(status, _, body):
            said = granting.excerpts.refusal(body)
            raise ServerFailure(f"authorize/{method} answered HTTP {status}: {said}", "check the URL of the server")


_INTEGRATION = "and that the API integration of the client_id allows the scope to this identity"
_REMEDIES = {
    "oauth": f"check TPP_USERNAME and TPP_PASSWORD, {_INTEGRATION}",
    "certificate": f"check that the certificate belongs to a TPP user, {_INTEGRATION}",
    "jwt": f"check the JWT mapping of TPP (issuer, audience, claims), {_INTEGRATION}",
    "token": "it was used before, revoked or has expired: get a new grant and put its refresh token into the store",
}


def revoke(granting: Granting, token: Secret) -> str | None:
    """Give the grant of a token back. Return why it could not be done, None when it was."""
    headers = {**PLAIN_HEADERS, "Authorization": f"Bearer {token.reveal()}"}
    match granting.exchange.send("GET", "/vedauth/revoke/token", headers, None, granting.timeout):
        case Broken(why, _, _):
            return why
        case Reply(200, _, _):
            return None
        case Reply(status, _, body):
            return f"HTTP {status}: {granting.excerpts.refusal(body)}"
