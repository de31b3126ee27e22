"""What may be sent again, as a table: which call, which proof, how often, and what has to happen before."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

_FIRST = 1.0
_LONGEST = 15.0
_random = secrets.SystemRandom()

Jitter = Callable[[], float]
"""Yields numbers between 0 and 1."""


class Kind(StrEnum):
    """What a call does, which decides when it may be sent again."""

    READ = "read"
    CONTEXT = "context"
    """Reads what reviewers see besides: nothing depends on it, so that it is not waited for."""
    UPDATE = "update"
    GRANT = "grant"
    SINGLE_USE = "single-use"
    """Uses up what proves who we are, such as a refresh token."""


class Shown(StrEnum):
    """What an attempt without a usable answer shows."""

    NOT_SENT = "not sent"
    """No connection was made, so the server has not got it."""
    AWAY = "away"
    """HTTP 503: the server is starting, or something answers in its place."""
    BUSY = "busy"
    """HTTP 408, 425, 429, 500, 502 or 504."""
    UNANSWERED = "unanswered"
    """It was sent, and no whole answer came."""
    UNREADABLE = "unreadable"
    """An answer came that makes no sense."""
    TOKEN_REFUSED = "token refused"
    """HTTP 401 that says nothing of a ticket: the server looked at the token and at nothing else."""
    NOT_PERMITTED = "not permitted"
    """Result 4, as a ticket that is newer than the session has it: a refusal, so it was not executed."""


class Cure(StrEnum):
    """What has to succeed before a call is sent again."""

    WAITING = "waiting"
    NEW_TOKEN = "a new token"
    FRESH_PERMISSIONS = "fresh permissions"


@dataclass(frozen=True, slots=True)
class Retry:
    """How many attempts are made in all, and what has to happen between two of them.

    With `waits` it is `requests.wait` that bounds them, and the number only where that is 0.
    """

    attempts: int
    cure: Cure = Cure.WAITING
    waits: bool = False


RETRIES: Mapping[tuple[Kind, Shown], Retry] = {
    (Kind.READ, Shown.NOT_SENT): Retry(5, waits=True),
    (Kind.READ, Shown.AWAY): Retry(5, waits=True),
    (Kind.READ, Shown.BUSY): Retry(5),
    (Kind.READ, Shown.UNANSWERED): Retry(5),
    (Kind.READ, Shown.UNREADABLE): Retry(2),
    (Kind.READ, Shown.TOKEN_REFUSED): Retry(2, Cure.NEW_TOKEN),
    (Kind.CONTEXT, Shown.NOT_SENT): Retry(2),
    (Kind.CONTEXT, Shown.AWAY): Retry(2),
    (Kind.CONTEXT, Shown.BUSY): Retry(2),
    (Kind.CONTEXT, Shown.TOKEN_REFUSED): Retry(2, Cure.NEW_TOKEN),
    # An update is sent again only with proof that it was not executed: nothing else may ever stand here.
    (Kind.UPDATE, Shown.NOT_SENT): Retry(3),
    (Kind.UPDATE, Shown.TOKEN_REFUSED): Retry(2, Cure.NEW_TOKEN),
    (Kind.UPDATE, Shown.NOT_PERMITTED): Retry(2, Cure.FRESH_PERMISSIONS),
    (Kind.GRANT, Shown.NOT_SENT): Retry(4, waits=True),
    (Kind.GRANT, Shown.AWAY): Retry(4, waits=True),
    (Kind.GRANT, Shown.BUSY): Retry(4),
    (Kind.GRANT, Shown.UNANSWERED): Retry(4),
    (Kind.SINGLE_USE, Shown.NOT_SENT): Retry(4, waits=True),
}
"""Whatever does not stand here is never sent again."""


_BUSY = frozenset({408, 425, 429, 500, 502, 504})


def shown_by(status: int) -> Shown | None:
    """Return what an HTTP status shows by itself."""
    return Shown.AWAY if status == 503 else Shown.BUSY if status in _BUSY else None


def wait_before(attempt: int, jitter: Jitter = _random.random) -> float:
    """Seconds to wait after the `attempt`-th failure (from 1): about 1, 2, 4, 8, at most 15, half of it by chance."""
    longest = min(_FIRST * 2.0 ** (attempt - 1), _LONGEST)
    return longest / 2 + longest / 2 * jitter()


def retry_after(value: str | None, now: datetime) -> float:
    """Return the seconds that a Retry-After header asks for, as a number or as a date (RFC 9110, 10.2.3).

    0 when it is absent, in the past, or can't be read.
    """
    if not value:
        return 0.0
    spelled = value.strip()
    if spelled.isascii() and spelled.isdigit():
        return float(spelled[:9])
    try:
        moment = parsedate_to_datetime(spelled)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
