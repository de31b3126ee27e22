"""The truth table: complete, without dead rows, and right in every case of the catalogue."""

from collections import Counter
from itertools import product

import pytest

from reconciler.model.verdict import Reason
from reconciler.planning.facts import Facts, Live, Ours, Timing, Wish, gather
from reconciler.planning.judge import judge
from reconciler.planning.verdicts import TABLE, Row, decide
from tests.builders import decision
from tests.planning.catalogue import CASES, Case

MADE_BY_GUARDS = {reason for reason in Reason if reason.value.startswith("refused/")} | {Reason.CONFLICT_FREEZE}
MADE_OF_ORPHANS = {Reason.ORPHAN_ARMED, Reason.REOPEN_ORPHAN}
MADE_BY_PINS = {Reason.MISMATCH_CERTIFICATE}


def facts_of(case: Case) -> Facts:
    return gather(decision(**case.fields), case.reading, case.history, case.now)


def deciding_row(facts: Facts) -> int:
    return next(number for number, row in enumerate(TABLE) if fits(row, facts))


def fits(row: Row, facts: Facts) -> bool:
    pairs = ((row.live, facts.live), (row.ours, facts.ours), (row.wish, facts.wish), (row.clock, facts.clock))
    return all(wanted is None or fact in wanted for wanted, fact in pairs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_the_catalogue_says_what_every_case_leads_to(case: Case) -> None:
    assert judge(decision(**case.fields), case.reading, case.history, case.now).reason is case.reason


def test_every_case_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


def test_the_catalogue_has_a_case_for_every_reason_that_judging_knows() -> None:
    assert {case.reason for case in CASES} == set(Reason) - MADE_BY_GUARDS - MADE_BY_PINS - MADE_OF_ORPHANS


def test_every_row_of_the_table_decides_a_case_of_the_catalogue() -> None:
    deciding = {deciding_row(facts_of(case)) for case in CASES}
    assert [TABLE[number] for number in range(len(TABLE)) if number not in deciding] == []


def test_the_table_decides_every_combination_of_facts_by_its_first_fitting_row() -> None:
    some = facts_of(CASES[0])
    for live, ours, wish, clock in product(Live, Ours, Wish, Timing):
        facts = Facts(live, ours, wish, clock, some.wanted, some.ticket)
        row = TABLE[deciding_row(facts)]
        assert decide(facts) is (row.reason or Reason.APPROVE_WANTED)


def test_the_last_row_fits_everything_so_that_no_combination_falls_through() -> None:
    assert TABLE[-1] == Row(None, None, None, None, None)


def test_no_row_is_hidden_behind_the_rows_above_it() -> None:
    first = {
        deciding_row(Facts(live, ours, wish, clock, facts_of(CASES[0]).wanted))
        for live, ours, wish, clock in product(Live, Ours, Wish, Timing)
    }
    assert first == set(range(len(TABLE)))


def test_no_ticket_is_written_that_is_unseen_unclear_or_not_what_the_reviewer_saw() -> None:
    never = (
        Live.UNREAD
        | Live.AWAY
        | Live.HIDDEN
        | Live.GONE
        | Live.GONE_EARLY
        | Live.OTHER_OBJECT
        | Live.OTHER_STATUS
        | Live.OTHER_WORKFLOW
        | Live.ODD
        | Live.UNCLEAR
        | Live.LOST
        | Live.FOREIGN
        | Live.WANTED
        | Live.PROCESSING
        | Live.MOVED
    )
    some = facts_of(CASES[0]).wanted
    for live, ours, wish, clock in product(Live, Ours, Wish, Timing):
        reason = decide(Facts(live, ours, wish, clock, some))
        if reason is Reason.APPROVE_WANTED:
            assert live not in never
            assert clock is Timing.OPEN
            assert wish is not Wish.ATTEST
