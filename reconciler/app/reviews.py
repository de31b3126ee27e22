"""Who decided: the reviews behind each change of a plan, and the plans that the reviewers saw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from reconciler.app.acting import with_folders
from reconciler.app.attribution import T, brought_by, overrides_by_file, reader_of, steps_by_file
from reconciler.app.context import Context
from reconciler.codec import Newer, decode_plan
from reconciler.errors import GuardRefused, ReconcilerError
from reconciler.github.actions import Event, read_event
from reconciler.github.client import GitHub, client_from, required_client, teams_from
from reconciler.github.git import (
    Git,
    GitFailure,
    commits_of_branch,
    commits_since,
    commits_touching,
    files_at,
    git_from,
    head_of,
    is_cut,
    is_plain_merge,
    last_commit_of,
    names_in_repository,
    text_of,
    tip_of,
    uncommitted,
)
from reconciler.github.reviews import AccountNumbers, GitHubReviews, reviewed_plan
from reconciler.ledger.history import applied_commits, reviewed_commits
from reconciler.manifests.text import folders_above
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Source
from reconciler.model.plan import Plan, Step
from reconciler.model.policy import FourEyes, ReviewedPlan
from reconciler.model.review import (
    AppliedBefore,
    Assessment,
    BranchCommit,
    Emergency,
    NotReviewed,
    NotYetReviewed,
    People,
    Review,
)
from reconciler.model.settings import Settings
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.digest import check_digest
from reconciler.planning.enforcement import needs_review
from reconciler.planning.folders import four_eyes_of, reviews_alone
from reconciler.planning.four_eyes import people_by_file, shortfall
from reconciler.planning.guards import Circumstances
from reconciler.planning.planner import enforce_reviews
from reconciler.planning.reviewed import hold_each
from reconciler.ports import Reviews

_AWAY = NotReviewed(
    "this is no workflow run on GitHub, so nobody can tell who reviewed it; apply it from the workflow, or set "
    "policy.four_eyes.allow_direct_push",
    direct=True,
)


_MOST_JUDGED = 100
"""Commits of the branch that are judged although nothing of theirs is applied, so that the next run need not: each may
cost several calls of GitHub's API."""


@dataclass(slots=True)
class Decided:
    """Who is behind the changes of one run: by file, and for the configuration. `rest` are those behind other files.

    `by_ticket` has those who brought each decision as it is, when it is applied, and `by_override` those of overrides.
    `reviewed_to` is the commit up to which every commit has its reviews, `reviewed` are the plans that reviewers saw.
    `others` are the tickets whose decisions were there before the merge that the run follows.
    """

    by_file: dict[str, People] = field(default_factory=dict)
    configuration: People = NotYetReviewed()
    rest: People = NotYetReviewed()
    superseded: str | None = None
    reviewed: list[bytes] = field(default_factory=list)
    by_ticket: dict[Guid, People] = field(default_factory=dict)
    reviewed_to: str | None = None
    others: frozenset[Guid] = frozenset()
    by_override: dict[Source, People] = field(default_factory=dict)

    @property
    def reviews(self) -> dict[Guid, Review]:
        """The review of each decision."""
        return {guid: people.review for guid, people in self.by_ticket.items() if isinstance(people, Assessment)}

    @property
    def review(self) -> Review | None:
        """The review of the whole run, None when there is none, or more than one."""
        found = set(self.reviews.values())
        return found.pop() if len(found) == 1 else None

    def review_of(self, step: Step) -> Review | None:
        """Who decided it, or what stands in its file; None when it is not known."""
        people = self.by_ticket.get(step.guid, self.by_file.get(step.source.path))
        return people.review if isinstance(people, Assessment) else None


def names_of(context: Context) -> Callable[[Review | None], Review | None]:
    """Return what makes of a review what the ledger says of it, as `ledger.people` asks. It raises GitHubFailure."""
    event = read_event(context.environ)
    github = client_from(context.environ, event, context.clock) if event is not None else None
    if context.settings.ledger_people == "login" or github is None:
        return lambda review: review
    accounts = AccountNumbers(github)
    return lambda review: None if review is None else accounts.of(review)


