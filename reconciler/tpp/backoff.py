"""When to try again: growing waits with jitter, and what a server asks for in Retry-After."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST = 1.0
_LONGEST = 15.0
_random = secrets.SystemRandom()

Jitter = Callable[[], float]
"""Yields numbers between 0 and 1."""


def wait_before(attempt: int, jitter: Jitter = _random.random) -> float:
    """Seconds to wait after the `attempt`-th failure (from 1): about 1, 2, 4, 8, at most 15, half of it by chance."""
    longest = min(_FIRST * 2.0 ** (attempt - 1), _LONGEST)
    return longest / 2 + longest / 2 * jitter()


def retry_after(value: str | None, now: datetime) -> float:
    """Return the seconds that a Retry-After header asks for, as a number or as a date (RFC 9110, 10.2.3).

    0 when it is absent, in the past, or can't be read.
    """
    spelled = (value or "").strip()
    if spelled.isascii() and spelled.isdigit():
        return float(spelled[:9])
    try:
        moment = parsedate_to_datetime(spelled)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
