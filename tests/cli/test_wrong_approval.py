"""A wrong approval was merged: what is done about it depends on how far it went (docs/guides/wrong-approval.md)."""

from datetime import timedelta

from msgspec import structs

from tests.cli.repo import FIRST
from tests.cli.test_life_of_a_decision import HOUR, Life, life, scheduled  # noqa: F401 - the fixture


def live(life: Life) -> str:  # noqa: F811 - the fixture
    return str(life.repo.sandbox.world.tickets[FIRST].status)


def test_not_applied_yet_reverting_the_merge_is_all(life: Life) -> None:  # noqa: F811
    life.wants("status: Approved")
    assert life.reason() == "approve/wanted"
    life.wants("status: Pending")
    life.apply()
    assert (life.repo.writes(), live(life)) == ([], "Pending")


def test_armed_it_is_taken_back_by_pending(life: Life) -> None:  # noqa: F811
    scheduled(life)
    life.wants("status: Pending")
    assert life.reason() == "reopen/wanted"
    life.apply()
    assert live(life) == "Pending"
    assert life.reason() == "in-sync/same"


def test_armed_and_the_entry_reverted_away_it_is_an_orphan_that_pending_takes_back(life: Life) -> None:  # noqa: F811
    scheduled(life)
    (life.repo.folder / "tickets" / "web.yaml").unlink()
    life.repo.decide("{guid: 11111111-1111-4111-8111-111111111111, status: Pending}", name="tickets/other.yaml")
    reasons = {step["guid"]: step["reason"] for step in life.repo.plan_json()["steps"]}
    assert reasons[FIRST] == "orphan/armed"
    life.wants("status: Pending")
    life.apply()
    assert live(life) == "Pending"


def test_running_it_is_too_late_and_tpp_says_so(life: Life) -> None:  # noqa: F811
    world = life.repo.sandbox.world
    world.behaviour = structs.replace(world.behaviour, deletion_delay=timedelta(days=1))
    scheduled(life, hours=1)
    world.advance(2 * HOUR)
    life.wants("status: Pending")
    assert life.reason() == "reopen/wanted"
    said = life.apply(6)
    assert "nothing proves whether it took effect" in said
    assert life.reason() == "unclear/lost-answer"
    world.advance(24 * HOUR)
    assert life.reason() == "conflict/too-late"
    life.patch()
    assert life.reason() in ("settled/receipt", "settled/inferred")
    life.apply()
    assert len(life.repo.writes()) == 2


def test_issued_it_can_not_be_taken_back_and_the_entry_says_what_happened(life: Life) -> None:  # noqa: F811
    life.wants("status: Approved")
    life.apply()
    life.repo.sandbox.world.process()
    life.wants("status: Pending")
    assert life.reason() == "conflict/too-late"
    life.patch()
    assert life.reason() == "settled/receipt"
    life.apply()
    assert len(life.repo.writes()) == 1
