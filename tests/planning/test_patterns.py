"""Patterns over distinguished names."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.model.ticket import dn_key
from reconciler.planning.selections import matches, matches_any, parse_pattern


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        (r"\VED\Policy\Web\www", r"\VED\Policy\Web\www", True),
        (r"\VED\Policy\Web\www", r"\ved\POLICY\web\WWW", True),
        (r"\VED\Policy\Web\www", r"\VED\Policy\Web\www2", False),
        (r"\VED\Policy\Web\**", r"\VED\Policy\Web", True),
        (r"\VED\Policy\Web\**", r"\VED\Policy\Web\www", True),
        (r"\VED\Policy\Web\**", r"\VED\Policy\Web\a\b\c", True),
        (r"\VED\Policy\Web\**", r"\VED\Policy\Website", False),
        (r"\VED\Policy\Web\*", r"\VED\Policy\Web\www", True),
        (r"\VED\Policy\Web\*", r"\VED\Policy\Web", False),
        (r"\VED\Policy\Web\*", r"\VED\Policy\Web\a\b", False),
        (r"\VED\*\Web\www", r"\VED\Policy\Web\www", True),
        (r"\VED\*\Web\www", r"\VED\Policy\Old\Web\www", False),
        (r"\VED\**\www", r"\VED\Policy\Web\www", True),
        (r"\VED\**\www", r"\VED\www", True),
        (r"\VED\**\www", r"\VED\Policy\Web\xwww", False),
        (r"\VED\Policy\Web\*.example.com", r"\VED\Policy\Web\www.example.com", True),
        (r"\VED\Policy\Web\*.example.com", r"\VED\Policy\Web\wwwXexample.com", False),
        ("**", r"\VED\Policy\Web\www", True),
        ("**", "", True),
        ("*", "", True),
        (r"\**", r"\VED\Policy", True),
        (r"\VED\Policy\[a]", r"\VED\Policy\a", False),
        (r"\VED\Policy\[a]", r"\VED\Policy\[a]", True),
        (r"\VED\Policy\a?", r"\VED\Policy\ab", False),
        (r"\VED\Policy\**", "\\VED\\Policy\\two\nlines", True),
        (r"\VED\Policy\www", "\\VED\\Policy\\www\n", False),
    ],
)
def test_a_pattern_fits_names_part_by_part_without_case(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) == fits


def test_the_first_pattern_that_fits_is_named() -> None:
    assert matches_any((r"\VED\A\**", r"\VED\**", "**"), r"\VED\B\x") == r"\VED\**"
    assert matches_any((r"\VED\A\**",), r"\VED\B\x") is None
    assert matches_any((), r"\VED\B\x") is None


PARTS = st.text(st.characters(exclude_characters="\\*", exclude_categories=["Cs"]), min_size=1, max_size=5)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map(lambda parts: "".join("\\" + part for part in parts))


@given(NAMES)
@example("\\VED\\Policy\\(unbalanced[")
def test_a_name_without_stars_fits_itself_and_the_folders_above_it(name: str) -> None:
    assert matches(name, name)
    above = name
    while above:
        assert matches(above + r"\**", name)
        above = above.rpartition("\\")[0]


@given(NAMES, NAMES)
def test_two_stars_at_the_end_fit_exactly_the_folder_and_what_is_below_it(folder: str, name: str) -> None:
    below = dn_key(name + "\\").startswith(dn_key(folder + "\\"))
    assert matches(folder + r"\**", name) == below


@given(NAMES, PARTS, PARTS)
def test_one_star_never_crosses_a_part(folder: str, one: str, two: str) -> None:
    assert matches(folder + r"\*", f"{folder}\\{one}")
    assert not matches(folder + r"\*", f"{folder}\\{one}\\{two}")


@given(st.lists(st.sampled_from(["\\", "*", "**", "a", ".", "(", "[", "\\**"]), max_size=6).map("".join), NAMES)
def test_no_pattern_is_an_error(pattern: str, name: str) -> None:
    assert matches(pattern, name) in (True, False)


def fits(pattern: str, name: str) -> bool:
    """The same by its definition, which takes for ever where a pattern has many stars."""
    pieces = re.split(r"(\\\*\*(?=\\|$)|\*\*|\*)", pattern)
    spelled = {"\\**": r"(?:\\.*)?", "**": ".*", "*": r"[^\\]*"}
    return re.fullmatch("".join(spelled.get(piece, re.escape(piece)) for piece in pieces), name, re.DOTALL) is not None


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(st.sampled_from(["\\", "*", "**", "A", "B", "\\**", "\\A"]), max_size=8).map("".join),
    st.text("\\AB", max_size=10),
)
def test_a_pattern_fits_what_its_definition_says(pattern: str, name: str) -> None:
    assert matches(pattern, name) == fits(pattern, name)


class Counted(str):
    """A name that counts how often one of its characters is looked at."""

    __slots__ = ("looks",)

    def __getitem__(self, place: Any) -> "Counted":
        rest = Counted(str.__getitem__(self, place))
        rest.looks = self.looks
        return rest

    def __iter__(self) -> Iterator[str]:
        for character in str.__iter__(self):
            self.looks.append(character)
            yield character


def looks_at(pattern: str, name: str) -> tuple[int, bool]:
    counted = Counted(name)
    counted.looks = []
    fits = parse_pattern(pattern).fits(counted)
    return len(counted.looks), fits


HOSTILE = [
    "*A" * 400 + "B",
    "**A" * 300 + "B",
    r"**\*A*B" * 140,
    r"\**\A" * 200 + "B",
    "*" * 999 + "B",
    "**" + "*A" * 400 + "B",
]


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("part", ["A", r"\A", r"\AB"])
def test_each_character_of_a_name_is_looked_at_once_at_most(pattern: str, part: str) -> None:
    for length in (1_000, 2_000, 4_000):
        name = part * length + "C"
        looks, fits = looks_at(pattern, name)
        assert (looks <= len(name), fits) == (True, False)


@pytest.mark.parametrize("pattern", HOSTILE)
def test_what_is_remembered_is_one_place_for_each_character_of_the_pattern(pattern: str) -> None:
    machine = parse_pattern(pattern)
    sets = (*machine.leads_on.values(), machine.keeps, machine.keeps_in_part, machine.or_nothing, machine.ends)
    assert max(found.bit_length() for found in sets) <= len(pattern) + 1


@pytest.mark.parametrize(
    ("pattern", "name", "same"),
    [
        (r"\VED\straße", r"\VED\STRASSE", False),
        (r"\VED\straße", r"\ved\STRAßE", True),
        (r"\VED\größe", r"\VED\GRÖßE", True),
        ("\\VED\\\u0131", r"\VED\I", False),
        (r"\VED\ﬁ", r"\VED\FI", False),
    ],
)
def test_letters_are_compared_as_tpp_compares_them(pattern: str, name: str, same: bool) -> None:
    assert matches(pattern, name) == same
    assert (dn_key(pattern) == dn_key(name)) == same
