"""Every fault at every call of an apply: at most one effective write, true receipts, and a second run that heals.

What the server did is read from its own log, never from what the reconciler believes.
"""

import time
from pathlib import Path

import pytest

from reconciler.ledger.chain import verify
from reconciler.model.plan import Plan
from reconciler.model.receipt import Outcome, Run
from reconciler.model.status import Status, approved, parse_wanted, rejected
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.sandbox.seed import APPROVER, JOE, Seed, TicketSeed
from tests.builders import between, decision, guid
from tests.trust.faults import (
    FAULTS,
    NO_EFFECT_YET,
    SAYS_DENIED_AND_DID_IT,
    SAYS_GONE_AND_DID_IT,
    SAYS_SUCCESS_AND_DID_NOTHING,
    SLOW,
)
from tests.trust.harness import (
    IMPATIENT,
    PATIENT,
    Harness,
    assert_no_write_twice,
    assert_no_write_without_intent,
    assert_receipts_are_true,
    open_harness,
)

VANISHES, STAYS, WAITS, IS_REJECTED = guid(1), guid(2), guid(3), guid(4)
WINDOW = parse_wanted(between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z"))
DECISIONS = (
    decision(1, wanted=approved()),
    decision(2, wanted=WINDOW),
    decision(3, wanted=approved()),
    decision(4, wanted=rejected()),
)
SEED = Seed(
    tickets=(
        TicketSeed(VANISHES, r"\VED\Policy\Web\a"),
        TicketSeed(STAYS, r"\VED\Policy\Web\b"),
        TicketSeed(WAITS, r"\VED\Policy\Web\c", approvers=(APPROVER.universal, JOE.universal)),
        TicketSeed(IS_REJECTED, r"\VED\Policy\Web\d"),
    )
)

ONCE, ALWAYS = 1, None
LATE = {"within-settle": 2.0, "after-settle": 30.0, "within-patience": 800.0}
"""Seconds after which an update takes effect whose answer was wrong. Effects at once are the faults `-after`."""
AFTER_PATIENCE = 16 * 60.0
SITES = {
    # name: operation, how many of a ticket's calls go well before, how many then go wrong
    "read-before": ("ticketDetails", 0, ONCE),
    "write": ("ticketUpdateStatus", 0, ONCE),
    "every-write": ("ticketUpdateStatus", 0, ALWAYS),
    "read-after": ("ticketDetails", 1, ONCE),
    "every-read-after": ("ticketDetails", 1, ALWAYS),
    "refresh": ("permissionsRefresh", 0, ALWAYS),
    "exists": ("ticketExists", 0, ALWAYS),
}


def matters(fault: str, site: str) -> bool:
    """A question has no effect of its own, so that before and after differ only where the true answer is bent."""
    return "write" in site or not fault.endswith("-after") or fault.startswith("result-")


ONE_OF_EACH_KIND = (
    *("drop-before", "502-before", "429-before", "404", "redirect", "sign-in-page-before", "no-json-before"),
    *("truncated-before", "103-first-before", "stray-before", "no-result-before", "result-9-before"),
)
"""No answer, one of a gateway, one that asks for patience, and so on: what follows a loss hangs on no more."""
OWN_ANSWERS = ("401", "403", "deadlock", "hang", "trickle", *(f"result-{number}" for number in range(9)))
"""What TPP itself may say to a write, and when: each is a kind of its own."""


def kind(fault: str) -> str:
    return fault.removesuffix("-before").removesuffix("-after")


AT_ONCE = {*map(kind, ONE_OF_EACH_KIND), *OWN_ANSWERS}
MATRIX = [
    pytest.param(
        fault,
        site,
        id=f"{fault}-at-{site}",
        marks=() if site == "write" and kind(fault) in AT_ONCE else pytest.mark.slow,
    )
    for site in SITES
    for fault in FAULTS
    if matters(fault, site)
]


def go_wrong(harness: Harness, fault: str, site: str) -> None:
    """Put one fault in force for the calls of a site, for each ticket by itself."""
    operation, after, times = SITES[site]
    for ticket in harness.decisions if operation.startswith("ticket") else (None,):
        harness.sandbox.faults.add(FAULTS[fault], operation=operation, guid=ticket, after=after, times=times)


@pytest.mark.parametrize(("fault", "site"), MATRIX)
def test_no_fault_leads_to_a_second_write_or_a_false_receipt_and_a_second_run_heals(
    fault: str, site: str, tmp_path: Path
) -> None:
    with open_harness(tmp_path, DECISIONS, SEED) as harness:
        plan = harness.plan()
        assert {step.group for step in plan.steps} == {Group.CHANGE}
        go_wrong(harness, fault, site)
        harness.read_timeout = IMPATIENT if fault in SLOW else PATIENT
        first = harness.apply(plan)
        harness.read_timeout = PATIENT
        assert [receipt.guid for receipt in first.receipts] == sorted(harness.decisions)
        assert_no_write_twice(harness)
        check_receipts(harness, first, fault, site)
        harness.sandbox.faults.clear()
        let_the_server_finish(harness)
        harness.apply()
        assert_no_write_twice(harness)
        harness.clock.sleep(AFTER_PATIENCE)
        second = harness.apply()
        assert_receipts_are_true(harness, second)
        assert_no_write_twice(harness)
        assert_no_write_without_intent(harness)
        check_healed(harness, fault, site)
        verify(tmp_path)


EVERY_DELAY = [
    pytest.param(
        fault,
        name,
        marks=[]
        if fault in ONE_OF_EACH_KIND[:2] or (fault in ONE_OF_EACH_KIND and turn == number % len(LATE))
        else pytest.mark.slow,
    )
    for number, fault in enumerate(NO_EFFECT_YET)
    for turn, name in enumerate(LATE)
]
"""Each fault with each delay. At once one of each kind, two with every delay and the others with one. The rest is slow.

What becomes of a loss hangs on the delay, and not on how the answer was lost.
"""
EVERY_FAULT = [
    pytest.param(fault, marks=[] if fault in ONE_OF_EACH_KIND else pytest.mark.slow) for fault in NO_EFFECT_YET
]


@pytest.mark.parametrize(("fault", "late"), EVERY_DELAY)
def test_an_update_that_takes_effect_late_is_followed_by_no_other(fault: str, late: str, tmp_path: Path) -> None:
    with open_harness(tmp_path, DECISIONS, SEED) as harness:
        first = lose_the_updates(harness, fault, LATE[late])
        for minutes in (0, 1, 5, 8):
            harness.clock.sleep(minutes * 60)
            harness.apply()
            assert_no_write_twice(harness)
        harness.clock.sleep(AFTER_PATIENCE)
        harness.apply()
        assert_no_write_twice(harness)
        assert_receipts_are_true(harness, first)
        assert_no_write_without_intent(harness)
        check_healed(harness, "nothing", "write")
        verify(tmp_path)


@pytest.mark.parametrize("fault", EVERY_FAULT)
def test_what_has_not_taken_effect_within_patience_is_proposed_anew_and_says_so(fault: str, tmp_path: Path) -> None:
    with open_harness(tmp_path, DECISIONS, SEED) as harness:
        plan = harness.plan()
        lose_the_updates(harness, fault, AFTER_PATIENCE + 3600, plan)
        for minutes in (0, 1, 5, 8):
            harness.clock.sleep(minutes * 60)
            unclear = harness.plan()
            assert {step.reason for step in unclear.steps} == {Reason.UNCLEAR_LOST_ANSWER}
            assert all(step.detail.startswith("unclear until 2026-11-23T12:") for step in unclear.steps)
            harness.apply(unclear)
            harness.apply(plan)
            assert harness.effects() == {}
        harness.clock.sleep(AFTER_PATIENCE)
        assert {receipt.outcome for receipt in harness.apply(plan).receipts} == {Outcome.STALE}, "it does not know"
        anew = harness.plan()
        assert {step.group for step in anew.steps} == {Group.CHANGE}
        assert all("sent before: run " in step.detail for step in anew.steps)
        harness.apply(anew)
        assert set(harness.effects()) == set(harness.decisions)
        assert_no_write_twice(harness)


def lose_the_updates(harness: Harness, fault: str, late: float, plan: Plan | None = None) -> Run:
    """Apply while every update is answered wrongly before it takes effect, which it does `late` seconds after."""
    plan = plan or harness.plan()
    go_wrong(harness, fault, "write")
    harness.late = late
    harness.read_timeout = IMPATIENT if fault in SLOW else PATIENT
    run = harness.apply(plan)
    harness.late, harness.read_timeout = None, PATIENT
    harness.sandbox.faults.clear()
    let_the_server_finish(harness)
    return run


def let_the_server_finish(harness: Harness) -> None:
    """Wait until requests that we gave up have been answered, as they are long before anybody runs again."""
    while not harness.answered_everything():
        time.sleep(0.02)


def check_receipts(harness: Harness, run, fault: str, site: str) -> None:
    """Hold the receipts against the server; leave out what no client can tell: a server that lies consistently."""
    lies = {WAITS} if fault in SAYS_SUCCESS_AND_DID_NOTHING and "write" in site else set()
    lies |= {VANISHES} if fault in SAYS_GONE_AND_DID_IT and "write" in site else set()
    lies |= {VANISHES} if fault in SAYS_DENIED_AND_DID_IT and site == "write" else set()
    honest = tuple(receipt for receipt in run.receipts if receipt.guid not in lies)
    assert_receipts_are_true(harness, replace(run, receipts=honest))


def check_healed(harness: Harness, fault: str, site: str) -> None:
    """Nothing is left to do, and every ticket is as its decision wants it."""
    verdicts = {step.guid: step.verdict for step in harness.plan().steps}
    expected = {
        VANISHES: Verdict.SETTLED,
        STAYS: Verdict.IN_SYNC,
        WAITS: Verdict.AWAITING_OTHERS,
        IS_REJECTED: Verdict.IN_SYNC,
    }
    if ("write" in site and fault in SAYS_GONE_AND_DID_IT) or (site == "write" and fault in SAYS_DENIED_AND_DID_IT):
        expected[VANISHES] = Verdict.MISSING
    assert verdicts == expected
    tickets = harness.sandbox.world.tickets
    assert VANISHES not in tickets
    assert tickets[STAYS].status is Status.APPROVED_BETWEEN
    assert tickets[IS_REJECTED].status is Status.REJECTED
    if not ("write" in site and fault in SAYS_SUCCESS_AND_DID_NOTHING):
        assert tickets[WAITS].approvals == (APPROVER.universal,)
    assert harness.apply().receipts == ()
