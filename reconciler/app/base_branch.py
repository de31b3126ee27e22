"""What a pull request can't move: which server is talked to, with which credential, which authorities are trusted.

In the run of a pull request these come from the commit that it is held against. What it changes of them is told, and
takes effect after the merge.
"""

import os.path
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.errors import GuardRefused
from reconciler.github.actions import read_event
from reconciler.github.git import Git, GitFailure, names_in_repository
from reconciler.manifests.config import load_settings
from reconciler.model.pull_request import RuleChange
from reconciler.model.settings import Settings
from reconciler.model.value import replace
from reconciler.planning.rules import rule_changes

_PROTECTED = ("server", "auth", "tls", "ledger", "former_servers", "change_records", "stop_file")
"""Members of the settings that decide where a credential goes, or what is run or trusted."""


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


def changed_rules(settings: Settings, environ: Mapping[str, str]) -> tuple[RuleChange, ...]:
    """Return every setting that a pull request changes, in all environments of the configuration; none outside of one.

    Both are read from folders of their own, so that paths in them differ only where they were changed.
    """
    opened = _opened(settings.path, environ)
    if opened is None or settings.path is None:
        return ()
    git, base, name = opened
    with tempfile.TemporaryDirectory(prefix="reconciler-base-") as then, tempfile.TemporaryDirectory() as now:
        try:
            before, after = _written(git, base, name, Path(then)), _written(git, "HEAD", name, Path(now))
        except GitFailure as fault:
            raise _unreadable(fault) from fault
        named = (load_settings(path, settings.environment, environ).environments for path in (before, after))
        others = sorted({each for environments in named for each in environments} - {settings.environment})
        found: dict[tuple[str, str | None, str | None], RuleChange] = {}
        for environment in (settings.environment, *others):
            for rule in _between(before, after, environment, environ):
                values = _without(rule.before, then), _without(rule.after, now)
                where = f"environments.{environment}." if environment != settings.environment else ""
                found.setdefault((rule.name, *values), RuleChange(where + rule.name, *values))
    return tuple(each for each in found.values() if each.before != each.after)


def _between(before: Path, after: Path, environment: str | None, environ: Mapping[str, str]) -> Iterator[RuleChange]:
    """Compare one environment; one that only one side has counts as changed as a whole."""
    known: list[Settings | None] = []
    for path in (before, after):
        every = load_settings(path, None, environ).environments
        known.append(load_settings(path, environment, environ) if environment in (None, *every) else None)
    base, head = known
    if base is not None and head is not None:
        yield from rule_changes(base, head)
    else:
        yield RuleChange("defined", "yes" if base else None, "yes" if head else None)


def _without(text: str | None, folder: str) -> str | None:
    return None if text is None else text.replace(f"{folder}/", "")


def base_settings(settings: Settings, environ: Mapping[str, str]) -> Settings | None:
    """Return the settings of the commit that a pull request is held against, None outside of one."""
    return _base(settings.path, settings.environment, environ)


def _opened(path: str | None, environ: Mapping[str, str]) -> tuple[Git, str, str] | None:
    """Return git, the commit that the pull request is held against, and how git names the configuration."""
    event = read_event(environ)
    if event is None or event.pull_request is None or path is None:
        return None
    try:
        git = Git.open(Path.cwd(), environ, "", "")
        return git, event.pull_request.base_sha, names_in_repository(git, [path])[path]
    except GitFailure as fault:
        raise _unreadable(fault) from fault


def _unreadable(fault: GitFailure) -> GuardRefused:
    return GuardRefused(
        f"the configuration of the commit that this pull request is held against can't be read: {fault.message}",
        "check out with `fetch-depth: 0`; merge a new configuration first, in a pull request of its own",
    )


def _base(path: str | None, environment: str | None, environ: Mapping[str, str]) -> Settings | None:
    """Return the settings of the commit that the pull request is held against, with the files that they name."""
    opened = _opened(path, environ)
    if opened is None:
        return None
    git, base, name = opened
    folder = Path(tempfile.mkdtemp(prefix="reconciler-base-"))
    try:
        root = Path(git.run("rev-parse", "--show-toplevel"))
        written = _written(git, base, name, folder)
    except GitFailure as fault:
        raise _unreadable(fault) from fault
    settings = load_settings(written, environment, environ)
    tls, jwts = settings.tls, (auth.jwt_file for auth in settings.auth.ways.values())
    authorities = settings.change_records.ca_bundle if settings.change_records else None
    for file in (tls.ca_bundle, tls.client_cert, tls.client_key, authorities, *jwts):
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
