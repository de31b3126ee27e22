"""The quick reader says of every text what the plain one says: the same decisions, the same faults."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.manifests.draft import read_draft
from reconciler.manifests.manifest import Manifest, ReadDraft, read_manifest
from reconciler.manifests.quick_draft import read_quickly
from reconciler.manifests.windows import Windows
from tests.builders import NOW
from tests.manifests.corpus import WINDOWS, bad_files, example_configurations, example_manifests, good_files, name
from tests.manifests.test_robustness import SNIPPETS, damaged

FILES = [
    inner
    for path in (*bad_files(), *good_files(), *example_manifests(), *example_configurations())
    for inner in ([path] if path.is_file() else sorted(path.rglob("*.yaml")))
]

HEADS = [
    "version: 1\ntickets:\n",
    "# reviewed weekly\nversion: 1\nchange: CHG0041234\ntimezone: Europe/Berlin\ntickets:\n",
    "version: 1\ndefaults:\n  status: Approved\n  explanation: Renewal\ntickets:\n",
    "version: 1\ndefaults: {status: Approved Between, schedule: sat-night}\ntickets:\n",
    "version: 1\ndefaults: {status: Approvd}\ntickets:\n",
    "version: 1\ntimezone: Nowhere/Land\ntickets:\n",
    "version: 1\noverrides:\n  - rule: freeze\ntickets:\n",
    "version: 1\nnote: |\n  tickets:\ntickets: # by host\n",
    "version: 1\ntickets:\n\n  # web\n",
    "version: 1\ndefaults:\n  explanation: 'open\ntickets:\n",
    "tickets:\n",
]
TICKETS = [
    "  - guid: {guid}\n    status: Approved\n",
    "  - guid: {guid}\n    status: Rejected\n    explanation: Host 7 at 22:00, it's (not) \\VED\\Policy\\Web#7\n\n",
    "  - guid: {guid}\n    status: Approved\n    expect:\n      object: \\VED\\Policy\\a\n      workflow: \\VED\\b\n",
    "  - status: Approved After\n    guid: {guid}\n    schedule:\n      start: 2026-11-28T22:00:00Z\n",
    "  - guid: {guid}\n    status: Approved Between\n    schedule: {{start: 2026-11-28 22:00, stop: 2026-11-29 02}}\n",
    '  - guid: "{guid}"\n    status: "Approved" # why\n    parameters:\n      approvers:\n        - "AD+CORP:jdoe"\n',
    "  - guid: {guid}\n    status: Approved\n    explanation: |\n      two\n      lines\n",
    "  - guid: {guid}\n    status: Approved\n    explanation: goes\n      on\n",
    "  - guid: {guid}\n    status: Approvd\n",
    "  - guid: {guid}\n    status: Approved\n    explanation: 12\n",
    "  - guid: {guid}\n    status: Approved\n    explanation: Grüße \u2013 bald\n",
    "  - guid: {guid}\n    status: Approved\n    explanation: # none\n",
    "  - guid: {guid}\n    guid: {guid}\n    status: Approved\n",
    "  - guid: {guid}\n    status: Approved\n    schedule: sat-night\n",
    "  - guid: {guid}\n    status: Approved\n   explanation: crooked\n",
    "  - guid: {guid}\n    status: Approved\n    expect:\n    object: flat\n",
    "  - guid: &a {guid}\n    status: Approved\n    explanation: *a\n",
    "  - guid: {guid}\n    status: Approved\n    explanation: 'open\n",
    "  - guid: {guid}\n    status: Approved\n    <<: x\n",
    "  # a word about the next one\n",
    "  - \n",
    "overrides:\n",
    "rules:\n",
    "---\nversion: 1\ntickets:\n",
]
TAILS = ["", "\n\n", "change: CHG0041234\n", "defaults: {status: Rejected}\n", "...\n", "---\nversion: 1\n", "  x: y\n"]


def read(data: bytes, reader: ReadDraft) -> Manifest:
    manifest = read_manifest("x.yaml", data, Windows(WINDOWS, NOW), reader)
    manifest.problems = sorted(set(manifest.problems), key=repr)
    return manifest


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    """A head, tickets of every kind, a tail; sometimes with something stuck into the middle."""
    tickets = draw(st.lists(st.sampled_from(TICKETS), max_size=8))
    spelled = [ticket.format(guid=f"6ede0e12-f7c0-4068-9977-{number:012x}") for number, ticket in enumerate(tickets)]
    data = (draw(st.sampled_from(HEADS)) + "".join(spelled) + draw(st.sampled_from(TAILS))).encode()
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(SNIPPETS)) + data[at + draw(st.integers(0, 3)) :]
    return data


@pytest.mark.parametrize("path", FILES, ids=name)
def test_both_readers_say_the_same_of_every_file_of_the_corpus(path: Path) -> None:
    data = path.read_bytes()
    assert read(data, read_quickly) == read(data, read_draft)


@settings(max_examples=600, deadline=None)
@given(data=manifests())
@example(data=(HEADS[0] + "\n  # not: \n" + TICKETS[0].format(guid="6ede0e12-f7c0-4068-9977-001076205c84")).encode())
@example(data=(HEADS[0] + 3 * TICKETS[0].format(guid="6ede0e12-f7c0-4068-9977-001076205c84")).encode())
def test_both_readers_say_the_same_of_manifests_put_together_from_every_kind_of_ticket(data: bytes) -> None:
    assert read(data, read_quickly) == read(data, read_draft)


@settings(max_examples=300, deadline=None)
@given(data=damaged())
def test_both_readers_say_the_same_of_damaged_files(data: bytes) -> None:
    assert read(data, read_quickly) == read(data, read_draft)


def test_usual_tickets_never_reach_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bytes] = []

    def watched(file: str, data: bytes, windows: Windows) -> object:
        given.append(data)
        return read_draft(file, data, windows)

    monkeypatch.setattr("reconciler.manifests.quick_draft.read_draft", watched)
    usual = [HEADS[1]]
    usual += [TICKETS[number % 4].format(guid=f"6ede0e12-f7c0-4068-9977-{number:012x}") for number in range(40)]
    wrong = TICKETS[8].format(guid="6ede0e12-f7c0-4068-9977-ffffffffffff")
    found = read(("".join(usual) + wrong).encode(), read_quickly)
    assert (len(found.decisions), [problem.source.line for problem in found.problems]) == (
        40,
        ["".join(usual).count("\n") + 2],
    )
    assert [data.count(b"guid") for data in given] == [1]
