"""What a workflow run does besides plan and apply: tell people, propose manifests, make evidence."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.app.acting import provenance_of
from reconciler.codec import Newer, decode_document, decode_plan, decode_run, json_text, sha256
from reconciler.errors import InvalidInput, ReconcilerError
from reconciler.github.actions import Event
from reconciler.github.branch import push_proposal
from reconciler.github.client import GitHub, required_client
from reconciler.github.git import Git
from reconciler.github.noted import note
from reconciler.github.posting import (
    Posted,
    Posting,
    earlier_comment,
    keep_comment,
    keep_issue,
    keep_pull,
    last_success,
    overdue,
)
from reconciler.github.reviews import GitHubReviews, commits_reviewed, reviewed_plan
from reconciler.github.statement import predicate_of, statement_of
from reconciler.ledger.heads import heads_text, ledger_heads
from reconciler.model.decision import Problem, Source
from reconciler.model.findings import JobFailure
from reconciler.model.plan import Look, Plan
from reconciler.model.receipt import Run
from reconciler.model.review import Assessment, Review
from reconciler.model.verdict import Group
from reconciler.planning.merge import part_of
from reconciler.ports import Clock

HEADS = "heads.json"
"""The file of the evidence whose SHA-256 is the ledger's head."""


_MOST_COMMITS = 20
"""Commits of a push that are asked about, each with a call."""


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """Event and client of this run."""

    event: Event
    github: GitHub

    def review(self) -> tuple[Review | None, str]:
        """Return who reviewed the commit of this run, and what could not be established."""
        people = GitHubReviews(self.github, self.event.branch, self.event.run_id).behind(self.event.sha)
        return (people.review, "") if isinstance(people, Assessment) else (None, getattr(people, "why", ""))

    def pulls(self) -> tuple[int, ...]:
        """Return the merged pull requests that the newest commits of a push came with, in order. Raises GitHubFailure.

        A run that somebody or the clock started is about no pull request.
        """
        if self.event.name != "push":
            return ()
        reviews = GitHubReviews(self.github, self.event.branch)
        pushed = (*self.event.commits[-_MOST_COMMITS:], self.event.sha)
        found = (reviews.pull_behind(sha, frozenset(pushed)) for sha in dict.fromkeys(pushed))
        return tuple(sorted({pull for pull in found if pull is not None}))


def read_run(path: Path) -> Run:
    """Return the report of a run. Raises InvalidInput when it is not there or not what `apply --out` writes."""
    try:
        return decode_run(path.read_bytes())
    except OSError as fault:
        message = f"the report of the run can't be read: {fault.strerror}"
    except Newer as newer:
        raise InvalidInput((Problem("run-file/newer", Source(str(path)), str(newer), newer.hint),)) from None
    except ValueError as fault:
        message = f"this is no report of a run: {fault}"
    problem = Problem("run-file/invalid", Source(str(path)), message, "apply writes it with --out")
    raise InvalidInput((problem,)) from None


def open_workflow_run(event: Event, environ: Mapping[str, str], clock: Clock) -> WorkflowRun:
    """Return event and client. Raises CredentialsRefused without a token."""
    return WorkflowRun(event, required_client(environ, event, clock))


def reports_of(report: Path, folder: Path | None) -> tuple[Run, ...]:
    """Return the report of the whole run; where there is none, those that its parts left in a folder, maybe none.

    Raises InvalidInput without a folder.
    """
    if folder is None or report.exists():
        return (read_run(report),)
    found = []
    for path in sorted(folder.rglob("run-*.json")):
        with suppress(InvalidInput):
            found.append(read_run(path))
    return tuple(found)


def tell_outcome(workflow: WorkflowRun, run: Run, text: Callable[[Run], str]) -> Iterator[Posted]:
    """Append to each pull request what the run, or a part of it, did of its own decisions. A failure is a value."""
    key = _outcome_key(workflow, run.environment) + (f"-{run.shard}" if run.shard else "")
    for own in run.reviews:
        body = text(part_of(run, own))
        yield keep_comment(workflow.github, own.review.pull_request, kind="outcome", key=key, body=body)


def tell_failure(workflow: WorkflowRun, environment: str | None, text: str) -> Iterator[Posted]:
    """Append to each pull request of a push why nothing is known of its plan or apply. A failure is a value."""
    try:
        pulls = workflow.pulls()
    except ReconcilerError as fault:
        yield Posted(Posting.FAILED, why=fault.in_words)
        return
    for pull in pulls:
        yield keep_comment(workflow.github, pull, kind="outcome", key=_outcome_key(workflow, environment), body=text)


def _outcome_key(workflow: WorkflowRun, environment: str | None) -> str:
    return f"{environment or 'default'}/{workflow.event.run_id}-{workflow.event.run_attempt}"


def note_ledger(workflow: WorkflowRun, run: Run, text: Callable[[Run], str]) -> Posted:
    """Note where the ledger stands after a run in a check run of its commit. A failure is a value."""
    if run.ledger is None or not run.ledger.heads:
        return Posted(Posting.NONE)
    return note(workflow.github, workflow.event.sha, run.ledger, text(run))


_SEEN = re.compile(r"<!-- tpp-plan:v1 [^>]*>")
_FACT = re.compile(r"\b(commit|since)=([0-9a-f]{40,64})\b")


