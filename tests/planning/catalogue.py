"""The catalogue of cases: what is wanted, what is there and what the ledger knows, and the reason that follows.

To add a case, add a row to CASES. The clock says NOW (Monday 2026-11-23 12:00 UTC) unless the case says `now`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.model.decision import Attestation, Expectation, WindowUse
from reconciler.model.receipt import Outcome, Proof
from reconciler.model.record import Intent, LastWrite, OpenIntent, TicketHistory
from reconciler.model.review import Provenance, Review
from reconciler.model.status import State, Status, parse_wanted
from reconciler.model.ticket import Found, Gone, Hidden, Reading, Unread
from reconciler.model.value import replace
from reconciler.model.verdict import Reason as Is
from reconciler.planning.digest import decision_digest
from tests.builders import (
    APPROVED,
    NOW,
    OBJECT,
    PENDING,
    REJECTED,
    WORKFLOW,
    after,
    at,
    between,
    decision,
    guid,
    holding,
    last_write,
    live,
)

COMING = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
LATER = between("2026-12-05T22:00:00Z", "2026-12-06T02:00:00Z")
RUNNING = between("2026-11-23T10:00:00Z", "2026-11-23T14:00:00Z")
OVER = between("2026-11-21T22:00:00Z", "2026-11-22T02:00:00Z")
OVER_EARLIER = between("2026-11-14T22:00:00Z", "2026-11-15T02:00:00Z")
SOON = after("2026-11-28T22:00:00Z")
EXACTLY = after("2026-11-28T22:00:00.250Z")
TO_THE_MICROSECOND = after("2026-11-28T22:00:00.000001Z")
DUE = after("2026-11-22T22:00:00Z")
NO_TIMES = State(Status.APPROVED_BETWEEN)
NO_START = State(Status.APPROVED_AFTER)
TAG = "6a1f09c2d4e7"
TAGGED = f"reviewed [op:{TAG}]"
SEEN_BEFORE = at("2026-11-20T08:00:00Z")
WEEKLY = WindowUse("sat-night", "FREQ=WEEKLY;BYDAY=SA")


def there(state: State = PENDING, **ticket: Any) -> Reading:
    """The ticket is there, in a state."""
    return Found(live(state=state, **ticket))


def applied(state: State, **changes: Any) -> TicketHistory:
    """Our last receipt says that we brought it into a state."""
    last = last_write(after=state, **changes)
    return TicketHistory(last=last, operations=frozenset({last.operation}))


def waiting(state: State) -> TicketHistory:
    """Our last update was accepted, and other approvers were still due."""
    return applied(state, outcome=Outcome.AWAITING_OTHERS, proof=Proof.TAGGED, seen=PENDING)


def inferred(state: State) -> TicketHistory:
    """Our last update got no answer, and then the ticket was gone."""
    return applied(state, proof=Proof.INFERRED, gone=True)


def left_open(after: State, before: State = PENDING, last: LastWrite | None = None, **changes: Any) -> TicketHistory:
    """A run died between its intent and its receipt."""
    values: dict[str, Any] = {
        "at": at("2026-11-23T11:00:00Z"),
        "operation": TAG,
        "guid": guid(1),
        "digest": "sha256:" + "1" * 64,
        "before": before,
        "after": after,
        "object": OBJECT,
        "workflow": WORKFLOW,
        "updated": SEEN_BEFORE,
    }
    opened = OpenIntent(holding(Intent, **(values | changes)), "20261123T110000Z-000002")
    return TicketHistory(last, opened, frozenset({TAG}))


@dataclass(frozen=True)
class Case:
    """One case; `decision` has fields of the Decision besides the wanted state."""

    name: str
    reason: Is
    wanted: State
    reading: Reading
    history: TicketHistory = TicketHistory()
    now: datetime = NOW
    decision: dict[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the decision."""
        return {"wanted": parse_wanted(self.wanted), **self.decision}


A_MOMENT_AGO = left_open(APPROVED, at=at("2026-11-23T11:46:00Z"))
LOST_A_MOMENT_AGO = replace(left_open(APPROVED), open=OpenIntent(left_open(APPROVED).open.intent, "r", lost_at=NOW))  # type: ignore[union-attr]
KNOWS_THE_TAG = TicketHistory(operations=frozenset({TAG}))
TYPO = {"expect": Expectation(object=r"\VED\Policy\Web\other.example.com")}
OTHER_AS_SEEN = {"expect": replace(TYPO["expect"], state=PENDING)}
OTHER_STAGE = {"expect": Expectation(object=OBJECT, workflow=r"\VED\Policy\Workflows\Stage 500")}
AS_REVIEWED = {"expect": Expectation(object=OBJECT.upper(), workflow=WORKFLOW.lower())}
YESTERDAY = {"valid_until": at("2026-11-22T12:00:00Z")}
THIS_INSTANT = {"valid_until": NOW}
TONIGHT = {"valid_until": at("2026-11-23T20:00:00Z")}
EVERY_WEEK = {"window": WEEKLY}

RECORDED = applied(APPROVED, attested=True, gone=True)
OUTSIDE = {"decided": Attestation("AD+CORP:jdoe", at("2026-11-22T02:00:00Z"), "console", "INC0012345")}


