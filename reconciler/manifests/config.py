"""The configuration file, with one environment chosen, as settings; or every fault in it."""

import os
import os.path
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.errors import InvalidInput
from reconciler.manifests.decode import attempt
from reconciler.manifests.expressions import check_expression
from reconciler.manifests.problems import Code, InvalidValue, did_you_mean
from reconciler.manifests.schema import load, member_validator, schema_problems, validator
from reconciler.manifests.text import folder_key, is_below, repository_of
from reconciler.manifests.times import in_order, instant, zone_of
from reconciler.manifests.windows import decode_window, seconds
from reconciler.manifests.yaml import SourceMap, Value, read_file
from reconciler.model.certificate import NoteCode
from reconciler.model.change_record import ChangeKind, ChangeSystem
from reconciler.model.decision import Problem, Source
from reconciler.model.policy import (
    ChangeRule,
    EmergencyRule,
    FolderRules,
    FourEyes,
    Freeze,
    Limits,
    Orphans,
    OverrideBounds,
    Policy,
    RecurringFreeze,
    RecurringWindow,
    ReviewedPlan,
    Reviewers,
    RuleBounds,
    WindowRule,
)
from reconciler.model.server_url import InvalidServerUrl, parse_server_url
from reconciler.model.settings import Auth, AuthMethod, ContextSettings, LedgerBranch, Requests, Settings, Tls
from reconciler.model.value import quote, replace

DEFAULT_PATH = "reconciler.yaml"

Members = Mapping[str, Any]


def load_settings(
    path: str | os.PathLike[str] | None, environment: str | None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of one environment, or of none.

    `path` None means reconciler.yaml in the working directory, and only defaults when there is no such file.
    `environ` (that of the process when left out) overrides: TPP_URL, TPP_CA_BUNDLE, TPP_CLIENT_ID, TPP_SCOPE,
    TPP_USERNAME and TPP_TOKEN_FILE. Secrets are never read here. Raises InvalidInput with every fault of every
    environment.
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
    settings = _chosen(members, file, environment, places, problems)
    settings = _overridden(settings, os.environ if environ is None else environ, problems)
    if not problems:
        problems = [fault.at(places.value(fault.path)) for fault in _incomplete(settings)]
    return settings, tuple(sorted(set(problems), key=lambda problem: (problem.source, problem.message)))


def _read(file: str) -> tuple[Members, SourceMap, list[Problem]]:
    document = read_file(file, repository_of(file))
    value, places, problems = document.value, document.places, document.problems
    if problems and not document.whole:
        return {}, SourceMap(file), problems
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
    members: Members, file: str | None, name: str | None, places: SourceMap, problems: list[Problem]
) -> Settings:
    """Decode the base and every environment, so that all faults are found, and return the one that was asked for."""
    folder = str(Path(file).parent) if file else ""
    environments: Members = members.get("environments", {})
    base = {key: value for key, value in members.items() if key != "environments"}
    found: dict[str | None, Settings] = {}
    for each, stated in ((None, {}), *environments.items()):
        faults: list[InvalidValue] = []
        found[each] = decode_settings(_merged(_of_its_server(base, stated), stated), folder, faults)
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


def decode_settings(members: Members, folder: str, faults: list[InvalidValue]) -> Settings:
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
    policy = _policy(members.get("policy", {}), zone, faults, members)
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
        ledger_branch=_ledger_branch(ledger, faults),
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


def _policy(stated: Members, zone: tzinfo | None, faults: list[InvalidValue], members: Members) -> Policy:
    pattern = stated.get("change_pattern")
    if pattern is not None:
        attempt(partial(check_expression, pattern), faults, "policy", "change_pattern")
    four_eyes, budget = stated.get("four_eyes"), stated.get("failure_budget")
    longest = stated.get("rules", {}).get("longest")
    rules_longest = attempt(partial(seconds, longest), faults, "policy", "rules", "longest") if longest else None
    freezes, recurring = _freezes(stated, zone, faults, ("policy", "freezes"), members)
    return Policy(
        require=frozenset(stated.get("require", ())),
        change_pattern=pattern,
        owns=tuple(stated.get("owns", ())),
        limits=_limits(stated),
        freezes=freezes,
        recurring_freezes=recurring,
        four_eyes=None if four_eyes is None else _four_eyes(four_eyes),
        failure_budget=None if budget is None else int(budget),
        change_record=_change_rules(stated.get("change_record", ())),
        refuse=frozenset(NoteCode(code) for code in stated.get("refuse", ())),
        reviewed_plan=ReviewedPlan(stated.get("reviewed_plan", Policy().reviewed_plan)),
        rules=RuleBounds() if rules_longest is None else RuleBounds(rules_longest),
        orphans=Orphans(stated.get("orphans", Policy().orphans)),
        emergency=_emergency(stated["emergency"], faults) if "emergency" in stated else None,
        overrides=_override_bounds(stated.get("overrides", {}), faults, ("policy", "overrides")),
        folders=_folders(stated.get("folders", {}), zone, faults, members),
    )


