"""The truth table: complete, without dead rows, and right in every case of the catalogue."""

import os
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from reconciler.model.verdict import Reason
from reconciler.planning import verdicts
from reconciler.planning.facts import Facts, Live, Ours, Timing, Wish, gather
from reconciler.planning.judge import is_news, judge, spell
from reconciler.planning.verdicts import TABLE, Row, decide
from tests.builders import decision
from tests.planning.catalogue import CASES, Case

MADE_BY_GUARDS = {reason for reason in Reason if reason.value.startswith("refused/")} | {Reason.CONFLICT_FREEZE}
MADE_OF_ORPHANS = {Reason.ORPHAN_ARMED, Reason.REOPEN_ORPHAN}
TOLD = Path(__file__).with_name("catalogue.txt")
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


def test_the_catalogue_says_word_for_word_what_a_plan_tells_of_every_case() -> None:
    """Run this with UPDATE_EXPECTED=1 after a change, and read catalogue.txt as a reviewer of plans would."""
    told = "\n".join(told_of(case) for case in CASES)
    if os.environ.get("UPDATE_EXPECTED"):
        TOLD.write_text(told, encoding="utf-8")
    assert told == TOLD.read_text(encoding="utf-8")


def told_of(case: Case) -> str:
    """Spell what people see of a case: the live state, the reason and its detail, and the edit that would end it."""
    step = judge(decision(**case.fields), case.reading, case.history, case.now)
    edit = step.edit and {
        "status and schedule": step.edit.wanted and spell(step.edit.wanted),
        "expect": step.edit.seen and spell(step.edit.seen),
        "decided": step.edit.undecided and "none",
    }
    said = {
        "wanted": spell(step.after),
        "live": step.before
        and spell(step.before) + (f" (says the {step.known_from})" if step.known_from != "server" else ""),
        step.reason.value: step.detail or "-",
        "edit": edit and ", ".join(f"{part}: {what}" for part, what in edit.items() if what),
        "will be recorded": is_news(step) and "yes",
        "open operation": step.operation,
        "closed": step.closed and "yes",
    }
    return f"{case.name}\n" + "".join(f"  {name}: {what}\n" for name, what in said.items() if what)


def test_every_case_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


def test_the_catalogue_has_a_case_for_every_reason_that_judging_knows() -> None:
    assert {case.reason for case in CASES} == set(Reason) - MADE_BY_GUARDS - MADE_BY_PINS - MADE_OF_ORPHANS


def test_every_row_of_the_table_decides_a_case_of_the_catalogue() -> None:
    deciding = {deciding_row(facts_of(case)) for case in CASES}
    assert [TABLE[number] for number in range(len(TABLE)) if number not in deciding] == []


def test_the_table_decides_every_combination_of_facts_by_its_first_fitting_row() -> None:
    verdicts._reason.cache_clear()
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
