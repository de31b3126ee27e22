"""The base URL of TPP: one parser and one spelling for every way in which people write it."""

import re
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

from reconciler.model.value import quote

_PARTS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?+"
    r"(?P<host>\[[^\]/?#]*\]|[^\[\]/?#:]*)(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?#]*)?"
)
_NAME = re.compile(r"(?!-)[\w-]{1,63}(?:\.[\w-]{1,63})*")
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%-]+")
_SERVICES = frozenset({"vedsdk", "vedauth", "vedadmin", "aperture"})
_USUAL_PORTS = {"https": 443, "http": 80}
_LAST_PORT = 65535
_SPELLING = "write it as in `https://tpp.example.com`"


class InvalidServerUrl(ValueError):
    """A text that is no base URL of a server, with what to do. `secret` says that it carries credentials."""

    def __init__(self, message: str, hint: str = _SPELLING, *, secret: bool = False) -> None:
        """Return what is wrong (`message`) and what to do (`hint`)."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.secret = secret


class ServerUrl(Struct, frozen=True):
    """The origin of a server and the path below which /vedsdk and /vedauth live (usually none)."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port; the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _USUAL_PORTS[self.scheme] else f":{self.port}")

    def __str__(self) -> str:
        """Spell the URL as plans and ledgers name their target."""
        return self.origin + self.prefix


def parse_server_url(text: str) -> ServerUrl:
    """Read a base URL with or without scheme, trailing slashes, and the path of one of TPP's services.

    TPP reference, "API base URL". Raises InvalidServerUrl for what is no such URL, for one that carries credentials,
    and for http to anything but this machine, which would send tokens unencrypted.
    """
    if "@" in text:
        message = "the server's URL has a user or password in it, which would end up in plans and logs"
        raise InvalidServerUrl(message, "remove everything up to the `@`, and change the password", secret=True)
    found = _PARTS.fullmatch(text.strip())
    if found is None:
        raise _refused(text)
    scheme = (found["scheme"] or "https").lower()
    host = _host(found["host"])
    segments = [segment for segment in (found["path"] or "").split("/") if segment]
    if scheme not in _USUAL_PORTS or host is None or not all(map(_is_segment, segments)):
        raise _refused(text)
    if scheme == "http" and not is_loopback(host):
        message = f"server {quote(text)} is not https, so tokens and approvals would be sent unencrypted"
        raise InvalidServerUrl(message, "write `https://`; http is only for a sandbox on this machine")
    port = int(found["port"] or _USUAL_PORTS[scheme])
    if not 0 < port <= _LAST_PORT:
        message = f"port {quote(found['port'])} of the server does not exist"
        raise InvalidServerUrl(message, "use 1 to 65535, or leave it out")
    first = next((index for index, segment in enumerate(segments) if segment.lower() in _SERVICES), len(segments))
    return ServerUrl(scheme, host, port, "".join(f"/{segment}" for segment in segments[:first]))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(text: str) -> str | None:
    """Return a host in its usual spelling, None when it is none."""
    if text.startswith("["):
        try:
            return IPv6Address(text[1:-1]).compressed if "%" not in text else None
        except ValueError:
            return None
    name = text.lower().removesuffix(".")
    return name if _NAME.fullmatch(name) else None


def _is_segment(segment: str) -> bool:
    return _SEGMENT.fullmatch(segment) is not None and segment not in (".", "..")


def _refused(text: str) -> InvalidServerUrl:
    message = f"server {quote(text)} is not a URL"
    bare = text.strip().rpartition("://")[2].split("/")[0]
    address, zone, _ = bare.strip("[]").partition("%")
    try:
        IPv6Address(address)
    except ValueError:
        return InvalidServerUrl(message)
    if zone:
        return InvalidServerUrl(message, "leave out what follows the `%`: a zone means something on one machine only")
    return InvalidServerUrl(message, f"put the IPv6 address into brackets: `[{address}]`")
