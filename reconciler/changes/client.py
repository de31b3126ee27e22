"""HTTP to a system of change records: one origin, no redirects, bounded answers, few retries, JSON or nothing.

Credentials come from the environment, or from files that it names. They never reach any output.
"""

import base64
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_environ_proxies

from reconciler._version import __version__
from reconciler.codec import decode
from reconciler.errors import CredentialsRefused
from reconciler.model.change_record import ChangeSystem
from reconciler.ports import Clock

PREFIX = "CHANGE_RECORDS_"
NAMES = ("TOKEN", "USERNAME", "PASSWORD", "API_KEY", "CLIENT_ID", "CLIENT_SECRET", "SECRET")
"""What may be given, each also as a file: CHANGE_RECORDS_TOKEN or CHANGE_RECORDS_TOKEN_FILE."""
HIDDEN = "[hidden]"
_PUBLIC = ("USERNAME", "CLIENT_ID")
_SHORTEST = 3
Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True, repr=False)
class ChangeCredentials:
    """The credentials that are there, by name. `secret` signs requests of the kind http and is sent nowhere."""

    values: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """Return a credential, None when it is not set."""
        return self.values.get(name) or None

    def also(self, name: str, value: str) -> "ChangeCredentials":
        """Return these credentials with one that was issued for them."""
        return ChangeCredentials({**self.values, name: value})

    def redact(self, text: str) -> str:
        """Return a text without any of the credentials, in whatever form they are sent."""
        basic = f"{self.get('USERNAME')}:{self.get('PASSWORD')}".encode()
        secret = {value for name, value in self.values.items() if name not in _PUBLIC and len(value) > _SHORTEST}
        secret.add(base64.b64encode(basic).decode())
        for value in sorted(secret, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return text


def read_credentials(environ: Mapping[str, str] | None = None) -> ChangeCredentials:
    """Return what the environment gives. Raises CredentialsRefused for a file that can't be read."""
    environ = os.environ if environ is None else environ
    found = {}
    for name in NAMES:
        value, file = environ.get(PREFIX + name), environ.get(f"{PREFIX}{name}_FILE")
        if not value and file:
            value = _read(PREFIX + name + "_FILE", Path(file))
        if value:
            value = value.strip().removeprefix("\ufeff")
            found[name] = value[7:].strip() if name == "TOKEN" and value[:7].lower() == "bearer " else value
    return ChangeCredentials(found)


def _read(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise CredentialsRefused(
            f"the file that {variable} names can't be read: {why}", "check its path and rights"
        ) from None


class HeaderAuth(AuthBase):
    """Signs a request with one header."""

    def __init__(self, name: str, value: str) -> None:
        """Keep the header for the requests of one session."""
        self._name, self._value = name, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request."""
        request.headers[self._name] = self._value
        return request


def bearer(token: str) -> HeaderAuth:
    """Return what signs requests with a bearer token."""
    return HeaderAuth("Authorization", f"Bearer {token}")


def direct_auth(credentials: ChangeCredentials) -> AuthBase | None:
    """Return what signs requests without asking anybody first: bearer token, API key, or name and password."""
    if token := credentials.get("TOKEN"):
        return bearer(token)
    if key := credentials.get("API_KEY"):
        return HeaderAuth("x-sn-apikey", key)  # ServiceNow, since its release Washington DC
    name, password = credentials.get("USERNAME"), credentials.get("PASSWORD")
    if name and password and not credentials.get("CLIENT_ID"):
        return HTTPBasicAuth(name.encode(), password.encode())
    return None


ATTEMPTS = 3
LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer that are read at the most."""
_LONGEST_PAUSE = 30.0
_PIECE = 1 << 16
_BUSY = frozenset({429, 500, 502, 503, 504})
"""Statuses after which a question is asked again: all questions here only read."""


class Unavailable(Exception):
    """The system could not be asked, or what it said is no answer. `hint` says what to do about it."""

    def __init__(self, why: str, hint: str = "", status: int | None = None) -> None:
        """Keep both sentences, and the HTTP status of an answer."""
        super().__init__(why)
        self.why, self.hint, self.status = why, hint, status


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer in JSON: its members, and the URL of a next page, which is not followed."""

    members: Mapping[str, Any]
    next_page: str = ""


@dataclass(slots=True, repr=False)
class ChangeClient:
    """Talks to one system through the company's proxies; neither .netrc nor CA variables of the environment count."""

    system: ChangeSystem
    auth: AuthBase | None
    clock: Clock
    redact: Redact
    _session: requests.Session = field(init=False)

    def __post_init__(self) -> None:
        """Switch off what requests would take from the environment."""
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = self.auth
        self._session.headers.update({"Accept": "application/json", "User-Agent": f"tpp-reconciler/{__version__}"})
        self._session.proxies = get_environ_proxies(self.system.url)
        self._session.verify = self.system.ca_bundle or ssl.get_default_verify_paths().cafile or True

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Answer:
        """Read. Raises Unavailable; a 404 is told by its `status`."""
        return self._ask(requests.Request("GET", self.system.url.rstrip("/") + path, params=query))

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Ask a question that has a body and changes nothing. Raises Unavailable."""
        return self._ask(requests.Request("POST", url, data=body, headers=dict(headers)))

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Answer:
        """Write, once: a write whose answer is lost is not sent again blindly. Raises Unavailable."""
        request = requests.Request(method, self.system.url.rstrip("/") + path, json=dict(document))
        try:
            return self._once(request)
        except _Busy as busy:
            raise Unavailable(busy.why, busy.hint, busy.status) from None

    def form(self, path: str, members: Mapping[str, str]) -> Answer:
        """Ask for a token. Raises Unavailable."""
        return self._ask(requests.Request("POST", self.system.url.rstrip("/") + path, data=dict(members)))

    def _ask(self, request: requests.Request) -> Answer:
        attempt = 1
        while True:
            try:
                return self._once(request)
            except _Busy as busy:
                if attempt == ATTEMPTS:
                    raise Unavailable(busy.why, busy.hint, busy.status) from None
                self.clock.sleep(min(busy.pause if busy.pause is not None else 2.0 ** (attempt - 1), _LONGEST_PAUSE))
                attempt += 1

    def _once(self, request: requests.Request) -> Answer:
        bundle = self.system.ca_bundle
        if bundle is not None and not Path(bundle).is_file():
            raise Unavailable(f"{bundle} is not a file", "set change_records.ca_bundle")
        limit = (self.system.timeout, self.system.timeout)
        try:
            prepared = self._session.prepare_request(request)
            sending = {"timeout": limit, "allow_redirects": False, "stream": True, "verify": self._session.verify}
            with self._session.send(prepared, proxies=self._session.proxies, **sending) as response:  # type: ignore[arg-type]
                return self._answer(response, self._body(response))
        except requests.Timeout:
            raise _Busy("it did not answer in time", "raise change_records.timeout if it is slow") from None
        except requests.exceptions.SSLError as error:
            raise Unavailable(
                f"its certificate is not trusted: {self._words(error)}", "set change_records.ca_bundle"
            ) from None
        except (requests.RequestException, OSError, ValueError) as error:
            raise _Busy(
                f"it can't be reached: {self._words(error)}", "check change_records.url, the network and the proxy"
            ) from None

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        until = self.clock.monotonic() + self.system.timeout * 2
        for piece in response.iter_content(_PIECE):
            body += piece
            if len(body) > LARGEST_ANSWER:
                raise Unavailable("its answer is larger than 8 MiB", "check change_records.url")
            if self.clock.monotonic() > until:
                raise _Busy("it did not answer in time", "raise change_records.timeout if it is slow")
        declared = response.headers.get("Content-Length", "")
        if declared.isdigit() and response.raw.tell() < int(declared):
            raise _Busy("its answer broke off", "")
        return bytes(body)

    def _answer(self, response: requests.Response, body: bytes) -> Answer:
        status = response.status_code
        if status in _BUSY:
            raise _Busy(
                f"it answered HTTP {status}{self._reason(body)}",
                "try again later",
                status,
                _pause(response, self.clock),
            )
        if 300 <= status < 400:
            raise Unavailable(
                f"it redirects ({status}), which is not followed", "configure the URL that it answers on itself", status
            )
        if status == 401:
            raise Unavailable(
                f"it does not accept the credential (401){self._reason(body)}",
                "check CHANGE_RECORDS_* and the account",
                status,
            )
        if status == 403:
            raise Unavailable(
                f"the account lacks a right (403){self._reason(body)}",
                "give it read access to the records and their fields",
                status,
            )
        if status not in (200, 201):
            raise Unavailable(f"it answered HTTP {status}{self._reason(body)}", "check change_records.url", status)
        members = self._without_credentials(_object(response, body))
        if members is None:
            raise Unavailable(
                "it answered something that is no JSON object",
                "a login page or a proxy may answer in its place; check change_records.url",
            )
        if "error" in members and members["error"] not in (None, ""):
            raise Unavailable(f"it reports an error{self._reason(body)}", "try again later")
        return Answer(members, response.links.get("next", {}).get("url", ""))

    def _without_credentials(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return an answer without credentials: a system can repeat them in a title, which is shown."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {name: self._without_credentials(member) for name, member in value.items()}
        return [self._without_credentials(each) for each in value] if isinstance(value, list) else value

    def _reason(self, body: bytes) -> str:
        """Return what an answer says of a refusal, in one short line."""
        try:
            members = decode(body[:4096], object)
        except ValueError:
            return ""
        found: list[str] = []
        error = members.get("error") if isinstance(members, dict) else None
        if isinstance(error, dict):
            found = [str(error[name]) for name in ("message", "detail") if error.get(name)]
        elif isinstance(members, dict) and isinstance(members.get("errorMessages"), list):
            found = [str(each) for each in members["errorMessages"]]
        elif isinstance(error, str):
            found = [error]
        return f": {' '.join(self.redact('; '.join(found)).split())[:200]}" if found else ""

    def _words(self, error: BaseException) -> str:
        cause = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__ or cause
        return self.redact(getattr(cause, "strerror", None) or type(cause).__name__)[:200]


class _Busy(Exception):
    """A failure that another attempt may cure, after `pause` seconds if the server named them."""

    def __init__(self, why: str, hint: str, status: int | None = None, pause: float | None = None) -> None:
        super().__init__(why)
        self.why, self.hint, self.status, self.pause = why, hint, status, pause


def _object(response: requests.Response, body: bytes) -> Mapping[str, Any] | None:
    """Return the members of an answer; None when it is no JSON: a sleeping instance answers 200 with a page of HTML."""
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        value = decode(body, object)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _pause(response: requests.Response, clock: Clock) -> float | None:
    """Return the seconds of Retry-After, which is a number or a date."""
    text = response.headers.get("Retry-After", "")
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - clock.now()).total_seconds())
    except (TypeError, ValueError):
        return None
