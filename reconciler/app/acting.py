"""Who acts, where a run comes from, and what the guards look at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.app.context import Context
from reconciler.app.stopping import global_stop
from reconciler.app.version import tool
from reconciler.errors import CredentialsRefused, ReconcilerError, ServerFailure
from reconciler.github.actions import read_event
from reconciler.github.git import Git, GitFailure
from reconciler.manifests.text import folders_above
from reconciler.manifests.windows import freezes_ahead
from reconciler.model.decision import Override, Seal
from reconciler.model.plan import Plan
from reconciler.model.review import Provenance, Review
from reconciler.model.settings import Settings
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.planning.guards import Circumstances
from reconciler.ports import Caller, LastUpdate


@dataclass(frozen=True, slots=True)
class Acting:
    """What a plan is made with besides its decisions: what guards look at, the commit, the caller, notes."""

    seen: Circumstances
    commit: str | None = None
    identity: str | None = None
    notes: tuple[str, ...] = ()


def who_acts(context: Context, *, final: bool) -> Acting:
    """Ask who acts and where from. `final` when the plan is applied at once.

    Raises ServerFailure when the token can't be verified.
    """
    caller = context.backend.caller()
    commit, repository, _ = _origin(context.environ)
    notes: tuple[str, ...] = ()
    if not final:
        notes = _token_notes(context, caller) + _review_notes(context, repository)
    return Acting(_circumstances(context), commit, caller.identity or None, notes)


def circumstances(context: Context) -> Circumstances:
    """Return what the guards of a saved plan look at now, just before it is applied. Raises ServerFailure."""
    context.backend.caller()
    return _circumstances(context)


def provenance_of(
    environ: Mapping[str, str], target: str, environment: str | None, review: Review | None, identity: str | None = None
) -> Provenance:
    """Put together what every ledger line and the statement say of a run."""
    commit, repository, workflow_run = _origin(environ)
    return Provenance(
        tool=tool(),
        target=target,
        environment=environment,
        identity=identity,
        commit=commit,
        repository=repository,
        review=review,
        workflow_run=workflow_run,
    )


def _origin(environ: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    """Return commit, repository and workflow run; outside of GitHub the commit that is checked out, if any."""
    try:
        event = read_event(environ)
    except ReconcilerError:
        event = None
    if event is not None:
        return event.sha or None, event.repository, event.run_url
    try:
        done = Git(Path.cwd(), dict(environ)).attempt("rev-parse", "--verify", "--quiet", "HEAD")
    except GitFailure:
        return None, None, None
    return (done.stdout.strip() if done.returncode == 0 else None), None, None


def _token_notes(context: Context, caller: Caller) -> tuple[str, ...]:
    """Warn once that planning needs no token that can approve: least privilege."""
    if not caller.may_write or not context.observer.is_new(f"token that can approve: {context.backend.target}"):
        return ()
    return (
        f"this plan was made with a token that can approve ({caller.scope}); planning needs no such scope: "
        "give it a token without the approve privilege (this note appears once)",
    )


def _review_notes(context: Context, repository: str | None) -> tuple[str, ...]:
    """Warn while planning that an apply from here will be refused: nobody can vouch for a review."""
    rule = context.settings.policy.four_eyes
    if rule is None or rule.allow_direct_push or repository is not None:
        return ()
    return (
        "four eyes need a reviewed pull request on GitHub, and this is no workflow run: an apply from here is refused, "
        "unless policy.four_eyes.allow_direct_push is set",
    )


def _circumstances(context: Context) -> Circumstances:
    policy, now = context.settings.policy, context.clock.now()
    return Circumstances(
        policy=policy,
        recurring=freezes_ahead(policy, now),
        now=now,
        identities=_identities(context),
        stopped=global_stop(context.settings.stop_file, context.environ, context.ledger),
    )


def _identities(context: Context) -> frozenset[str]:
    """Return the caller and its groups, where a rule asks for them; empty where the server does not tell."""
    if context.settings.policy.four_eyes is None:
        return frozenset()
    try:
        return context.backend.identities()
    except CredentialsRefused:
        raise
    except ServerFailure:
        return frozenset()


_MOST_NAMED = 50
"""Each name costs a call or two, one after the other; thousands of tickets moved for one cause."""


def deciders(context: Context, guids: Sequence[Guid]) -> Mapping[Guid, LastUpdate]:
    """Return who updated the first of these tickets last, where the server tells it."""
    return context.backend.who_decided(guids[:_MOST_NAMED]) if guids else {}


def with_folders(seen: Circumstances, settings: Settings, plan: Plan) -> Circumstances:
    """Let guards know which folders the decisions and overrides of a plan lie below."""
    return placed(seen, settings, (step.source.path for step in plan.steps), plan.overrides, plan.sealed)


def placed(
    seen: Circumstances,
    settings: Settings,
    paths: Iterable[str],
    overrides: Iterable[Override],
    seals: tuple[Seal, ...],
) -> Circumstances:
    """Let guards know which folders these manifests, and those with overrides and seals, lie below."""
    folders = settings.policy.folders
    if not folders:
        return replace(seen, below={}, recurring_in={}, seals=seals)
    files = {*paths, *(each.source.path for each in overrides), *(seal.path for seal in seals)}
    return replace(
        seen,
        below=folders_above(folders, settings.path, files),
        recurring_in={name: freezes_ahead(rules, seen.now) for name, rules in folders.items()},
        seals=seals,
    )
