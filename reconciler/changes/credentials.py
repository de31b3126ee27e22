"""Credentials for change records: from the environment, or from files that it names. They never reach any output."""

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from reconciler.errors import CredentialsRefused

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