def looks_at(workflow: WorkflowRun, plan: Plan, key: str) -> tuple[Look, ...]:
    """Return the plans of this pull request that were shown before: of the commit before, and of each reviewer.

    What is not kept any more, or can't be asked for (`actions: read`), is left out.
    """
    pull = workflow.event.pull_request
    if pull is None:
        return ()
    try:
        before = _commit_before(earlier_comment(workflow.github, pull.number, kind="plan", key=key), pull.head_sha)
        reviewed = commits_reviewed(workflow.github, pull.number, pull.head_sha)
        shown = [(before, None), *reviewed.items()] if before else list(reviewed.items())
        found = ((_shown(workflow.github, plan, commit), by) for commit, by in shown)
        return tuple(Look(then, by) for then, by in found if then is not None)
    except ReconcilerError:
        return ()


def _commit_before(comment: str, head: str) -> str | None:
    """Return the commit that a comment was about; of one about this very commit, that which it compares with."""
    marked = _SEEN.search(comment)
    facts = dict(_FACT.findall(marked[0])) if marked else {}
    commit = facts.get("commit")
    return commit if commit != head else facts.get("since")


def _shown(github: GitHub, plan: Plan, commit: str) -> Plan | None:
    """Return the plan that was made for an earlier commit, None when it is not kept or another server's."""
    data = reviewed_plan(github, commit, f"plan-{plan.environment}" if plan.environment else "plan")
    try:
        found = decode_plan(data) if data is not None else None
    except ValueError:
        return None
    return found if found is not None and (found.target, found.commit) == (plan.target, commit) else None


def failure_of(folder: Path | None, job: str = "the job that plans") -> JobFailure:
    """Return why there is no plan or no report, from what the parts of a run left; of several the first that tells."""
    for path in sorted(folder.rglob("failed-*.json")) if folder is not None and folder.is_dir() else ():
        try:
            return decode_document(path.read_bytes(), JobFailure, "failure")
        except Newer as error:
            return JobFailure(f"why {job} failed was {error}", error.hint)
        except (OSError, ValueError):
            continue
    return JobFailure(f"{job} did not come to an end", "its log says why: open the workflow run")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When the workflow last succeeded; `warning` says that this is too long ago, or why it is not known."""

    last: datetime | None = None
    warning: str = ""
    known: bool = True


def heartbeat(workflow: WorkflowRun, now: datetime, limit: timedelta) -> Heartbeat:
    """Look when this workflow last succeeded on its branch."""
    event = workflow.event
    if not event.workflow or not event.branch:
        return Heartbeat(known=False)
    try:
        last = last_success(workflow.github, event.workflow, event.branch)
    except ReconcilerError as fault:
        return Heartbeat(None, fault.message, known=False)
    return Heartbeat(last, (overdue(last, now, limit) or "") if last is not None else "")


def report_drift(workflow: WorkflowRun, plan: Plan, text: Callable[[], str]) -> Posted:
    """Open, update or close the one issue about drift."""
    drifted = any(step.group is not Group.FINE for step in plan.steps)
    named = plan.environment or "default"
    return keep_issue(
        workflow.github,
        kind="drift",
        key=named,
        title=f"TPP and git differ ({named})",
        body=text() if drifted else None,
    )


@dataclass(frozen=True, slots=True)
class Proposing:
    """What is proposed where: the branch to propose from, the one to propose to, and the title."""

    branch: str
    base: str
    title: str


def propose(
    workflow: WorkflowRun, git: Git, what: Proposing, paths: Sequence[str], text: Callable[[Sequence[str]], str]
) -> tuple[tuple[str, ...], Posted]:
    """Propose what changed under `paths` in one pull request that is kept up to date, and name the files.

    Raises GuardRefused and GitHubFailure.
    """
    proposal = push_proposal(git, what.branch, paths, what.title, base=what.base)
    if not proposal.files:
        return (), Posted(Posting.NONE)
    body = text(proposal.files)
    return proposal.files, keep_pull(workflow.github, branch=what.branch, base=what.base, title=what.title, body=body)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What can be signed about a run: the statement, its predicate alone, and its subjects as `sha256sum` lists them.

    The SHA-256 of `heads` is the ledger's head; None without a ledger. `why` is what could not be established.
    """

    statement: str
    predicate: str
    subjects: str
    heads: str | None
    why: str


def evidence_about(
    workflow: WorkflowRun,
    environ: Mapping[str, str],
    report: Path,
    run: Run,
    subjects: Sequence[Path],
    ledger: Path | None = None,
) -> Evidence:
    """Return what can be signed about a run; its subjects are report, `subjects` and the heads of the ledger.

    Raises InvalidInput for a subject that can't be read, LedgerBroken.
    """
    review, why = run.reviews[0].review if len(run.reviews) == 1 else None, ""
    if not run.reviews:
        review, why = workflow.review()
    heads = None if ledger is None else heads_text(ledger_heads(ledger))
    digests = {path.name: _digest(path) for path in (report, *subjects)}
    if heads is not None:
        digests[HEADS] = sha256(heads)
    predicate = predicate_of(run, provenance_of(environ, run.target, run.environment, review), digests.get(HEADS))
    listed = "".join(f"{digest.removeprefix('sha256:')}  {name}\n" for name, digest in sorted(digests.items()))
    return Evidence(
        json_text(statement_of(digests, predicate)),
        json_text(predicate),
        listed,
        None if heads is None else heads.decode(),
        why,
    )


def _digest(path: Path) -> str:
    try:
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as fault:
        problem = Problem("statement/subject", Source(str(path)), f"the file can't be read: {fault.strerror}")
        raise InvalidInput((problem,)) from None
