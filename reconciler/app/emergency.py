"""An emergency: one ticket, two people, an incident. Who they are is established here, and what goes into git then."""

from collections.abc import Callable, Sequence

from reconciler.app.apply import earlier_emergencies
from reconciler.app.context import Context
from reconciler.app.decide import Choice, Chosen, decide, say_who_decided
from reconciler.app.tickets import named_in
from reconciler.app.workflow_run import Proposing, WorkflowRun, propose
from reconciler.errors import CredentialsRefused, GuardRefused, ServerFailure
from reconciler.github.git import Git
from reconciler.github.posting import Posted
from reconciler.github.reviews import GitHubReviews
from reconciler.model.decision import Attestation
from reconciler.model.receipt import Outcome, Run
from reconciler.model.review import Emergency
from reconciler.model.status import Status
from reconciler.model.value import replace
from reconciler.ports import Clock

SECOND_TOKEN = "TPP_SECOND_TOKEN"
LONGEST_WAIT = 600.0
"""Seconds for which a pull request waits for the review of a second person."""
_LOOK = 10.0
_START_ANOTHER = "start the emergency workflow again"


def planned_emergency(context: Context, ticket: str, incident: str, asked: str = "") -> Emergency:
    """Return an emergency to which nobody has agreed yet; who asks is the token's holder, if nobody else is named.

    Raises UnclearName, ServerFailure.
    """
    asked = asked or context.backend.caller().identity
    return Emergency(named_in(context, ticket), incident, asked, earlier=earlier_emergencies(context))


def agreed_by_token(context: Context, planned: Emergency) -> Emergency:
    """Have the holder of a second token agree. Raises GuardRefused unless that is somebody else, ServerFailure."""
    token = context.environ.get(SECOND_TOKEN, "").strip()
    if context.environ.get("GITHUB_ACTIONS") == "true":
        raise GuardRefused(
            "in a workflow a second token is no second person", "use the workflow emergency.yml, which waits for one"
        )
    if not token:
        raise GuardRefused(
            "an emergency takes two people, and nobody has agreed",
            f"have a second person put an access token of their own into {SECOND_TOKEN}",
        )
    try:
        second = context.identity_behind(token)
    except CredentialsRefused as refused:
        raise CredentialsRefused(f"{SECOND_TOKEN}: {refused.message}", refused.hint) from refused
    if not second or not planned.asked:
        raise ServerFailure("the server does not say whose tokens these are", "ask TPP's administrators")
    if second.casefold() == planned.asked.casefold():
        raise GuardRefused(
            f"{SECOND_TOKEN} is a token of {planned.asked}, who asks: an emergency takes two people",
            f"have a second person put an access token of their own into {SECOND_TOKEN}",
        )
    return replace(planned, agreed=second, how="token")


def started_by(workflow: WorkflowRun) -> str:
    """Return who started the run. Raises GuardRefused for a bot, and for a run that is started once more.

    A run that is started again keeps its commit and the approvals of its earlier attempts.
    """
    event = workflow.event
    if event.run_attempt not in ("", "1"):
        why = f"this is attempt {event.run_attempt} of the run, which keeps what was agreed before"
        raise GuardRefused(why, _START_ANOTHER)
    if not event.actor or event.actor.endswith("[bot]"):
        raise GuardRefused(f"the run was started by {event.actor or 'nobody'}, not by a person", _START_ANOTHER)
    return event.actor


def agreed_in_environment(workflow: WorkflowRun, planned: Emergency, environment: str) -> Emergency:
    """Have who approved the environment for this run agree. Raises GuardRefused unless that is somebody else.

    Raises GitHubFailure when GitHub can't be asked.
    """
    approvers = GitHubReviews(workflow.github, workflow.event.branch, workflow.event.run_id).approvers_of(environment)
    second = _other(approvers, planned.asked)
    if second is None:
        why = "only who started it" if approvers else "nobody"
        raise GuardRefused(
            f"{why} approved the environment {environment} for this run: an emergency takes two people",
            f"give {environment} required reviewers and no self-review; where the plan of GitHub has no required "
            "reviewers, set the input second-person to pull-request",
        )
    return replace(planned, agreed=second, how=f"environment {environment}")


def agreed_by_review(workflow: WorkflowRun, planned: Emergency, pull: int, clock: Clock) -> Emergency:
    """Wait until somebody else has approved the pull request. Raises GuardRefused after ten minutes, GitHubFailure."""
    began = clock.monotonic()
    while True:
        reviews = GitHubReviews(workflow.github, workflow.event.branch)  # it remembers what it has seen
        people = reviews.of_pull(pull)
        second = _other(people.review.reviewers, planned.asked)
        if people.objections:
            raise GuardRefused(f"{', '.join(people.objections)} asked for changes in PR #{pull}", _START_ANOTHER)
        if second is not None:
            return replace(planned, agreed=second, how=f"review of PR #{pull}")
        if clock.monotonic() - began >= LONGEST_WAIT:
            raise GuardRefused(
                f"nobody but {planned.asked} approved PR #{pull} within {LONGEST_WAIT / 60:.0f} minutes",
                f"have a second person with write access ready, close the pull request, and {_START_ANOTHER}",
            )
        clock.sleep(_LOOK)


def _other(people: Sequence[str], starter: str) -> str | None:
    return next((each for each in people if each.casefold() != starter.casefold()), None)


def write_entry(context: Context, planned: Emergency, status: str, reason: str) -> Chosen:
    """Write the decision into the manifests; its change is the incident. Raises InvalidInput, UnclearName."""
    return decide(context, planned.ticket, Choice(status, explanation=reason, change=planned.incident), planned)


def record_in_git(context: Context, agreed: Emergency, run: Run, where: str) -> bool:
    """Note in the entry who decided, once it is done for good. Returns whether there is anything to propose.

    What is not proven yet, or waits for others, stays a decision as any other.
    """
    (receipt,) = run.receipts or (None,)
    if receipt is None or receipt.outcome not in _IN_GIT:
        return False
    if receipt.outcome is Outcome.APPLIED and receipt.after.status != Status.PENDING:
        by, reason = f"{agreed.asked} and {agreed.agreed}", f"{agreed.incident}: {receipt.decision.explanation}"
        say_who_decided(context, agreed.ticket, Attestation(by, run.ended_at.replace(microsecond=0), where, reason))
    return True


_IN_GIT = (Outcome.APPLIED, Outcome.AWAITING_OTHERS, Outcome.UNKNOWN)


def propose_entry(
    workflow: WorkflowRun, git: Git, planned: Emergency, chosen: Chosen, text: Callable[[Sequence[str]], str]
) -> Posted:
    """Propose the entry in a pull request of its own. Raises GuardRefused and GitHubFailure."""
    branch = f"reconciler/emergency-{planned.ticket[:8]}-{workflow.event.run_id}"
    title = f"Emergency {planned.incident}: {chosen.after} {chosen.object.rpartition(chr(92))[2] or planned.ticket}"
    what = Proposing(branch, workflow.event.branch or "main", title)
    return propose(workflow, git, what, [chosen.source.path], text)[1]
