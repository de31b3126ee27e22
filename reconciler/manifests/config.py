"""The configuration file, with one environment chosen, as settings; or every fault in it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.errors import InvalidInput
from reconciler.manifests.codes import Code
from reconciler.manifests.document import read_document
from reconciler.manifests.fault import Fault, did_you_mean, shown
from reconciler.manifests.gate import compile_gate
from reconciler.manifests.header import gate, schema_of
from reconciler.manifests.place import Places
from reconciler.manifests.server import normal_server
from reconciler.manifests.settings_decode import decode_settings
from reconciler.manifests.strict_yaml import Value
from reconciler.model.decision import Problem, Source
from reconciler.model.settings import AuthMethod, Settings
from reconciler.model.value import replace

DEFAULT_PATH = "reconciler.yaml"

Members = dict[str, Any]


def load_settings(
    path: str | os.PathLike[str] | None, environment: str | None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of one environment, or of none.

    `path` None means reconciler.yaml in the working directory, and only defaults when there is no such file.
    `environ` (that of the process when left out) overrides: TPP_URL, TPP_CA_BUNDLE, TPP_CLIENT_ID, TPP_USERNAME and
    TPP_TOKEN_FILE. Secrets are never read here. Raises InvalidInput with every fault of every environment.
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
    places, problems = Places(file or DEFAULT_PATH), list[Problem]()
    if file is not None:
        members, places, problems = _read(file)
    settings = _chosen(members, file, environment, places, problems)
    settings = _overridden(settings, os.environ if environ is None else environ, problems)
    if not problems:
        problems = [fault.problem(places) for fault in _incomplete(settings)]
    return settings, tuple(sorted(set(problems), key=lambda problem: (problem.source, problem.message)))


def _read(file: str) -> tuple[Members, Places, list[Problem]]:
    value, places, problems = read_document(file)
    if problems and not places.values:
        return {}, places, problems
    if not gate("config")(value):
        from reconciler.manifests.schema_faults import schema_problems

        faults = schema_problems(schema_of("config"), value, places)
        problems += faults
        value = _well_formed(value) if faults else value
    return value if isinstance(value, dict) else {}, places, problems


def _well_formed(value: Value) -> Members:
    """Return those members of a faulty configuration that are well-formed, so that all other faults are found too."""
    root = schema_of("config")
    usable: Members = {}
    for name, member in value.items() if isinstance(value, dict) else ():
        if name == "environments" and isinstance(member, dict):
            usable[name] = {inner: _well_formed(stated) for inner, stated in member.items()}
        elif name in root["properties"] and compile_gate(root["properties"][name], root)(member):
            usable[name] = member
    return usable


def _chosen(members: Members, file: str | None, name: str | None, places: Places, problems: list[Problem]) -> Settings:
    """Decode the base and every environment, so that all faults are found, and return the one that was asked for."""
    folder = str(Path(file).parent) if file else ""
    environments: Members = members.get("environments", {})
    base = {key: value for key, value in members.items() if key != "environments"}
    found: dict[str | None, Settings] = {}
    for each, stated in ((None, {}), *environments.items()):
        faults: list[Fault] = []
        found[each] = decode_settings(_merged(base, stated), folder, faults)
        for fault in faults:
            inner = ("environments", each or "", *fault.path)
            problems.append(
                (fault.under("environments", each or "") if inner in places.values else fault).problem(places)
            )
    if name not in found and not problems:
        hint = did_you_mean(name or "", environments) or "define it under `environments`"
        message = f"environment {shown(name)} is not defined"
        problems.append(Problem(Code.CONFIG_ENVIRONMENT, places.key(("environments",)), message, hint))
    return replace(found.get(name, found[None]), environment=name, environments=tuple(sorted(environments)), path=file)


def _merged(base: Members, over: Members, *, inside_windows: bool = False) -> Members:
    """Lay one map over another, key by key. Lists and windows are replaced whole."""
    merged = dict(base)
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
            settings = replace(settings, server=normal_server(url))
        except Fault as fault:
            problems.append(Problem(fault.code, Source("$TPP_URL"), fault.message, fault.hint))
    auth, tls = settings.auth, settings.tls
    return replace(
        settings,
        auth=replace(
            auth,
            client_id=environ.get("TPP_CLIENT_ID") or auth.client_id,
            username=environ.get("TPP_USERNAME") or auth.username,
            token_file=environ.get("TPP_TOKEN_FILE") or auth.token_file,
        ),
        tls=replace(tls, ca_bundle=environ.get("TPP_CA_BUNDLE") or tls.ca_bundle),
    )


def _incomplete(settings: Settings) -> list[Fault]:
    """Find what the method of signing in needs and no environment variable can give."""
    auth, tls = settings.auth, settings.tls
    match auth.method:
        case AuthMethod.CERTIFICATE if tls.client_cert is None:
            hint = "add `tls: {client_cert: …, client_key: …}`"
            return [
                Fault(Code.CONFIG_AUTH, "method `certificate` needs a client certificate", hint, ("auth", "method"))
            ]
        case AuthMethod.JWT if (auth.jwt_file is None) == (not auth.jwt_command):
            hint = "add either `jwt_file` or `jwt_command`"
            return [Fault(Code.CONFIG_AUTH, "method `jwt` needs one source of the JWT", hint, ("auth", "method"))]
        case _:
            return []