def hold_to_reviews(
    context: Context, plan: Plan, *, final: bool, emergency: Emergency | None = None
) -> tuple[Plan, Decided]:
    """Refuse the changes that came without the review that four eyes ask for. Plan and apply judge alike.

    In an `emergency` the two people stand for the reviewers of the change; the configuration has its own all the same.

    `final` says that the plan is applied now: then what can't be established is refused, too, and so is everything when
    the branch has a newer commit. Raises GuardRefused when nobody can tell whether it has one.
    """
    try:
        event = read_event(context.environ)
    except ReconcilerError as fault:
        of_configuration = _unknown(fault) if emergency is not None else NotYetReviewed()
        return _held(context, plan, Decided(rest=_unknown(fault), configuration=of_configuration), emergency)
    if event is None:
        return _held(context, plan, Decided(rest=_AWAY if final else NotYetReviewed()), emergency)
    git = git_from(context.environ)
    decided = Decided()
    policy = context.settings.policy
    asked = policy.reviewed_plan is ReviewedPlan.REQUIRED or any(
        step.change_record is not None and step.change_record.requester for step in plan.changes
    )
    needed = policy.asks_reviewers or (final and asked)
    steps = tuple(step for step in plan.steps if needs_review(step) or (final and _is_recorded(step)))
    if steps and (needed or final):
        try:
            decided = _decided(context, git, event, steps, final=final)
        except ReconcilerError as fault:
            decided = Decided(rest=_unknown(fault)) if needed else Decided()
            if emergency is not None:
                decided.configuration = decided.rest
    if emergency is not None:  # what is decided now is in no commit yet
        decided = Decided(configuration=decided.configuration)
    decided.superseded = _superseded(git, event) if final and event.branch else None
    return _held(context, plan, decided, emergency)


def _is_recorded(step: Step) -> bool:
    """Return whether a run writes down something about a step that changes nothing."""
    if step.group is Group.ATTENTION or step.operation is not None:
        return True
    return (step.verdict is Verdict.SETTLED and not step.closed) or step.reason is Reason.IN_SYNC_ACCEPTED


def _held(context: Context, plan: Plan, decided: Decided, emergency: Emergency | None = None) -> tuple[Plan, Decided]:
    records, policy = context.settings.change_records, context.settings.policy
    seen = Circumstances(
        replace(reviews_alone(policy), emergency=policy.emergency),
        plan.made_at,
        decided.rest,
        decided_by=decided.by_file,
        brought_by=decided.by_ticket,
        configuration=decided.configuration,
        superseded=decided.superseded,
        overridden_by=decided.by_override,
        logins=records.people if records is not None else {},
        emergency=emergency,
    )
    held = enforce_reviews(plan, with_folders(seen, context.settings, plan))
    if decided.others:
        steps = (replace(step, own=False) if step.guid in decided.others else step for step in held.steps)
        held = replace(held, steps=tuple(steps))
    return held, decided


def _superseded(git: Git, event: Event) -> str | None:
    """Return which newer commit the branch has; None while what is checked out is its tip. Raises GuardRefused."""
    try:
        head, tip = head_of(git), tip_of(git, event.branch)
    except GitFailure as fault:
        raise GuardRefused(
            f"whether this is the newest commit of {event.branch} can't be established: {fault.message}", fault.hint
        ) from fault
    if tip is None:
        return f"the branch {event.branch} is gone; nothing is applied of it any more"
    if tip != head:
        return f"{event.branch} is at {tip[:12]} by now, this run is for {head[:12]}: the run for {tip[:12]} applies it"
    return None


