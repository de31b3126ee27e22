"""Grants outside of runs: put a refresh token into the store, or give a grant back."""

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.settings import AuthMethod, Settings
from reconciler.ports import Clock
from reconciler.tpp.address import parse_address
from reconciler.tpp.authorising import Granting, authorise, revoke
from reconciler.tpp.excerpt import Excerpts
from reconciler.tpp.exchange import Exchange
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.successor import open_store


def store_refresh_token(settings: Settings, secrets: Secrets, clock: Clock) -> None:
    """Get a grant with user name and password and keep its refresh token in the configured store.

    For the method refresh. Raises CredentialsRefused and ServerFailure; a grant that can't be kept is given back.
    """
    store = open_store(settings.auth)
    username = secrets.username or settings.auth.username
    if username is None or secrets.password is None:
        raise CredentialsRefused("user name or password is missing", "set TPP_USERNAME and TPP_PASSWORD")
    with _exchange(settings) as exchange, store.locked():
        granting = Granting(exchange, settings.auth, settings.requests, secrets, clock, Excerpts())
        proof: dict[str, Secret | str] = {
            "username": username,
            "password": secrets.password,
            "scope": settings.auth.scope,
        }
        tokens = authorise(granting, "oauth", proof)
        try:
            if tokens.refresh is None:
                raise CredentialsRefused(
                    "the server granted no refresh token", "an administrator allows refresh tokens for this client_id"
                )
            store.keep(tokens.refresh)
        except CredentialsRefused:
            revoke(granting, tokens.access)
            raise


def revoke_grant(settings: Settings, secrets: Secrets, clock: Clock) -> str:
    """Give back the grant of the given token, or of the refresh token in the store. Return what was done.

    Raises CredentialsRefused and ServerFailure.
    """
    with _exchange(settings) as exchange:
        granting = Granting(exchange, settings.auth, settings.requests, secrets, clock, Excerpts())
        match settings.auth.method:
            case AuthMethod.TOKEN:
                _revoke(granting, secrets.access_token(settings.auth.token_file))
                return "the grant of the access token is revoked"
            case AuthMethod.REFRESH:
                store = open_store(settings.auth)
                with store.locked():
                    proof: dict[str, Secret | str] = {"grant_type": "refresh_token"}
                    stored = store.load() or secrets.refresh_token
                    if stored is None:
                        raise CredentialsRefused("there is no refresh token", "nothing is left to revoke")
                    tokens = authorise(granting, "token", {**proof, "refresh_token": stored}, single_use=True)
                    _revoke(granting, tokens.access)
                    store.forget()
                return "the grant of the refresh token is revoked, and the store is empty"
            case method:
                raise CredentialsRefused(
                    f"the method {method} leaves no grant behind: each run takes its own and revokes it",
                    "nothing is left to revoke",
                )


def _revoke(granting: Granting, token: Secret | None) -> None:
    if token is None:
        raise CredentialsRefused("there is no access token", "set TPP_TOKEN or TPP_TOKEN_FILE")
    granting.excerpts.hide(token)
    why = revoke(granting, token)
    if why is not None:
        raise ServerFailure(f"the grant could not be revoked: {why}", "it may be revoked or expired already")


def _exchange(settings: Settings) -> Exchange:
    if not settings.server:
        raise ServerFailure("no server is configured", "set `server:` in reconciler.yaml, or TPP_URL")
    return Exchange(parse_address(settings.server), settings.tls, 1)
