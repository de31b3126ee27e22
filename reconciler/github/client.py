"""The client of GitHub's REST API: one host, bounded time, retries where a repeat does no harm, and its JSON.

Source of the limits: GitHub documentation, "Best practices for using the REST API" and "Rate limits for the REST API":
429, or 403 with `retry-after` or `x-ratelimit-remaining: 0`, means that the request was not carried out.
"""

import io
import itertools
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Self
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.github.actions import Event, token_from
from reconciler.github.wire import Wire, is_object, member, objects, text
from reconciler.model.status import format_instant
from reconciler.ports import Clock

LONGEST_WAIT = 60.0
"""Seconds. A limit that lasts longer is reported instead of waited for."""
ATTEMPTS = 4
Heard = requests.Response | requests.RequestException
"""What came of one request: an answer, or why there is none."""


def ask(once: Callable[[], Heard], clock: Clock, *, repeatable: bool) -> Heard:
    """Make a request, again where that is right, and return what came of it last: the one retry policy for GitHub.

    `repeatable` says whether the request leaves the same state when it is carried out twice.
    """
    for attempt in range(1, ATTEMPTS):
        heard = once()
        wait = _wait_before_retry(heard, attempt, repeatable=repeatable, now=clock.now())
        if wait is None:
            return heard
        clock.sleep(wait)
    return once()


def _wait_before_retry(heard: Heard, attempt: int, *, repeatable: bool, now: datetime) -> float | None:
    """Return the seconds to wait before trying again, None when trying again is wrong."""
    pause = float(2 ** (attempt - 1))
    if isinstance(heard, requests.Response) and is_limited(heard):
        ends = limit_ends(heard, now)
        # GitHub, "Rate limits for the REST API": without a hint, at least a minute, then longer and longer.
        wait = 60 * pause if ends is None else max((ends - now).total_seconds(), 0.0)
        return wait if wait <= LONGEST_WAIT else None
    if isinstance(heard, requests.Response) and heard.status_code < 500:
        return None
    return pause if repeatable else None


def is_limited(answer: requests.Response) -> bool:
    """Return whether GitHub refused because of a rate limit, the hourly one or the secondary one against bursts."""
    if answer.status_code == 429:
        return True
    if answer.status_code != 403:
        return False
    return "Retry-After" in answer.headers or _is_spent(answer) or "rate limit" in _message(answer).casefold()


def limit_ends(answer: requests.Response, now: datetime) -> datetime | None:
    """Return when a rate limit ends: after `retry-after` (seconds or a date), else at the reset of the hourly limit.

    None when the answer does not say. Every answer names the reset of the hourly limit, also where that is not used up.
    """
    value, reset = (answer.headers.get(name, "").strip() for name in ("Retry-After", "X-RateLimit-Reset"))
    if value.isdecimal():
        return now + timedelta(seconds=int(value))
    if value:
        try:
            return parsedate_to_datetime(value).astimezone(UTC)
        except ValueError:
            return None
    return datetime.fromtimestamp(int(reset), UTC) if reset.isdecimal() and _is_spent(answer) else None


def _is_spent(answer: requests.Response) -> bool:
    return answer.headers.get("X-RateLimit-Remaining", "").strip() == "0"


TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and to wait for each part of an answer."""
REPEATABLE = frozenset({"GET", "PATCH", "DELETE"})
"""Methods whose repetition leaves the same state. A POST is repeated only when GitHub says it did not run."""
MOST_BYTES = 200 * 1024 * 1024
"""Of a file in an artifact."""
_GONE = frozenset({404, 410})


class GitHubFailure(ServerFailure):
    """GitHub could not be asked or said no. `status` is the HTTP status, None when no answer came."""

    def __init__(self, message: str, hint: str = "", status: int | None = None) -> None:
        """Keep the status, by which callers tell absent from forbidden."""
        super().__init__(message, hint)
        self.status = status

    @property
    def absent(self) -> bool:
        """Whether GitHub knows no such thing, or will not say that it does."""
        return self.status in _GONE


class Bearer(AuthBase):
    """Sets the header itself, so that no .netrc of the machine can replace the token."""

    def __init__(self, token: str) -> None:
        """Keep the token for the requests of one session."""
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True, slots=True, repr=False)
class GitHub:
    """Calls about one repository. Paths are below `/repos/{owner}/{name}` and start with a slash."""

    api_url: str
    repository: str
    session: requests.Session
    clock: Clock
    spent: list[GitHubFailure] = field(default_factory=list)
    """The rate limit that is used up. Whoever goes on asking may be banned (GitHub, "Rate limits for the REST API")."""

    @classmethod
    def open(cls, api_url: str, repository: str, token: str, clock: Clock) -> Self:
        """Make a client. The token leaves only for the host of `api_url`."""
        session = requests.Session()
        session.auth = Bearer(token)
        session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": "tpp-reconciler",
            }
        )
        return cls(api_url.rstrip("/"), repository, session, clock)

    def get(self, path: str, **query: str | int) -> Wire:
        """Read one object. Raises GitHubFailure."""
        return self._object(self._call("GET", self._url(path), query=query))

    def every(self, path: str, *, key: str | None = None, **query: str | int) -> Iterator[Wire]:
        """Read a list to its last page. `key` names the member that holds the list. Raises GitHubFailure."""
        url, asked = self._url(path), {"per_page": 100, **query}
        while url:
            answer = self._call("GET", url, query=asked)
            body = self._json(answer)
            yield from objects(member(body, key) if key else body)
            url, asked = self._next(answer), {}

    def members(self, team: str) -> tuple[str, ...]:
        """Return the logins of a team of the organization that owns the repository, those of child teams among them.

        Source: GitHub documentation, "List team members": the token needs to read members ("Members: read"), and a
        team that it does not see is absent. Raises GitHubFailure.
        """
        organization = self.repository.partition("/")[0]
        url, asked = f"{self.api_url}/orgs/{organization}/teams/{team}/members", {"per_page": 100}
        found: list[str] = []
        while url:
            answer = self._call("GET", url, query=dict(asked))
            found += [login for wire in objects(self._json(answer)) if (login := text(wire, "login"))]
            url, asked = self._next(answer), {}
        return tuple(found)

    def page(self, path: str, **query: str | int) -> tuple[Wire, ...]:
        """Read the first page of a list. Raises GitHubFailure."""
        return objects(self._json(self._call("GET", self._url(path), query=query)))

    def post(self, path: str, body: Wire) -> Wire:
        """Create something. Raises GitHubFailure."""
        return self._object(self._call("POST", self._url(path), body=body))

    def patch(self, path: str, body: Wire) -> Wire:
        """Change something. Raises GitHubFailure."""
        return self._object(self._call("PATCH", self._url(path), body=body))

    def delete(self, path: str) -> None:
        """Delete something. Raises GitHubFailure."""
        self._call("DELETE", self._url(path))

    def download(self, path: str, most: int) -> bytes:
        """Return a file that GitHub keeps elsewhere; the token does not go there. Raises GitHubFailure.

        GitHub answers with the address of the file, which holds for a minute ("Download an artifact").
        """
        url = self._url(path)
        answer = self._heard("GET", url)
        place = answer.headers.get("Location", "")
        if not answer.is_redirect:
            raise self._refusal("GET", url, answer)
        if urlsplit(place).scheme != "https" and urlsplit(place).hostname != urlsplit(self.api_url).hostname:
            raise GitHubFailure(f"GET {url}: the file is not at an https address", "check the proxy")
        try:
            with requests.get(place, timeout=TIMEOUT, allow_redirects=False, stream=True, auth=_no_token) as found:
                data = b"".join(itertools.takewhile(bool, found.iter_content(1 << 16))) if found.ok else b""
        except requests.RequestException as fault:
            raise GitHubFailure(f"GET {url}: {type(fault).__name__}", "check the network and the proxy") from None
        if not data or len(data) > most:
            raise GitHubFailure(f"GET {url}: the file could not be had, or is too large", "run the job again")
        return data

    def _url(self, path: str) -> str:
        return f"{self.api_url}/repos/{self.repository}{path}"

    def _next(self, answer: requests.Response) -> str:
        url = answer.links.get("next", {}).get("url", "")
        if url and not url.startswith(f"{self.api_url}/"):
            raise GitHubFailure(f"GitHub's next page is at another place: {url}", "check GITHUB_API_URL and the proxy")
        return url

    def _call(
        self, method: str, url: str, *, query: dict[str, str | int] | None = None, body: Wire | None = None
    ) -> requests.Response:
        answer = self._heard(method, url, query=query, body=body)
        if answer.is_redirect:
            raise GitHubFailure(
                f"{method} {url}: GitHub redirects, which is not followed with a token",
                "the repository was renamed or moved; run from a fresh checkout of it",
                answer.status_code,
            )
        if not answer.ok:
            raise self._refusal(method, url, answer)
        return answer

    def _heard(
        self, method: str, url: str, *, query: dict[str, str | int] | None = None, body: Wire | None = None
    ) -> requests.Response:
        def once() -> Heard:
            try:
                return self.session.request(
                    method, url, params=query, json=body, timeout=TIMEOUT, allow_redirects=False
                )
            except requests.RequestException as fault:
                return fault

        if self.spent:
            raise self.spent[0]
        heard = ask(once, self.clock, repeatable=method in REPEATABLE)
        if isinstance(heard, requests.RequestException):
            cause = "check the network, the proxy and GITHUB_API_URL"
            raise GitHubFailure(f"{method} {url}: {type(heard).__name__}", cause)
        return heard

    def _refusal(self, method: str, url: str, answer: requests.Response) -> GitHubFailure:
        if is_limited(answer):
            self.spent.append(_limit(answer, self.clock.now()))
            return self.spent[-1]
        details = "; ".join(
            found for each in objects(member(_body(answer), "errors")) if (found := text(each, "message"))
        )
        reason = _message(answer) or answer.reason or "no reason given"
        message = f"{method} {url}: {answer.status_code} {reason}" + (f" ({details})" if details else "")
        return GitHubFailure(message, _hint(answer), answer.status_code)

    def _object(self, answer: requests.Response) -> Wire:
        body = self._json(answer)
        if not is_object(body):
            raise GitHubFailure(f"{answer.url}: the answer is not an object", "check GITHUB_API_URL and the proxy")
        return body

    def _json(self, answer: requests.Response) -> object:
        try:
            body: object = answer.json()
        except ValueError as fault:
            first = answer.text.strip().splitlines()[:1]
            raise GitHubFailure(
                f"{answer.url}: the answer is not JSON: {first[0][:120]!r}" if first else f"{answer.url}: empty answer",
                "check GITHUB_API_URL and the proxy",
                answer.status_code,
            ) from fault
        return body


def packed_file(github: GitHub, artifact: int, name: str) -> bytes:
    """Return one file of an artifact (`actions: read`). Raises GitHubFailure."""
    data = github.download(f"/actions/artifacts/{artifact}/zip", MOST_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo(name).file_size > MOST_BYTES:
                raise GitHubFailure(f"the artifact's {name} is too large", "run the job again")
            return archive.read(name)
    except (KeyError, zipfile.BadZipFile) as fault:
        raise GitHubFailure(f"the artifact has no {name}: {fault}", "run the job again") from fault


def client_from(environ: Mapping[str, str], event: Event, clock: Clock) -> GitHub | None:
    """Return a client for the event's repository, None when no token was handed over."""
    token = token_from(environ)
    return GitHub.open(event.api_url, event.repository, token, clock) if token else None


