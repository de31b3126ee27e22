"""Turns a configuration that is well-formed by its schema into settings, and finds what the schema can't say."""

import os.path
import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from reconciler.manifests.codes import Code
from reconciler.manifests.decode import attempt
from reconciler.manifests.fault import Fault, shown
from reconciler.manifests.server import normal_server
from reconciler.manifests.times import in_order, instant, zone_of
from reconciler.manifests.window_decode import decode_window, seconds
from reconciler.model.policy import FourEyes, Freeze, Limits, Policy
from reconciler.model.settings import Auth, AuthMethod, Requests, Settings, Tls

Members = Mapping[str, Any]

_DEFAULTS = Settings()


def decode_settings(members: Members, folder: str, faults: list[Fault]) -> Settings:
    """Return the settings that `members` spell; relative paths are relative to `folder`.

    What is wrong goes to `faults`, with the path inside `members`; what it concerns is then left at its default.
    """
    zone = attempt(partial(zone_of, members["timezone"]), faults, "timezone") if "timezone" in members else None
    server = attempt(partial(normal_server, members["server"]), faults, "server") if "server" in members else None
    expires = members.get("plan", {}).get("expires")
    ttl = attempt(partial(seconds, expires), faults, "plan", "expires") if expires else None
    windows = {
        name: window
        for name, stated in members.get("windows", {}).items()
        if (window := attempt(partial(decode_window, stated, zone, members), faults, "windows", name)) is not None
    }
    stop_file = members.get("stop_file")
    policy = _policy(members.get("policy", {}), zone, faults)
    if zone is None and "timezone" in members:  # reported by itself; what follows from it is nobody's fault
        faults[:] = [fault for fault in faults if fault.code is not Code.TIME_NO_OFFSET]
    return Settings(
        server=server,
        tickets=tuple(_path(folder, path) for path in members.get("tickets", _DEFAULTS.tickets)),
        ledger=_path(folder, members.get("ledger", _DEFAULTS.ledger)),
        auth=_auth(members.get("auth", {}), folder),
        tls=Tls(**{name: _path(folder, path) for name, path in members.get("tls", {}).items()}),
        requests=_requests(members.get("requests", {})),
        policy=policy,
        windows=windows,
        plan_ttl=_DEFAULTS.plan_ttl if ttl is None else ttl,
        stop_file=None if stop_file is None else _path(folder, stop_file),
    )


def _path(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, os.path.expanduser(path)))  # noqa: PTH111, PTH118 - keeps it relative


def _auth(stated: Members, folder: str) -> Auth:
    values: dict[str, Any] = {
        name: _path(folder, value) if name in ("token_file", "jwt_file") else value for name, value in stated.items()
    }
    if "method" in stated:
        values["method"] = AuthMethod(stated["method"])
    if "jwt_command" in stated:
        values["jwt_command"] = tuple(stated["jwt_command"])
    return Auth(**values)


def _requests(stated: Members) -> Requests:
    whole = ("reads", "writes")
    values: dict[str, Any] = {name: int(value) if name in whole else float(value) for name, value in stated.items()}
    return Requests(**values)


def _policy(stated: Members, zone: tzinfo | None, faults: list[Fault]) -> Policy:
    pattern = stated.get("change_pattern")
    if pattern is not None:
        attempt(partial(_check_pattern, pattern), faults, "policy", "change_pattern")
    four_eyes, budget = stated.get("four_eyes"), stated.get("failure_budget")
    limits = {name: int(value) for name, value in stated.get("limits", {}).items()}
    freezes = [
        _freeze(freeze, zone, faults, ("policy", "freezes", index))
        for index, freeze in enumerate(stated.get("freezes", ()))
    ]
    return Policy(
        require=frozenset(stated.get("require", ())),
        change_pattern=pattern,
        owns=tuple(stated.get("owns", ())),
        limits=Limits(**limits),
        freezes=tuple(freeze for freeze in freezes if freeze is not None),
        four_eyes=None if four_eyes is None else _four_eyes(four_eyes),
        failure_budget=None if budget is None else int(budget),
    )


def _four_eyes(stated: Members) -> FourEyes:
    plain = FourEyes()
    return FourEyes(int(stated.get("reviewers", plain.reviewers)), stated.get("allow_direct_push", False))


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        hint = f"{error.msg} at character {(error.pos or 0) + 1}"
        raise Fault(Code.CONFIG_PATTERN, f"{shown(pattern)} is not a regular expression", hint) from None


def _freeze(stated: Members, zone: tzinfo | None, faults: list[Fault], path: tuple[str | int, ...]) -> Freeze | None:
    start = attempt(partial(instant, stated["start"], zone), faults, *path, "start")
    stop = attempt(partial(instant, stated["stop"], zone), faults, *path, "stop")
    if start is None or stop is None:
        return None
    return attempt(partial(_ordered_freeze, stated, start, stop), faults, *path)


def _ordered_freeze(stated: Members, start: datetime, stop: datetime) -> Freeze:
    in_order(start, stop)
    return Freeze(stated["name"], start, stop, tuple(stated.get("objects", ("**",))))
