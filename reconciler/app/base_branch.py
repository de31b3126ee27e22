"""What a pull request can't move: which server is talked to, with which credential, which authorities are trusted.

In the run of a pull request these come from the commit that it is held against. What it changes of them is told, and
takes effect after the merge.
"""

import os.path
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.errors import GuardRefused
from reconciler.github.event import read_event
from reconciler.github.git import Git, GitFailure
from reconciler.github.history import names_in_repository
from reconciler.manifests.config import load_settings
from reconciler.model.settings import Settings
from reconciler.model.value import replace

_PROTECTED = ("server", "auth", "tls", "ledger", "former_servers", "change_records", "stop_file")
"""Members of the settings that decide where a credential goes, or what is run or trusted."""
_SHOWN = (*_PROTECTED, "policy")
_LONGEST = 200


def protected(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with everything from the base that a pull request must not decide.

    Outside of the run of a pull request they stay as they are. Raises GuardRefused and InvalidInput.
    """
    base = _base(settings.path, settings.environment, environ)
    if base is None:
        return settings
    for program in (auth.jwt_command[:1] for auth in base.auth.ways.values()):
        if program and "/" in program[0] and not Path(program[0]).is_absolute():
            raise GuardRefused(
                f"auth.jwt_command runs {program[0]}, a file of the checkout, which a pull request can replace",
                "name a program of the runner, by its whole path or by a name on PATH",
            )
    return replace(settings, **{name: getattr(base, name) for name in _PROTECTED})


def changed_rules(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Say what a pull request changes of policy, server and credentials; nothing outside of one."""
    base = _base(settings.path, settings.environment, environ)
    if base is None:
        return ()
    head = load_settings(settings.path, settings.environment, environ)
    found = (line for name in _SHOWN for line in _differences(name, getattr(base, name), getattr(head, name)))
    return tuple(f"this pull request changes the {_kind(line)}: {line}" for line in found)


def _kind(line: str) -> str:
    return "policy" if line.startswith("policy") else "connection, from the merge on"


def _differences(name: str, before: object, after: object) -> Iterator[str]:
    if before == after:
        return
    if _members(before) and type(before) is type(after):
        for member in _members(before):
            yield from _differences(f"{name}.{member}", getattr(before, member), getattr(after, member))
    elif not after and after != 0:
        yield f"{name} removed (it was {_spelt(before)})"
    elif not before and before != 0:
        yield f"{name} added: {_spelt(after)}"
    else:
        yield f"{name}: {_spelt(before)} → {_spelt(after)}"


def _members(value: object) -> tuple[str, ...]:
    """Return the names of a value of the model, none of anything else."""
    return tuple(getattr(type(value), "__struct_fields__", ()))


def _spelt(value: object) -> str:
    if _members(value):
        said = ", ".join(f"{name} {_spelt(getattr(value, name))}" for name in _members(value))
    elif isinstance(value, tuple | frozenset):
        said = ", ".join(_spelt(each) for each in (sorted(value) if isinstance(value, frozenset) else value))
    else:
        said = str(value)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def _base(path: str | None, environment: str | None, environ: Mapping[str, str]) -> Settings | None:
    """Return the settings of the commit that the pull request is held against, with the files that they name."""
    event = read_event(environ)
    if event is None or event.pull_request is None or path is None:
        return None
    base = event.pull_request.base_sha
    try:
        git = Git.open(Path.cwd(), environ, "", "")
        name = names_in_repository(git, [path])[path]
        root = Path(git.run("rev-parse", "--show-toplevel"))
        folder = Path(tempfile.mkdtemp(prefix="reconciler-base-"))
        written = _written(git, base, name, folder)
    except GitFailure as fault:
        raise GuardRefused(
            f"the configuration of the commit that this pull request is held against can't be read: {fault.message}",
            "check out with `fetch-depth: 0`; merge a new configuration first, in a pull request of its own",
        ) from fault
    settings = load_settings(written, environment, environ)
    tls, jwts = settings.tls, (auth.jwt_file for auth in settings.auth.ways.values())
    for file in (tls.ca_bundle, tls.client_cert, tls.client_key, *jwts):
        if file is not None and (inside := _below(folder, file)):
            _written(git, base, inside, folder)
    ledger = _below(folder, settings.ledger)
    stop_file = _below(folder, settings.stop_file) if settings.stop_file else None
    return replace(
        settings,
        ledger=os.path.relpath(root / ledger) if ledger else settings.ledger,
        stop_file=os.path.relpath(root / stop_file) if stop_file else settings.stop_file,
    )


def _written(git: Git, commit: str, name: str, folder: Path) -> Path:
    """Write a file as it is at a commit. Raises GitFailure."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(git.run("show", f"{commit}:{name}") + "\n", encoding="utf-8")
    return target


def _below(folder: Path, file: str) -> str | None:
    """Return how a file is named below a folder, None when it is somewhere else."""
    whole = os.path.normpath(Path.cwd() / file)
    return os.path.relpath(whole, folder) if Path(whole).is_relative_to(folder) else None
