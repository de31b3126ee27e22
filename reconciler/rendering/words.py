"""The one table of words: what each verdict, reason, outcome and proof means, and what to do about it.

Every view takes its words from here, so all views say the same.
"""

from dataclasses import dataclass
from typing import assert_never

from reconciler.model.decision import Attestation, Decision, OverrideUse
from reconciler.model.receipt import Outcome, Proof
from reconciler.model.record import (
    ADOPTED,
    DECIDED_OUTSIDE,
    EMERGENCY,
    TAKEN_OVER,
    AcceptedEntry,
    AttentionEntry,
    AttestedEntry,
    ClosedEntry,
    Episode,
    ObservedEntry,
)
from reconciler.model.status import format_instant
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.rendering import times


@dataclass(frozen=True, slots=True)
class Words:
    """Why something is as it is, and what to do about it (empty when nothing)."""

    cause: str
    remedy: str = ""


HEADINGS: dict[Verdict, str] = {
    Verdict.APPROVE: "approve at once",
    Verdict.SCHEDULE: "schedule an approval",
    Verdict.RESCHEDULE: "move a scheduled approval",
    Verdict.REJECT: "reject",
    Verdict.REOPEN: "take a decision back",
    Verdict.IN_SYNC: "already as wanted",
    Verdict.SETTLED: "settled: applied, ticket closed",
    Verdict.AWAITING_OTHERS: "waiting for other approvers",
    Verdict.ELSEWHERE: "decided elsewhere, left alone",
    Verdict.CONFLICT: "conflict",
    Verdict.ORPHAN: "armed, and in no manifest",
    Verdict.UNCLEAR: "an update may still take effect",
    Verdict.MISMATCH: "not the ticket that was reviewed",
    Verdict.MISSING: "no such ticket",
    Verdict.INVISIBLE: "not visible to the reconciler",
    Verdict.EXPIRED: "too late to send",
    Verdict.MISSED: "window missed",
    Verdict.REFUSED: "refused by a guard",
    Verdict.ERROR: "could not be read",
}

IRREVERSIBLE = frozenset({Verdict.APPROVE, Verdict.REJECT})
"""Verdicts whose write can't be taken back: TPP goes on with the object and deletes the ticket."""

GROUPS: dict[Group, str] = {
    Group.CHANGE: "will change",
    Group.ATTENTION: "needs attention",
    Group.FINE: "unchanged",
}

_ASK = (
    "find out who decided and why; then merge what is there (`plan --format patch` writes it); to insist, keep your "
    "`status` and say under `expect` what is there"
)

