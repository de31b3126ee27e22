"""The base URL of TPP in one spelling."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from reconciler.manifests.problems import Code, InvalidValue, quote

_SERVICES = ("/vedsdk", "/vedauth")


def normal_server(text: str) -> str:
    """Return the URL that all services of a TPP server have in common, without a slash at its end.

    Users give it with and without /vedsdk and a trailing slash (TPP reference, "API base URL"). Raises InvalidValue
    for what is no such URL, for http to anything but this machine, and for a URL that carries a user or password.
    """
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _no_url(text) from None
    if parts.username is not None or parts.password is not None:
        message = "the server's URL has a user or password in it, which would end up in plans and logs"
        raise InvalidValue(Code.CONFIG_SECRET, message, "remove everything up to the `@`, and change the password")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or " " in text:
        raise _no_url(text)
    if parts.scheme == "http" and not _is_this_machine(host):
        message = f"server {quote(text)} is not https, so tokens and approvals would travel readable"
        raise InvalidValue(
            Code.CONFIG_SERVER, message, f"write `https://{host}`; http is only for a sandbox on this machine"
        )
    return _joined(parts, f"[{host}]" if ":" in host else host, port)


def _joined(parts: SplitResult, host: str, port: int | None) -> str:
    path = parts.path.rstrip("/")
    for service in _SERVICES:
        if path.casefold().endswith(service):
            path = path[: -len(service)].rstrip("/")
    usual = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}{f':{port}' if port not in (None, usual) else ''}{path}"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _no_url(text: str) -> InvalidValue:
    return InvalidValue(
        Code.CONFIG_SERVER, f"server {quote(text)} is not a URL", "write it as in `https://tpp.example.com`"
    )
