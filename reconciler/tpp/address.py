"""Where the server is: one spelling for every way in which people write its URL."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from reconciler.errors import ServerFailure

_PRODUCT_PATHS = frozenset({"vedsdk", "vedauth", "vedadmin", "aperture"})


@dataclass(frozen=True, slots=True)
class Address:
    """The origin of a server and the path below which /vedsdk and /vedauth live (usually none)."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port; the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return f"{self.scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    def __str__(self) -> str:
        """Spell the address as plans and ledgers name their target."""
        return self.origin + self.prefix


def parse_address(text: str) -> Address:
    """Read a base URL with or without scheme, /vedsdk, other paths and trailing slashes.

    Raises ServerFailure for what is no URL, holds credentials, or would send a token without TLS:
    plain HTTP is for this machine only.
    """
    spelled = text.strip() if "//" in text else f"https://{text.strip()}"
    try:
        parts = urlsplit(spelled)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise ServerFailure(f"the server's URL can't be read: {error}", _SPELLING) from None
    if parts.username is not None or parts.password is not None:
        raise ServerFailure(
            "the server's URL holds credentials", "take them out; secrets come from the environment or a file"
        )
    if parts.scheme not in ("http", "https") or not _is_host(host) or parts.query or parts.fragment:
        raise ServerFailure(f"{text!r} is not the URL of a server", _SPELLING)
    if parts.scheme == "http" and not is_loopback(host):
        raise ServerFailure(
            f"{parts.scheme}://{host} would send the token without TLS",
            "use https://; plain http:// is only for a server on this machine",
        )
    return Address(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), _prefix(parts.path))


_SPELLING = "write it like https://tpp.example.com"


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_host(host: str) -> bool:
    return bool(host) and all(letter.isalnum() or letter in "-._:%" for letter in host)


def _prefix(path: str) -> str:
    kept: list[str] = []
    for segment in filter(None, path.split("/")):
        if segment.lower() in _PRODUCT_PATHS:
            break
        kept.append(segment)
    return "".join(f"/{segment}" for segment in kept)
