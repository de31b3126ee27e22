"""Rules of recurring windows mean what RFC 5545 says: its own examples, by the days that it lists for them."""

from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.manifests.problems import InvalidValue
from reconciler.manifests.windows import check_rule, days_of
from reconciler.model.policy import RecurringWindow


def window(rule: str, first: str) -> RecurringWindow:
    return RecurringWindow(rule, "America/New_York", datetime.fromisoformat(f"{first}T09:00"), 3600)


def days(rule: str, first: str, count: int) -> list[str]:
    made = window(rule, first)
    check_rule(made)
    found = days_of(made, made.first + timedelta(days=30 * 366))
    return [f"{day:%Y-%m-%d}" for day, _ in zip(found, range(count), strict=False)]


# RFC 5545, section 3.8.5.3
@pytest.mark.parametrize(
    ("rule", "first", "listed"),
    [
        ("FREQ=DAILY;COUNT=3", "1997-09-02", "1997-09-02 1997-09-03 1997-09-04"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=3", "1997-09-02", "1997-09-02 1997-09-12 1997-09-22"),
        ("FREQ=DAILY;UNTIL=19970904T090000", "1997-09-02", "1997-09-02 1997-09-03 1997-09-04"),
        ("FREQ=DAILY;UNTIL=19970904", "1997-09-02", "1997-09-02 1997-09-03 1997-09-04"),
        ("FREQ=DAILY;UNTIL=19970904T080000", "1997-09-02", "1997-09-02 1997-09-03"),
        ("FREQ=WEEKLY;UNTIL=19971007;WKST=SU;BYDAY=TU,TH", "1997-09-25", "1997-09-25 1997-09-30 1997-10-02 1997-10-07"),
        (
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;COUNT=4;BYDAY=TU,TH",
            "1997-09-02",
            "1997-09-02 1997-09-04 1997-09-16 1997-09-18",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08-05",
            "1997-08-05 1997-08-10 1997-08-19 1997-08-24",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "1997-08-05",
            "1997-08-05 1997-08-17 1997-08-19 1997-08-31",
        ),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "1997-09-05", "1997-09-05 1997-10-03 1997-11-07"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "1997-09-22", "1997-09-22 1997-10-20 1997-11-17"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28", "1997-09-28 1997-10-29 1997-11-28"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1998-02-13", "1998-02-13 1998-03-13 1998-11-13"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", "1997-09-04 1997-10-07 1997-11-06"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997-09-29", "1997-09-29 1997-10-30 1997-11-27"),
        ("FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "1997-06-10", "1997-06-10 1997-07-10 1998-06-10 1998-07-10"),
        (
            "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200",
            "1997-01-01",
            "1997-01-01 1997-04-10 1997-07-19 2000-01-01",
        ),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", "1997-05-19 1998-05-18 1999-05-17"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12", "1997-05-12 1998-05-11 1999-05-17"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "1997-03-13", "1997-03-13 1997-03-20 1997-03-27"),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05",
            "1996-11-05 2000-11-07 2004-11-02",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
            "2007-01-15",
            "2007-01-15 2007-01-30 2007-02-15 2007-03-15 2007-03-30",
        ),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SA", "1997-01-01", "2020-02-29"),
    ],
)
def test_a_rule_means_the_days_that_the_standard_lists(rule: str, first: str, listed: str) -> None:
    wanted = listed.split()
    assert days(rule, first, len(wanted)) == wanted
    if "COUNT" in rule or "UNTIL" in rule:
        assert days(rule, first, 100) == wanted


@pytest.mark.parametrize(
    ("first", "rule"), [("9999-12-01", "FREQ=YEARLY;BYMONTH=1;BYDAY=MO"), ("9999-12-31", "FREQ=DAILY")]
)
def test_the_calendar_may_end_before_a_rule_comes(first: str, rule: str) -> None:
    assert (refused(window(rule, first)) is None) == (rule == "FREQ=DAILY")


def refused(made: RecurringWindow) -> InvalidValue | None:
    try:
        check_rule(made)
    except InvalidValue as fault:
        return fault
    return None


PARTS = {
    "INTERVAL": ["0", "1", "2", "1000", "1001", "+1"],
    "COUNT": ["0", "1", "3", "10000"],
    "UNTIL": ["20360101", "20351231T235959", "20361332", "X"],
    "BYDAY": ["SA", "MO,TU", "1SU", "-1FR", "53MO", "54MO", "0SA", "XX", ""],
    "BYMONTHDAY": ["1", "-1", "31", "30", "29,30", "0", "32"],
    "BYYEARDAY": ["1", "366", "-366", "0", "367"],
    "BYWEEKNO": ["1", "53", "-1", "0", "54"],
    "BYMONTH": ["2", "1,2,12", "0", "13", "-1"],
    "BYSETPOS": ["1", "-1", "6", "366", "0"],
    "WKST": ["MO", "SU", "XX"],
}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.lists(st.sampled_from(sorted(PARTS)), max_size=4).flatmap(
        lambda names: st.tuples(*(st.sampled_from([f"{name}={value}" for value in PARTS[name]]) for name in names))
    ),
)
@example("WEEKLY", ("INTERVAL=1000", "BYMONTH=2"))
@example("MONTHLY", ("BYDAY=53MO",))
@example("YEARLY", ("BYMONTH=2", "BYDAY=-6MO"))
def test_a_rule_is_refused_in_words_or_comes_soon_and_never_hangs(frequency: str, parts: tuple[str, ...]) -> None:
    made = window(";".join([f"FREQ={frequency}", *parts]), "2036-01-01")
    fault = refused(made)
    if fault is not None:
        assert fault.path in (("rule",), ("first",))
        assert fault.hint
        return
    assert next(iter(days_of(made, datetime(2090, 1, 1)))) >= made.first  # noqa: DTZ001
