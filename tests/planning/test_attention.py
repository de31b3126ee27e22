"""What a plan asks of a human begins once, and ends when nobody asks for it any more."""

from datetime import timedelta
from typing import Any

from reconciler.model.decision import Expectation, OverrideUse, Source
from reconciler.model.record import AttentionEntry, Episode
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.attention import by_hand, episodes, exceptions
from tests.builders import NOW, OBJECT, WORKFLOW, at, guid, plan, step

LATER = NOW + timedelta(hours=1)
USE = OverrideUse("freeze", "Outage", at("2026-12-01T00:00:00Z"), Source("tickets/web.yaml", 9))


def begun(number: int, reason: str = "conflict/console", **changes: Any) -> AttentionEntry:
    values: dict[str, Any] = {
        "at": NOW,
        "reason": reason,
        "state": Episode.BEGIN,
        "guid": guid(number),
        "digest": step(number).digest,
        "object": OBJECT,
        "workflow": WORKFLOW,
        "change": "CHG0041234",
        "source": step(number).source,
    }
    return AttentionEntry(**(values | changes))


STUCK = step(1, reason=Reason.CONFLICT_CONSOLE, detail="somebody else decided it")
SPARED = step(2, overridden=(USE, replace(USE, rule="changes")))
SAID = "Outage (until 2026-12-01T00:00:00Z, tickets/web.yaml:9)"


def test_steps_that_need_attention_and_overrides_that_were_used_are_exceptions() -> None:
    fine = step(3, reason=Reason.IN_SYNC_SAME, overridden=(USE,))
    assert tuple(exceptions(plan(STUCK, SPARED, fine, step(4)), NOW)) == (
        begun(1, detail="somebody else decided it"),
        begun(2, "override/freeze", detail=SAID),
        begun(2, "override/changes", detail=SAID),
    )


def test_an_exception_about_a_ticket_that_nobody_saw_names_what_was_expected_of_it() -> None:
    gone = {"reason": Reason.MISSING_TICKET, "object": "", "workflow": ""}
    steps = (step(1, expect=Expectation(OBJECT, WORKFLOW), **gone), step(2, **gone))
    assert tuple(exceptions(plan(*steps), NOW)) == (
        begun(1, "missing/ticket"),
        begun(2, "missing/ticket", object="", workflow=""),
    )


def test_only_what_is_new_begins_and_only_what_is_gone_ends() -> None:
    known = (begun(1), begun(3, detail="as it was"), begun(2, "conflict/console"), begun(9))
    now = plan(STUCK, SPARED, step(3))
    new = (begun(2, "override/freeze", at=LATER, detail=SAID), begun(2, "override/changes", at=LATER, detail=SAID))
    ended = tuple(begun(number, at=LATER, state=Episode.END) for number in (2, 3))
    assert episodes(now, known, LATER, whole=False) == (*new, *ended)
    assert episodes(now, known, LATER, whole=True) == (*new, *ended, begun(9, at=LATER, state=Episode.END))
    assert episodes(plan(), (), LATER, whole=True) == ()


def test_what_was_done_by_hand_ends_as_it_begins() -> None:
    entry = begun(1, "manual/adopted", detail="by ann")
    assert by_hand(entry) == (entry, replace(entry, state=Episode.END, detail=""))
