"""Entries are added and taken out, and every other byte stays."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import InvalidInput
from reconciler.manifests.edit import Removed, RemovedEntry, append_entries, remove_entries
from reconciler.manifests.manifest import read_manifest
from reconciler.manifests.windows import Windows
from reconciler.manifests.write import NewEntry, new_manifest, text_value
from reconciler.manifests.yaml import read_document
from reconciler.model.decision import Decision, Expectation
from reconciler.model.ticket import Guid
from tests.builders import NOW, guid
from tests.manifests.corpus import VALID, WINDOWS

OBJECT, STAGE = r"\VED\Policy\Web\www.example.com", r"\VED\Policy\Workflows\Stage 0"
FILE = "tickets/web.yaml"

COMMENTED = """\
# The web tier.
version: 1

tickets:   # keep sorted
  # The first,
  # in two lines.
  - guid: 00000001-0000-4000-8000-000000000000
    status: Pending   # still

  # A heading of its own

  - guid: '{00000002-0000-4000-8000-000000000000}'
    explanation: |
      # no comment
      text

    status: Approved
    # belongs to the second
  # of the third
  -
    guid: 00000003-0000-4000-8000-000000000000
    status: Rejected

# The end.
overrides:
  - {rule: freeze, tickets: [00000002-0000-4000-8000-000000000000], reason: r, until: 2036-01-01T00:00:00Z}
