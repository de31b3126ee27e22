"""Edits of manifests, freezes, people at the console, TPP's own processing, faults, late effects, stray answers, clocks
that jump, crashes, ledgers that are lost or rolled back, and another checkout with a ledger of its own.

`TRUST_EXAMPLES=2000 pytest tests/trust/test_any_order.py` looks for new orders; otherwise the same ones are tried.
"""

import json
import os
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reconciler.errors import GuardRefused
from reconciler.ledger.chain import verify
from reconciler.model.decision import Attestation, Expectation
from reconciler.model.plan import Plan
from reconciler.model.policy import Freeze, Orphans, Policy
from reconciler.model.receipt import Outcome, Run, tagged_operations
from reconciler.model.status import (
    State,
    Status,
    approved,
    approved_after,
    approved_between,
    format_instant,
    pending,
    rejected,
)
from reconciler.model.ticket import Guid, parse_guid
from reconciler.model.value import replace
from reconciler.model.verdict import Verdict
from reconciler.planning.facts import is_window_over
from reconciler.planning.guards import freezes
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.log import Entry
from reconciler.sandbox.seed import APPROVER, JOE, Seed, TicketSeed
from reconciler.sandbox.ticket import Ticket
from tests.builders import NOW, decision, guid
from tests.trust.faults import (
    FAULTS,
    NO_EFFECT_YET,
    SAYS_DENIED_AND_DID_IT,
    SAYS_GONE_AND_DID_IT,
    SAYS_SUCCESS_AND_DID_NOTHING,
    SLOW,
)
from tests.trust.harness import Harness, assert_receipts_are_true, intents, open_harness
from tests.trust.mortal import Life

NUMBERS = (1, 2, 3, 4)
OBJECTS = {1: r"\VED\Policy\Web\a", 2: r"\VED\Policy\Web\b", 3: r"\VED\Policy\Web\c", 4: r"\VED\Policy\Web\a"}
NOBODY_CAN_TELL = SAYS_DENIED_AND_DID_IT | SAYS_GONE_AND_DID_IT | SAYS_SUCCESS_AND_DID_NOTHING
HONEST_FAULTS = sorted(FAULTS.keys() - SLOW - NOBODY_CAN_TELL)
UNANSWERED = sorted(set(NO_EFFECT_YET) - NOBODY_CAN_TELL)
SEARCHING = "TRUST_EXAMPLES" in os.environ


def times(hours: int) -> tuple[State, ...]:
    start = NOW + timedelta(hours=hours)
    return approved_after(start), approved_between(start, start + timedelta(hours=4))


WANTED = st.sampled_from([pending(), approved(), rejected(), *times(2), *times(8), *times(30)])
DECIDED_OUTSIDE = st.sampled_from([approved(), rejected(), *times(2)])
TICKETS = st.sampled_from(NUMBERS)
CONSOLE = st.sampled_from(list(Status))


