"""Keys in canonical order, with every comment, quote and blank line kept."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import InvalidInput
from reconciler.manifests.edit import value_of
from reconciler.manifests.format import format_manifest
from tests.manifests.corpus import bad_files, example_manifests, good_files, name

FILE = "tickets/web.yaml"
MESSY = """\
# top of the file

tickets:
  # about the first
  - status: Approved     # yes
    # the id
    guid: 6ede0e12-f7c0-4068-9977-001076205c84
    expect: {workflow: \\VED\\W, object: '\\VED\\O'}   # both

    # why
    explanation: |
      text

      more

  -
    schedule:
      stop: 2036-01-02T00:00:00Z
      start: 2036-01-01T00:00:00Z   # in UTC
    status: Approved Between
    guid: 8a83384d-3e44-4b62-b706-dc78459f2ac3
    # at the end
# about the change
change: CHG1

version: 1"""
TIDY = """\
# top of the file

version: 1
# about the change
change: CHG1

tickets:
  # about the first
  # the id
  - guid: 6ede0e12-f7c0-4068-9977-001076205c84
    status: Approved     # yes
    # why
    explanation: |
      text

      more

    expect: {object: '\\VED\\O', workflow: \\VED\\W}   # both

  -
    guid: 8a83384d-3e44-4b62-b706-dc78459f2ac3
    # at the end
    status: Approved Between
    schedule:
      start: 2036-01-01T00:00:00Z   # in UTC
      stop: 2036-01-02T00:00:00Z
"""


def test_keys_are_moved_with_their_comments() -> None:
    assert format_manifest(FILE, MESSY) == TIDY


def test_what_is_in_order_stays_byte_for_byte() -> None:
    assert format_manifest(FILE, TIDY) == TIDY


def test_windows_line_ends_and_byte_order_marks_stay() -> None:
    text = "\ufefftickets:\r\n- status: Pending\r\n  guid: 6ede0e12-f7c0-4068-9977-001076205c84\r\nversion: 1\r\n"
    assert format_manifest(FILE, text) == (
        "\ufeffversion: 1\r\ntickets:\r\n- guid: 6ede0e12-f7c0-4068-9977-001076205c84\r\n  status: Pending\r\n"
    )


def test_rules_and_overrides_have_an_order_too() -> None:
    text = "kind: rules\nversion: 1\nrules:\n- {at_most: 1, status: Approved, match: {object: \\a}, name: a}\n"
    assert format_manifest(FILE, text) == (
        "version: 1\nkind: rules\nrules:\n- {name: a, match: {object: \\a}, status: Approved, at_most: 1}\n"
    )


def test_json_stays_json() -> None:
    text = '{"tickets": [{"status": "Pending", "guid": "6ede0e12-f7c0-4068-9977-001076205c84"}], "version": 1}\n'
    assert format_manifest(FILE, text) == (
        '{"version": 1, "tickets": [{"guid": "6ede0e12-f7c0-4068-9977-001076205c84", "status": "Pending"}]}\n'
    )


def test_an_alias_is_never_moved_before_its_anchor() -> None:
    entry = "version: 1\ntickets:\n- {}: &why because\n  {}: *why\n  guid: {}\n"
    fine = entry.format("explanation", "change", "6ede0e12-f7c0-4068-9977-001076205c84")
    assert value_of(FILE, format_manifest(FILE, fine)) == value_of(FILE, fine)
    crossed = entry.format("change", "explanation", "6ede0e12-f7c0-4068-9977-001076205c84")
    with pytest.raises(InvalidInput, match="an alias would stand before its anchor"):
        format_manifest(FILE, crossed)


MANIFESTS = [path for path in (*good_files(), *bad_files()) if path.parent.name in ("decisions", "meaning")]


@pytest.mark.parametrize("path", MANIFESTS, ids=name)
def test_files_say_the_same_before_and_after(path: Path) -> None:
    text = path.read_bytes().decode()
    formatted = format_manifest(FILE, text)
    assert value_of(FILE, formatted.removeprefix("\ufeff")) == value_of(FILE, text.removeprefix("\ufeff"))
    assert format_manifest(FILE, formatted) == formatted


@pytest.mark.parametrize("path", example_manifests(), ids=name)
def test_the_examples_are_in_order(path: Path) -> None:
    assert format_manifest(FILE, path.read_text(encoding="utf-8")) == path.read_text(encoding="utf-8")


MEMBERS = {
    "guid": ["guid: 6ede0e12-f7c0-4068-9977-001076205c84\n", "guid:   # the ticket\n      '6ede0e12'\n"],
    "status": ["status: Approved\n", "status: Approved   # now\n    # below\n"],
    "explanation": ["explanation: |\n      # text\n      more\n", 'explanation: "over\n\n      lines"\n'],
    "expect": [
        "expect: {workflow: \\w, object: '\\o, x'}\n",
        "expect:\n      # the stage\n      workflow: \\w\n      object: \\o\n",
    ],
    "change": ["change: CHG1 # yes\n", "# about\n    change: >-\n      CHG1\n"],
    "parameters": ["parameters:\n      approvers:\n      - local:a   # A\n      reason: r\n"],
}


@st.composite
def entries(draw: st.DrawFn) -> str:
    names = draw(st.permutations(sorted(MEMBERS)))[: draw(st.integers(1, len(MEMBERS)))]
    bodies = [draw(st.sampled_from(MEMBERS[each])) for each in names]
    gaps = draw(st.lists(st.sampled_from(["", "", "\n", "    # a note\n"]), min_size=6, max_size=6))
    start = draw(st.sampled_from(["  - ", "  -   # dash\n    "]))
    first = bodies[0].removeprefix("# about\n    ")
    return start + first + "".join(f"{gap}    {body}" for gap, body in zip(gaps, bodies[1:], strict=False))


@settings(max_examples=300, deadline=None)
@given(
    items=st.lists(entries(), min_size=1, max_size=3), head=st.permutations(["version: 1\n", "# c\nchange: x\n", "\n"])
)
def test_lines_are_moved_and_never_lost(items: list[str], head: list[str]) -> None:
    text = "tickets:\n" + "".join(items) + "".join(head)
    formatted = format_manifest(FILE, text)
    assert value_of(FILE, formatted) == value_of(FILE, text)
    assert format_manifest(FILE, formatted) == formatted
    assert _tokens(formatted) == _tokens(text)


def _tokens(text: str) -> list[str]:
    """The lines of a text without indentation, dashes and order."""
    lines = [line.strip().removeprefix("- ").removeprefix("-   ").strip() for line in text.splitlines()]
    return sorted(line for line in lines if "workflow: \\w, object" not in line and "object: '\\o, x'" not in line)
