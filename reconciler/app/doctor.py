"""Doctor: everything that a run depends on, in the order in which one thing needs the other; also GitHub's settings."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from reconciler.app.change_records import look_up
from reconciler.app.context import BACKENDS, DEFAULT, Context, open_context
from reconciler.errors import CredentialsRefused, InvalidInput, LockHeld, ReconcilerError, ServerFailure
from reconciler.github.actions import read_event, token_from
from reconciler.github.client import GitHub, client_from
from reconciler.github.git import GitFailure, git_from
from reconciler.github.posting import last_success, overdue
from reconciler.github.setup import Names, SettingFinding, WantedSetup, called_workflows, examine_repository
from reconciler.ledger.chain import check
from reconciler.ledger.lock import hold_lock, this_process
from reconciler.manifests.load import load_desired
from reconciler.model.change_record import ChangeKind, ChangeQuestion, LookupFailure, NoChangeRecord
from reconciler.model.decision import Problem, Source
from reconciler.model.settings import AuthMethod, Settings
from reconciler.model.status import format_instant
from reconciler.planning.change_records import span
from reconciler.ports import Clock, Health, Probe

_HEARTBEAT_WORKFLOW = "reconcile.yml"
_HEARTBEAT_LIMIT = timedelta(hours=26)


def examine(load: Callable[[], Settings], product: str = DEFAULT) -> Iterator[Probe]:
    """Look at configuration, manifests, ledger, server and token. Nothing is changed anywhere."""
    try:
        settings = load()
    except InvalidInput as invalid:
        yield _invalid("configuration", invalid)
        return
    yield Probe("configuration", Health.OK, settings.path or "no file; the environment and defaults")
    with open_context(settings, product=product) as context:
        probe, changes = _manifests(settings, context.clock)
        yield probe
        yield from _ledger(context.ledger, context.clock)
        yield from _change_records(context, changes)
        yield from _heartbeat(context)
        failed = False
        for probe in BACKENDS[product]().probe(settings, context.clock):
            failed = failed or (probe.health is Health.FAIL and probe.name != "clock")
            yield probe
        if failed:
            yield Probe("token", Health.SKIP, "the server can't be asked")
            return
        yield from _token(context)


def _heartbeat(context: Context) -> Iterator[Probe]:
    """Say, on GitHub, when the schedule that keeps both sides together last succeeded."""
    try:
        event = read_event(context.environ)
        github = client_from(context.environ, event, context.clock) if event else None
        if event is None or github is None:
            return
        last = last_success(github, _HEARTBEAT_WORKFLOW, event.branch or "main")
    except ReconcilerError as error:
        yield Probe("heartbeat", Health.WARN, error.message, error.hint)
        return
    late = overdue(last, context.clock.now(), _HEARTBEAT_LIMIT)
    finding = late or f"{_HEARTBEAT_WORKFLOW} last succeeded at {format_instant(last)}" if last else late or ""
    yield Probe("heartbeat", Health.WARN if late else Health.OK, finding)


def _token(context: Context) -> Iterator[Probe]:
    try:
        yield from context.backend.probes()
    except ServerFailure as failure:
        yield Probe("token", Health.FAIL, failure.message, failure.hint)


def _manifests(settings: Settings, clock: Clock) -> tuple[Probe, frozenset[str]]:
    """Return what is to be said of the manifests, and the changes that they name."""
    try:
        desired = load_desired(settings.tickets, windows=settings.windows, now=clock.now())
    except InvalidInput as invalid:
        return _invalid("manifests", invalid), frozenset()
    finding = f"{_count(len(desired.decisions), 'decision')} in {_count(len(desired.files), 'file')}"
    return Probe("manifests", Health.OK, finding), frozenset(each.change for each in desired.decisions if each.change)


def _change_records(context: Context, changes: frozenset[str]) -> Iterator[Probe]:
    """Look up one record that a manifest names, which needs address, credential and right of the account.

    Where none is named a system is asked for one that nobody has; a service of the user's own is left alone.
    """
    system = context.settings.change_records
    if system is None:
        return
    named = max(changes, default=_NOBODYS[system.kind])
    if named is None:
        yield Probe("changes", Health.SKIP, "no manifest names a change, so the service was not asked")
        return
    found = look_up(context, [ChangeQuestion(named)], "plan")[named]
    if isinstance(found, NoChangeRecord) and found.failure is LookupFailure.UNAVAILABLE:
        yield Probe("changes", Health.FAIL, f"{system.url}: {found.why}", found.hint)
        return
    yield Probe("changes", Health.OK, f"{system.url} answers and accepts the credential")
    if not changes:
        yield Probe("change record", Health.SKIP, "no manifest names a change, so no record was read")
    elif isinstance(found, NoChangeRecord):
        yield Probe("change record", Health.WARN, f"{named}: {found.why}", found.hint)
    else:
        planned = span(found.start, found.stop)
        yield Probe("change record", Health.OK, f"{found.id} is {found.state or 'in no state'}, planned {planned}")


_NOBODYS = {ChangeKind.SERVICENOW: "CHG0000000", ChangeKind.JIRA: "CHG-0", ChangeKind.HTTP: None}


def _invalid(name: str, invalid: InvalidInput) -> Probe:
    first, more = invalid.problems[0], len(invalid.problems) - 1
    finding = f"{first.source}: {first.message}" + (f" (and {more:,} more)" if more else "")
    return Probe(name, Health.FAIL, finding, "run: reconciler validate")


def _ledger(folder: Path, clock: Clock) -> Iterator[Probe]:
    if not folder.exists():
        yield Probe("ledger", Health.OK, f"{folder} is made by the first apply")
        return
    try:
        chain = check(folder)
        if chain.faults:
            fault = chain.faults[0]
            finding = f"{fault.source}: {fault.message}"
            yield Probe("ledger", Health.FAIL, finding, "run: reconciler ledger verify")
        else:
            yield Probe("ledger", Health.OK, f"{_count(chain.lines, 'line')} in {_count(chain.files, 'file')}")
        with hold_lock(folder, this_process("doctor", clock.now())):
            yield Probe("lock", Health.OK, "free")
    except LockHeld as held:
        yield Probe("lock", Health.WARN, held.message, held.hint)
    except ReconcilerError as error:
        yield Probe("ledger", Health.FAIL, error.message, error.hint)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_REMOTE = re.compile(r"(?:https://[^/]+/|git@[^:]+:|ssh://git@[^/]+/)([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def wanted_setup(
    repository: str, settings: Settings, names: Names, called: tuple[str, str] | None = None
) -> WantedSetup:
    """Return what a repository must be set to. Raises InvalidInput for what is no repository."""
    if not _REPOSITORY.fullmatch(repository):
        raise InvalidInput((_no_repository(f"{repository!r} is no repository", "write OWNER/NAME"),))
    four_eyes = settings.policy.four_eyes
    return WantedSetup(
        repository,
        names,
        reviewers=four_eyes.reviewers if four_eyes else 1,
        server=settings.server or "",
        oidc=all(auth.method is AuthMethod.GITHUB_OIDC for auth in settings.auth.ways.values()),
        called=called,
        emergency=settings.policy.emergency is not None,
    )


def examine_setup(
    repository: str | None, settings: Settings, names: Names, environ: Mapping[str, str], clock: Clock
) -> Iterator[SettingFinding]:
    """Look at the settings of a repository, by default that of this checkout, and at the checkout's own files.

    Raises InvalidInput without a repository, CredentialsRefused without a token, GitHubFailure.
    """
    here = Path()
    wanted = wanted_setup(
        repository or _of_checkout(environ), settings, names, next(iter(called_workflows(here)), None)
    )
    token = token_from(environ)
    if not token:
        raise CredentialsRefused("no token for GitHub was handed over", "run it with GITHUB_TOKEN=$(gh auth token)")
    github = GitHub.open(environ.get("GITHUB_API_URL", "https://api.github.com"), wanted.repository, token, clock)
    yield from examine_repository(github, wanted, here)


def _of_checkout(environ: Mapping[str, str]) -> str:
    """Return the repository that the environment or the remote of this checkout names."""
    if named := environ.get("GITHUB_REPOSITORY"):
        return named
    try:
        found = _REMOTE.fullmatch(git_from(environ).run("remote", "get-url", "origin").strip())
    except GitFailure:
        found = None
    if found is None:
        raise InvalidInput((_no_repository("no remote `origin` names a repository", "add --repository OWNER/NAME"),))
    return found[1]


def _no_repository(message: str, hint: str) -> Problem:
    return Problem("github/repository", Source("--repository"), message, hint)
