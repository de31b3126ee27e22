"""What happens to decided tickets: several approvers, siblings, schedules, deletion."""

from datetime import timedelta

import pytest

from reconciler.model.status import Status
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.wire import ResultCode
from reconciler.sandbox.world import World
from tests.builders import OBJECT, at, guid
from tests.fakes import FakeClock

START, STOP = "2026-11-28T22:00:00.000000Z", "2026-11-29T02:00:00.000000Z"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(SandboxClock(clock))


def statuses(world: World) -> dict[str, Status]:
    return {ticket.guid: ticket.status for ticket in world.tickets.values()}


def test_all_approvers_must_approve(world: World) -> None:
    world.add_ticket(guid(1), approvers=["a", "b"])

    assert world.console(guid(1), Status.APPROVED, by="a", explanation="[op:1]") is ResultCode.SUCCESS
    assert statuses(world) == {guid(1): Status.PENDING}
    assert world.tickets[guid(1)].explanation == "[op:1]"
    world.console(guid(1), Status.APPROVED, by="b")
    assert statuses(world) == {guid(1): Status.APPROVED}


def test_one_rejection_rejects(world: World) -> None:
    world.add_ticket(guid(1), approvers=["a", "b"])
    world.console(guid(1), Status.APPROVED, by="a")
    world.console(guid(1), Status.REJECTED, by="b")

    assert statuses(world) == {guid(1): Status.REJECTED}


def test_an_approver_can_withdraw_until_all_have_approved(world: World) -> None:
    world.add_ticket(guid(1), approvers=["a", "b"])
    world.console(guid(1), Status.APPROVED, by="a")
    world.console(guid(1), Status.PENDING, by="a")
    world.console(guid(1), Status.APPROVED, by="b")

    assert statuses(world) == {guid(1): Status.PENDING}


def test_an_approved_ticket_is_deleted_at_the_next_processing(world: World) -> None:
    world.add_ticket(guid(1))
    world.console(guid(1), Status.APPROVED)

    assert statuses(world) == {guid(1): Status.APPROVED}
    assert world.process().deleted == (guid(1),)
    assert statuses(world) == {}


def test_an_approved_ticket_can_stay_for_a_while(world: World, clock: FakeClock) -> None:
    world.behaviour = Behaviour(deletion_delay=timedelta(minutes=5))
    world.add_ticket(guid(1))
    world.console(guid(1), Status.APPROVED)
    world.process()
    clock.sleep(299)
    world.process()

    assert statuses(world) == {guid(1): Status.APPROVED}
    clock.sleep(1)
    assert world.process().deleted == (guid(1),)


def test_an_object_waits_for_all_tickets_of_its_stage(world: World) -> None:
    world.add_ticket(guid(1), object=OBJECT)
    world.add_ticket(guid(2), object=OBJECT.lower())
    world.add_ticket(guid(3), object=OBJECT, stage=1)
    world.console(guid(1), Status.APPROVED)
    world.process()

    assert guid(1) in world.tickets
    world.console(guid(2), Status.APPROVED)
    assert world.process().deleted == (guid(1), guid(2))
    assert statuses(world) == {guid(3): Status.PENDING}


def test_a_decision_can_cascade_to_the_siblings(world: World) -> None:
    world.behaviour = Behaviour(cascade=True)
    for number in (1, 2):
        world.add_ticket(guid(number), object=OBJECT)
    world.add_ticket(guid(3))
    world.console(guid(1), Status.APPROVED)

    assert statuses(world) == {guid(1): Status.APPROVED, guid(2): Status.APPROVED, guid(3): Status.PENDING}


def test_a_rejected_ticket_stays_or_goes_as_configured(world: World) -> None:
    world.add_ticket(guid(1))
    world.console(guid(1), Status.REJECTED)

    assert world.process().deleted == ()
    world.behaviour = Behaviour(keep_rejected=False)
    assert world.process().deleted == (guid(1),)


@pytest.mark.parametrize(
    ("status", "now", "there"),
    [
        (Status.APPROVED_AFTER, "2026-11-28T21:59:59Z", True),
        (Status.APPROVED_AFTER, "2026-11-28T22:00:00Z", False),
        (Status.APPROVED_AFTER, "2027-01-01T00:00:00Z", False),
        (Status.APPROVED_BETWEEN, "2026-11-28T21:59:59Z", True),
        (Status.APPROVED_BETWEEN, "2026-11-28T22:00:00Z", False),
        (Status.APPROVED_BETWEEN, "2026-11-29T01:59:59Z", False),
        (Status.APPROVED_BETWEEN, "2026-11-29T02:00:00Z", True),
    ],
)
def test_a_scheduled_ticket_is_processed_when_it_is_due(
    world: World, clock: FakeClock, status: Status, now: str, there: bool
) -> None:
    world.add_ticket(guid(1))
    world.console(guid(1), status, start=START, stop=STOP)
    clock.at = at(now)
    world.process()

    assert (guid(1) in world.tickets) is there


def test_a_window_that_passes_while_the_servers_are_down_is_missed(world: World) -> None:
    world.add_ticket(guid(1))
    world.console(guid(1), Status.APPROVED_BETWEEN, start=START, stop=STOP)
    world.pause()
    world.advance(10 * 86400)
    world.resume()

    assert world.process().missed == (guid(1),)
    assert statuses(world) == {guid(1): Status.APPROVED_BETWEEN}
    world.console(guid(1), Status.APPROVED_AFTER, start=START)
    assert world.process().deleted == (guid(1),)


def test_moving_the_clock_past_a_window_does_not_miss_it(world: World) -> None:
    world.add_ticket(guid(1))
    world.console(guid(1), Status.APPROVED_BETWEEN, start=START, stop=STOP)
    world.advance(10 * 86400)

    assert statuses(world) == {}


def test_nothing_is_processed_while_the_servers_are_down(world: World) -> None:
    world.add_ticket(guid(1))
    world.console(guid(1), Status.APPROVED)
    world.pause()

    assert world.process().deleted == ()
    world.resume()
    assert world.process().deleted == (guid(1),)


def test_a_reissued_ticket_has_a_new_guid_on_the_same_object(world: World) -> None:
    old = world.add_ticket(guid(1), object=OBJECT)
    new = world.reissue(guid(1))

    assert new.guid != old.guid
    assert (new.object, new.workflow, new.approvers) == (old.object, old.workflow, old.approvers)
    assert list(world.tickets) == [new.guid]


def test_a_processed_ticket_that_stays_can_not_be_rescheduled(world: World, clock: FakeClock) -> None:
    world.behaviour = Behaviour(deletion_delay=timedelta(days=1))
    world.add_ticket(guid(1))
    world.console(guid(1), Status.APPROVED_AFTER, start=START)
    clock.at = at(START)
    world.process()

    assert world.console(guid(1), Status.PENDING) is ResultCode.GENERIC_FAILURE
