"""Every way to a token: each authentication method, and what has to happen to its grant at the end."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.errors import CredentialsRefused
from reconciler.model.settings import AuthMethod
from reconciler.tpp.authorising import Granting, authorise, revoke
from reconciler.tpp.bearer import Bearer
from reconciler.tpp.grant_wire import Tokens
from reconciler.tpp.secrets import Secret

_log = logging.getLogger("reconciler.tpp")


@contextmanager
def take_grant(granting: Granting) -> Iterator[Bearer]:
    """Get a token by the configured method. A grant taken for this run is revoked at the end, whatever happens.

    Raises CredentialsRefused and ServerFailure.
    """
    match granting.auth.method:
        case AuthMethod.TOKEN:
            yield Bearer(_given(granting))
        case AuthMethod.REFRESH:
            yield _refreshed(granting)
        case AuthMethod.PASSWORD | AuthMethod.CERTIFICATE | AuthMethod.GITHUB_OIDC | AuthMethod.JWT:
            own = OwnGrant(granting)
            try:
                yield Bearer(own.take(), own.renew)
            finally:
                own.give_back()


def _given(granting: Granting) -> Secret:
    token = granting.secrets.access_token(granting.auth.token_file)
    if token is None:
        raise CredentialsRefused("there is no access token", "set TPP_TOKEN or TPP_TOKEN_FILE, or choose auth.method")
    granting.excerpts.hide(token)
    return token


def _refreshed(granting: Granting) -> Bearer:
    """Use the refresh token; its successor is stored before the access token is used for anything.

    The stored token is tried first, then a newer one from the environment.
    """
    from reconciler.tpp.successor import open_store

    store = open_store(granting.auth)

    def exchange() -> Secret:
        with store.locked():
            stored = store.load()
            if stored is not None:
                try:
                    return use(stored)
                except CredentialsRefused:
                    if granting.secrets.refresh_token is None:
                        raise
            if granting.secrets.refresh_token is None:
                raise CredentialsRefused("there is no refresh token", "set TPP_REFRESH_TOKEN, or fill the store")
            return use(granting.secrets.refresh_token)

    def use(token: Secret) -> Secret:
        store.keep(token)
        granted = authorise(granting, "token", {"refresh_token": token, "grant_type": "refresh_token"}, single_use=True)
        if granted.refresh is None:
            raise CredentialsRefused("the server granted no successor of the refresh token", "get a new grant")
        store.keep(granted.refresh)
        return granted.access

    return Bearer(exchange(), exchange)


class OwnGrant:
    """A grant that we take ourselves: renewed with its refresh token while that works, and given back at the end."""

    def __init__(self, granting: Granting) -> None:
        """Take nothing yet."""
        self._granting = granting
        self._tokens: Tokens | None = None

    def take(self) -> Secret:
        """Get the grant."""
        self._tokens = _PROOFS[self._granting.auth.method](self._granting)
        return self._tokens.access

    def renew(self) -> Secret:
        """Get a newer token of the same grant, or a new grant when there is no other way."""
        if self._tokens is not None and self._tokens.refresh is not None:
            try:
                proof: dict[str, Secret | str] = {"refresh_token": self._tokens.refresh, "grant_type": "refresh_token"}
                self._tokens = authorise(self._granting, "token", proof, single_use=True)
            except CredentialsRefused:
                return self.take()
            return self._tokens.access
        return self.take()

    def give_back(self) -> None:
        """Revoke the grant. A failure is logged: it must not hide how the run ended."""
        if self._tokens is None:
            return
        why = revoke(self._granting, self._tokens.access)
        if why is not None:
            _log.warning("the grant of this run could not be revoked: %s", why)


def _with_password(granting: Granting) -> Tokens:
    username = granting.secrets.username or granting.auth.username
    if username is None or granting.secrets.password is None:
        raise CredentialsRefused("user name or password is missing", "set TPP_USERNAME and TPP_PASSWORD")
    proof: dict[str, Secret | str] = {
        "username": username,
        "password": granting.secrets.password,
        "scope": granting.auth.scope,
    }
    return authorise(granting, "oauth", proof)


def _with_certificate(granting: Granting) -> Tokens:
    if not granting.has_certificate:
        raise CredentialsRefused(
            "the method certificate needs a client certificate", "set tls.client_cert and tls.client_key"
        )
    return authorise(granting, "certificate", {"scope": granting.auth.scope})


def _with_jwt(granting: Granting) -> Tokens:
    if granting.id_token is None:
        raise CredentialsRefused(
            f"the method {granting.auth.method} has no source of a JWT", "set auth.jwt_file or auth.jwt_command"
        )
    jwt = Secret(granting.id_token().strip())
    return authorise(granting, "jwt", {"jwt": jwt, "scope": granting.auth.scope})


_PROOFS: dict[AuthMethod, Callable[[Granting], Tokens]] = {
    AuthMethod.PASSWORD: _with_password,
    AuthMethod.CERTIFICATE: _with_certificate,
    AuthMethod.GITHUB_OIDC: _with_jwt,
    AuthMethod.JWT: _with_jwt,
}
