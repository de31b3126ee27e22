"""What the sandbox answers, before it becomes HTTP."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.canonical import Json
from reconciler.sandbox.results import Result

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `effect` says whether a ticket was changed, made or deleted, `result` is the Result in the body."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: bool = False
    result: int | None = None


def answer(payload: Mapping[str, Json], status: int = 200) -> Reply:
    """Answer with JSON."""
    return Reply(status, json.dumps(payload).encode("utf-8"))


def success(payload: Mapping[str, Json], *, effect: bool = False) -> Reply:
    """Answer a ticket call with Result 1 and what it yields."""
    body = json.dumps({**payload, "Result": int(Result.SUCCESS)}).encode("utf-8")
    return Reply(200, body, effect=effect, result=Result.SUCCESS)


def failure(result: Result, status: int, yields: tuple[str, ...] = ()) -> Reply:
    """Answer a ticket call with a failing Result; everything that it would have yielded is null."""
    body: dict[str, Json] = dict.fromkeys(yields)
    body["Result"] = int(result)
    return Reply(status, json.dumps(body).encode("utf-8"), result=result)


def oauth_error(status: int, error: str, description: str) -> Reply:
    """Refuse as the authorisation server does; 401 carries WWW-Authenticate (RFC 6750)."""
    body = json.dumps({"error": error, "error_description": description}).encode("utf-8")
    challenge = f'Bearer realm="WebSDK", error="{error}", error_description="{description}"'
    return Reply(status, body, headers={"WWW-Authenticate": challenge} if status == 401 else {})


def bad_request(description: str) -> Reply:
    """Refuse a request that lacks a required property or is malformed."""
    return oauth_error(400, "invalid_request", description)
