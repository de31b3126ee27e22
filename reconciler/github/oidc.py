"""The identity token (JWT) that GitHub Actions gives to a job with `id-token: write`.

Source: GitHub documentation, "OpenID Connect reference", and the request that @actions/core makes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import requests

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.github.client import TIMEOUT, Bearer, Heard, ask
from reconciler.github.wire import text
from reconciler.ports import Clock

URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


@dataclass(frozen=True, slots=True)
class IdToken:
    """A JWT that lives for minutes. Mask `value` in the log before anything else is done with it."""

    value: str = field(repr=False)


def fetch_id_token(environ: Mapping[str, str], audience: str, clock: Clock) -> IdToken:
    """Ask the runner's service for a JWT whose `aud` is `audience`.

    Raises CredentialsRefused when the job has no permission for it (a fork's pull request never has), and
    ServerFailure when the service can't be reached or answers with something else.
    """
    url, secret = environ.get(URL, ""), environ.get(TOKEN, "")
    if not url or not secret:
        raise CredentialsRefused(
            f"GitHub gave this job no identity token: {URL} is not set",
            "add `permissions: {id-token: write}` to the job; pull requests from forks never get one",
        )
    _refuse_plain_text(url)
    joint = "&" if urlsplit(url).query else "?"
    answer = _ask(f"{url}{joint}audience={quote(audience, safe='')}", secret, clock)
    return IdToken(_value(answer))


def _refuse_plain_text(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise CredentialsRefused(f"{URL} is not an https address", "the runner sets it; nothing else should")


def _ask(url: str, secret: str, clock: Clock) -> requests.Response:
    with requests.Session() as session:
        session.auth = Bearer(secret)
        answer = ask(lambda: _once(session, url), clock, repeatable=True)
    if isinstance(answer, requests.RequestException):
        raise ServerFailure("the identity token service of GitHub can't be reached", "run the job again")
    if answer.ok and not answer.is_redirect:
        return answer
    if answer.status_code in (401, 403):
        raise CredentialsRefused(
            f"the identity token service of GitHub answered {answer.status_code}",
            "add `permissions: {id-token: write}` to the job that runs the reconciler",
        )
    raise ServerFailure(f"the identity token service of GitHub answered {answer.status_code}", "run the job again")


def _once(session: requests.Session, url: str) -> Heard:
    try:
        return session.get(url, timeout=TIMEOUT, allow_redirects=False, headers={"Accept": "application/json"})
    except requests.RequestException as fault:
        return fault


def _value(answer: requests.Response) -> str:
    try:
        value = text(answer.json(), "value")
    except ValueError:
        value = ""
    if value.count(".") != 2:
        raise ServerFailure("the identity token service of GitHub answered without a token", "run the job again")
    return value
