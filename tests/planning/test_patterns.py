"""Patterns over distinguished names."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.planning.patterns import matches, matches_any


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
    below = re.match(re.escape(folder) + r"(\\|\Z)", name, re.IGNORECASE | re.DOTALL)
    assert matches(folder + r"\**", name) == (below is not None)


@given(NAMES, PARTS, PARTS)
def test_one_star_never_crosses_a_part(folder: str, one: str, two: str) -> None:
    assert matches(folder + r"\*", f"{folder}\\{one}")
    assert not matches(folder + r"\*", f"{folder}\\{one}\\{two}")


@given(st.lists(st.sampled_from(["\\", "*", "**", "a", ".", "(", "[", "\\**"]), max_size=6).map("".join), NAMES)
def test_no_pattern_is_an_error(pattern: str, name: str) -> None:
    assert matches(pattern, name) in (True, False)