REASONS: dict[Reason, Words] = {
    Reason.APPROVE_WANTED: Words("the manifest approves it and the ticket is still undecided"),
    Reason.SCHEDULE_WANTED: Words("the manifest schedules it and the ticket is still undecided"),
    Reason.SCHEDULE_AFTER_MISSED: Words("an earlier window was missed and the manifest has a new one"),
    Reason.RESCHEDULE_WANTED: Words("it is scheduled already and the manifest has other times"),
    Reason.REJECT_WANTED: Words("the manifest rejects it"),
    Reason.REOPEN_WANTED: Words("the manifest wants it pending again, before its scheduled start"),
    Reason.REOPEN_ORPHAN: Words("no manifest names it any more, and the policy takes such schedules back"),
    Reason.IN_SYNC_SAME: Words("the ticket is as the manifest wants it"),
    Reason.IN_SYNC_ACCEPTED: Words("somebody else did what the manifest wants now: an apply records that both agree"),
    Reason.IN_SYNC_LEDGER: Words("we applied it; the server does not report the times, the ledger has them"),
    Reason.IN_SYNC_PROCESSING: Words("we scheduled it and its time has come: the server is working on it"),
    Reason.SETTLED_RECEIPT: Words("we applied it, the ledger has the receipt, and the ticket is closed"),
    Reason.SETTLED_INFERRED: Words("we sent it, no answer came, and the ticket is closed: taken as applied"),
    Reason.SETTLED_ATTESTED: Words("it was decided outside, as the manifest says, and the ticket is closed"),
    Reason.AWAITING_OTHERS: Words(
        "our approval was accepted and other approvers are still due", "nothing here; remind the other approvers"
    ),
    Reason.ELSEWHERE_DECIDED: Words("the manifest leaves it pending and somebody decided it outside git"),
    Reason.ELSEWHERE_CLOSED: Words("the manifest leaves it pending and the ticket was closed outside git"),
    Reason.CONFLICT_CONSOLE: Words("somebody decided otherwise outside git", _ASK),
    Reason.CONFLICT_REOPENED: Words("we decided it and somebody set it back to pending outside git", _ASK),
    Reason.CONFLICT_TOO_LATE: Words(
        "the ticket has been processed, and what we applied was something else than the manifest wants now",
        "an approval can't be undone: revoke or renew the certificate if need be, then merge what was applied "
        "(`plan --format patch` writes it), or remove the entry",
    ),
    Reason.CONFLICT_COUNTED: Words(
        "our approval has been counted, which can't be taken back, and the manifest now wants something else",
        "merge the counted decision again (`plan --format patch` writes it), or `Rejected`, which is sent: TPP's "
        "answer decides",
    ),
    Reason.CONFLICT_SCHEDULE_UNKNOWN: Words(
        "it is scheduled, not by us, and the server does not report the times",
        "look up the times in TPP's console; then say under `expect` what is there, and your times are sent",
    ),
    Reason.CONFLICT_OPEN_INTENT: Words(
        "an earlier run sent an update and left no receipt, and the ticket matches neither before nor after",
        "look at the ticket's history in TPP; then merge what is there (`plan --format patch` writes it), or keep your "
        "`status` and say under `expect` what is there",
    ),
    Reason.CONFLICT_UNKNOWN_STATUS: Words(
        "the server reports a status that this version does not know",
        "look at the ticket in TPP's console and report the status to the reconciler's maintainers",
    ),
    Reason.CONFLICT_RESTORED: Words(
        "it was settled and gone, and it is there again: the server was restored from a backup, or is another one",
        "ask TPP's administrators; on another server name its own `ledger`, on a restored one say under `expect` what "
        "is there, and it is decided anew",
    ),
    Reason.CONFLICT_UNKNOWN_OPERATION: Words(
        "it carries the tag of an update that this ledger does not know: another ledger's, or its record is lost",
        "restore the ledger that knows it; where there is none, look at the ticket and run `ledger adopt`",
    ),
    Reason.CONFLICT_GONE_EARLY: Words(
        "we scheduled it, and it was gone before its time: somebody decided or deleted it",
        "find out who; then say so with `decided`, or remove the entry",
    ),
    Reason.CONFLICT_FREEZE: Words(
        "it is armed and would take effect in a freeze that came later, or under the emergency stop",
        "merge times outside of the freeze (`plan --format patch` writes them) or `Pending`, or add an `override` for "
        "rule `freeze`; under the stop decide it in the console, or end the stop",
    ),
    Reason.CONFLICT_NOT_DECIDED: Words(
        "the manifest says that it was decided outside, and the ticket is not as it says",
        "decide it in the console as the entry says, or take `decided` out (`plan --format patch` does): then git "
        "decides",
    ),
    Reason.ORPHAN_ARMED: Words(
        "it is armed, the ledger knows it, and no manifest names it any more: TPP will approve it at its time",
        "add an entry with `Pending` to take it back, put the entry back to keep it, or set `policy.orphans` to "
        "`take-back`",
    ),
    Reason.UNCLEAR_LOST_ANSWER: Words(
        "an update was sent whose answer was lost, and it may still take effect",
        "wait until then and plan again: the next plan says what became of it, or proposes it anew",
    ),
    Reason.MISMATCH_OBJECT: Words(
        "the ticket stops another object than the one that was reviewed",
        "compare the GUID with the expected object; correct the one that is wrong and have it reviewed again",
    ),
    Reason.MISMATCH_WORKFLOW: Words(
        "the ticket comes from another workflow than the one that was reviewed",
        "look at the workflow in TPP; correct `expect.workflow` and have it reviewed again",
    ),
    Reason.MISMATCH_CERTIFICATE: Words(
        "the certificate behind the ticket is not the one that was reviewed",
        "look at the certificate in TPP; correct `expect.certificate` and have it reviewed again",
    ),
    Reason.MISMATCH_STATUS: Words(
        "the ticket is in another state than the one that was reviewed",
        "find out who moved it and why; then merge what is there (`plan --format patch` writes it), or keep your "
        "`status` and correct what `expect` says",
    ),
    Reason.MISSING_TICKET: Words(
        "the server has no such ticket, and the ledger has no entry for it",
        "check the GUID for a typing error; if it was decided elsewhere, say so with `decided`, or remove the entry",
    ),
    Reason.INVISIBLE_DENIED: Words(
        "the server does not let us see it, also after refreshing permissions",
        "make the reconciler's identity an approver of this workflow, or give it View on the object",
    ),
    Reason.EXPIRED_VALID_UNTIL: Words(
        "`valid_until` passed before it was applied", "decide again: set a later `valid_until`, or remove the entry"
    ),
    Reason.EXPIRED_WINDOW: Words(
        "its window was over before it was applied",
        "choose a new window (`plan --format patch` proposes one), or remove the entry",
    ),
    Reason.MISSED_WINDOW: Words(
        "we scheduled it, the window passed, and the ticket is still there: TPP did not run in time",
        "choose a new window (`plan --format patch` proposes one), and find out why TPP missed the last one",
    ),
    Reason.REFUSED_STOP: Words(
        "the emergency stop is set",
        "once it is safe to go on, remove the stop file or variable; `reconciler github start` ends a stop on the "
        "ledger's branch",
    ),
    Reason.REFUSED_SUPERSEDED: Words(
        "the branch has a newer commit than the one of this run", "the run for the newer commit applies it"
    ),
    Reason.REFUSED_EMERGENCY: Words(
        "the policy does not let it be decided as an emergency",
        "do what the detail says; without --emergency it is decided by a pull request",
    ),
    Reason.REFUSED_REQUIRED: Words("the policy requires a field that the entry lacks", "add the field to the manifest"),
    Reason.REFUSED_CHANGE_PATTERN: Words(
        "the change number does not have the form that the policy asks for", "correct `change`"
    ),
    Reason.REFUSED_OWNERSHIP: Words(
        "the object is outside the folders that this repository owns",
        "move the entry to the repository of the owner, or extend `policy.owns`",
    ),
    Reason.REFUSED_FREEZE: Words(
        "it would take effect inside a change freeze",
        "move it outside the freeze, or add an `override` for rule `freeze`",
    ),
    Reason.REFUSED_FOUR_EYES: Words(
        "it did not come in with the reviews that four eyes ask for", "do what the detail says"
    ),
    Reason.REFUSED_CHANGES: Words(
        "the plan has more changes than the policy allows",
        "split the pull request, or raise `limits.changes`",
    ),
    Reason.REFUSED_APPROVALS: Words(
        "the plan has more approvals than the policy allows",
        "split the pull request, or raise `limits.approvals`",
    ),
    Reason.REFUSED_REJECTIONS: Words(
        "the plan has more rejections than the policy allows",
        "split the pull request, or raise `limits.rejections`",
    ),
    Reason.REFUSED_PERCENT: Words(
        "the plan changes a larger share of the decisions than the policy allows",
        "split the pull request, or raise `limits.percent`",
    ),
    Reason.REFUSED_AT_MOST: Words(
        "a rule matches more tickets than its `at_most` allows",
        "make the rule narrower, or raise `at_most` after looking at the matches",
    ),
    Reason.REFUSED_IDENTITY: Words(
        "the identity that would decide is not among the ticket's approvers",
        "use the approver's credential, or change the workflow's approvers",
    ),
    Reason.REFUSED_CONTEXT: Words(
        "the policy does not want it of this certificate",
        "mend the request in TPP, or name the ticket in an override of `context`",
    ),
    Reason.REFUSED_CHANGE_RECORD: Words(
        "its change record does not allow it", "do what the detail says; `reconciler change ID` shows the record"
    ),
    Reason.REFUSED_NOT_REVIEWED: Words(
        "it differs from the plan that was reviewed", "make a new plan and have it reviewed"
    ),
    Reason.ERROR_UNREADABLE: Words(
        "the ticket could not be read", "fix the cause below and plan again; nothing was sent"
    ),
    Reason.ERROR_UNAVAILABLE: Words(
        "the server was away or busy", "plan again later; nothing was sent, and nothing has to be mended here"
    ),
}

