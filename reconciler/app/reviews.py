"""Who acts and who decided: the caller, where the run comes from, and the reviews behind each change of a plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.app.change_records import with_change_records
from reconciler.app.context import Context
from reconciler.app.stopping import global_stop
from reconciler.app.version import tool
from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.github.git import Git, GitFailure
from reconciler.github.history import commits_behind, commits_of_branch
from reconciler.github.provenance import Origin, provenance_of
from reconciler.model.plan import Plan
from reconciler.model.review import Provenance
from reconciler.model.value import replace
from reconciler.planning.guards import Circumstances, NotYetReviewed, People, PushedDirectly
from reconciler.planning.planner import enforce_again
from reconciler.ports import Caller


@dataclass(frozen=True, slots=True)
class Acting:
    """What a plan is made with besides its decisions: what guards look at, the commit, the caller, notes."""

    seen: Circumstances
    commit: str | None = None
    identity: str | None = None
    notes: tuple[str, ...] = ()


def who_acts(context: Context, *, final: bool) -> Acting:
    """Ask who acts, who decided and where from. `final` when the plan is applied at once.

    Raises ServerFailure when the token can't be verified.
    """
    caller = context.backend.caller()
    four_eyes = context.settings.policy.four_eyes
    origin = _origin_of(context, ask=four_eyes is not None)
    notes = () if final else _token_notes(caller) + _review_notes(context, origin)
    return Acting(
        seen=_circumstances(context, origin, final=final),
        commit=origin.commit,
        identity=caller.identity or None,
        notes=notes + ((origin.why,) if origin.why and four_eyes else ()),
    )


def circumstances(context: Context, plan: Plan) -> Circumstances:
    """Return what the guards of a saved plan look at now, just before it is applied. Raises ServerFailure."""
    context.backend.caller()
    commits = (plan.commit,) if plan.commit else None
    ask = context.settings.policy.four_eyes is not None
    branch = _branch_commits(context) if ask else frozenset()
    return _circumstances(context, _origin_of(context, commits, branch=branch, ask=ask), final=True)


def hold_to_reviews(context: Context, plan: Plan, acting: Acting) -> Plan:
    """Refuse the changes of files whose lines came without the review that four eyes ask for.

    `plan` was made without looking at reviews. Where GitHub or git can't tell, those behind the push decide.
    """
    if context.settings.policy.four_eyes is None:
        return plan
    seen = replace(acting.seen, now=context.clock.now(), decided_by=_people_by_file(context, plan))
    held = enforce_again(plan, with_change_records(context, seen, plan.steps, "apply"))
    found = {control.name: control for control in held.controls}
    controls = tuple(found[known.name] if known.name == "four-eyes" else known for known in plan.controls)
    return replace(held, controls=controls)


def provenance(context: Context, plan: Plan, identity: str | None) -> Provenance:
    """Put together what every ledger line says of its run: the weakest review of all files behind the changes."""
    origin = _origin_of_files(context, _changed_files(plan))
    return Provenance(
        tool=tool(),
        target=context.backend.target,
        environment=context.settings.environment,
        identity=identity,
        commit=origin.commit,
        repository=origin.repository,
        review=origin.review,
        workflow_run=origin.workflow_run,
    )


def _token_notes(caller: Caller) -> tuple[str, ...]:
    """Say that planning needs no token that can approve: least privilege."""
    if not caller.may_write:
        return ()
    return (
        f"this plan was made with a token that can approve ({caller.scope}); planning needs no such scope: "
        "give it a token without the approve privilege",
    )


def _review_notes(context: Context, origin: Origin) -> tuple[str, ...]:
    """Warn while planning that an apply from here will be refused: nobody can vouch for a review."""
    rule = context.settings.policy.four_eyes
    if rule is None or rule.allow_direct_push or origin.repository is not None:
        return ()
    return (
        "four eyes need a reviewed pull request on GitHub, and this is no workflow run: an apply from here is refused, "
        "unless policy.four_eyes.allow_direct_push is set",
    )


def _circumstances(context: Context, origin: Origin, *, final: bool) -> Circumstances:
    return Circumstances(
        policy=context.settings.policy,
        now=context.clock.now(),
        people=_people_of(origin, final=final),
        identities=_identities(context),
        stopped=global_stop(context.settings.stop_file, context.environ),
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


def _people_of(origin: Origin, *, final: bool) -> People:
    """Return who is behind the change, for the four-eyes guard.

    `final` is False while a review may still go on (a plan in a pull request, a plan away from GitHub).
    """
    if origin.review is not None and (final or origin.review.merged_by):
        return origin.review
    return PushedDirectly() if final else NotYetReviewed()


def _people_by_file(context: Context, plan: Plan) -> dict[str, People]:
    if not context.environ.get("GITHUB_REPOSITORY"):
        return {}
    return {path: _people_of(_origin_of_files(context, [path]), final=True) for path in _changed_files(plan)}


def _changed_files(plan: Plan) -> list[str]:
    return sorted({step.source.path for step in plan.changes})


def _origin_of_files(context: Context, paths: Sequence[str]) -> Origin:
    """Fall back on the newest push where git does not know the files."""
    if not context.environ.get("GITHUB_REPOSITORY"):
        return _origin_of(context)
    try:
        commits = commits_behind(_git(context), paths)
    except GitFailure:
        return _origin_of(context)
    return _origin_of(context, commits, branch=_branch_commits(context))


def _origin_of(
    context: Context,
    commits: Sequence[str] | None = None,
    *,
    branch: frozenset[str] = frozenset(),
    ask: bool = True,
) -> Origin:
    """Return what GitHub says of this run; outside of GitHub the commit that is checked out, if any."""
    origin = provenance_of(context.environ, context.clock, commits, branch_commits=branch, ask=ask)
    return origin if origin.commit or origin.why else Origin(commit=_local_commit(context))


def _local_commit(context: Context) -> str | None:
    """Return the commit of the working directory's checkout; None outside of one or with git absent."""
    try:
        done = Git(Path.cwd(), dict(context.environ)).attempt("rev-parse", "--verify", "--quiet", "HEAD")
    except GitFailure:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _branch_commits(context: Context) -> frozenset[str]:
    """Return the commits of the checked-out branch, none where git can't tell."""
    try:
        return commits_of_branch(_git(context))
    except GitFailure:
        return frozenset()


def _git(context: Context) -> Git:
    return Git.open(Path.cwd(), context.environ, "", "")
