"""The wrong answers that real servers and the proxies before them give, by name."""

from reconciler.sandbox.fault_injection import Say

DEADLOCK_TEXT = (
    "Transaction (Process ID 87) was deadlocked on lock resources with another process and has been chosen "
    "as the deadlock victim. Rerun the transaction."
)
_PAGE = "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
_TITLES = {502: "502 Bad Gateway", 503: "503 Service Unavailable", 504: "504 Gateway Time-out"}


def deadlock(*, effect: bool = False) -> Say:
    """500 because SQL Server chose the call as a deadlock victim."""
    return Say(500, DEADLOCK_TEXT.encode(), "text/plain; charset=utf-8", effect=effect)


def gateway(status: int = 502, *, effect: bool = False) -> Say:
    """502, 503 or 504 with the HTML page of a proxy."""
    return Say(status, _page(_TITLES.get(status, f"{status} Error")), effect=effect)


def push_back(status: int = 429, retry_after: str | None = "1", *, effect: bool = False) -> Say:
    """429 or 503 that asks to come back later: `retry_after` is seconds or an HTTP date, None to leave it out."""
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return Say(status, b"Too busy", "text/plain; charset=utf-8", headers, effect)


def html(title: str = "Sign in", *, effect: bool = False) -> Say:
    """200 with an HTML page, as a single sign-on or maintenance page is."""
    return Say(200, _page(title), effect=effect)


def empty(*, effect: bool = False) -> Say:
    """200 with nothing."""
    return Say(200, b"", "application/json", effect=effect)


def redirect(location: str, status: int = 302) -> Say:
    """A redirect to `location`."""
    return Say(status, b"", headers=(("Location", location),))


def unauthorized() -> Say:
    """401 as for an expired token."""
    return _refusal(401, "invalid_token", (("WWW-Authenticate", 'Bearer realm="WebSDK", error="invalid_token"'),))


def forbidden() -> Say:
    """403 as for a grant that lacks the scope."""
    return _refusal(403, "insufficient_scope", ())


def says(body: str | bytes, status: int = 200, *, effect: bool = False) -> Say:
    """Any body with a JSON content type."""
    data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return Say(status, data, "application/json; charset=utf-8", effect=effect)


def _refusal(status: int, error: str, headers: tuple[tuple[str, str], ...]) -> Say:
    body = f'{{"error": "{error}", "error_description": "The sandbox was told to refuse this call"}}'
    return Say(status, body.encode(), "application/json; charset=utf-8", headers)


def _page(title: str) -> bytes:
    return _PAGE.format(title=title).encode()
