"""The client of GitHub's REST API: one host, bounded time, retries where a repeat does no harm, and its JSON.

Source of the limits: GitHub documentation, "Best practices for using the REST API" and "Rate limits for the REST API":
429, or 403 with `retry-after` or `x-ratelimit-remaining: 0`, means that the request was not carried out.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Self
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from reconciler.errors import ServerFailure
from reconciler.github.wire import Wire, is_object, member, objects, text
from reconciler.model.status import format_instant
from reconciler.ports import Clock

LONGEST_WAIT = 60.0
"""Seconds. A limit that lasts longer is reported instead of waited for."""


def wait_before_retry(
    answer: requests.Response | None, attempt: int, *, repeatable: bool, now: datetime
) -> float | None:
    """Return the seconds to wait before trying again, None when trying again is wrong.

    `answer` is None when none came. `attempt` counts from 1. `repeatable` says whether the request leaves the
    same state when it is carried out twice.
    """
    pause = float(2 ** (attempt - 1))
    if answer is None:
        return pause if repeatable else None
    if is_limited(answer):
        wait = _asked_for(answer, now)
        wait = pause if wait is None else max(wait, 0.0)
        return wait if wait <= LONGEST_WAIT else None
    if answer.status_code >= 500:
        return pause if repeatable else None
    return None


def limit_ends(answer: requests.Response) -> str | None:
    """Return when the limit of an answer is reset, as text; None when it does not say."""
    reset = answer.headers.get("X-RateLimit-Reset", "").strip()
    return format_instant(datetime.fromtimestamp(int(reset), UTC)) if reset.isdecimal() else None


def is_limited(answer: requests.Response) -> bool:
    """Say whether GitHub refused because of a rate limit."""
    if answer.status_code == 429:
        return True
    headers = answer.headers
    return answer.status_code == 403 and ("Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0")


def _asked_for(answer: requests.Response, now: datetime) -> float | None:
    """Return the seconds that the answer asks for: `retry-after` (seconds or a date), or the limit's reset."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    if value:
        try:
            return (parsedate_to_datetime(value).astimezone(UTC) - now).total_seconds()
        except ValueError:
            return None
    reset = answer.headers.get("X-RateLimit-Reset", "").strip()
    return float(reset) - now.timestamp() if reset.isdecimal() else None


TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and to wait for each part of an answer."""
ATTEMPTS = 4
REPEATABLE = frozenset({"GET", "PATCH", "DELETE"})
"""Methods whose repetition leaves the same state. A POST is repeated only when GitHub says it did not run."""
_GONE = frozenset({404, 410})


class GitHubFailure(ServerFailure):
    """GitHub could not be asked or said no. `status` is the HTTP status, None when no answer came."""

    def __init__(self, message: str, hint: str = "", status: int | None = None, *, limit: bool = False) -> None:
        """Keep the status, by which callers tell absent from forbidden, and whether a rate limit is used up."""
        super().__init__(message, hint)
        self.status = status
        self.limit = limit

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
        answer = self.session.get(url, timeout=TIMEOUT, allow_redirects=False)
        place = answer.headers.get("Location", "")
        if not answer.is_redirect:
            raise _refusal("GET", url, answer)
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
        for attempt in range(1, ATTEMPTS + 1):
            answer, fault = self._once(method, url, query, body)
            if answer is not None and answer.ok:
                return answer
            repeatable = method in REPEATABLE
            wait = wait_before_retry(answer, attempt, repeatable=repeatable, now=self.clock.now())
            if wait is None or attempt == ATTEMPTS:
                break
            self.clock.sleep(wait)
        if answer is None:
            raise GitHubFailure(f"{method} {url}: {fault}", "check the network, the proxy and GITHUB_API_URL")
        raise _refusal(method, url, answer)

    def _once(
        self, method: str, url: str, query: dict[str, str | int] | None, body: Wire | None
    ) -> tuple[requests.Response | None, str]:
        try:
            answer = self.session.request(method, url, params=query, json=body, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as fault:
            return None, type(fault).__name__
        if answer.is_redirect:
            raise GitHubFailure(
                f"{method} {url}: GitHub redirects, which is not followed with a token",
                "the repository was renamed or moved; run from a fresh checkout of it",
                answer.status_code,
            )
        return answer, ""

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


def _no_token(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request without credentials, also without those of a .netrc."""
    return request


def _refusal(method: str, url: str, answer: requests.Response) -> GitHubFailure:
    if is_limited(answer):
        until = limit_ends(answer)
        when = f" until {until}" if until else ""
        return GitHubFailure(
            f"GitHub's limit of API calls is used up{when}",
            "run again after that; GITHUB_TOKEN has 1,000 calls an hour and repository, a GitHub App's token more",
            answer.status_code,
            limit=True,
        )
    try:
        body: object = answer.json()
    except ValueError:
        body = {}
    said = text(body, "message") or answer.reason or "no reason given"
    details = "; ".join(found for error in objects(member(body, "errors")) if (found := text(error, "message")))
    message = f"{method} {url}: {answer.status_code} {said}" + (f" ({details})" if details else "")
    return GitHubFailure(message, _hint(answer), answer.status_code)


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