def _emergency(stated: Members, faults: list[InvalidValue]) -> EmergencyRule:
    attempt(partial(check_expression, stated["incident"]), faults, "policy", "emergency", "incident")
    return EmergencyRule(
        stated["incident"],
        int(stated.get("per_day", EmergencyRule("").per_day)),
        frozenset(name.replace("_", "-") for name in stated.get("waives", ())),  # the guards' own names
    )


def _limits(stated: Members) -> Limits:
    return Limits(**{name: int(value) for name, value in stated.get("limits", {}).items()})


def _folders(
    stated: Mapping[str, Members], zone: tzinfo | None, faults: list[InvalidValue], members: Members
) -> dict[str, FolderRules]:
    """Decode the rules of folders. Names are told apart without case: some file systems know no other way."""
    found: dict[str, FolderRules] = {}
    known: dict[str, str] = {}
    for written, rules in stated.items():
        place = ("policy", "folders", written)
        if (other := known.setdefault(folder_key(written), written)) != written:
            hint = "put the rules of a folder in one place; names that differ only in case are one folder"
            faults.append(InvalidValue(Code.CONFIG_VALUE, f"this is the folder {quote(other)} again", hint, place))
            continue
        freezes, recurring = _freezes(rules, zone, faults, (*place, "freezes"), members)
        bounds = rules.get("overrides")
        reviewers = rules.get("reviewers")
        found[written] = FolderRules(
            owns=tuple(rules.get("owns", ())),
            limits=_limits(rules),
            reviewers=None if reviewers is None else _reviewers(reviewers),
            freezes=freezes,
            recurring_freezes=recurring,
            overrides=None if bounds is None else _override_bounds(bounds, faults, (*place, "overrides")),
        )
    return found


def _override_bounds(stated: Members, faults: list[InvalidValue], path: tuple[str | int, ...]) -> OverrideBounds:
    plain, longest = OverrideBounds(), stated.get("longest")
    spelled = None if longest is None else attempt(partial(seconds, longest), faults, *path, "longest")
    return OverrideBounds(
        rules=frozenset(stated["rules"]) if "rules" in stated else plain.rules,
        longest=plain.longest if spelled is None else spelled,
        reviewers=_reviewers(stated["reviewers"]) if "reviewers" in stated else plain.reviewers,
    )


def _reviewers(stated: int | Members) -> Reviewers:
    if isinstance(stated, Mapping):
        return Reviewers(int(stated.get("count", 1)), tuple(stated["teams"]))
    return Reviewers(int(stated))


def _change_rules(stated: Members | Sequence[Members]) -> tuple[ChangeRule, ...]:
    return (_change_rule(stated),) if isinstance(stated, Mapping) else tuple(map(_change_rule, stated))


def _change_rule(stated: Members) -> ChangeRule:
    lists = {name: tuple(map(str.lower, stated[name])) for name in ("state", "type", "approval") if name in stated}
    emergency = stated.get("emergency")
    return ChangeRule(
        **lists,
        objects=tuple(stated.get("objects", ChangeRule().objects)),
        window=WindowRule(stated.get("window", WindowRule.INSIDE)),
        affected=stated.get("affected", False),
        requester_may_review_alone=stated.get("requester_may_review_alone", True),
        refuse_when_unavailable=stated.get("when_unavailable") != "warn",
        emergency=None if emergency is None else _change_rule(emergency),
    )


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


def _four_eyes(stated: Members) -> FourEyes:
    asked = _reviewers(stated.get("reviewers", FourEyes().reviewers))
    return FourEyes(asked.count, stated.get("allow_direct_push", False), (asked,) if asked.teams else ())


def _freezes(
    stated: Members, zone: tzinfo | None, faults: list[InvalidValue], path: tuple[str | int, ...], members: Members
) -> tuple[tuple[Freeze, ...], tuple[RecurringFreeze, ...]]:
    """Decode freezes: those that come once, and those that come again."""
    found = [
        _freeze(freeze, zone, faults, (*path, index), members) for index, freeze in enumerate(stated.get("freezes", ()))
    ]
    once = tuple(freeze for freeze in found if isinstance(freeze, Freeze))
    return once, tuple(freeze for freeze in found if isinstance(freeze, RecurringFreeze))


def _freeze(
    stated: Members, zone: tzinfo | None, faults: list[InvalidValue], path: tuple[str | int, ...], members: Members
) -> Freeze | RecurringFreeze | None:
    if "rule" in stated:
        window = attempt(partial(decode_window, stated, zone, members), faults, *path)
        objects = tuple(stated.get("objects", ("**",)))
        return RecurringFreeze(stated["name"], window, objects) if isinstance(window, RecurringWindow) else None
    start = attempt(partial(instant, stated["start"], zone), faults, *path, "start")
    stop = attempt(partial(instant, stated["stop"], zone), faults, *path, "stop")
    if start is None or stop is None:
        return None
    return attempt(partial(_ordered_freeze, stated, start, stop), faults, *path)


def _ordered_freeze(stated: Members, start: datetime, stop: datetime) -> Freeze:
    in_order(start, stop)
    return Freeze(stated["name"], start, stop, tuple(stated.get("objects", ("**",))))