def _decided(context: Context, git: Git, event: Event, steps: Sequence[Step], *, final: bool) -> Decided:
    """Judge the commits since the last one that was applied with all reviews.

    When the plan is applied, all of them that touch manifests or configuration are judged, as far as that costs no
    more than a few calls, so that the next run can begin from here.
    """
    if final and not event.branch:
        raise ReconcilerError(
            f"this run is for {event.ref or 'no branch'}", "apply from the protected branch, after the merge"
        )
    github = required_client(context.environ, event, context.clock)
    if is_cut(git):
        raise ReconcilerError("the checkout is shallow, older commits are not there", "check out with `fetch-depth: 0`")
    settings = context.settings
    used = {use.source: use for step in steps for use in step.overridden if use.source.line}
    files = sorted({step.source.path for step in steps} | {source.path for source in used})
    config = [settings.path] if settings.path else []
    names = names_in_repository(git, [*files, *config, *(settings.tickets if final else ())])
    own = {names[path] for path in (*files, *config)}
    base = _base(context, git)
    commits = commits_touching(git, names.values(), since=base)
    whole = final and len(commits) <= _MOST_JUDGED
    if not whole:
        commits = commits_touching(git, own, since=base)
    known: dict[str, str | None] = dict(files_at(git, base, names.values())) if base is not None else {}
    if base is None:
        commits, known = _without_the_first(commits, names.get(config[0]) if config else None)
    teams = tuple(sorted(settings.policy.teams))
    reader = teams_from(context.environ, event, context.clock) if teams else None
    reviews = GitHubReviews(github, event.base or event.branch, event.run_id, teams, reader)
    rule_of = _rules_by_name(settings, git)
    behind = _behind(git, event, reviews, commits)
    found = people_by_file(commits, behind, rule_of, known)
    for name, why in uncommitted(git, own).items():
        found[name] = NotReviewed(f"{name} {why}; commit it, and have it reviewed in a pull request")
    absent = NotReviewed("no commit of the branch has this file; commit it, and have it reviewed in a pull request")
    before = {name: AppliedBefore() for name in known} if base is not None else {}
    brought, by_ticket = _brought(context, git, event, reviews, steps_by_file(steps if final else (), names))
    asked = used.values() if final and settings.policy.asks_reviewers else ()
    _, by_override = _brought(context, git, event, reviews, overrides_by_file(asked, names))
    by_name: dict[str, People] = {**before, **found}
    return Decided(
        {path: by_name.get(names[path], absent) for path in files},
        by_name.get(names[config[0]], NotYetReviewed()) if config else NotYetReviewed(),
        absent,
        by_ticket=by_ticket,
        by_override=by_override,
        others=_others(context, git, event, brought),
        reviewed_to=head_of(git)
        if whole
        and settings.policy.asks_reviewers
        and all(shortfall(people, rule_of(name)) is None for name, people in found.items())
        else None,
    )


def _base(context: Context, git: Git) -> str | None:
    """Return the last commit of the branch that was applied with all reviews, None when the ledger knows of none."""
    branch = commits_of_branch(git)
    commits = reviewed_commits(context.ledger, context.targets, context.settings.environment)
    return next((commit for commit in commits if commit in branch), None)


def _brought(
    context: Context, git: Git, event: Event, reviews: GitHubReviews, by_file: Mapping[str, Mapping[T, str]]
) -> tuple[dict[T, str], dict[T, People]]:
    """Return for each decision or override the commit that brought it as it is now, and who is behind that."""
    if not by_file:
        return {}, {}
    commits = commits_touching(git, by_file)
    read = reader_of(lambda blob: text_of(git, blob), Windows(context.settings.windows, context.clock.now()))
    brought = brought_by(by_file, commits, read)
    wanted = set(brought.values())
    behind = _behind(git, event, reviews, tuple(commit for commit in commits if commit.sha in wanted))
    return brought, {item: behind[sha] for item, sha in brought.items()}


def _rules_by_name(settings: Settings, git: Git) -> Callable[[str], FourEyes]:
    """Return what says who must have approved a file, by its name in the repository."""
    root, policy = Path(git.run("rev-parse", "--show-toplevel")), settings.policy
    nobody = FourEyes(0, allow_direct_push=True)

    def rule_of(name: str) -> FourEyes:
        path = str(root / name)
        above = folders_above(policy.folders, settings.path, [path]).get(path, ())
        return four_eyes_of(policy, above) or nobody

    return cache(rule_of)


def _others(context: Context, git: Git, event: Event, brought: Mapping[Guid, str]) -> frozenset[Guid]:
    """Return the tickets whose decisions came neither with the push that this run is for nor since the last run."""
    if not event.commits:
        return frozenset()
    branch = commits_of_branch(git)
    commits = applied_commits(context.ledger, context.targets, context.settings.environment)
    last = next((commit for commit in commits if commit in branch), None)
    if last is None:
        return frozenset()
    own = {*event.commits, event.sha, *commits_since(git, last)}
    return frozenset(guid for guid, sha in brought.items() if sha not in own)


