"""What a ticket shows of an update without a receipt, and what that proves."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.receipt import Outcome, Proof
from reconciler.model.record import Intent
from reconciler.model.status import State
from reconciler.model.ticket import Gone, Hidden, Unread
from reconciler.planning.traces import CLOCKS_DIFFER, Finding, Sighting, Trace, after_silence, look
from tests.builders import APPROVED, NOW, PENDING, REJECTED
from tests.planning.catalogue import COMING, DUE, LATER, NO_TIMES, RUNNING, SEEN_BEFORE, SOON, TAGGED, left_open, there

SILENT = "no usable answer came; "
READ = Finding(Outcome.APPLIED, Proof.OBSERVED, f"{SILENT}the ticket was read again as wanted")
OURS = Finding(Outcome.APPLIED, Proof.TAGGED, f"{SILENT}the ticket was read again as wanted")
CARRIES = f"{SILENT}the ticket carries our tag"
STARTS_NOW = State(COMING.status, NOW + CLOCKS_DIFFER, NOW + timedelta(hours=1))
TOO_EARLY = State(COMING.status, NOW + CLOCKS_DIFFER + timedelta(microseconds=1), NOW + timedelta(hours=1))


def sent(after: State, before: State = PENDING, **changes: Any) -> Intent:
    opened = left_open(after, before, **changes).open
    assert opened is not None
    return opened.intent


THERE: list[tuple[str, Intent, dict[str, Any], Trace, Finding | None]] = [
    ("unchanged", sent(APPROVED), {}, Trace.UNCHANGED, None),
    ("unchanged, times untold since", sent(LATER, COMING), {"state": NO_TIMES}, Trace.UNCHANGED, None),
    ("unchanged, times told since", sent(LATER, NO_TIMES), {"state": COMING}, Trace.UNCHANGED, None),
    ("touched", sent(APPROVED), {"updated": NOW}, Trace.TOUCHED, None),
    ("nobody knows when it was touched", sent(APPROVED), {"updated": None}, Trace.TOUCHED, None),
    ("not sent yet, touched", sent(APPROVED, attempt=0), {"updated": NOW}, Trace.UNCHANGED, None),
    ("as wanted", sent(APPROVED), {"state": APPROVED}, Trace.WANTED, READ),
    ("as wanted, with our tag", sent(APPROVED), {"state": APPROVED, "explanation": TAGGED}, Trace.WANTED, OURS),
    ("as wanted, says its reason", sent(APPROVED), {"state": APPROVED, "reason": TAGGED}, Trace.WANTED, OURS),
    ("as wanted, times untold", sent(COMING), {"state": NO_TIMES}, Trace.WANTED, READ),
    ("as it was, and wanted so", sent(COMING, COMING), {"state": COMING, "updated": NOW}, Trace.TOUCHED, None),
    ("another window", sent(COMING), {"state": LATER}, Trace.TOUCHED, None),
    ("rejected", sent(APPROVED), {"state": REJECTED}, Trace.TOUCHED, None),
    ("approved at once, not in its window", sent(COMING), {"state": APPROVED}, Trace.PLAIN, None),
    (
        "approved at once, with our tag",
        sent(COMING),
        {"state": APPROVED, "explanation": TAGGED},
        Trace.PLAIN,
        Finding(Outcome.APPLIED, Proof.TAGGED, CARRIES),
    ),
    (
        "others are due",
        sent(APPROVED),
        {"explanation": TAGGED},
        Trace.TAGGED,
        Finding(Outcome.AWAITING_OTHERS, Proof.TAGGED, CARRIES),
    ),
    (
        "moved after our update",
        sent(APPROVED),
        {"state": REJECTED, "explanation": TAGGED},
        Trace.TOUCHED,
        Finding(Outcome.APPLIED, Proof.TAGGED, CARRIES),
    ),
]


@pytest.mark.parametrize(
    ("intent", "ticket", "trace", "proves"), [row[1:] for row in THERE], ids=[row[0] for row in THERE]
)
def test_a_ticket_that_is_there_shows_what_became_of_an_update(intent, ticket, trace, proves) -> None:
    values = {"state": PENDING, "updated": SEEN_BEFORE, "approvers": ("a", "b"), **ticket}
    found = look(intent, there(**values), NOW)
    tagged = TAGGED in (values.get("explanation"), values.get("reason"))
    moved = values["updated"] == NOW and intent.attempt > 0
    assert found == Sighting(trace, values["state"], tagged, moved, 2)
    assert (found.gone, after_silence(found)) == (False, proves)


INFERRED = Finding(Outcome.APPLIED, Proof.INFERRED, f"{SILENT}the ticket is gone")
ENDED = Finding(Outcome.STALE, Proof.NONE, f"{SILENT}somebody else has ended the ticket")


@pytest.mark.parametrize(
    ("intent", "trace", "proves"),
    [
        (sent(APPROVED), Trace.GONE, INFERRED),
        (sent(REJECTED), Trace.GONE, INFERRED),
        (sent(DUE), Trace.GONE, INFERRED),
        (sent(STARTS_NOW), Trace.GONE, INFERRED),
        (sent(TOO_EARLY), Trace.GONE_OTHERWISE, ENDED),
        (sent(PENDING, COMING), Trace.GONE_OTHERWISE, ENDED),
        (sent(LATER, RUNNING), Trace.GONE_OTHERWISE, ENDED),
        (sent(REJECTED, RUNNING), Trace.GONE_ANYWAY, None),
        (sent(REJECTED, DUE), Trace.GONE_ANYWAY, None),
        (sent(REJECTED, APPROVED), Trace.GONE_ANYWAY, None),
        (sent(REJECTED, NO_TIMES), Trace.GONE_ANYWAY, None),
        (sent(REJECTED, SOON), Trace.GONE, INFERRED),
        (sent(REJECTED, REJECTED), Trace.GONE, INFERRED),
        (sent(APPROVED, RUNNING), Trace.GONE, INFERRED),
    ],
)
def test_a_ticket_that_is_gone_went_by_our_update_if_nothing_else_explains_it(intent, trace, proves) -> None:
    found = look(intent, Gone(), NOW)
    assert found == Sighting(trace)
    assert (found.gone, after_silence(found)) == (True, proves)


def test_a_ticket_that_nobody_could_read_proves_nothing_and_says_why() -> None:
    for reading, why in ((Hidden(), "the server denies us the ticket"), (Unread("HTTP 503"), "HTTP 503")):
        found = look(sent(APPROVED), reading, NOW)
        assert found == Sighting(Trace.UNSEEN, why=why)
        assert (found.gone, after_silence(found)) == (False, None)