def saw(state: State) -> dict[str, Any]:
    """The manifest says that the reviewer saw this state."""
    return {"expect": Expectation(OBJECT, WORKFLOW, state=state)}


def done(state: State) -> TicketHistory:
    """We applied the very decision that says that the reviewer saw a pending ticket."""
    return applied(state, digest=decision_digest(decision(wanted=state, **saw(PENDING))))


CASES = (
    # What a ticket that nobody has touched needs.
    Case("an approval", Is.APPROVE_WANTED, APPROVED, there()),
    Case("a rejection", Is.REJECT_WANTED, REJECTED, there()),
    Case("an approval from an instant on", Is.SCHEDULE_WANTED, SOON, there()),
    Case("an approval in a window", Is.SCHEDULE_WANTED, COMING, there()),
    Case("a window that has begun", Is.SCHEDULE_WANTED, RUNNING, there()),
    Case("a start that has passed, without an end", Is.SCHEDULE_WANTED, DUE, there()),
    Case("expectations met, whatever the case", Is.APPROVE_WANTED, APPROVED, there(), decision=AS_REVIEWED),
    Case("in time for valid_until", Is.APPROVE_WANTED, APPROVED, there(), decision=TONIGHT),
    Case("nothing wanted, nothing done", Is.IN_SYNC_SAME, PENDING, there()),
    # What the server tells of what is wanted, whoever did it.
    Case("approved in the console", Is.IN_SYNC_ACCEPTED, APPROVED, there(APPROVED)),
    Case("rejected in the console", Is.IN_SYNC_ACCEPTED, REJECTED, there(REJECTED)),
    Case("scheduled in the console, as wanted", Is.IN_SYNC_ACCEPTED, COMING, there(COMING)),
    Case("scheduled by us", Is.IN_SYNC_SAME, COMING, there(COMING), applied(COMING)),
    Case("as wanted, though expired", Is.IN_SYNC_ACCEPTED, APPROVED, there(APPROVED), decision=YESTERDAY),
    Case("rejected by us and still there", Is.IN_SYNC_SAME, REJECTED, there(REJECTED), applied(REJECTED)),
    Case("reopened by us", Is.IN_SYNC_SAME, PENDING, there(), applied(PENDING)),
    Case(
        "taken back before others decided it as wanted",
        Is.IN_SYNC_ACCEPTED,
        REJECTED,
        there(REJECTED),
        waiting(APPROVED),
    ),
    # Changed minds: what we did last is not what is wanted now, and it is as we left it.
    Case("moved to another window", Is.RESCHEDULE_WANTED, LATER, there(COMING), applied(COMING)),
    Case("moved to another start", Is.RESCHEDULE_WANTED, SOON, there(DUE), applied(DUE)),
    Case("from a window to at once", Is.APPROVE_WANTED, APPROVED, there(COMING), applied(COMING)),
    Case("from a window to rejection", Is.REJECT_WANTED, REJECTED, there(COMING), applied(COMING)),
    Case("from a window to nothing", Is.REOPEN_WANTED, PENDING, there(COMING), applied(COMING)),
    Case("from rejection to nothing", Is.REOPEN_WANTED, PENDING, there(REJECTED), applied(REJECTED)),
    Case("from rejection to approval", Is.APPROVE_WANTED, APPROVED, there(REJECTED), applied(REJECTED)),
    Case("approved once it was reopened by us", Is.APPROVE_WANTED, APPROVED, there(), applied(PENDING)),
    Case("rejected while others are due", Is.REJECT_WANTED, REJECTED, there(), waiting(APPROVED)),
    Case("moved while others are due", Is.RESCHEDULE_WANTED, LATER, there(), waiting(COMING)),
    # Gone: only the ledger can tell "done" from "typo".
    Case("done and processed", Is.SETTLED_RECEIPT, APPROVED, Gone(), applied(APPROVED)),
    Case("its window came and it was processed", Is.SETTLED_RECEIPT, RUNNING, Gone(), applied(RUNNING)),
    Case("its window is over and it was processed", Is.SETTLED_RECEIPT, OVER, Gone(), applied(OVER)),
    Case("gone before its window", Is.CONFLICT_GONE_EARLY, COMING, Gone(), applied(COMING)),
    Case("gone before its window, others were due", Is.CONFLICT_GONE_EARLY, COMING, Gone(), waiting(COMING)),
    Case("gone before its window, another one is wanted", Is.CONFLICT_GONE_EARLY, LATER, Gone(), applied(COMING)),
    Case("gone before its window, and taken back", Is.CONFLICT_GONE_EARLY, PENDING, Gone(), applied(COMING)),
    Case(
        "gone six minutes before its window",
        Is.CONFLICT_GONE_EARLY,
        COMING,
        Gone(),
        applied(COMING),
        now=at("2026-11-28T21:54:00Z"),
    ),
    Case(
        "gone four minutes before its window: clocks differ",
        Is.SETTLED_RECEIPT,
        COMING,
        Gone(),
        applied(COMING),
        now=at("2026-11-28T21:56:00Z"),
    ),
    Case(
        "gone early, and recorded, after its window",
        Is.CONFLICT_GONE_EARLY,
        OVER,
        Gone(),
        applied(OVER, gone=True, gone_at=at("2026-11-20T08:00:00Z")),
    ),
    Case(
        "gone in time, and recorded",
        Is.SETTLED_RECEIPT,
        OVER,
        Gone(),
        applied(OVER, gone=True, gone_at=at("2026-11-22T03:00:00Z")),
    ),
    Case("the others have approved too", Is.SETTLED_RECEIPT, APPROVED, Gone(), waiting(APPROVED)),
    Case("rejected and deleted", Is.SETTLED_RECEIPT, REJECTED, Gone(), applied(REJECTED)),
    Case("done, though expired since", Is.SETTLED_RECEIPT, APPROVED, Gone(), applied(APPROVED), decision=YESTERDAY),
    Case("done, as only its absence proves", Is.SETTLED_INFERRED, APPROVED, Gone(), inferred(APPROVED)),
    Case("a typo in the GUID", Is.MISSING_TICKET, APPROVED, Gone()),
    Case("an expired typo", Is.MISSING_TICKET, APPROVED, Gone(), decision=YESTERDAY),
    Case("gone after we had reopened it", Is.MISSING_TICKET, APPROVED, Gone(), applied(PENDING)),
    Case("left alone and closed by others", Is.ELSEWHERE_CLOSED, PENDING, Gone()),
    Case("reopened by us and closed by others", Is.ELSEWHERE_CLOSED, PENDING, Gone(), applied(PENDING)),
    Case("too late for another window", Is.CONFLICT_TOO_LATE, LATER, Gone(), applied(DUE)),
    Case("too late to reject", Is.CONFLICT_TOO_LATE, REJECTED, Gone(), applied(APPROVED)),
    Case("too late to take back", Is.CONFLICT_TOO_LATE, PENDING, Gone(), applied(APPROVED)),
    Case("too late, others approved too", Is.CONFLICT_TOO_LATE, REJECTED, Gone(), waiting(APPROVED)),
    Case("too late, as only its absence proves", Is.CONFLICT_TOO_LATE, REJECTED, Gone(), inferred(APPROVED)),
    Case("processed in the window that was replaced", Is.CONFLICT_TOO_LATE, LATER, Gone(), applied(OVER)),
    Case(
        "done by somebody with a name, in a pull request, and processed",
        Is.SETTLED_RECEIPT,
        APPROVED,
        Gone(),
        applied(APPROVED, provenance=Provenance("", "", identity="local:svc-tpp", review=Review(12, "alice"))),
    ),
    Case("decided outside, recorded, and wanted otherwise", Is.CONFLICT_TOO_LATE, REJECTED, Gone(), RECORDED),
    # Not what the reviewer saw, or not to be seen.
    Case("another object", Is.MISMATCH_OBJECT, APPROVED, there(), decision=TYPO),
    Case(
        "another object, and another ledger was here",
        Is.MISMATCH_OBJECT,
        APPROVED,
        there(explanation=TAGGED),
        decision=TYPO,
    ),
    Case("another object, seen pending", Is.MISMATCH_OBJECT, APPROVED, there(), decision=OTHER_AS_SEEN),
    Case("another object, as wanted", Is.MISMATCH_OBJECT, APPROVED, there(APPROVED), decision=TYPO),
    Case("another workflow", Is.MISMATCH_WORKFLOW, APPROVED, there(), decision=OTHER_STAGE),
    Case("denied", Is.INVISIBLE_DENIED, APPROVED, Hidden()),
    Case("denied after we decided it", Is.INVISIBLE_DENIED, APPROVED, Hidden(), applied(APPROVED)),
    Case("unreadable", Is.ERROR_UNREADABLE, APPROVED, Unread("the server did not answer in time")),
    Case("unreadable, with an intent", Is.ERROR_UNREADABLE, APPROVED, Unread("HTML"), left_open(APPROVED)),
    Case("away", Is.ERROR_UNAVAILABLE, APPROVED, Unread("HTTP 503", passing=True)),
    Case("away, with an intent", Is.ERROR_UNAVAILABLE, APPROVED, Unread("HTTP 503", passing=True), left_open(APPROVED)),
    Case("a status of a newer server", Is.CONFLICT_UNKNOWN_STATUS, APPROVED, there(State("Approved Before"))),
    Case("a status that is none", Is.CONFLICT_UNKNOWN_STATUS, PENDING, there(State(""))),
    # Somebody else decided: live, git and our last receipt are three different things.
    Case("rejected elsewhere, approval wanted", Is.CONFLICT_CONSOLE, APPROVED, there(REJECTED)),
    Case("scheduled elsewhere, approval wanted", Is.CONFLICT_CONSOLE, APPROVED, there(COMING)),
    Case("scheduled elsewhere for another time", Is.CONFLICT_CONSOLE, COMING, there(LATER)),
    Case("scheduled elsewhere, to the microsecond", Is.CONFLICT_CONSOLE, APPROVED, there(TO_THE_MICROSECOND)),
    Case("scheduled elsewhere, over by now", Is.CONFLICT_CONSOLE, APPROVED, there(OVER)),
    Case("our schedule was rejected", Is.CONFLICT_CONSOLE, COMING, there(REJECTED), applied(COMING)),
    Case("our schedule was moved", Is.CONFLICT_CONSOLE, COMING, there(LATER), applied(COMING)),
    Case("our schedule was moved, a third one is wanted", Is.CONFLICT_CONSOLE, SOON, there(LATER), applied(COMING)),
    Case("our schedule was made immediate", Is.CONFLICT_CONSOLE, COMING, there(APPROVED), applied(COMING)),
    Case("our missed schedule was moved", Is.CONFLICT_CONSOLE, COMING, there(LATER), applied(OVER)),
    Case("taken back by us, decided by others", Is.CONFLICT_CONSOLE, APPROVED, there(REJECTED), applied(PENDING)),
    Case("left alone, decided by others", Is.ELSEWHERE_DECIDED, PENDING, there(APPROVED)),
    Case("left alone, scheduled by others", Is.ELSEWHERE_DECIDED, PENDING, there(COMING)),
    Case("decided by us, then by others, now unwanted", Is.CONFLICT_CONSOLE, PENDING, there(REJECTED), applied(COMING)),
    Case(
        "changed by others right after our write",
        Is.CONFLICT_CONSOLE,
        APPROVED,
        there(REJECTED),
        applied(APPROVED, proof=Proof.TAGGED, seen=REJECTED),
    ),
    Case("reopened by others", Is.CONFLICT_REOPENED, APPROVED, there(), applied(APPROVED)),
    Case("our schedule was taken back", Is.CONFLICT_REOPENED, COMING, there(), applied(COMING)),
    Case("our rejection was taken back, approval wanted", Is.CONFLICT_REOPENED, APPROVED, there(), applied(REJECTED)),
    Case("believed to be gone, and pending", Is.CONFLICT_REOPENED, APPROVED, there(), inferred(APPROVED)),
    Case("our approval was counted", Is.CONFLICT_COUNTED, PENDING, there(), waiting(APPROVED)),
    # The reviewer saw the state before the decision, and the manifest says so.
    Case("rejected elsewhere, seen", Is.APPROVE_WANTED, APPROVED, there(REJECTED), decision=saw(REJECTED)),
    Case("scheduled elsewhere, seen, rejected", Is.REJECT_WANTED, REJECTED, there(COMING), decision=saw(COMING)),
    Case("scheduled elsewhere, seen, taken back", Is.REOPEN_WANTED, PENDING, there(COMING), decision=saw(COMING)),
    Case("scheduled elsewhere, seen, moved", Is.RESCHEDULE_WANTED, LATER, there(COMING), decision=saw(COMING)),
    Case("seen, and as wanted", Is.IN_SYNC_ACCEPTED, COMING, there(COMING), decision=saw(COMING)),
    Case("seen, and pending", Is.APPROVE_WANTED, APPROVED, there(), decision=saw(PENDING)),
    Case("seen, and expired", Is.EXPIRED_VALID_UNTIL, APPROVED, there(), decision=saw(PENDING) | YESTERDAY),
    Case("reopened by others, seen", Is.SCHEDULE_WANTED, SOON, there(), applied(APPROVED), decision=saw(PENDING)),
    Case(
        "our schedule was moved, seen", Is.RESCHEDULE_WANTED, SOON, there(LATER), applied(COMING), decision=saw(LATER)
    ),
    Case("seen pending, rejected since", Is.MISMATCH_STATUS, APPROVED, there(REJECTED), decision=saw(PENDING)),
    Case("seen scheduled, moved since", Is.MISMATCH_STATUS, PENDING, there(LATER), decision=saw(COMING)),
    Case("seen scheduled, pending since", Is.MISMATCH_STATUS, REJECTED, there(), decision=saw(COMING)),
    Case("seen scheduled, pending is wanted and there", Is.IN_SYNC_ACCEPTED, PENDING, there(), decision=saw(COMING)),
    Case("seen scheduled, unwanted, gone since", Is.MISSING_TICKET, PENDING, Gone(), decision=saw(COMING)),
    Case("applied since it was seen", Is.IN_SYNC_SAME, COMING, there(COMING), done(COMING), decision=saw(PENDING)),
    Case("counted since it was seen", Is.AWAITING_OTHERS, APPROVED, there(), waiting(APPROVED), decision=saw(PENDING)),
    Case(
        "carried out since it was seen", Is.IN_SYNC_PROCESSING, DUE, there(APPROVED), done(DUE), decision=saw(PENDING)
    ),
    Case("applied, and reopened again", Is.CONFLICT_REOPENED, COMING, there(), done(COMING), decision=saw(PENDING)),
    Case("applied, and rejected", Is.MISMATCH_STATUS, COMING, there(REJECTED), done(COMING), decision=saw(PENDING)),
    Case(
        "another decision was applied since it was seen",
        Is.MISMATCH_STATUS,
        LATER,
        there(COMING),
        applied(COMING),
        decision=saw(PENDING),
    ),
    Case(
        "old server, scheduled by others, seen",
        Is.RESCHEDULE_WANTED,
        COMING,
        there(NO_TIMES),
        decision=saw(NO_TIMES),
    ),
    Case(
        "old server, scheduled by us, seen, moved",
        Is.RESCHEDULE_WANTED,
        LATER,
        there(NO_TIMES),
        applied(COMING),
        decision=saw(COMING),
    ),
    Case(
        "old server, scheduled by us for another time than was seen",
        Is.MISMATCH_STATUS,
        LATER,
        there(NO_TIMES),
        applied(RUNNING),
        decision=saw(COMING),
    ),
    Case(
        "scheduled by us, seen, and scheduled from another time on since",
        Is.MISMATCH_STATUS,
        LATER,
        there(RUNNING),
        applied(COMING),
        decision=saw(COMING),
    ),
    Case(
        "scheduled by us, seen, and rejected since",
        Is.MISMATCH_STATUS,
        LATER,
        there(REJECTED),
        applied(COMING),
        decision=saw(COMING),
    ),
    Case(
        "our approval was counted, whatever was seen",
        Is.CONFLICT_COUNTED,
        PENDING,
        there(),
        waiting(APPROVED),
        decision=saw(PENDING),
    ),
    Case(
        "restored, and seen", Is.APPROVE_WANTED, APPROVED, there(), applied(REJECTED, gone=True), decision=saw(PENDING)
    ),
    Case(
        "restored, seen, agreed",
        Is.IN_SYNC_ACCEPTED,
        PENDING,
        there(),
        applied(APPROVED, gone=True),
        decision=saw(PENDING),
    ),
    Case(
        "restored, seen as we had scheduled it, agreed",
        Is.IN_SYNC_ACCEPTED,
        COMING,
        there(COMING),
        applied(COMING, gone=True),
        decision=saw(COMING),
    ),
    Case(
        "another ledger was here, whatever was seen",
        Is.CONFLICT_UNKNOWN_OPERATION,
        APPROVED,
        there(explanation=TAGGED),
        decision=saw(PENDING),
    ),
    Case(
        "died, rejected since, seen",
        Is.APPROVE_WANTED,
        APPROVED,
        there(REJECTED),
        left_open(APPROVED),
        decision=saw(REJECTED),
    ),
    Case(
        "died approving what was seen rejected, tagged, and rejected again",
        Is.CONFLICT_CONSOLE,
        APPROVED,
        there(REJECTED, explanation=TAGGED),
        left_open(APPROVED, REJECTED, digest=decision_digest(decision(**saw(REJECTED)))),
        decision=saw(REJECTED),
    ),
    Case("died a moment ago, seen", Is.UNCLEAR_LOST_ANSWER, APPROVED, there(), A_MOMENT_AGO, decision=saw(PENDING)),
    # It was decided outside, says the manifest.
    Case("decided outside, gone", Is.SETTLED_ATTESTED, APPROVED, Gone(), decision=OUTSIDE),
    Case(
        "decided outside, gone, recorded",
        Is.SETTLED_ATTESTED,
        APPROVED,
        Gone(),
        applied(APPROVED, attested=True, gone=True, digest=decision_digest(decision(**OUTSIDE))),
        decision=OUTSIDE,
    ),
    Case(
        "decided outside, gone, recorded with other words",
        Is.SETTLED_ATTESTED,
        APPROVED,
        Gone(),
        RECORDED,
        decision=OUTSIDE,
    ),
    Case("decided outside, gone early", Is.SETTLED_ATTESTED, APPROVED, Gone(), applied(COMING), decision=OUTSIDE),
    Case(
        "decided outside, too late for ours", Is.SETTLED_ATTESTED, REJECTED, Gone(), applied(APPROVED), decision=OUTSIDE
    ),
    Case("decided outside, there as it says", Is.IN_SYNC_ACCEPTED, REJECTED, there(REJECTED), decision=OUTSIDE),
    Case("decided outside, armed as it says", Is.IN_SYNC_ACCEPTED, COMING, there(COMING), decision=OUTSIDE),
    Case(
        "decided outside, armed, recorded",
        Is.IN_SYNC_SAME,
        COMING,
        there(COMING),
        applied(COMING, attested=True),
        decision=OUTSIDE,
    ),
    Case("decided outside, and it waits", Is.CONFLICT_NOT_DECIDED, APPROVED, there(), decision=OUTSIDE),
    Case("decided outside, otherwise", Is.CONFLICT_NOT_DECIDED, APPROVED, there(REJECTED), decision=OUTSIDE),
    Case(
        "decided outside, our schedule is there",
        Is.CONFLICT_NOT_DECIDED,
        APPROVED,
        there(COMING),
        applied(COMING),
        decision=OUTSIDE,
    ),
    Case("decided outside, its window is over", Is.CONFLICT_NOT_DECIDED, OVER, there(OVER), decision=OUTSIDE),
    Case("decided outside, times unknown", Is.CONFLICT_SCHEDULE_UNKNOWN, COMING, there(NO_TIMES), decision=OUTSIDE),
    Case(
        "decided outside, times of another one",
        Is.CONFLICT_NOT_DECIDED,
        LATER,
        there(NO_TIMES),
        applied(COMING),
        decision=OUTSIDE,
    ),
    Case("decided outside, denied", Is.INVISIBLE_DENIED, APPROVED, Hidden(), decision=OUTSIDE),
    Case("decided outside, another object", Is.MISMATCH_OBJECT, APPROVED, there(), decision=OUTSIDE | TYPO),
    # Others are due.
    Case("accepted, others are due", Is.AWAITING_OTHERS, APPROVED, there(), waiting(APPROVED)),
    Case("a rejection, others are due", Is.AWAITING_OTHERS, REJECTED, there(), waiting(REJECTED)),
    Case("a schedule, others are due", Is.AWAITING_OTHERS, COMING, there(), waiting(COMING)),
    Case(
        "others are due, though expired", Is.AWAITING_OTHERS, APPROVED, there(), waiting(APPROVED), decision=YESTERDAY
    ),
    # Servers that don't tell the times of a schedule.
    Case("old server, scheduled by us", Is.IN_SYNC_LEDGER, COMING, there(NO_TIMES), applied(COMING)),
    Case("old server, kept in whole seconds", Is.IN_SYNC_SAME, EXACTLY, there(SOON), applied(EXACTLY)),
    Case("in whole seconds, and not by us", Is.CONFLICT_CONSOLE, EXACTLY, there(SOON), applied(COMING)),
    Case("old server, start set by us", Is.IN_SYNC_LEDGER, SOON, there(NO_START), applied(SOON)),
    Case("old server, another window is wanted", Is.RESCHEDULE_WANTED, LATER, there(NO_TIMES), applied(COMING)),
    Case("old server, scheduled by others", Is.CONFLICT_SCHEDULE_UNKNOWN, COMING, there(NO_TIMES)),
    Case("old server, other status than ours", Is.CONFLICT_CONSOLE, COMING, there(NO_START), applied(COMING)),
    Case("old server, approval wanted instead", Is.APPROVE_WANTED, APPROVED, there(NO_TIMES), applied(COMING)),
    Case("old server, scheduled by others, unwanted", Is.ELSEWHERE_DECIDED, PENDING, there(NO_TIMES)),
    Case("old server, window missed", Is.MISSED_WINDOW, OVER, there(NO_TIMES), applied(OVER)),
    Case("old server, window over, never sent", Is.CONFLICT_SCHEDULE_UNKNOWN, OVER, there(NO_TIMES)),
    Case("old server, moved into the past", Is.EXPIRED_WINDOW, OVER, there(NO_TIMES), applied(COMING)),
    Case("old server, moved after it was missed", Is.SCHEDULE_AFTER_MISSED, COMING, there(NO_TIMES), applied(OVER)),
    Case(
        "old server, taken back by us, scheduled by others",
        Is.CONFLICT_CONSOLE,
        SOON,
        there(NO_START),
        applied(PENDING),
    ),
    # Servers that show a schedule as plain Approved.
    Case("shown as approved", Is.IN_SYNC_LEDGER, COMING, there(APPROVED), applied(COMING, seen=APPROVED)),
    Case("shown as approved, moved", Is.RESCHEDULE_WANTED, LATER, there(APPROVED), applied(COMING, seen=APPROVED)),
    Case("shown as approved, missed", Is.MISSED_WINDOW, OVER, there(APPROVED), applied(OVER, seen=APPROVED)),
    # TPP carries it out.
    Case("being processed since its start", Is.IN_SYNC_PROCESSING, DUE, there(APPROVED), applied(DUE)),
    Case("being processed in its window", Is.IN_SYNC_PROCESSING, RUNNING, there(APPROVED), applied(RUNNING)),
    Case(
        "approved by us and not yet deleted, rejection wanted",
        Is.CONFLICT_TOO_LATE,
        REJECTED,
        there(APPROVED),
        applied(APPROVED),
    ),
    Case(
        "approved by us and not yet deleted, unwanted",
        Is.CONFLICT_TOO_LATE,
        PENDING,
        there(APPROVED),
        applied(APPROVED),
    ),
    Case(
        "approved by us and others, rejection wanted",
        Is.CONFLICT_TOO_LATE,
        REJECTED,
        there(APPROVED),
        waiting(APPROVED),
    ),
    Case(
        "shown as approved, being processed",
        Is.IN_SYNC_PROCESSING,
        RUNNING,
        there(APPROVED),
        applied(RUNNING, seen=APPROVED),
    ),
    Case("being processed, rejection wanted", Is.CONFLICT_TOO_LATE, REJECTED, there(APPROVED), applied(DUE)),
    Case("being processed, other window wanted", Is.CONFLICT_TOO_LATE, LATER, there(APPROVED), applied(RUNNING)),
    # Too late.
    Case("valid_until has passed", Is.EXPIRED_VALID_UNTIL, APPROVED, there(), decision=YESTERDAY),
    Case("valid_until is now", Is.EXPIRED_VALID_UNTIL, APPROVED, there(), decision=THIS_INSTANT),
    Case("reopening expires too", Is.EXPIRED_VALID_UNTIL, PENDING, there(COMING), applied(COMING), decision=YESTERDAY),
    Case("the window was over before we sent it", Is.EXPIRED_WINDOW, OVER, there()),
    Case("the window was over before valid_until", Is.EXPIRED_WINDOW, OVER, there(), decision=TONIGHT),
    Case("the window ends now", Is.EXPIRED_WINDOW, OVER, there(), now=at("2026-11-22T02:00:00Z")),
    Case("the window ends in a second", Is.SCHEDULE_WANTED, OVER, there(), now=at("2026-11-22T01:59:59Z")),
    Case("scheduled by others, window over", Is.EXPIRED_WINDOW, OVER, there(OVER)),
    Case("moved into the past", Is.EXPIRED_WINDOW, OVER, there(COMING), applied(COMING)),
    Case("the window was missed", Is.MISSED_WINDOW, OVER, there(OVER), applied(OVER)),
    Case("missed because others were due", Is.MISSED_WINDOW, OVER, there(), waiting(OVER)),
    Case("missed, and pending again", Is.MISSED_WINDOW, OVER, there(), applied(OVER)),
    Case("missed, and moved", Is.SCHEDULE_AFTER_MISSED, COMING, there(OVER), applied(OVER)),
    Case("missed, pending again, and moved", Is.SCHEDULE_AFTER_MISSED, COMING, there(), applied(OVER)),
    Case("missed, and moved into the past", Is.EXPIRED_WINDOW, OVER_EARLIER, there(OVER), applied(OVER)),
    Case("missed, then approved at once", Is.APPROVE_WANTED, APPROVED, there(OVER), applied(OVER)),
    Case("missed, then taken back", Is.REOPEN_WANTED, PENDING, there(OVER), applied(OVER)),
    # A window that comes again is the window that was applied, not next week's.
    Case("this week's", Is.SCHEDULE_WANTED, COMING, there(), decision=EVERY_WEEK),
    Case(
        "the week after it was applied",
        Is.IN_SYNC_SAME,
        LATER,
        there(COMING),
        applied(COMING, window=WEEKLY),
        decision=EVERY_WEEK,
    ),
    Case(
        "processed, and next week comes",
        Is.SETTLED_RECEIPT,
        COMING,
        Gone(),
        applied(OVER, window=WEEKLY),
        decision=EVERY_WEEK,
    ),
    Case(
        "missed, and next week comes",
        Is.MISSED_WINDOW,
        COMING,
        there(OVER),
        applied(OVER, window=WEEKLY),
        decision=EVERY_WEEK,
    ),
    Case(
        "the rule of the window was changed",
        Is.RESCHEDULE_WANTED,
        LATER,
        there(COMING),
        applied(COMING, window=WindowUse("sat-night", "FREQ=WEEKLY;BYDAY=SU")),
        decision=EVERY_WEEK,
    ),
    Case(
        "a single window was redefined",
        Is.RESCHEDULE_WANTED,
        LATER,
        there(COMING),
        applied(COMING, window=WindowUse("weekend")),
        decision={"window": WindowUse("weekend")},
    ),
    # A run died between its intent and its receipt.
    Case("died, and it is gone", Is.SETTLED_INFERRED, APPROVED, Gone(), left_open(APPROVED)),
    Case("died, and it has our status", Is.IN_SYNC_SAME, COMING, there(COMING), left_open(COMING)),
    Case(
        "died, and it waits with our tag", Is.AWAITING_OTHERS, APPROVED, there(explanation=TAGGED), left_open(APPROVED)
    ),
    Case("died, and nothing has changed", Is.APPROVE_WANTED, APPROVED, there(), left_open(APPROVED)),
    Case("died, unchanged, minds changed", Is.REJECT_WANTED, REJECTED, there(), left_open(APPROVED)),
    Case("died, unchanged, taken back", Is.IN_SYNC_SAME, PENDING, there(), left_open(APPROVED)),
    Case("a moment ago, and nothing has changed", Is.UNCLEAR_LOST_ANSWER, APPROVED, there(), A_MOMENT_AGO),
    Case("a moment ago, unchanged, minds changed", Is.UNCLEAR_LOST_ANSWER, REJECTED, there(), A_MOMENT_AGO),
    Case("a moment ago, unchanged, taken back", Is.UNCLEAR_LOST_ANSWER, PENDING, there(), A_MOMENT_AGO),
    Case("a moment ago, and it shows", Is.IN_SYNC_SAME, APPROVED, there(APPROVED), A_MOMENT_AGO),
    Case("its answer was lost a moment ago", Is.UNCLEAR_LOST_ANSWER, APPROVED, there(), LOST_A_MOMENT_AGO),
    Case(
        "a moment ago, and its answer was lost between two seconds",
        Is.UNCLEAR_LOST_ANSWER,
        APPROVED,
        there(),
        replace(A_MOMENT_AGO, open=replace(A_MOMENT_AGO.open, lost_at=at("2026-11-23T11:59:59.000001Z"))),  # type: ignore[type-var]
    ),
    Case(
        "a moment ago, before its run said that it sent anything",
        Is.UNCLEAR_LOST_ANSWER,
        COMING,
        there(),
        left_open(COMING, at=at("2026-11-23T11:46:00.750Z"), attempt=0),
    ),
    # Git and TPP agree on what somebody else did; then git moves the ticket on.
    Case("reset in the console, and git says so", Is.IN_SYNC_ACCEPTED, PENDING, there(), applied(COMING)),
    Case("moved in the console, and git says so", Is.IN_SYNC_ACCEPTED, LATER, there(LATER), applied(COMING)),
    Case("accepted before", Is.IN_SYNC_SAME, LATER, there(LATER), applied(LATER, accepted=True)),
    Case("accepted, then taken back", Is.REOPEN_WANTED, PENDING, there(LATER), applied(LATER, accepted=True)),
    Case("accepted, then decided", Is.APPROVE_WANTED, APPROVED, there(), applied(PENDING, accepted=True)),
    Case("accepted, then moved in the console", Is.CONFLICT_CONSOLE, LATER, there(SOON), applied(LATER, accepted=True)),
    Case("accepted, and carried out", Is.SETTLED_RECEIPT, DUE, Gone(), applied(DUE, accepted=True)),
    Case("restored from a backup", Is.CONFLICT_RESTORED, APPROVED, there(), applied(APPROVED, gone=True)),
    Case("restored, and scheduled as before", Is.CONFLICT_RESTORED, COMING, there(COMING), applied(COMING, gone=True)),
    Case("restored, and no longer wanted", Is.CONFLICT_RESTORED, PENDING, there(), applied(APPROVED, gone=True)),
    Case("another ledger was here", Is.CONFLICT_UNKNOWN_OPERATION, APPROVED, there(explanation=TAGGED)),
    Case("another ledger was here, says its reason", Is.CONFLICT_UNKNOWN_OPERATION, APPROVED, there(reason=TAGGED)),
    Case(
        "two other ledgers were here",
        Is.CONFLICT_UNKNOWN_OPERATION,
        APPROVED,
        there(explanation=TAGGED, reason="[op:0123456789ab]"),
    ),
    Case("the ledger is lost", Is.CONFLICT_UNKNOWN_OPERATION, COMING, there(COMING, explanation=TAGGED)),
    Case("a tag of ours that had no effect", Is.APPROVE_WANTED, APPROVED, there(explanation=TAGGED), KNOWS_THE_TAG),
    Case(
        "died, and something has touched it",
        Is.CONFLICT_OPEN_INTENT,
        APPROVED,
        there(updated=at("2026-11-23T11:30:00Z")),
        left_open(APPROVED),
    ),
    Case("died, and it is rejected", Is.CONFLICT_OPEN_INTENT, APPROVED, there(REJECTED), left_open(APPROVED)),
    Case(
        "died, and others did what is wanted now", Is.IN_SYNC_ACCEPTED, REJECTED, there(REJECTED), left_open(APPROVED)
    ),
    Case(
        "died, tagged, and rejected since",
        Is.CONFLICT_CONSOLE,
        APPROVED,
        there(REJECTED, explanation=TAGGED),
        left_open(APPROVED),
    ),
    Case(
        "died, taken back, others are due", Is.CONFLICT_COUNTED, PENDING, there(explanation=TAGGED), left_open(APPROVED)
    ),
    Case("died, gone, and minds changed", Is.CONFLICT_TOO_LATE, REJECTED, Gone(), left_open(APPROVED)),
    Case("died scheduling, gone before the start", Is.MISSING_TICKET, COMING, Gone(), left_open(COMING)),
    Case(
        "died moving a window, gone before the new one",
        Is.CONFLICT_TOO_LATE,
        LATER,
        Gone(),
        left_open(LATER, RUNNING, last_write(after=RUNNING)),
    ),
    Case(
        "died rejecting what was due anyway",
        Is.CONFLICT_TOO_LATE,
        REJECTED,
        Gone(),
        left_open(REJECTED, RUNNING, last_write(after=RUNNING)),
    ),
    Case(
        "died taking back, and it is gone",
        Is.CONFLICT_TOO_LATE,
        PENDING,
        Gone(),
        left_open(PENDING, RUNNING, last_write(after=RUNNING)),
    ),
    Case("died, old server tells no times", Is.IN_SYNC_LEDGER, COMING, there(NO_TIMES), left_open(COMING)),
    Case(
        "died moving a window on an old server, our tag is there",
        Is.IN_SYNC_LEDGER,
        LATER,
        there(NO_TIMES, explanation=TAGGED),
        left_open(LATER, NO_TIMES, last_write(after=COMING)),
    ),
    Case(
        "died moving a window on an old server, nothing has changed",
        Is.RESCHEDULE_WANTED,
        LATER,
        there(NO_TIMES),
        left_open(LATER, NO_TIMES, last_write(after=COMING)),
    ),
    Case(
        "died scheduling, shown as approved with our tag",
        Is.IN_SYNC_LEDGER,
        COMING,
        there(APPROVED, explanation=TAGGED),
        left_open(COMING),
    ),
    Case("died, denied since", Is.INVISIBLE_DENIED, APPROVED, Hidden(), left_open(APPROVED)),
    Case("died, another object", Is.MISMATCH_OBJECT, APPROVED, there(), left_open(APPROVED), decision=TYPO),
)