_OPERATORS = frozenset(
    {
        Reason.INVISIBLE_DENIED,
        Reason.ERROR_UNREADABLE,
        Reason.CONFLICT_UNKNOWN_STATUS,
        Reason.REFUSED_STOP,
        Reason.REFUSED_IDENTITY,
        Reason.REFUSED_SUPERSEDED,
    }
)


def whose(reason: Reason) -> str:
    """Return who has to act: who wrote the pull request, who reviews it, or who runs the reconciler."""
    if reason is Reason.REFUSED_FOUR_EYES:
        return "another reviewer"
    if reason is Reason.REFUSED_CHANGE_RECORD:
        return "whoever manages the change"
    return "whoever runs the reconciler" if reason in _OPERATORS else "the author"


OUTCOMES: dict[Outcome, Words] = {
    Outcome.APPLIED: Words("done; the receipts prove it"),
    Outcome.AWAITING_OTHERS: Words("accepted, other approvers are still due", "remind the other approvers"),
    Outcome.STALE: Words(
        "the ticket changed after the plan; nothing was sent for it",
        "make a new plan and look at what changed",
    ),
    Outcome.REJECTED_BY_SERVER: Words(
        "the server refused the update", "fix what the server names below, then apply again"
    ),
    Outcome.FAILED: Words("not sent", "fix the cause below, then apply again; it is safe to repeat"),
    Outcome.UNKNOWN: Words(
        "sent, and nothing proves whether it took effect",
        "plan again: the next plan reads the ticket; nothing is sent again before `requests.patience` has passed",
    ),
    Outcome.NOT_ATTEMPTED: Words("not attempted, because the run stopped first", "apply again to go on"),
}