def config_commit(context: Context) -> str | None:
    """Return the commit that brought the configuration as it is, None when git does not know it as it is."""
    config = context.settings.path
    if config is None:
        return None
    try:
        git = Git(Path.cwd(), dict(context.environ))
        name = names_in_repository(git, [config])[config]
        return None if uncommitted(git, [name]) else last_commit_of(git, name)
    except GitFailure:
        return None


def _without_the_first(
    commits: tuple[BranchCommit, ...], config: str | None
) -> tuple[tuple[BranchCommit, ...], dict[str, str | None]]:
    """Take the configuration of the very first commit as known: before it there is nothing that a review could ask."""
    if not commits or commits[0].parents or config is None or config not in commits[0].touched:
        return commits, {}
    first = commits[0]
    others = {name: blob for name, blob in first.touched.items() if name != config}
    return (BranchCommit(first.sha, (), others), *commits[1:]), {config: first.touched[config]}


def _behind(git: Git, event: Event, reviews: Reviews, commits: tuple[BranchCommit, ...]) -> Mapping[str, People]:
    """Return who is behind each commit. Those of a pull request that is still open are not yet reviewed."""
    open_ones = frozenset[str]()
    if event.pull_request is not None:
        base = event.pull_request.base_sha
        open_ones = commits_since(git, base) if base else frozenset(commit.sha for commit in commits)
    branch = commits_of_branch(git)
    found: dict[str, People] = {}
    for commit in commits:
        if commit.sha in open_ones or not commit.touched:
            found[commit.sha] = NotYetReviewed()
        elif not is_plain_merge(git, commit):
            found[commit.sha] = NotReviewed(
                f"commit {commit.sha[:12]} is a merge with changes made by hand, which no pull request shows; "
                f"revert it (`git revert -m 1 {commit.sha[:12]}`) by a pull request and merge again on GitHub"
            )
        else:
            found[commit.sha] = reviews.behind(commit.sha, branch)
    return found


def _unknown(fault: ReconcilerError) -> NotReviewed:
    return NotReviewed(f"who reviewed can't be established: {fault.in_words}")


def hold_to_reviewed_plans(context: Context, plan: Plan, decided: Decided) -> Plan:
    """Refuse each change that is not as the reviewers of its own pull request saw it in their plan.

    The plans that they saw are noted in `decided`.
    """
    event = read_event(context.environ)
    github = client_from(context.environ, event, context.clock) if event is not None else None
    if github is None or not plan.changes:
        return plan
    policy = context.settings.policy
    known: dict[tuple[str, bool], Plan | str | None] = {}
    reviewed: dict[Guid, Plan | str] = {}
    for step in plan.changes:
        people = decided.by_ticket.get(step.guid)
        # a rule says nothing of tickets: what its reviewers saw of them stands in their plan alone
        of_rule = policy.four_eyes is not None and step.rule is not None
        required = policy.reviewed_plan is ReviewedPlan.REQUIRED or of_rule
        if isinstance(people, Assessment):
            key = people.head, required
            if key not in known:
                known[key] = _reviewed_plan(context, github, people, decided, required=required)
            found = known[key]
        else:
            found = f"no pull request brought it, so no plan of it was reviewed; {_ANOTHER}" if required else None
        if found is not None:
            reviewed[step.guid] = found
    return hold_each(plan, reviewed)


_ANOTHER = "bring it in by a pull request whose plan is reviewed"


def _reviewed_plan(
    context: Context, github: GitHub, people: Assessment, decided: Decided, *, required: bool
) -> Plan | str | None:
    environment = context.settings.environment
    pull = f"PR #{people.review.pull_request}"
    try:
        data = reviewed_plan(github, people.head, f"plan-{environment}" if environment else "plan")
        if data is None:
            return f"the plan that the reviewers of {pull} saw is not kept any more; {_ANOTHER}" if required else None
        found = decode_plan(data)
        check_digest(found)
    except ReconcilerError as fault:
        return f"the plan that the reviewers of {pull} saw can't be read: {fault.in_words}" if required else None
    except ValueError as fault:
        remedy = fault.hint if isinstance(fault, Newer) else _ANOTHER
        return f"the plan that the reviewers of {pull} saw can't be read: {fault}; {remedy}"
    if (found.target, found.environment, found.commit) != (context.backend.target, environment, people.head):
        return f"the plan of {pull} was made for {found.target} at {found.commit or 'no commit'}; plan it again"
    decided.reviewed.append(data)
    return found
