"""The one table of exit codes, and which code wins when several hold."""

from collections.abc import Iterable
from enum import IntEnum

from reconciler.errors import (
    GuardRefused,
    InvalidInput,
    LedgerBroken,
    LedgerUnwritable,
    LockHeld,
    NotAttempted,
    ReconcilerError,
    ServerFailure,
    UnclearName,
    UnusableOutput,
)
from reconciler.model.plan import Plan
from reconciler.model.receipt import Outcome, Run
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group, Reason, Verdict


class Exit(IntEnum):
    """What the process tells its caller."""

    OK = 0
    INVALID = 1
    USAGE = 2
    REFUSED = 3
    SERVER = 4
    ATTENTION = 5
    UNKNOWN = 6
    RETRY = 7
    LOCKED = 8
    CHANGES = 10
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


MEANING = {
    Exit.OK: "done, nothing wrong",
    Exit.INVALID: "manifests, configuration or plan file invalid",
    Exit.USAGE: "the command line is wrong",
    Exit.REFUSED: "a guard refused",
    Exit.SERVER: "server, network, credentials, or a ledger that is broken or can't be written",
    Exit.ATTENTION: "some steps need attention, are stale, or were refused by the server",
    Exit.UNKNOWN: "an outcome is still unknown",
    Exit.RETRY: "only failures that a repeat may cure (server away, throttled, not attempted); nothing needs a human",
    Exit.LOCKED: "another run holds the lock",
    Exit.CHANGES: "changes pending (only with plan --exit-code)",
    Exit.BUG: "a bug in the reconciler",
    Exit.INTERRUPTED: "interrupted, ledger complete",
    Exit.TERMINATED: "terminated, ledger complete",
}

_WORST_FIRST = (
    Exit.BUG,
    Exit.UNKNOWN,
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.SERVER,
    Exit.ATTENTION,
    Exit.REFUSED,
    Exit.RETRY,
    Exit.CHANGES,
    Exit.OK,
)

_OF_ERROR: tuple[tuple[type[ReconcilerError], Exit], ...] = (
    (UnusableOutput, Exit.USAGE),
    (UnclearName, Exit.USAGE),
    (InvalidInput, Exit.INVALID),
    (GuardRefused, Exit.REFUSED),
    (NotAttempted, Exit.RETRY),
    (ServerFailure, Exit.SERVER),
    (LedgerBroken, Exit.SERVER),
    (LedgerUnwritable, Exit.SERVER),
    (LockHeld, Exit.LOCKED),
)


def worst(codes: Iterable[Exit]) -> Exit:
    """Return the code that matters most to somebody who trusts the result; OK when there is none."""
    held = set(codes)
    return next((code for code in _WORST_FIRST if code in held), Exit.OK)


def of_error(error: ReconcilerError) -> Exit:
    """Return the code of an expected failure; what the table does not name is the world outside (git, GitHub)."""
    return next((code for kind, code in _OF_ERROR if isinstance(error, kind)), Exit.SERVER)


def of_plan(plan: Plan, *, changes_matter: bool = False) -> Exit:
    """Return the code of a plan: what needs attention or was refused, and with `changes_matter` pending changes.

    In a pull request, and after a merge, only what is its own counts.
    """
    return worst(_plan_codes(plan.own, changes_matter))


def _plan_codes(plan: Plan, changes_matter: bool) -> Iterable[Exit]:
    for verdict in plan.counts:
        if verdict is Verdict.ERROR:
            yield from {
                Exit.RETRY if step.reason is Reason.ERROR_UNAVAILABLE else Exit.SERVER
                for step in plan.steps
                if step.verdict is verdict
            }
        elif verdict is Verdict.REFUSED:
            yield Exit.REFUSED
        elif verdict.group is Group.ATTENTION:
            yield Exit.ATTENTION
        elif verdict.group is Group.CHANGE and changes_matter:
            yield Exit.CHANGES


def of_run(run: Run, others: frozenset[Guid] = frozenset()) -> Exit:
    """Return the code of an apply's receipts. Those of `others` count only where the run itself is in doubt."""
    of_outcome = {
        Outcome.APPLIED: Exit.OK,
        Outcome.AWAITING_OTHERS: Exit.OK,
        Outcome.STALE: Exit.ATTENTION,
        Outcome.REJECTED_BY_SERVER: Exit.ATTENTION,
        Outcome.FAILED: Exit.RETRY,
        Outcome.UNKNOWN: Exit.UNKNOWN,
        Outcome.NOT_ATTEMPTED: Exit.RETRY,
    }
    return worst(
        of_outcome[receipt.outcome]
        for receipt in run.receipts
        if run.stopped or receipt.outcome is Outcome.UNKNOWN or receipt.guid not in others
    )