PROOFS: dict[Proof, str] = {
    Proof.CONFIRMED: "read again, as wanted",
    Proof.ACCEPTED: "accepted by the server",
    Proof.OBSERVED: "no usable answer, but the ticket reads as wanted",
    Proof.TAGGED: "the ticket has the tag of this operation",
    Proof.INFERRED: "no usable answer, and the ticket is closed: somebody else may have closed it",
    Proof.UNCHANGED: "read again, unchanged",
    Proof.NONE: "no proof",
}

CONTROL_RESULTS: dict[str, str] = {"ok": "ok", "refused": "refused", "overridden": "overridden", "off": "off"}


def found_words(entry: ClosedEntry | AcceptedEntry | AttestedEntry | ObservedEntry | AttentionEntry) -> str:
    """Return what was found of a ticket, and recorded without sending anything. May hold hostile text."""
    match entry:
        case ClosedEntry():
            return "no longer exists"
        case AcceptedEntry(after=after, by=by):
            return f"accepted: {by or 'somebody else'} made it {after.status}, as the manifest wants it"
        case AttestedEntry(after=after, decision=Decision(decided=Attestation() as decided), gone=gone):
            found = "the ticket is gone" if gone else "the ticket is so"
            return f"attested: {after.status} was {decided.told(times.utc(decided.at))}; {found}"
        case ObservedEntry(last_armed=armed, first_gone=gone):
            since = f"between {times.utc(armed)} and " if armed is not None else "before "
            return f"no longer exists: it went {since}{times.utc(gone)}"
        case AttentionEntry():
            return attention_words(entry)
        case AttestedEntry(after=after):
            return f"attested: {after.status} was decided outside"
        case _:
            assert_never(entry)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 change`, `2 changes`, `1,204 entries`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


ATTENTION_BESIDE: dict[str, str] = {
    "override": "an override let it pass the guard",
    "manual": "somebody did it by hand",
}
"""What the words before the slash mean that are no verdicts."""
MANUAL: dict[str, str] = {
    TAKEN_OVER: "the lock that a dead run left was taken over",
    EMERGENCY: "two people decided it in an emergency, without a pull request",
    ADOPTED: "an update that the ledger did not know was taken into it",
    DECIDED_OUTSIDE: "it was decided outside, and a manifest says by whom",
}


def cause_of(reason: str) -> str:
    """Return what a reason of an exception means, also one that a newer release wrote."""
    if reason in MANUAL:
        return MANUAL[reason]
    kind, _, rule = reason.partition("/")
    if kind in ATTENTION_BESIDE:
        return f"{ATTENTION_BESIDE[kind]} {rule}"
    try:
        return REASONS[Reason(reason)].cause
    except ValueError:
        return "a newer release knows what it means"


def attention_words(entry: AttentionEntry) -> str:
    """Return what asked for attention, and whether it began or ended. Not neutral."""
    if entry.state is Episode.END:
        return f"{entry.reason}: no longer so"
    return f"{entry.reason}: {entry.detail or cause_of(entry.reason)}"


def override_words(use: OverrideUse) -> str:
    """Return which exemption a change needed. Not neutral."""
    return f"overridden {use.rule} until {format_instant(use.until)}: {use.reason} ({use.source})"
