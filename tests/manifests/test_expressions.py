"""Patterns for change records: the usual ones are taken, those that could take long are refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifests.policy import check_expression
from reconciler.manifests.problems import InvalidValue

USUAL = [
    "^CHG[0-9]{7}$",
    r"^CHG\d{7}$",
    "CHG[0-9]+",
    "^(CHG|INC|REQ)[0-9]{7,10}$",
    "(?:CHG|INC)[0-9]+",
    "^[A-Z]+-[0-9]+$",
    "^[A-Z][A-Z0-9_]{1,9}-[1-9][0-9]*$",
    r"^CHG\.[0-9]{4}/[0-9]+$",
    r"\ACHG\w+\Z",
    "^CHG[^]a]{2}$",
    "",
]
HOSTILE = [
    "^(A+)+$",
    "^(A|A)*$",
    "^(A|AA)+$",
    "(A?){50}A{50}",
    "A*A*A*A*B",
    "^.*.*.*.*B$",
    "^(A|B){60}$",
    "^(A{0,9}){0,9}$",
    "^((((A?B?)?C?)?)+)+$",
    "^A{0,999}A{0,999}A{0,999}$",
]
NEVER = [
    r"^(A)\1$",
    "^(?=A)A",
    "^(?!A)",
    "(?<=A)B",
    "(?P<name>A)",
    "(?i)chg",
    "(?>A)",
    r"\p{L}",
    "[A",
    "(",
    "A{2,1}",
    "[[a]",
    r"(?#x)",
]


@pytest.mark.parametrize("pattern", USUAL)
def test_usual_patterns_are_taken(pattern: str) -> None:
    check_expression(pattern)


@pytest.mark.parametrize("pattern", [*HOSTILE, *NEVER])
def test_what_could_take_long_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidValue):
        check_expression(pattern)


@given(st.text("AB01.*+?{}[]()|^$\\\\,-9", max_size=12), st.text("AB0", max_size=8))
def test_what_is_taken_never_takes_long(pattern: str, text: str) -> None:
    try:
        check_expression(pattern)
    except InvalidValue:
        return
    re.search(pattern, (text or "A") * 20)