def required_client(environ: Mapping[str, str], event: Event, clock: Clock) -> GitHub:
    """Return a client for the event's repository. Raises CredentialsRefused when no token was handed over."""
    github = client_from(environ, event, clock)
    if github is None:
        raise CredentialsRefused(
            "no token for GitHub was handed over", "set `env: {GITHUB_TOKEN: ${{ github.token }}}` for this step"
        )
    return github


TEAMS_TOKEN = "GITHUB_TEAMS_TOKEN"
"""The variable with a token that may read the members of the organization; the token of a job can't."""


def teams_from(environ: Mapping[str, str], event: Event, clock: Clock) -> GitHub | None:
    """Return a client that reads teams, None when no token for it was handed over."""
    token = environ.get(TEAMS_TOKEN, "")
    return GitHub.open(event.api_url, event.repository, token, clock) if token else None


def _no_token(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request without credentials, also without those of a .netrc."""
    return request


def _limit(answer: requests.Response, now: datetime) -> GitHubFailure:
    """Return which limit it is, and until when."""
    ends = limit_ends(answer, now)
    until = f" until {format_instant(ends)}" if ends is not None else ""
    if _is_spent(answer):
        message = f"GitHub's limit of API calls is used up{until}"
        hint = "GITHUB_TOKEN has 1,000 calls an hour and repository, a GitHub App's token more"
    else:
        message = f"GitHub takes no more API calls{until}: its secondary rate limit, against too many in a short time"
        hint = "other workflows of the repository use it up, too"
    return GitHubFailure(
        message, f"run again {'after that' if until else 'in some minutes'}; {hint}", answer.status_code
    )


def _message(answer: requests.Response) -> str:
    return text(_body(answer), "message")


def _body(answer: requests.Response) -> object:
    try:
        body: object = answer.json()
    except ValueError:
        return {}
    return body


def _hint(answer: requests.Response) -> str:
    match answer.status_code:
        case 401:
            return "the token is missing, expired or of another host: pass github.token or an app's token"
        case 403:
            wanted = answer.headers.get("X-Accepted-GitHub-Permissions", "")
            scope = f"; the job needs `permissions:` with {wanted.replace('_', '-')}" if wanted else ""
            return f"the token may not do this{scope}; a pull request from a fork has a read-only token"
        case 404:
            return "it does not exist, or the token can't see it: check the repository and the job's permissions"
        case status if status >= 500:
            return "GitHub has a fault: run again later"
        case _:
            return ""