class AnyOrder(RuleBasedStateMachine):
    """A repository, a server and a console, and another checkout of the same repository with a ledger of its own.

    `epochs` counts how often the decision on a ticket was edited, `touched` how often somebody else overwrote what it
    shows. `written` counts effective updates for each ledger, which `life` tells apart: one that is lost or rolled
    back is another from then on. `across` counts those of all ledgers together, as long as nobody overwrote our mark;
    without those that came late, which only the ledger that lost the answer knows of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.saved: list[tuple[Plan, dict[Guid, int]]] = []
        self.epochs: Counter[Guid] = Counter()
        self.touched: Counter[Guid] = Counter()
        self.life: Counter[Path] = Counter()
        self.written: Counter[tuple[Path, int, Guid, int]] = Counter()
        self.across: Counter[tuple[Guid, int, int]] = Counter()
        self.sent: dict[bytes, tuple[Path, int, Guid, int]] = {}
        self.intended: set[tuple[Guid, str | None]] = set()
        self.kept: list[Path] = []
        self.heard = 0

    @initialize(
        schedules=st.booleans(),
        plain=st.booleans(),
        keep=st.booleans(),
        cascade=st.booleans(),
        take_back=st.booleans(),
        wanted=st.lists(WANTED, min_size=len(NUMBERS), max_size=len(NUMBERS)),
    )
    def a_server(
        self, schedules: bool, plain: bool, keep: bool, cascade: bool, take_back: bool, wanted: list[State]
    ) -> None:
        behaviour = Behaviour(
            schedules_in_details=schedules and not plain, plain_approved=plain, keep_rejected=keep, cascade=cascade
        )
        tickets = tuple(
            TicketSeed(
                guid(number),
                OBJECTS[number],
                approvers=(APPROVER.universal, JOE.universal) if number == 3 else None,
                reason="first" if number == 1 else "second",
            )
            for number in NUMBERS
        )
        seed = Seed(tickets=tickets, behaviour=behaviour)
        policy = Policy(orphans=Orphans.TAKE_BACK if take_back else Orphans.ATTENTION)
        self.harness = self.stack.enter_context(
            open_harness(self.folder / "ledger", (), seed, tick=None, policy=policy)
        )
        self.other = Harness(
            self.harness.sandbox, self.folder / "other", self.harness.clock, self.harness.decisions, policy
        )
        for number, each in zip(NUMBERS, wanted, strict=True):
            self.decide(number, each, mistaken=False, hours=None)

    def teardown(self) -> None:
        self.stack.close()

    # What people do in git.

    @rule(number=TICKETS, wanted=WANTED, mistaken=st.booleans(), hours=st.sampled_from([None, None, 1, 6]))
    def decide(self, number: int, wanted: State, mistaken: bool, hours: int | None) -> None:
        expect = Expectation(object=r"\VED\Policy\Web\typo" if mistaken and number == 2 else OBJECTS[number])
        until = self.harness.clock.now() + timedelta(hours=hours) if hours else None
        made = decision(number, wanted=wanted, expect=expect, valid_until=until)
        if made != self.harness.decisions.get(guid(number)):
            self.harness.decisions[guid(number)] = made
            self.epochs[guid(number)] += 1

    @rule(number=TICKETS)
    def take_out(self, number: int) -> None:
        if self.harness.decisions.pop(guid(number), None):
            self.epochs[guid(number)] += 1

    @rule(number=TICKETS, wanted=DECIDED_OUTSIDE)
    def record_what_was_decided_outside(self, number: int, wanted: State) -> None:
        """Nothing is ever sent for such an entry, whether the ticket is as it says or not."""
        who = Attestation("AD+CORP:jdoe", self.harness.clock.now(), "console", "an outage at night")
        self.harness.decisions[guid(number)] = decision(number, wanted=wanted, decided=who)
        self.epochs[guid(number)] += 1

    @rule(number=TICKETS)
    def accept_what_the_ticket_shows(self, number: int) -> None:
        """Git takes over what somebody brought about at the console: the base moves, and nothing is sent."""
        ticket = self.harness.sandbox.world.tickets.get(guid(number))
        if ticket is None or ticket.broken:
            return
        times = (ticket.schedule.start, ticket.schedule.stop) if ticket.schedule is not None else ()
        made = decision(number, wanted=State(ticket.status, *times), expect=Expectation(object=OBJECTS[number]))
        if made != self.harness.decisions.get(guid(number)):
            self.harness.decisions[guid(number)] = made
            self.epochs[guid(number)] += 1

    @rule(begins=st.integers(0, 12), lasts=st.integers(1, 30), number=st.sampled_from([None, *NUMBERS]))
    def a_freeze_is_decided(self, begins: int, lasts: int, number: int | None) -> None:
        start = self.harness.clock.now() + timedelta(hours=begins)
        objects = ("**",) if number is None else (OBJECTS[number],)
        self.freeze((Freeze("late", start, start + timedelta(hours=lasts), objects),))

    @rule()
    def freezes_are_lifted(self) -> None:
        self.freeze(())

    def freeze(self, freezes: tuple[Freeze, ...]) -> None:
        for checkout in (self.harness, self.other):
            checkout.policy = replace(checkout.policy, freezes=freezes)

    # What others do.

    @rule(number=TICKETS, status=CONSOLE, hours=st.integers(1, 30))
    def decide_at_the_console(self, number: int, status: Status, hours: int) -> None:
        start = self.harness.clock.now() + timedelta(hours=hours)
        scheduled = status in (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)
        self.somebody_overwrites(number)
        self.harness.sandbox.world.console(
            guid(number),
            status,
            start=format_instant(start) if scheduled else None,
            stop=format_instant(start + timedelta(hours=1)) if status is Status.APPROVED_BETWEEN else None,
            explanation="looked at it in the console",
        )

    @rule()
    def the_other_approver_approves(self) -> None:
        self.somebody_overwrites(3)
        self.harness.sandbox.world.console(guid(3), Status.APPROVED, by=JOE.name)

    def somebody_overwrites(self, number: int) -> None:
        """A decision at the console overwrites our mark; with `cascade` those of the object's other tickets, too."""
        cascade = self.harness.sandbox.world.behaviour.cascade
        for each in NUMBERS:
            same = each == number or (cascade and OBJECTS[each] == OBJECTS[number])
            self.touched[guid(each)] += same

    @rule(hours=st.sampled_from([1, 3, 9, 40]))
    def time_passes(self, hours: int) -> None:
        self.harness.clock.sleep(hours * 3600)

    @rule()
    def tpp_processes(self) -> None:
        self.harness.sandbox.world.process()

    # What becomes of ledgers.

    @rule()
    def somebody_copies_the_ledger(self) -> None:
        copy = self.folder / f"copy-{len(self.kept)}"
        if self.harness.ledger.exists():
            shutil.copytree(self.harness.ledger, copy)
        self.kept.append(copy)

    @rule()
    def the_ledger_is_lost(self) -> None:
        self.put_in_place(self.folder / "nothing")

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def the_ledger_is_rolled_back(self, data: st.DataObject) -> None:
        self.put_in_place(data.draw(st.sampled_from(self.kept)))

    @precondition(lambda self: self.other.ledger.exists())
    @rule()
    def the_ledger_of_the_other_checkout_is_put_in_place(self) -> None:
        """Its lines are of the same server, and count; those of the ledger before are not known any more."""
        self.put_in_place(self.other.ledger)

    def put_in_place(self, ledger: Path) -> None:
        self.intended |= intents(self.harness)
        self.life[self.harness.ledger] += 1
        shutil.rmtree(self.harness.ledger, ignore_errors=True)
        if ledger.exists():
            shutil.copytree(ledger, self.harness.ledger)

    # What the reconciler does.

    @rule()
    def the_other_checkout_applies(self) -> None:
        self.apply(self.other.plan(), dict(self.epochs), harness=self.other)

    @rule(calls=st.integers(0, 14))
    def the_other_checkout_dies_applying(self, calls: int) -> None:
        self.apply(self.other.plan(), dict(self.epochs), Life(calls), harness=self.other)

    @rule()
    def plan_and_keep(self) -> None:
        sent = len(self.harness.sandbox.log.updates)
        self.saved.append((self.harness.plan(), dict(self.epochs)))
        assert len(self.harness.sandbox.log.updates) == sent, "a plan writes nothing"

    @rule()
    def plan_and_apply(self) -> None:
        self.apply(self.harness.plan(), dict(self.epochs))

    @rule(calls=st.integers(0, 14))
    def plan_and_die_applying(self, calls: int) -> None:
        self.apply(self.harness.plan(), dict(self.epochs), Life(calls))

    @rule(name=st.sampled_from(HONEST_FAULTS), number=TICKETS, operation=st.sampled_from(["Update", "Read"]))
    def plan_and_apply_with_a_fault(self, name: str, number: int, operation: str) -> None:
        plan = self.harness.plan()
        called = "ticketUpdateStatus" if operation == "Update" else "ticketDetails"
        self.harness.sandbox.faults.add(FAULTS[name], operation=called, guid=guid(number), times=1)
        self.apply(plan, dict(self.epochs))
        self.harness.sandbox.faults.clear()

    @rule(name=st.sampled_from(UNANSWERED), number=TICKETS, late=st.sampled_from([1.0, 40.0, 400.0]))
    def plan_and_apply_with_a_late_effect(self, name: str, number: int, late: float) -> None:
        plan = self.harness.plan()
        self.harness.sandbox.faults.add(FAULTS[name], operation="ticketUpdateStatus", guid=guid(number), times=1)
        self.harness.late = late
        self.apply(plan, dict(self.epochs))
        self.harness.late = None
        self.harness.sandbox.faults.clear()

    @rule(minutes=st.sampled_from([-4, -2, 0, 2, 4]))
    def the_clock_jumps(self, minutes: int) -> None:
        """Another machine runs from now on, or this one's clock is set: within what an apply allows."""
        self.harness.skew = timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from([1, 10, 16]))
    def minutes_pass(self, minutes: int) -> None:
        self.harness.clock.sleep(minutes * 60)

    @rule(number=TICKETS, status=CONSOLE, hours=st.integers(1, 30))
    def somebody_decides_between_plan_and_apply(self, number: int, status: Status, hours: int) -> None:
        plan = self.harness.plan()
        self.decide_at_the_console(number, status, hours)
        self.apply(plan, dict(self.epochs))

    @rule(calls=st.integers(0, 14), processes=st.booleans())
    def die_and_apply_the_same_plan_again(self, calls: int, processes: bool) -> None:
        plan = self.harness.plan()
        self.apply(plan, dict(self.epochs), Life(calls))
        if processes:
            self.harness.sandbox.world.process()
        self.apply(plan, dict(self.epochs))

    @rule(calls=st.integers(0, 14), number=TICKETS, status=CONSOLE)
    def die_and_somebody_decides_meanwhile(self, calls: int, number: int, status: Status) -> None:
        self.apply(self.harness.plan(), dict(self.epochs), Life(calls))
        self.decide_at_the_console(number, status, 5)
        self.apply(self.harness.plan(), dict(self.epochs))

    @rule(
        name=st.sampled_from(HONEST_FAULTS),
        number=TICKETS,
        wanted=WANTED,
        operation=st.sampled_from(["Update", "Read"]),
    )
    def a_fault_and_a_changed_mind(self, name: str, number: int, wanted: State, operation: str) -> None:
        self.plan_and_apply_with_a_fault(name, number, operation)
        self.decide(number, wanted, mistaken=False, hours=None)
        self.apply(self.harness.plan(), dict(self.epochs))

    @precondition(lambda self: self.saved)
    @rule(data=st.data())
    def apply_a_kept_plan(self, data: st.DataObject) -> None:
        plan, epochs = data.draw(st.sampled_from(self.saved[-3:]))
        if plan.expires_at > self.harness.clock.now():
            self.apply(plan, epochs)

    def apply(
        self, plan: Plan, epochs: dict[Guid, int], life: Life | None = None, harness: Harness | None = None
    ) -> Run | None:
        """Apply a plan, and hold what the server heard against it. Returns None when the plan is refused whole."""
        harness = harness or self.harness
        self.count_late_effects()
        before = dict(harness.sandbox.world.tickets)
        try:
            run = harness.apply(plan, life=life)
        except GuardRefused:
            assert self.newly_heard() == [], "a plan that is refused sends nothing"
            return None
        changes = {step.guid: step for step in plan.changes}
        for entry in self.newly_heard():
            name = parse_guid(entry.guid or "")
            assert name in changes, f"{name} was written, and its verdict is not a change"
            if name in before:
                assert self.reported(before[name]) == str(changes[name].before.status), "it moved since the plan"
                assert before[name].object == changes[name].object
            self.sent[entry.body] = harness.ledger, self.life[harness.ledger], name, epochs[name]
            self.written[self.sent[entry.body]] += bool(entry.effect)
            self.across[name, epochs[name], self.touched[name]] += bool(entry.effect)
        if life is None or not life.is_over:
            assert_receipts_are_true(harness, run)
            assert {receipt.guid for receipt in run.receipts} <= changes.keys()
        return run

    def newly_heard(self) -> list[Entry]:
        """The updates that the server has heard since somebody looked, without those that come a second time, late."""
        new = self.harness.sandbox.log.updates[self.heard :]
        self.heard += len(new)
        for entry in new:
            if entry.effect and entry.body in self.sent:
                self.written[self.sent[entry.body]] += 1
        return [entry for entry in new if entry.body not in self.sent]

    def count_late_effects(self) -> None:
        """Nothing but what was sent before takes effect while no run is under way."""
        assert self.newly_heard() == []

    def is_past_changing(self, name: Guid) -> bool:
        """Whether TPP has carried an approval out but waits for another ticket of the object; nobody can see that."""
        ticket = self.harness.sandbox.world.tickets.get(name)
        return ticket is not None and ticket.resolved is not None

    def reported(self, ticket: Ticket) -> str:
        plain = self.harness.sandbox.world.behaviour.plain_approved and ticket.schedule is not None
        return str(Status.APPROVED if plain else ticket.status)

    # What always holds.

    @invariant()
    def no_decision_has_a_second_effective_write(self) -> None:
        assert {key: count for key, count in self.written.items() if count > 1} == {}

    @invariant()
    def no_decision_has_a_second_effective_write_across_ledgers(self) -> None:
        assert {key: count for key, count in self.across.items() if count > 1} == {}

    @invariant()
    def no_write_lacks_its_intent(self) -> None:
        if hasattr(self, "harness"):
            sent = {(name, json.loads(body).get("Explanation")) for body, (*_, name, _) in self.sent.items()}
            assert sent <= self.intended | intents(self.harness) | intents(self.other)

    @invariant()
    def the_chains_are_intact(self) -> None:
        if hasattr(self, "harness"):
            verify(self.harness.ledger)
            verify(self.other.ledger)

    @rule()
    def nothing_that_we_armed_stays_so_unseen(self) -> None:
        """A schedule that shows an operation of this ledger, and that git does not want, has its step in a plan.

        So has one that git wants and that a later freeze forbids.
        """
        steps = {step.guid: step for step in self.harness.plan().steps}
        shown = {name: step.verdict for name, step in steps.items()}
        now = self.harness.clock.now()
        for name, ticket in self.harness.sandbox.world.tickets.items():
            if (
                ticket.schedule is None
                or not tagged_operations(ticket.explanation) & self.harness.history(name).operations
            ):
                continue
            state = State(ticket.status, ticket.schedule.start, ticket.schedule.stop)
            decided = self.harness.decisions.get(name)
            wanted = decided is not None and decided.wanted == state
            frozen = wanted and any(freezes(each, steps[name], now) for each in self.harness.policy.freezes)
            forbidden = frozen and decided.decided is None
            if ticket.missed or is_window_over(state, now) or (wanted and not forbidden):
                continue
            assert shown.get(name) not in (None, Verdict.IN_SYNC, Verdict.SETTLED), f"{name} is armed: {state}"

    @precondition(lambda self: self.harness.decisions)
    @rule()
    def two_runs_without_trouble_leave_nothing_to_do(self) -> None:
        self.apply(self.harness.plan(), dict(self.epochs))
        self.harness.clock.sleep(10)
        self.apply(self.harness.plan(), dict(self.epochs))
        left = [step.guid for step in self.harness.plan().changes]
        assert [name for name in left if not self.is_past_changing(name)] == []

    @precondition(lambda self: self.harness.decisions)
    @rule()
    def what_was_just_applied_is_in_order(self) -> None:
        plan = self.harness.plan()
        run = self.apply(plan, dict(self.epochs))
        assert run is not None, "a plan that was made a moment ago is not refused"
        after = {step.guid: step for step in self.harness.plan().steps}
        for receipt in run.receipts:
            if receipt.outcome is Outcome.APPLIED:
                assert after[receipt.guid].verdict in (Verdict.IN_SYNC, Verdict.SETTLED)
            if receipt.outcome is Outcome.AWAITING_OTHERS:
                assert after[receipt.guid].verdict is Verdict.AWAITING_OTHERS


def orders(many: int) -> settings:
    return settings(
        max_examples=int(os.environ.get("TRUST_EXAMPLES", many)),
        stateful_step_count=20,
        deadline=None,
        derandomize=not SEARCHING,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def test_a_dozen_orders() -> None:
    run_state_machine_as_test(AnyOrder, settings=orders(12))


@pytest.mark.slow
def test_many_orders() -> None:
    run_state_machine_as_test(AnyOrder, settings=orders(60))
