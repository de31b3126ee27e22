"""The configuration file, with one environment chosen, as settings; or every fault in it."""

import os
import os.path
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.errors import InvalidInput
from reconciler.manifests.decode import attempt
from reconciler.manifests.policy import Members, decode_policy
from reconciler.manifests.problems import Code, InvalidValue, did_you_mean
from reconciler.manifests.schema import load, member_validator, newer_version, schema_problems, validator
from reconciler.manifests.text import is_below, repository_of
from reconciler.manifests.times import zone_of
from reconciler.manifests.windows import decode_window, seconds
from reconciler.manifests.yaml import SourceMap, Value, read_file
from reconciler.model.change_record import ChangeKind, ChangeSystem
from reconciler.model.decision import Problem, Source
from reconciler.model.policy import (
    Policy,
)
from reconciler.model.server_url import InvalidServerUrl, parse_server_url
from reconciler.model.settings import Auth, AuthMethod, ContextSettings, LedgerBranch, Requests, Settings, Tls
from reconciler.model.value import quote, replace

DEFAULT_PATH = "reconciler.yaml"


def load_settings(
    path: str | os.PathLike[str] | None, environment: str | None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of one environment, or of none.

    `path` None means reconciler.yaml in the working directory, and only defaults when there is no such file.
    `environ` (that of the process when left out) overrides: TPP_URL, TPP_CA_BUNDLE, TPP_CLIENT_ID, TPP_SCOPE,
    TPP_USERNAME, TPP_TOKEN_FILE and RECONCILER_LEDGER_BRANCH. Secrets are never read here. Raises InvalidInput with
    every fault of every environment.
    """
    settings, problems = check_settings(path, environment, environ)
    if problems:
        raise InvalidInput(problems)
    return settings


def check_settings(
    path: str | os.PathLike[str] | None, environment: str | None, environ: Mapping[str, str] | None = None
) -> tuple[Settings, tuple[Problem, ...]]:
    """Return the settings as far as they can be read, and every fault of them in order of place."""
    members: Members = {}
    file = os.fspath(path) if path is not None else DEFAULT_PATH if Path(DEFAULT_PATH).exists() else None
    places, problems = SourceMap(file or DEFAULT_PATH), list[Problem]()
    if file is not None:
        members, places, problems = _read(file)
    environ = os.environ if environ is None else environ
    settings = _chosen(members, file, environment, places, problems, environ.get("RECONCILER_LEDGER_BRANCH", ""))
    settings = _overridden(settings, environ, problems)
    if not problems:
        problems = [fault.at(places.value(fault.path)) for fault in _incomplete(settings)]
    return settings, tuple(sorted(set(problems), key=lambda problem: (problem.source, problem.message)))


def _read(file: str) -> tuple[Members, SourceMap, list[Problem]]:
    document = read_file(file, repository_of(file))
    value, places, problems = document.value, document.places, document.problems
    if problems and not document.whole:
        return {}, SourceMap(file), problems
    if (newer := newer_version(value, places)) is not None:
        return {}, places, [newer]
    if not validator("config")(value):
        problems += schema_problems("config", value, places)
        value = _valid(value)
    return value if isinstance(value, dict) else {}, places, problems


def _valid(value: Value) -> dict[str, Any]:
    """Return those members of a faulty configuration that are valid, so that all other faults are found too."""
    known = load("config")["properties"]
    usable: dict[str, Any] = {}
    for name, member in value.items() if isinstance(value, dict) else ():
        if name == "environments" and isinstance(member, dict):
            usable[name] = {inner: _valid(stated) for inner, stated in member.items()}
        elif name in known and member_validator("config", name)(member):
            usable[name] = member
    return usable


def _chosen(
    members: Members, file: str | None, name: str | None, places: SourceMap, problems: list[Problem], branch: str
) -> Settings:
    """Decode the base and every environment, so that all faults are found, and return the one that was asked for.

    `branch` names the ledger's, over whatever the configuration says.
    """
    folder = str(Path(file).parent) if file else ""
    environments: Members = members.get("environments", {})
    base = {key: value for key, value in members.items() if key != "environments"}
    found: dict[str | None, Settings] = {}
    for each, stated in ((None, {}), *environments.items()):
        faults: list[InvalidValue] = []
        found[each] = decode_settings(_merged(_of_its_server(base, stated), stated), folder, faults, branch)
        faults += _leading_out(found[each].tickets, file)
        faults += _folders_leading_out(found[each].policy, file)
        faults += _still_in_use(found[each], members, each)
        for fault in faults:
            inner = ("environments", each or "", *fault.path)
            problems.append(fault.at(places.value(inner if inner in places else fault.path)))
    if name not in found and not problems:
        hint = did_you_mean(name or "", environments) or "define it under `environments`"
        message = f"environment {quote(name)} is not defined"
        problems.append(Problem(Code.CONFIG_ENVIRONMENT, places.key(("environments",)), message, hint))
    return replace(found.get(name, found[None]), environment=name, environments=tuple(sorted(environments)), path=file)


def _of_its_server(base: Members, environment: Members) -> Members:
    """Leave out of the base what holds of its own server alone, for an environment that has another server."""
    return {key: value for key, value in base.items() if key != "former_servers" or "server" not in environment}


def _still_in_use(settings: Settings, members: Members, name: str | None) -> Iterator[InvalidValue]:
    """Find former servers that are the present one of another environment: its decisions would count here."""
    stated = {None: members, **members.get("environments", {})}
    servers = {each: inner.get("server") for each, inner in stated.items() if each != name}
    present = {str(parse_server_url(url)): each for each, url in servers.items() if _is_server(url)}
    for index, url in enumerate(settings.former_servers):
        if url in present and url != settings.server:
            where = f"environment {quote(present[url] or '')}" if present[url] else "the base configuration"
            message = f"this is the server of {where}, whose decisions would count here"
            hint = "name only earlier URLs of this environment's own server"
            yield InvalidValue(Code.CONFIG_SERVER, message, hint, ("former_servers", index))


def _is_server(url: object) -> bool:
    try:
        return isinstance(url, str) and bool(parse_server_url(url))
    except InvalidServerUrl:
        return False


def _leading_out(tickets: Iterable[str], file: str | None) -> Iterator[InvalidValue]:
    root = repository_of(file)
    for index, path in enumerate(tickets if file else ()):
        if not is_below(os.path.realpath(path), root):
            hint = "move the manifests into the repository, or name their folder on the command line"
            yield InvalidValue(Code.CONFIG_VALUE, "this path leads out of the repository", hint, ("tickets", index))


def _folders_leading_out(policy: Policy, file: str | None) -> Iterator[InvalidValue]:
    root = repository_of(file)
    for name in policy.folders if file else ():
        if not is_below(os.path.realpath(_path(str(Path(file or "").parent), name)), root):
            hint = "name a folder of manifests of this repository, relative to this file"
            yield InvalidValue(
                Code.CONFIG_VALUE, "this folder is outside of the repository", hint, ("policy", "folders", name)
            )


def _merged(base: Members, over: Members, *, inside_windows: bool = False) -> Members:
    """Lay one map over another, key by key. Lists and windows are replaced whole."""
    merged: dict[str, Any] = dict(base)
    for key, value in over.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and not inside_windows:
            merged[key] = _merged(below, value, inside_windows=key == "windows")
        else:
            merged[key] = value
    return merged


def _overridden(settings: Settings, environ: Mapping[str, str], problems: list[Problem]) -> Settings:
    url = environ.get("TPP_URL")
    if url:
        try:
            server = _server(url)
            former = settings.former_servers if settings.server in (None, server) else ()
            settings = replace(settings, server=server, former_servers=former)
        except InvalidValue as fault:
            problems.append(fault.at(Source("$TPP_URL")))
    auth, tls = settings.auth, settings.tls
    return replace(
        settings,
        auth=replace(
            _auth_overridden(auth, environ),
            plan=_auth_overridden(auth.plan, environ) if auth.plan else None,
            apply=_auth_overridden(auth.apply, environ) if auth.apply else None,
        ),
        tls=replace(tls, ca_bundle=environ.get("TPP_CA_BUNDLE") or tls.ca_bundle),
    )


def _auth_overridden(auth: Auth, environ: Mapping[str, str]) -> Auth:
    return replace(
        auth,
        client_id=environ.get("TPP_CLIENT_ID") or auth.client_id,
        scope=environ.get("TPP_SCOPE") or auth.scope,
        username=environ.get("TPP_USERNAME") or auth.username,
        token_file=environ.get("TPP_TOKEN_FILE") or auth.token_file,
    )


def _incomplete(settings: Settings) -> list[InvalidValue]:
    """Find what the method of signing in needs and no environment variable can give."""
    for name, auth in settings.auth.ways.items():
        path = ("auth", *([name] if name else []), "method")
        match auth.method:
            case AuthMethod.CERTIFICATE if settings.tls.client_cert is None:
                hint = "add `tls: {client_cert: …, client_key: …}`"
                return [InvalidValue(Code.CONFIG_AUTH, "method `certificate` needs a client certificate", hint, path)]
            case AuthMethod.JWT if (auth.jwt_file is None) == (not auth.jwt_command):
                hint = "add either `jwt_file` or `jwt_command`"
                return [InvalidValue(Code.CONFIG_AUTH, "method `jwt` needs one source of the JWT", hint, path)]
            case _:
                pass
    if settings.policy.change_record and settings.change_records is None:
        hint = "add `change_records: {kind: …, url: …}`"
        return [
            InvalidValue(Code.CONFIG_VALUE, "`change_record` needs a system to ask", hint, ("policy", "change_record"))
        ]
    return []


_DEFAULTS = Settings()


def decode_settings(members: Members, folder: str, faults: list[InvalidValue], branch: str = "") -> Settings:
    """Return the settings that `members` spell; relative paths are relative to `folder`.

    What is wrong goes to `faults`, with the path inside `members`; what it concerns is then left at its default.
    """
    zone = attempt(partial(zone_of, members["timezone"]), faults, "timezone") if "timezone" in members else None
    server = attempt(partial(_server, members["server"]), faults, "server") if "server" in members else None
    expires = members.get("plan", {}).get("expires")
    ttl = attempt(partial(seconds, expires), faults, "plan", "expires") if expires else None
    windows = {
        name: window
        for name, stated in members.get("windows", {}).items()
        if (window := attempt(partial(decode_window, stated, zone, members), faults, "windows", name)) is not None
    }
    stop_file = members.get("stop_file")
    stated = members.get("ledger", {})
    ledger: Members = {"path": stated} if isinstance(stated, str) else stated
    policy = decode_policy(members.get("policy", {}), zone, faults, members)
    policy = replace(policy, timezone=members["timezone"] if zone is not None else None)
    if zone is None and "timezone" in members:  # reported by itself; what follows from it is nobody's fault
        faults[:] = [fault for fault in faults if fault.code is not Code.TIME_NO_OFFSET]
        unknown = members["timezone"]
        windows = {name: each for name, each in windows.items() if getattr(each, "timezone", None) != unknown}
    former = (
        attempt(partial(_server, url), faults, "former_servers", index)
        for index, url in enumerate(members.get("former_servers", ()))
    )
    return Settings(
        server=server,
        former_servers=tuple(url for url in former if url is not None),
        tickets=tuple(_path(folder, path) for path in members.get("tickets", _DEFAULTS.tickets)),
        ledger=_path(folder, ledger.get("path", _DEFAULTS.ledger)),
        ledger_branch=_ledger_branch({**ledger, "branch": branch} if branch else ledger, faults),
        ledger_people=ledger.get("people", "login"),
        auth=_auth(members.get("auth", {}), folder),
        tls=Tls(**{name: _path(folder, path) for name, path in members.get("tls", {}).items()}),
        requests=_requests(members.get("requests", {}), faults),
        policy=policy,
        windows=windows,
        plan_ttl=_DEFAULTS.plan_ttl if ttl is None else ttl,
        stop_file=None if stop_file is None else _path(folder, stop_file),
        context=_context(members.get("context", {}), faults),
        timezone=members["timezone"] if zone is not None else None,
        change_records=attempt(
            partial(_change_system, members["change_records"], folder), faults, "change_records", "url"
        )
        if "change_records" in members
        else None,
    )


def _ledger_branch(stated: Members, faults: list[InvalidValue]) -> LedgerBranch | None:
    branch = stated.get("branch")
    if branch is None:
        if stated.get("lock") == "git":
            hint = "add `branch: reconciler-ledger`"
            faults.append(InvalidValue(Code.CONFIG_VALUE, "`lock: git` needs the branch", hint, ("ledger", "lock")))
        return None
    return LedgerBranch(branch, stated.get("remote", "origin"), stated.get("lock") != "file")


def _server(text: str) -> str:
    try:
        return str(parse_server_url(text))
    except InvalidServerUrl as error:
        code = Code.CONFIG_SECRET if error.secret else Code.CONFIG_SERVER
        raise InvalidValue(code, error.message, error.hint) from None


def _path(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, os.path.expanduser(path)))  # noqa: PTH111, PTH118 - keeps it relative


def _auth(stated: Members, folder: str) -> Auth:
    common = {name: value for name, value in stated.items() if name not in ("plan", "apply")}
    plan, apply = (
        _signing_in(_merged(common, stated[name]), folder) if name in stated else None for name in ("plan", "apply")
    )
    return replace(_signing_in(common, folder), plan=plan, apply=apply)


def _signing_in(stated: Members, folder: str) -> Auth:
    values: dict[str, Any] = {
        name: _path(folder, value) if name in ("token_file", "jwt_file") else value for name, value in stated.items()
    }
    if "method" in stated:
        values["method"] = AuthMethod(stated["method"])
    if "jwt_command" in stated:
        values["jwt_command"] = tuple(stated["jwt_command"])
    return Auth(**values)


def _requests(stated: Members, faults: list[InvalidValue]) -> Requests:
    values: dict[str, Any] = {}
    for name, value in stated.items():
        if isinstance(value, str):
            spelled = attempt(partial(seconds, value), faults, "requests", name)
            if spelled is not None:
                values[name] = float(spelled)
        else:
            values[name] = int(value) if name in ("reads", "writes") else float(value)
    return Requests(**values)


def _context(stated: Members, faults: list[InvalidValue]) -> ContextSettings:
    values: dict[str, Any] = {name: stated[name] for name in ("certificates",) if name in stated}
    if "details" in stated:
        values["details"] = int(stated["details"])
    if "warn" in stated:
        values["warn"] = int(stated["warn"].removesuffix("d"))
    timeout = stated.get("timeout")
    if isinstance(timeout, str):
        timeout = attempt(partial(seconds, timeout), faults, "context", "timeout")
    if timeout is not None:
        values["timeout"] = float(timeout)
    return ContextSettings(**values, fields=tuple(stated.get("fields", ())))


def _change_system(stated: Members, folder: str) -> ChangeSystem:
    """Raises InvalidValue for what is no address, or one to which credentials would be sent unencrypted."""
    bundle, url = stated.get("ca_bundle"), stated["url"]
    _server(url)  # the same rules; a path, which only the kind http needs, stays as it is written
    return ChangeSystem(
        kind=ChangeKind(stated["kind"]),
        url=url,
        timeout=float(stated.get("timeout", 10)),
        states=stated.get("states", {}),
        fields=stated.get("fields", {}),
        ca_bundle=None if bundle is None else _path(folder, bundle),
        comment=stated.get("comment", False),
        people=stated.get("people", {}),
        keyring=stated.get("keyring"),
    )
