"""The index: the history of each ticket, drawn from receipts, open intents and closings of a verified ledger."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.codec import encode_line, sha256
from reconciler.errors import LedgerBroken
from reconciler.ledger.index import Began, open_operations, read_index, read_seals
from reconciler.model.decision import NOWHERE, Seal, WindowUse
from reconciler.model.receipt import Outcome, Proof
from reconciler.model.record import (
    AcceptedEntry,
    AttestedEntry,
    Entry,
    Episode,
    LastWrite,
    ObservedEntry,
    OpenIntent,
    Sealed,
    TicketHistory,
)
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from tests.builders import APPROVED, NOW, OBJECT, PENDING, WORKFLOW, altered, between, guid, holding
from tests.ledger.ledgers import (
    FIRST,
    PROVENANCE,
    SECOND,
    THIRD,
    closed,
    decided,
    exception,
    intent,
    recorded,
    spoil_the_second_line,
    write_run,
)

TARGETS = [PROVENANCE.target]
APPLIED = holding(
    LastWrite,
    guid=guid(1),
    after=APPROVED,
    outcome=Outcome.APPLIED,
    proof=Proof.ACCEPTED,
    at=NOW,
    run=FIRST,
    operation="000000000001",
    digest=decided(1),
    gone=True,
    provenance=PROVENANCE,
    gone_at=NOW,
    source=NOWHERE,
    object=OBJECT,
    workflow=WORKFLOW,
    change="CHG0041234",
)


ONE = frozenset({"000000000001"})


def known(root: Path, *numbers: int) -> Mapping[Guid, TicketHistory]:
    """What the index says of some tickets."""
    return read_index(root, map(guid, numbers), TARGETS).histories


def history(root: Path, *entries: Entry) -> TicketHistory | None:
    """What the index says of ticket 1 after one run."""
    write_run(root, FIRST, *entries)
    return known(root, 1).get(guid(1))


def test_a_ledger_that_was_never_begun_knows_nothing(tmp_path: Path) -> None:
    assert read_index(tmp_path / "ledger", [guid(1)], TARGETS).histories == {}


def test_an_applied_update_is_remembered_with_who_and_why(tmp_path: Path) -> None:
    assert history(tmp_path, intent(), recorded()) == TicketHistory(last=APPLIED, operations=ONE)


def test_only_tickets_that_are_asked_for_and_known_are_told(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(1), recorded(1), intent(2), recorded(2))
    assert known(tmp_path, 1, 3) == {guid(1): TicketHistory(last=APPLIED, operations=ONE)}


def test_an_update_that_waits_for_others_is_remembered_with_what_was_seen(tmp_path: Path) -> None:
    waiting = recorded(outcome=Outcome.AWAITING_OTHERS, gone=False, seen=PENDING)
    found = history(tmp_path, intent(), waiting)
    assert found is not None
    assert found.last is not None
    assert (found.last.outcome, found.last.gone, found.last.seen) == (Outcome.AWAITING_OTHERS, False, PENDING)


def test_a_schedule_and_its_window_are_remembered(tmp_path: Path) -> None:
    window = WindowUse("sat-night", "FREQ=WEEKLY")
    after = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
    receipt = recorded(after=after, gone=False, seen=after, window=window)
    found = history(tmp_path, intent(after=after, window=window), receipt)
    assert found is not None
    assert found.last is not None
    assert (found.last.after, found.last.window, found.last.seen) == (after, window, after)


def test_an_intent_without_a_receipt_is_open(tmp_path: Path) -> None:
    assert history(tmp_path, intent()) == TicketHistory(open=OpenIntent(intent(), FIRST), operations=ONE)


def test_an_unknown_outcome_leaves_the_intent_open(tmp_path: Path) -> None:
    unknown = recorded(outcome=Outcome.UNKNOWN, gone=False, proof=Proof.NONE)
    lost = OpenIntent(intent(), FIRST, lost_at=unknown.at)
    assert history(tmp_path, intent(), unknown) == TicketHistory(open=lost, operations=ONE)
    write_run(tmp_path, SECOND, recorded(outcome=Outcome.UNKNOWN, gone=False, at=NOW + timedelta(hours=1)))
    assert known(tmp_path, 1)[guid(1)].open == lost, "who finds nothing out loses no answer"


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REJECTED_BY_SERVER, Outcome.STALE])
def test_an_update_that_had_no_effect_leaves_no_trace(tmp_path: Path, outcome: Outcome) -> None:
    assert history(tmp_path, intent(), recorded(outcome=outcome, gone=False)) == TicketHistory(operations=ONE)


def test_an_update_without_effect_does_not_hide_the_one_before(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(), recorded())
    write_run(tmp_path, SECOND, intent(operation="b"), recorded(operation="b", outcome=Outcome.FAILED, gone=False))
    assert known(tmp_path, 1) == {guid(1): TicketHistory(last=APPLIED, operations=ONE | {"b"})}


def test_a_step_that_was_not_reached_settles_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent())
    skipped = recorded(outcome=Outcome.NOT_ATTEMPTED, operation=None, gone=False)
    write_run(tmp_path, SECOND, skipped, recorded(outcome=Outcome.STALE, operation=None, gone=False))
    assert known(tmp_path, 1) == {guid(1): TicketHistory(open=OpenIntent(intent(), FIRST), operations=ONE)}


def test_the_next_run_settles_the_intent_of_a_dead_one(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent())
    write_run(tmp_path, SECOND, recorded(proof=Proof.OBSERVED, gone=False))
    (told,) = known(tmp_path, 1).values()
    assert told.open is None
    assert told.last is not None
    assert (told.last.run, told.last.proof) == (SECOND, Proof.OBSERVED)


def test_a_receipt_of_another_operation_does_not_settle_an_intent(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(operation="aaa"), recorded(operation="aa", outcome=Outcome.FAILED, gone=False))
    assert known(tmp_path, 1) == {
        guid(1): TicketHistory(open=OpenIntent(intent(operation="aaa"), FIRST), operations=frozenset({"aa", "aaa"}))
    }


def test_a_later_intent_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    again = intent(operation="b", attempt=2)
    assert history(tmp_path, intent(), again) == TicketHistory(
        open=OpenIntent(again, FIRST), operations=ONE | {again.operation}
    )


def test_a_ticket_that_was_seen_to_be_gone_stays_gone(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(), recorded(gone=False))
    assert [told.last and told.last.gone for told in known(tmp_path, 1).values()] == [False]
    write_run(tmp_path, SECOND, closed(1))
    assert known(tmp_path, 1) == {guid(1): TicketHistory(last=APPLIED, operations=ONE)}


def test_a_receipt_that_finds_the_ticket_gone_closes_it_too(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(), recorded(gone=False))
    write_run(tmp_path, SECOND, recorded(outcome=Outcome.STALE, operation=None, gone=True))
    assert known(tmp_path, 1) == {guid(1): TicketHistory(last=APPLIED, operations=ONE)}


def test_the_last_word_follows_the_heads_and_not_the_clock(tmp_path: Path) -> None:
    write_run(tmp_path, THIRD, intent(), recorded(gone=False))
    write_run(tmp_path, FIRST, intent(operation="b"), recorded(operation="b", after=PENDING, gone=False))
    (told,) = known(tmp_path, 1).values()
    assert told.last is not None
    assert (told.last.run, told.last.after) == (FIRST, PENDING)


def test_a_torn_tail_is_treated_as_never_written(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent(), recorded())
    path.write_bytes(path.read_bytes()[:-1])
    assert known(tmp_path, 1) == {guid(1): TicketHistory(open=OpenIntent(intent(), FIRST), operations=ONE)}


def test_text_that_looks_like_a_line_about_another_ticket_fools_nobody(tmp_path: Path) -> None:
    trap = f'"guid":"{guid(1)}" "entry":"intent" \n{{"guid":"{guid(1)}"}}'
    write_run(tmp_path, FIRST, intent(2, explanation=trap, object=trap), recorded(2, detail=trap, object=trap))
    assert list(known(tmp_path, 1, 2)) == [guid(2)]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b'"at":"2026-11-23T12:00:00Z"', b'"at":"2026-11-23T12:00:00"', "/: 2026-11-23T12:00:00 is not a time in UTC"),
        (b'"after":{"status":"Approved"}', b'"after":"Approved"', "/after: an object is needed, this is text"),
        (b'"pull_request":12', b'"pull_request":"12"', "/review/pull_request: a whole number is needed, this is text"),
        (b'"operation":"000000000001"', b'"operation":1', "/operation: text or null is needed, this is a number"),
        (b'"at":', b"", "expected ':'"),
    ],
)
def test_a_line_about_the_ticket_that_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, old: bytes, new: bytes, what: str
) -> None:
    path = write_run(tmp_path, FIRST, intent(), recorded())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(old, new)]))
    with pytest.raises(LedgerBroken) as broken:
        read_index(tmp_path, [guid(1)], TARGETS)
    assert broken.value.message.startswith(f"2026/11/{FIRST}.jsonl:3: the line can't be read: {what}")


def test_an_open_intent_that_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent())
    path.write_bytes(path.read_bytes().replace(b'"attempt":1', b'"attempt":[]'))
    with pytest.raises(LedgerBroken, match="jsonl:2: the line can't be read: /attempt: a whole number is needed"):
        read_index(tmp_path, [guid(1)], TARGETS)


def test_seals_are_found_by_the_digest_of_the_text(tmp_path: Path) -> None:
    first, second = Seal("tickets/a.yaml", decided(1), 3), Seal("tickets/b.yaml", decided(2), 1)
    write_run(tmp_path, FIRST, intent(1), recorded(1), Sealed(NOW, first))
    write_run(tmp_path, SECOND, Sealed(NOW, second))
    assert read_seals(tmp_path, TARGETS) == {first.content: first, second.content: second}
    assert read_seals(tmp_path / "nowhere", TARGETS) == {}


def test_a_seal_is_the_story_of_no_ticket(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, Sealed(NOW, Seal(f'"guid":"{guid(1)}"', decided(1), 1)))
    assert known(tmp_path, 1) == {}


def test_a_seal_that_a_crash_cut_off_was_never_set(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, Sealed(NOW, Seal("tickets/a.yaml", decided(1), 3)))
    path.write_bytes(path.read_bytes()[:-1])
    assert read_seals(tmp_path, TARGETS) == {}


def test_a_seal_that_can_not_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, Sealed(NOW, Seal("tickets/a.yaml", decided(1), 3)))
    path.write_bytes(path.read_bytes().replace(b'"decisions":3', b'"decisions":[]'))
    with pytest.raises(LedgerBroken, match=rf"{FIRST}.jsonl:2: .*/decisions"):
        read_seals(tmp_path, TARGETS)


def test_words_of_a_seal_elsewhere_in_a_line_are_none(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(1, explanation='"entry":"sealed"'), recorded(1))
    assert read_seals(tmp_path, TARGETS) == {}


def test_what_was_done_on_another_server_counts_for_nothing(tmp_path: Path) -> None:
    copy = replace(PROVENANCE, target="https://copy.example.com")
    write_run(tmp_path, FIRST, intent(1), Sealed(NOW, Seal("tickets/a.yaml", decided(1), 3)), provenance=copy)
    write_run(tmp_path, SECOND, recorded(1), provenance=replace(PROVENANCE, target=f"{copy.target}:8443"))
    assert known(tmp_path, 1) == {}
    assert read_seals(tmp_path, TARGETS) == {}
    for counted in ([*TARGETS, copy.target], None):
        assert set(read_index(tmp_path, [guid(1)], counted).histories) == {guid(1)}
    assert len(read_seals(tmp_path, [copy.target])) == 1


def test_a_broken_ledger_knows_nothing(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent(1), recorded(1), intent(2), recorded(2))
    path.write_bytes(path.read_bytes().replace(b"000000000002", b"000000000003", 1))
    with pytest.raises(LedgerBroken, match=f"{FIRST}.jsonl:4: line 4 has not the hash that line 5 was written with"):
        read_index(tmp_path, [guid(1)], TARGETS)


WINDOW = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
ELSEWHERE = replace(PROVENANCE, target="https://copy.example.com")


def test_what_asks_for_attention_is_known_with_who_decided_until_it_ends(tmp_path: Path) -> None:
    """A run tells each thing once: one that is not known would be told anew by every run."""
    write_run(tmp_path, FIRST, exception(1), exception(2), exception(1, "override/freeze"))
    nobody = replace(PROVENANCE, review=None)
    ends = (exception(2, state=Episode.END), exception(3, state=Episode.END))
    write_run(tmp_path, SECOND, exception(5), *ends, provenance=nobody)
    write_run(tmp_path, THIRD, exception(4), exception(1, state=Episode.END), provenance=ELSEWHERE)
    index = read_index(tmp_path, [], TARGETS)
    assert index.attention == (
        Began(exception(1), PROVENANCE.review),
        Began(exception(1, "override/freeze"), PROVENANCE.review),
        Began(exception(5), None),
    )
    assert index.histories == {}, "nothing was done to a ticket by asking for attention"


def scheduled(number: int) -> tuple[Entry, Entry]:
    return intent(number, after=WINDOW), recorded(number, after=WINDOW, gone=False, seen=WINDOW)


def test_tickets_that_were_scheduled_are_found_until_they_are_seen_to_be_gone(tmp_path: Path) -> None:
    """Nobody asks for them by name once their manifests are gone, and somebody has to see how they ended."""
    write_run(tmp_path, FIRST, *scheduled(1), *scheduled(2), *scheduled(3), *scheduled(4), intent(5), recorded(5))
    seen_gone = recorded(4, outcome=Outcome.STALE, operation=None, gone=True)
    write_run(tmp_path, SECOND, closed(2), ObservedEntry(NOW, guid(3), decided(3), NOW), seen_gone, *scheduled(6))
    write_run(tmp_path, THIRD, closed(1), *scheduled(7), provenance=ELSEWHERE)
    last = altered(APPLIED, after=WINDOW, gone=False, seen=WINDOW, gone_at=None, armed_at=NOW)
    armed = TicketHistory(last, operations=ONE)
    assert read_index(tmp_path, [guid(6)], TARGETS).scheduled == {guid(1): armed}
    assert read_index(tmp_path, [guid(1)], TARGETS).histories == {guid(1): armed}
    assert set(read_index(tmp_path, [], TARGETS).scheduled) == {guid(1), guid(6)}
    assert set(read_index(tmp_path, [], [ELSEWHERE.target]).scheduled) == {guid(7)}


def test_what_was_scheduled_and_seen_to_be_gone_at_once_is_not_among_them(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, recorded(1, after=WINDOW, gone=True))
    assert read_index(tmp_path, [], TARGETS).scheduled == {}


def test_a_scheduled_ticket_whose_update_was_only_announced_may_have_been_sent_until_its_run_gave_up(
    tmp_path: Path,
) -> None:
    announced = intent(1, after=WINDOW, attempt=0)
    write_run(tmp_path, FIRST, announced, closed(2))
    (history,) = read_index(tmp_path, [], TARGETS).scheduled.values()
    assert history.open == OpenIntent(announced, FIRST, NOW + timedelta(minutes=2))


def test_updates_without_a_last_word_are_counted(tmp_path: Path) -> None:
    assert open_operations(tmp_path, TARGETS) == 0
    unknown = {"outcome": Outcome.UNKNOWN, "gone": False}
    write_run(
        tmp_path, FIRST, intent(1), recorded(1), intent(2), recorded(2, **unknown), intent(3), intent(4), closed(5)
    )
    write_run(tmp_path, SECOND, intent(5), provenance=ELSEWHERE)
    assert open_operations(tmp_path, TARGETS) == 3
    write_run(tmp_path, THIRD, recorded(2), recorded(3, **unknown), recorded(4, outcome=Outcome.FAILED, gone=False))
    assert open_operations(tmp_path, TARGETS) == 1
    assert open_operations(tmp_path, [*TARGETS, ELSEWHERE.target]) == 2


def test_what_a_dead_run_was_about_to_send_may_be_on_its_way_until_it_had_to_give_up(tmp_path: Path) -> None:
    """Intents from before the first update: the run went on for at most two minutes after its last line."""
    later, silence = NOW + timedelta(hours=1), timedelta(minutes=2)
    planned = [intent(number, attempt=0) for number in (1, 2, 3)]
    unknown = recorded(3, outcome=Outcome.UNKNOWN, gone=False, at=NOW + timedelta(minutes=1))
    write_run(tmp_path, FIRST, *planned, unknown, recorded(4, at=later))
    lost = later + silence
    assert {ticket: history.open for ticket, history in known(tmp_path, 1, 2, 3).items()} == {
        guid(1): OpenIntent(planned[0], FIRST, lost_at=lost),
        guid(2): OpenIntent(planned[1], FIRST, lost_at=lost),
        guid(3): OpenIntent(planned[2], FIRST, lost_at=unknown.at),
    }
    write_run(tmp_path, SECOND, intent(3, at=later))
    assert known(tmp_path, 3)[guid(3)].open == OpenIntent(intent(3, at=later), SECOND)


def test_what_somebody_else_did_is_the_last_thing_done_once_git_agrees(tmp_path: Path) -> None:
    values = {"guid": guid(1), "digest": decided(1), "at": NOW, "object": OBJECT, "workflow": WORKFLOW}
    common = altered(APPLIED, proof=Proof.OBSERVED, operation=None, change=None, gone=False, gone_at=None)
    for run, entry, last in (
        (FIRST, holding(AcceptedEntry, after=APPROVED, **values), {"accepted": True, "seen": APPROVED}),
        (SECOND, holding(AttestedEntry, after=APPROVED, **values), {"attested": True, "seen": APPROVED}),
        (
            THIRD,
            holding(AttestedEntry, after=WINDOW, gone=True, **values),
            {"attested": True, "gone": True, "gone_at": NOW, "after": WINDOW},
        ),
        (
            "20261124T120000Z-00000d",
            holding(AcceptedEntry, after=WINDOW, **values),
            {"accepted": True, "seen": WINDOW, "armed_at": NOW, "after": WINDOW},
        ),
    ):
        write_run(tmp_path, run, entry)
        assert known(tmp_path, 1) == {guid(1): TicketHistory(altered(common, run=run, **last))}


def test_a_ticket_is_gone_since_it_was_first_seen_to_be(tmp_path: Path) -> None:
    first = NOW - timedelta(hours=2)
    observed = ObservedEntry(NOW, guid(1), decided(1), first)
    write_run(tmp_path, FIRST, intent(), recorded(gone=False), observed, closed(1))
    assert known(tmp_path, 1) == {guid(1): TicketHistory(altered(APPLIED, gone_at=first), operations=ONE)}
    write_run(tmp_path, SECOND, closed(2), ObservedEntry(NOW, guid(3), decided(3), first))
    assert known(tmp_path, 2, 3) == {}


def test_seals_come_from_every_file_and_any_line(tmp_path: Path) -> None:
    one, two, again = Seal("a.yaml", decided(1), 3), Seal("b.yaml", decided(2), 1), Seal("c.yaml", decided(1), 3)
    write_run(tmp_path, FIRST, Sealed(NOW, one), intent(1), provenance=ELSEWHERE)
    write_run(tmp_path, SECOND, Sealed(NOW, one), intent(1), Sealed(NOW, two))
    write_run(tmp_path, THIRD, Sealed(NOW, again))
    assert read_seals(tmp_path, TARGETS) == {decided(1): again, decided(2): two}


def test_a_line_that_says_two_things_at_once_is_refused(tmp_path: Path) -> None:
    """JSON lets a member stand twice; whoever takes the first one sees another line than whoever takes the last."""
    path = write_run(tmp_path, FIRST, intent(1), recorded(2))
    opening, asked, _ = path.read_bytes().splitlines()
    both = asked.replace(b'"entry":"intent"', b'"entry":"intent","entry":"closed"')
    after = encode_line(closed(2), 3, FIRST, PROVENANCE, sha256(both))
    path.write_bytes(b"".join(line + b"\n" for line in (opening, both, after)))
    with pytest.raises(LedgerBroken, match=rf"{FIRST}.jsonl:2: .*/entry: 'closed' is no word"):
        known(tmp_path, 1)


@pytest.mark.parametrize(
    ("entry", "old", "new", "what"),
    [
        (exception(2), b'"state":"begin"', b'"state":[]', "/state: "),
        (scheduled(2)[0], b'"attempt":1', b'"attempt":[]', "/attempt: "),
        (scheduled(2)[1], b'"outcome":"applied"', b'"outcome":[]', "/outcome: "),
        (intent(1), b'"attempt":1', b'"attempt":[]', "/attempt: "),
        (recorded(1), b'"outcome":"applied"', b'"outcome":[]', "/outcome: "),
    ],
)
def test_a_line_with_the_right_hash_that_says_nonsense_is_told_with_its_place(
    tmp_path: Path, entry: Entry, old: bytes, new: bytes, what: str
) -> None:
    """Another release or a tool of somebody wrote it: nobody finds such a line among thousands without its number."""
    spoil_the_second_line(write_run(tmp_path, FIRST, entry), old, new)
    with pytest.raises(LedgerBroken) as broken:
        read_index(tmp_path, [guid(1)], TARGETS)
    assert broken.value.message.startswith(f"2026/11/{FIRST}.jsonl:2: the line can't be read: {what}")
