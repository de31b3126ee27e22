"""What auditors ask: the platform's own log held against the ledger, and counts of a time that foot."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.model.decision import OverrideUse, Source
from reconciler.model.evidence import LogEvent, Matched, Population, Reconciliation
from reconciler.model.receipt import Outcome
from reconciler.model.record import AttentionEntry, Entry, Episode, Head, Intent, Line, Record
from reconciler.planning.log_matching import NEAR, reconcile, who
from reconciler.planning.population import population
from tests.builders import NOW, OBJECT, after, guid
from tests.ledger.ledgers import FIRST, OPENED, PROVENANCE, closed, decided, ended, intent, recorded

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
OTHER = r"\VED\Policy\Web\other.example.com"


def line(entry: Entry) -> Line:
    return Line(entry, FIRST, PROVENANCE, Source("x.jsonl", 2), decided(8), decided(9))


def record(entry: Any, intended: Intent | None = None, *, superseded: bool = False) -> Record:
    return Record(line(entry), entry, intended, superseded)


def applied(number: int = 1, when: datetime = NOW, **changes: Any) -> Record:
    sent = intent(number, at=when - SECOND, **{name: changes[name] for name in ("after", "object") if name in changes})
    return record(recorded(number, at=when, **changes), sent)


def event(when: datetime = NOW, row: int = 1, **changes: Any) -> LogEvent:
    values: dict[str, Any] = {"object": OBJECT, "name": "Workflow Ticket Approved", "texts": (), "by": ""}
    return LogEvent(at=when, row=row, **(values | changes))


def matched(found: Reconciliation) -> list[tuple[int, str, str]]:
    return [(each.event.row, str(each.record.guid)[:8], each.how) for each in found.matched]


def test_an_event_with_our_tag_is_ours_wherever_and_whenever_it_is() -> None:
    ours = event(NOW + DAY, object="x", texts=("nothing", "reviewed [op:000000000002]"))
    found = reconcile([ours], [applied(1), applied(2)])
    assert (found.events, found.decisions) == (1, 1)
    assert found.matched == (Matched(ours, applied(2), "tag"),)
    foreign = event(NOW + DAY, object="x", texts=("[op:00000000f00d]",))
    assert reconcile([foreign], [applied(1)]).outside == (foreign,)


@pytest.mark.parametrize("late", [-NEAR, timedelta(0), NEAR])
def test_an_event_without_a_tag_is_ours_within_five_minutes_on_the_object(late: timedelta) -> None:
    inside, before, behind = event(NOW + late), event(NOW - NEAR - 2 * SECOND), event(NOW + NEAR + SECOND)
    assert matched(reconcile([inside], [applied(1)])) == [(1, "00000001", "object and time")]
    assert reconcile([before, behind], [applied(1)]).outside == (before, behind)
    elsewhere = event(NOW + late, object=OTHER)
    assert reconcile([elsewhere], [applied(1)]).outside == (elsewhere,)
    named = event(NOW + late, object="Workflow", texts=("x", OBJECT.upper()))
    assert matched(reconcile([named], [applied(1)])) == [(1, "00000001", "object and time")]


def test_of_several_decisions_on_an_object_the_nearest_is_the_one() -> None:
    records = [applied(1, NOW - 100 * SECOND), applied(2, NOW), applied(3, NOW + 100 * SECOND)]
    for seconds, number in ((-90, 1), (-40, 2), (40, 2), (90, 3)):
        found = reconcile([event(NOW + seconds * SECOND)], records)
        assert matched(found) == [(1, f"0000000{number}", "object and time")]


def test_the_start_of_a_window_that_we_set_is_a_time_at_which_tpp_decides_for_us() -> None:
    start = NOW + 3 * DAY
    scheduled = applied(1, after=after(start.isoformat()))
    assert matched(reconcile([event(start)], [scheduled])) == [(1, "00000001", "object and time")]
    assert matched(reconcile([event(NOW - SECOND - NEAR)], [applied(1)])) == [(1, "00000001", "object and time")]


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_may_have_taken_effect_explains_an_event_and_only_what_did_is_absent(outcome: Outcome) -> None:
    found = reconcile([event()], [applied(1, outcome=outcome), applied(2, outcome=outcome, object=OTHER)])
    may_have = outcome in (Outcome.APPLIED, Outcome.AWAITING_OTHERS, Outcome.UNKNOWN)
    assert len(found.matched) == may_have
    did = outcome in (Outcome.APPLIED, Outcome.AWAITING_OTHERS)
    assert [each.guid for each in found.absent] == ([guid(2)] if did else [])


def test_an_intent_without_a_receipt_explains_an_event_and_what_is_no_update_explains_none() -> None:
    sent = intent(1)
    assert matched(reconcile([event()], [record(sent, sent)])) == [(1, "00000001", "object and time")]
    assert reconcile([event()], [record(closed(1))]) == Reconciliation(1, 1, (), (event(),), ())
    alone = record(recorded(1))
    assert matched(reconcile([event(texts=("[op:000000000001]",), object="x")], [alone])) == [(1, "00000001", "tag")]
    assert matched(reconcile([event()], [alone])) == [(1, "00000001", "object and time")]
    without = applied(2, object="")
    assert reconcile([event(object="")], [without]).outside == (event(object=""),)


def test_what_the_log_should_show_and_does_not_is_absent_if_the_log_covers_its_time() -> None:
    shown = [event(NOW, 1), event(NOW + DAY, 2, texts=("[op:000000000002]",))]
    edges = [applied(3, NOW - NEAR, object=OTHER), applied(4, NOW + DAY + NEAR, object=OTHER)]
    beyond = [applied(5, NOW - NEAR - SECOND, object=OTHER), applied(6, NOW + DAY + NEAR + SECOND, object=OTHER)]
    records = [applied(1), applied(2, NOW + DAY), *edges, *beyond]
    found = reconcile(shown, records)
    assert (matched(found)[1:], found.absent) == ([(2, "00000002", "tag")], tuple(edges))
    nothing = reconcile([event(name="Certificate Renewed")], records)
    assert nothing == Reconciliation(1, 0)


@pytest.mark.parametrize(
    ("name", "decides"),
    [
        ("Workflow Ticket Approved", True),
        ("REJECTED: approval of a certificate", True),
        ("ticket\nrejected", True),
        ("Workflow Ticket Created", False),
        ("Approved", False),
    ],
)
def test_an_event_decides_when_its_name_says_ticket_and_approved_or_rejected(name: str, decides: bool) -> None:
    assert reconcile([event(name=name)], []).decisions == decides


@pytest.mark.parametrize(
    ("by", "texts", "said"),
    [
        ("local:admin", ("AD+CORP:jdoe",), "local:admin"),
        ("", ("seen by local:admin", "AD+CORP:jdoe", "local:admin"), "AD+CORP:jdoe"),
        ("", ("nobody: x", "local:", "local: x"), ""),
    ],
)
def test_who_did_it_is_the_column_or_the_first_text_that_is_an_identity(by, texts, said) -> None:
    assert who(event(by=by, texts=texts)) == said


HEADS = (Head("x.jsonl", decided(9), 4),)
USE = (OverrideUse("freeze", "x", NOW, Source("x")),)


def exception(number: int, reason: str = "conflict/console", state: Episode = Episode.BEGIN, **more: Any) -> Record:
    return record(AttentionEntry(NOW, reason, state, **({"guid": guid(number), "digest": decided(number)} | more)))


def counted(records: list[Record], since: datetime | None = None, until: datetime | None = None) -> Population:
    lines = [line(OPENED), *(each.line for each in records), line(ended())]
    return population(iter(lines), lambda read: records if [*read] else [], since, until, "sha256:head", HEADS)


def test_every_decision_of_a_time_has_its_last_outcome_or_its_first_exception() -> None:
    records = [
        applied(1, outcome=Outcome.UNKNOWN),
        applied(1),
        record(intent(2), intent(2)),
        record(intent(3), intent(3), superseded=True),
        record(recorded(4), intent(4, overrides=USE)),
        record(recorded(6), intent(6, overrides=USE)),
        record(closed(1)),
        record(closed(4)),
        exception(4),
        exception(5, "mismatch/object"),
        exception(5),
        exception(7),
        exception(8, state=Episode.END),
        exception(9, "manual/lock-taken-over", guid=None, digest=None),
    ]
    assert counted(records) == Population(
        runs=1,
        decisions=6,
        outcomes={"applied": 3, "open": 1},
        exceptions={"conflict/console": 1, "mismatch/object": 1},
        overridden=2,
        closings=2,
        lines=16,
        head="sha256:head",
        heads=HEADS,
    )


def test_a_time_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    records = [applied(1, NOW - SECOND), applied(2, NOW), applied(3, NOW + DAY - SECOND), applied(4, NOW + DAY)]
    within = counted(records, NOW, NOW + DAY)
    assert (within.decisions, within.lines, within.runs, within.foots) == (2, 4, 1, True)
    assert counted(records, NOW + SECOND).decisions == 2
    assert counted(records, None, NOW).decisions == 1
    assert (counted(records, NOW + SECOND).runs, counted(records, None, NOW).lines) == (0, 1)
