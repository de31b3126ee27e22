"""When a call to GitHub may be tried again, and after how long.

Source: GitHub documentation, "Best practices for using the REST API" and "Rate limits for the REST API":
429, or 403 with `retry-after` or `x-ratelimit-remaining: 0`, means that the request was not carried out.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from reconciler.model.instant import format_instant

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