"""


def decisions_of(text: str) -> list[Decision]:
    manifest = read_manifest(FILE, text.encode(), Windows(WINDOWS, NOW))
    assert manifest.problems == []
    return manifest.decisions


def test_a_new_entry_stands_below_the_last_with_its_comments() -> None:
    entry = NewEntry(
        guid(4), Expectation(OBJECT, STAGE), comments=("Stage 0 needs an approval", "approvers: local:joe")
    )
    edited = append_entries(FILE, COMMENTED, [entry])
    assert edited == COMMENTED.replace(
        "    status: Rejected\n",
        "    status: Rejected\n"
        "  # Stage 0 needs an approval\n"
        "  # approvers: local:joe\n"
        "  - guid: 00000004-0000-4000-8000-000000000000\n"
        "    status: Pending\n"
        "    expect:\n"
        "      object: \\VED\\Policy\\Web\\www.example.com\n"
        "      workflow: \\VED\\Policy\\Workflows\\Stage 0\n",
    )
    assert decisions_of(edited)[-1].expect == Expectation(OBJECT, STAGE)


def test_new_entries_are_indented_and_spaced_as_those_before_them() -> None:
    text = "version: 1\r\ntickets:\r\n-   guid: {0}\r\n    status: Pending\r\n\r\n-   guid: {1}\r\n    status: Pending"
    text = text.format(guid(1), guid(2))
    assert append_entries(FILE, text, [NewEntry(guid(3))]) == (
        text + f"\r\n\r\n-   guid: {guid(3)}\r\n    status: Pending\r\n"
    )


def test_an_entry_is_added_to_a_list_in_brackets() -> None:
    first, second = (f'{{"guid": "{guid(number)}", "status": "Pending"}}' for number in (1, 2))
    text = f'{{"version": 1, "tickets": [{first}]}}\n'
    assert append_entries(FILE, text, [NewEntry(guid(2), comments=("lost",))]) == text.replace(
        first, f"{first}, {second}"
    )


def test_the_first_entry_of_an_empty_list() -> None:
    assert append_entries(FILE, "version: 1\ntickets: []   # none yet\nchange: C\n", [NewEntry(guid(1))]) == (
        f"version: 1\ntickets:   # none yet\n  - guid: {guid(1)}\n    status: Pending\nchange: C\n"
    )


def test_adding_nothing_changes_nothing() -> None:
    assert append_entries(FILE, COMMENTED, []) == COMMENTED


def test_an_entry_goes_with_its_comments_and_nothing_else_does() -> None:
    removal = remove_entries(FILE, COMMENTED, {guid(2)})
    text = (
        "  - guid: '{00000002-0000-4000-8000-000000000000}'\n"
        "    explanation: |\n"
        "      # no comment\n"
        "      text\n"
        "\n"
        "    status: Approved\n"
        "    # belongs to the second\n"
    )
    left = COMMENTED.replace(text, "").replace("status: Pending   # still\n\n", "status: Pending   # still\n")
    left = left.replace("  # A heading of its own\n\n", "  # A heading of its own\n")
    assert removal == Removed(left, (RemovedEntry(guid(2), text),))


def test_the_first_and_the_last_can_go() -> None:
    removal = remove_entries(FILE, COMMENTED, {guid(1), guid(3), guid(9)})
    assert [entry.guid for entry in removal.removed] == [guid(1), guid(3)]
    assert removal.text is not None
    assert removal.text.startswith(
        "# The web tier.\nversion: 1\n\ntickets:   # keep sorted\n  # A heading of its own\n  - guid: '{00000002"
    )
    assert removal.text.endswith("    # belongs to the second\n\n# The end.\n" + COMMENTED.partition("# The end.\n")[2])


def test_a_file_without_tickets_is_no_manifest_so_nothing_is_left() -> None:
    assert remove_entries(FILE, COMMENTED, {guid(1), guid(2), guid(3)}).text is None


def test_entries_are_taken_out_of_a_list_in_brackets() -> None:
    items = [f"{{guid: {guid(number)}, status: Pending}}" for number in (1, 2, 3)]
    text = "version: 1\ntickets: [%s] # all\n"
    whole = text % ", ".join(items)
    assert remove_entries(FILE, whole, {guid(1)}).text == text % ", ".join(items[1:])
    assert remove_entries(FILE, whole, {guid(3)}).text == text % ", ".join(items[:2])
    assert remove_entries(FILE, whole, {guid(2), guid(3)}).text == text % items[0]


def test_an_anchor_is_not_taken_away_from_its_aliases() -> None:
    text = (VALID / "decisions" / "anchors-and-aliases.yaml").read_text()
    with pytest.raises(InvalidInput, match="would no longer be") as caught:
        remove_entries(FILE, text, {Guid("6ede0e12-f7c0-4068-9977-001076205c84")})
    assert caught.value.problems[0].hint == "edit the file by hand"


def test_a_byte_order_mark_stays() -> None:
    text = "\ufeff" + COMMENTED
    assert append_entries(FILE, text, [NewEntry(guid(4))]) == "\ufeff" + append_entries(
        FILE, COMMENTED, [NewEntry(guid(4))]
    )
    assert remove_entries(FILE, text, {guid(1)}).text == "\ufeff" + str(remove_entries(FILE, COMMENTED, {guid(1)}).text)


def test_rules_are_no_tickets() -> None:
    text = (VALID / "decisions" / "rules.yaml").read_text()
    with pytest.raises(InvalidInput, match="there is no list of tickets in this file"):
        append_entries(FILE, text, [NewEntry(guid(1))])


def test_comments_of_a_hostile_server_stay_comments() -> None:
    entry = NewEntry(guid(1), comments=("a\nstatus: Approved\r\u2028\x1b[2K\u202e", "x" * 200))
    text = new_manifest([entry], change="CHG0041234", comments=["one\ntwo"])
    assert text == (
        "# one<U+000A>two\n"
        "version: 1\n"
        "change: CHG0041234\n"
        "tickets:\n"
        "  # a<U+000A>status: Approved<U+000D><U+2028><U+001B>[2K<U+202E>\n"
        f"  # {'x' * 160}…\n"
        f"  - guid: {guid(1)}\n"
        "    status: Pending\n"
    )


@settings(deadline=None)
@given(text=st.text(min_size=1, max_size=30))
def test_every_text_reads_back_as_it_was(text: str) -> None:
    assert read_document(FILE, f"a:\n  b: {text_value(text)}\n".encode()).value == {"a": {"b": text}}


@settings(deadline=None)
@given(text=st.text(st.characters(), min_size=1, max_size=30))
def test_whatever_the_server_says_an_entry_can_be_added(text: str) -> None:
    entry = NewEntry(guid(2), Expectation("\\" + text), explanation=text, comments=(text,))
    for before in (
        new_manifest([NewEntry(guid(1))]),
        f"{{version: 1, tickets: [{{guid: {guid(1)}, status: Pending}}]}}",
    ):
        manifest = read_manifest(FILE, append_entries(FILE, before, [entry]).encode(), Windows({}, NOW))
        assert {problem.code for problem in manifest.problems} <= {"schema/value"}


GAPS = st.sampled_from(["", "\n", "\n\n", "  # heading\n\n", "\n# at the left\n\n"])
LEADS = st.sampled_from(["", "  # about it\n", "  # two\n  # lines\n"])
BODIES = st.sampled_from(
    [
        "    status: Pending\n",
        "    status: Pending   # why\n    # below\n",
        "    explanation: |\n      a\n\n      # b\n    status: Approved\n",
        "    status: Approved\n    explanation: >-\n      folded\n       more\n\n",
        '    status: Rejected\n    explanation: "over\n      lines"\n',
        "    status: Pending\n    expect: {object: '\\VED\\x', workflow: \\VED\\y}\n",
        "    status: Pending\n    parameters:\n      approvers:\n      - local:a\n      - local:b\n",
    ]
)
TAILS = st.sampled_from(
    ["", "\n", "# the end", "\n# the end\n", "change: CHG1\n", "\ntimezone: Europe/Berlin # here\n"]
)


@st.composite
def manifests(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A manifest as people write it, and the pieces that its entries are."""
    pieces = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        pieces.append((draw(GAPS), draw(LEADS) + f"  - guid: {guid(number)}\n" + draw(BODIES)))
    text = "# top\nversion: 1\ntickets:\n" + "".join(gap + entry for gap, entry in pieces) + draw(TAILS)
    return text, [entry for _, entry in pieces]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_removing_leaves_a_subsequence_of_lines_with_every_other_entry_whole(data: st.DataObject) -> None:
    text, entries = data.draw(manifests())
    if not read_manifest(FILE, text.encode(), Windows(WINDOWS, NOW)).decisions:
        return
    chosen = data.draw(st.sets(st.integers(1, len(entries))))
    removal = remove_entries(FILE, text, {guid(number) for number in chosen})
    assert [entry.guid for entry in removal.removed] == [guid(number) for number in sorted(chosen)]
    if removal.text is None:
        assert len(chosen) == len(entries)
        return
    rest = iter(text.splitlines(keepends=True))
    assert all(line in rest for line in removal.text.splitlines(keepends=True))
    for number, entry in enumerate(entries, 1):
        assert (entry.rstrip() in removal.text) == (number not in chosen)
    lost = set(text.splitlines()) - set(removal.text.splitlines())
    assert lost - {""} <= {line for number in chosen for line in entries[number - 1].splitlines()}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_adding_keeps_every_line_and_then_removing_gives_the_text_back(data: st.DataObject) -> None:
    text, entries = data.draw(manifests())
    new: Any = NewEntry(guid(9), Expectation(OBJECT, STAGE), comments=("new",))
    edited = append_entries(FILE, text, [new])
    rest = iter(edited.splitlines())
    assert all(line in rest for line in text.splitlines())
    assert [decision.guid for decision in decisions_of(edited)] == [guid(n) for n in range(1, len(entries) + 1)] + [
        guid(9)
    ]
    back = remove_entries(FILE, edited, {guid(9)}).text
    assert back is not None
    assert back.rstrip("\n") == text.rstrip("\n")
