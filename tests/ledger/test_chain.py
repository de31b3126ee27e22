"""Verification finds every damage and says where it is."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.codec import sha256
from reconciler.errors import LedgerBroken, LedgerNewer
from reconciler.ledger.chain import Chain, check, verify
from reconciler.ledger.heads import head_digest, ledger_head, ledger_heads
from reconciler.model.decision import Problem, Source
from reconciler.model.value import Head
from tests.ledger.ledgers import FIRST, SECOND, THIRD, intent, recorded, write_run, write_three_runs

ONE, TWO, THREE = (f"2026/11/{run}.jsonl" for run in (FIRST, SECOND, THIRD))
FOURTH, FIFTH = "20261124T120000Z-00000d", "20261125T120000Z-00000e"
Lines = list[bytes]


@cache
def pristine() -> tuple[dict[str, bytes], str]:
    """The three runs as they were written, and the head that somebody noted of them."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_three_runs(root)
        return {path: (root / path).read_bytes() for path in (ONE, TWO, THREE)}, ledger_head(root)


@contextmanager
def ledger(files: dict[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        for path, data in files.items():
            (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / path).write_bytes(data)
        yield Path(name)


def checked(files: dict[str, bytes], anchor: str | None = None) -> Chain:
    with ledger(files) as root:
        return check(root, anchor)


def told(path: str, change: Callable[[Lines], None], anchor: str | None = None) -> list[str]:
    """What a check says after the lines of one file were changed."""
    files, _ = pristine()
    lines = files[path].splitlines(keepends=True)
    change(lines)
    chain = checked(files | {path: b"".join(lines)}, anchor)
    return [f"{fault.code} {fault.source}: {fault.message}" for fault in chain.faults]


def test_what_was_written_holds_and_so_does_every_anchor_to_it() -> None:
    files, head = pristine()
    for anchor in (None, head, *(sha256(line) for data in files.values() for line in data.splitlines())):
        assert replace(checked(files, anchor), heads=()) == Chain(files=3, lines=12, head=head)


def test_an_anchor_to_an_earlier_state_holds_after_the_ledger_has_grown(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent())
    earlier = ledger_head(tmp_path)
    write_run(tmp_path, SECOND, intent(2))
    assert ledger_head(tmp_path) != earlier
    chain = check(tmp_path, earlier)
    assert (chain.faults, chain.heads) == ((), ledger_heads(tmp_path))


def test_there_is_nothing_wrong_with_a_ledger_that_was_never_begun(tmp_path: Path) -> None:
    assert check(tmp_path / "ledger").faults == ()
    assert check(tmp_path, ledger_head(tmp_path)).faults == ()


def test_an_edit_is_found_at_its_line() -> None:
    def edit(lines: Lines) -> None:
        lines[2] = lines[2].replace(b"Approved", b"Rejected")

    assert told(ONE, edit) == [
        f"ledger/changed {ONE}:3: line 3 has not the hash that line 4 was written with: one of the two was changed"
    ]


def test_a_gap_is_found_at_its_line() -> None:
    def cut(lines: Lines) -> None:
        del lines[1:3]

    assert (
        told(ONE, cut)
        == [
            f"ledger/cut {ONE}:4: lines are missing at the end: when {TWO} was begun it had 5, now it has 3",
            f"ledger/gap {ONE}:2: lines 2 to 3 are missing before line 4",
        ][::-1]
    )


def test_another_order_is_found_at_its_line() -> None:
    def swap(lines: Lines) -> None:
        lines[1], lines[2] = lines[2], lines[1]

    assert told(ONE, swap) == [
        f"ledger/gap {ONE}:2: line 2 is missing before line 3",
        f"ledger/order {ONE}:3: line 2 stands behind line 3: lines were moved, repeated or put in",
        f"ledger/gap {ONE}:4: line 3 is missing before line 4",
    ]


def test_a_repeated_line_is_found_at_its_line() -> None:
    def repeat(lines: Lines) -> None:
        lines.insert(2, lines[1])

    assert told(THREE, repeat) == [
        f"ledger/order {THREE}:3: line 2 stands behind line 2: lines were moved, repeated or put in"
    ]


def test_a_line_without_its_number_is_told_alone_and_the_next_one_by_its_hash() -> None:
    def change(lines: Lines) -> None:
        lines[1] = lines[1].replace(b'"line":2', b'"lime":2')

    assert told(ONE, change) == [
        f"ledger/changed {ONE}:2: line 2 has not the hash that line 3 was written with: one of the two was changed",
        f"ledger/unreadable {ONE}:2: this is no line of a ledger",
    ]


def test_a_cut_at_the_end_is_found_by_the_heads_of_the_next_run() -> None:
    def cut(lines: Lines) -> None:
        del lines[-1]

    assert told(ONE, cut) == [
        f"ledger/cut {ONE}:5: lines are missing at the end: when {TWO} was begun it had 5, now it has 4"
    ]


def test_a_cut_at_the_very_end_is_found_by_the_anchor() -> None:
    def cut(lines: Lines) -> None:
        del lines[-1]

    _, head = pristine()
    assert told(THREE, cut) == []
    (fault,) = told(THREE, cut, head)
    assert fault.startswith("ledger/anchor ")
    assert fault.endswith(f"has the hash {head}: what was there when it was noted was cut or changed")


def test_a_lost_anchor_is_told_of_the_ledger_as_a_whole(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST)
    gone = "sha256:" + "0" * 64
    message = f"no line and no earlier state has the hash {gone}: what was there when it was noted was cut or changed"
    assert check(tmp_path, gone).faults == (Problem("ledger/anchor", Source(str(tmp_path)), message),)
    with pytest.raises(LedgerBroken) as broken:
        verify(tmp_path, gone)
    assert broken.value.message == f"the ledger in {tmp_path} is broken: {tmp_path}: {message}"


def test_a_removed_file_is_found_by_the_heads_of_the_next_run() -> None:
    files, _ = pristine()
    chain = checked({path: data for path, data in files.items() if path != TWO})
    assert [(fault.code, str(fault.source), fault.message) for fault in chain.faults] == [
        ("ledger/removed", TWO, f"the file was removed: when {THREE} was begun it had 4 lines")
    ]


def test_a_renamed_file_is_found() -> None:
    files, _ = pristine()
    renamed = {path.replace(THIRD, "20261124T000000Z-00000d"): data for path, data in files.items()}
    (fault,) = checked(renamed).faults
    assert (fault.code, fault.source, fault.message) == (
        "ledger/moved",
        Source("2026/11/20261124T000000Z-00000d.jsonl", 1),
        f"this is the file of run {THIRD}, which belongs at 2026/11/{THIRD}.jsonl",
    )


def test_a_first_line_that_was_taken_away_is_found() -> None:
    def behead(lines: Lines) -> None:
        del lines[0]

    assert told(THREE, behead) == [
        f"ledger/gap {THREE}:1: the first line does not open a run: lines before it are missing",
        f"ledger/gap {THREE}:1: line 1 is missing before line 2",
    ]


def test_a_rewritten_file_is_found_by_the_heads_of_the_next_run(tmp_path: Path) -> None:
    root, kept = tmp_path / "ledger", tmp_path / "kept"
    write_three_runs(root)
    (root / ONE).unlink()
    shutil.move(root, kept)
    write_run(root, FIRST, intent(1), recorded(1), intent(2), recorded(2, detail="another history"))
    shutil.copytree(kept, root, dirs_exist_ok=True)
    (fault,) = check(root).faults
    assert (fault.code, fault.source) == ("ledger/changed", Source(ONE, 5))


def test_every_fault_is_told_with_its_place() -> None:
    files, _ = pristine()
    chain = checked({ONE: files[ONE].replace(b'"line":2', b'"line":7'), THREE: files[THREE]})
    assert [f"{fault.source}: {fault.message}" for fault in chain.faults] == [
        f"{ONE}:2: lines 2 to 6 are missing before line 7",
        f"{ONE}:3: line 3 stands behind line 7: lines were moved, repeated or put in",
        f"{TWO}: the file was removed: when {THREE} was begun it had 4 lines",
    ]


def test_a_run_is_refused_with_the_first_fault_and_the_number_of_others() -> None:
    files, _ = pristine()
    with (
        ledger({ONE: files[ONE].replace(b'"line":2', b'"line":7'), THREE: files[THREE]}) as root,
        pytest.raises(LedgerBroken) as broken,
    ):
        verify(root)
    assert broken.value.message == (
        f"the ledger in {root} is broken: {ONE}:2: lines 2 to 6 are missing before line 7 (and 2 more)"
    )
    assert broken.value.hint == (
        "`reconciler ledger verify` says everything that is wrong; restore the ledger from its branch or a backup, "
        "and find out who changed it"
    )


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        (b'"line":3', b'"lime":3', "unreadable", "this is no line of a ledger"),
        (b'"previous":', b'"precious":', "unreadable", "this is no line of a ledger"),
        (b'"line":3', b'"line":2', "order", "line 2 stands behind line 2: lines were moved, repeated or put in"),
        (b'"line":3', b'"line":4', "gap", "line 3 is missing before line 4"),
        (b'"line":3', b'"line":9', "gap", "lines 3 to 8 are missing before line 9"),
        (b'{"after"', b'{ "after"', "changed", "the line is not spelled as the reconciler spells it: it was changed"),
        (
            b'"outcome":"applied"',
            b'"outcome":1',
            "unreadable",
            "the line can't be read: /outcome: text is needed, this is a number",
        ),
    ],
)
def test_the_last_line_of_all_is_read_since_no_other_vouches_for_it(
    old: bytes, new: bytes, code: str, message: str
) -> None:
    def change(lines: Lines) -> None:
        assert old in lines[-1]
        lines[-1] = lines[-1].replace(old, new)

    assert told(THREE, change) == [f"ledger/{code} {THREE}:3: {message}"]


def test_heads_that_were_changed_in_a_first_line_are_found() -> None:
    def change(lines: Lines) -> None:
        lines[0] = lines[0].replace(b'"lines":4', b'"lines":3')
        del lines[1:]

    assert told(THREE, change) == [
        f"ledger/changed {TWO}:3: the line is not the one that was there when {THREE} was begun: "
        "it or a line before was changed",
        f"ledger/changed {THREE}:1: the heads are not those that the line was written with: it was changed",
    ]


def test_a_first_line_with_a_run_that_is_none_is_found() -> None:
    def change(lines: Lines) -> None:
        lines[0] = lines[0].replace(f'"run":"{THIRD}"'.encode(), b'"run":"../x"')
        del lines[1:]

    assert told(THREE, change) == [
        f"ledger/changed {THREE}:1: '../x' is not the id of a run, such as 20261123T211829Z-6a1f09"
    ]


def test_what_a_newer_release_wrote_is_told_with_a_remedy_and_counts_by_file() -> None:
    files, _ = pristine()
    newer = files[THREE].splitlines(keepends=True)[0].replace(b'"version":2', b'"version":9')
    chain = checked({**files, THREE: newer, f"2026/11/{FOURTH}.jsonl": b"torn", f"2026/11/{FIFTH}.jsonl": b""})
    assert (chain.files, chain.lines) == (3, 10)
    assert chain.torn == (Source(f"2026/11/{FOURTH}.jsonl", 1),)
    (fault,) = chain.faults
    assert fault.source == Source(THREE, 1)
    assert "upgrade" in fault.hint


def test_what_looks_wrong_in_a_file_of_a_newer_release_is_no_fault_of_its_own() -> None:
    """Whoever is told of damage restores a backup, and loses what the newer release has written."""
    files, _ = pristine()
    first, *others = files[THREE].splitlines(keepends=True)
    newer = first.replace(b'"version":2', b'"version":9')
    with ledger({**files, THREE: b"".join([newer, *reversed(others), b"another format\n"])}) as root:
        taken: list[str] = []
        chain = check(root, take=lambda path, number, line: taken.append(path))
        assert [(fault.code, fault.source) for fault in chain.faults] == [("ledger/newer", Source(THREE, 1))]
        assert (chain.lines, THREE in taken) == (13, False)
        with pytest.raises(LedgerNewer) as refused:
            verify(root)
    assert refused.value.message.startswith(f"{root}/{THREE}:1: written by a newer release (tpp-reconciler 1.0.0): ")
    assert refused.value.message.endswith(": ledger version 9 is not supported, this release reads versions 1 and 2")
    assert refused.value.hint == "upgrade to tpp-reconciler 1.0.0 or later"


def test_lines_are_given_as_they_stand_in_the_order_of_the_chain_while_they_are_verified(tmp_path: Path) -> None:
    for run in (SECOND, FIRST):
        write_run(tmp_path, run, intent(1))
    taken: list[tuple[str, int, bytes]] = []
    verify(tmp_path, take=lambda *line: taken.append(line))
    assert taken == [
        (path, number, line)
        for path in (TWO, ONE)
        for number, line in enumerate((tmp_path / path).read_bytes().splitlines(), start=1)
    ]


PLACES = st.tuples(st.sampled_from([ONE, TWO, THREE]), st.floats(0, 1, exclude_max=True))


@settings(max_examples=400)
@given(PLACES, st.integers(1, 255))
def test_a_changed_byte_anywhere_is_found(place: tuple[str, float], by: int) -> None:
    files, head = pristine()
    path, where = place
    data = bytearray(files[path])
    data[int(where * len(data))] ^= by
    assert checked(files | {path: bytes(data)}, head).faults


@settings(max_examples=200)
@given(PLACES, st.binary(min_size=1, max_size=40))
def test_inserted_bytes_anywhere_are_found(place: tuple[str, float], inserted: bytes) -> None:
    files, head = pristine()
    path, where = place
    at = round(where * (len(files[path]) + 1))
    damaged = files[path][:at] + inserted + files[path][at:]
    chain = checked(files | {path: damaged}, head)
    assert chain.faults or (damaged.startswith(files[path]) and chain.torn == (Source(path, damaged.count(b"\n") + 1),))


@settings(max_examples=200)
@given(PLACES, st.integers(1, 5000))
def test_bytes_taken_away_anywhere_are_found(place: tuple[str, float], length: int) -> None:
    files, head = pristine()
    path, where = place
    at = int(where * len(files[path]))
    assert checked(files | {path: files[path][:at] + files[path][at + length :]}, head).faults


@settings(max_examples=200)
@given(st.sampled_from([ONE, TWO, THREE]), st.randoms(use_true_random=False))
def test_lines_in_another_order_are_found(path: str, random: Random) -> None:
    files, head = pristine()
    lines = files[path].splitlines(keepends=True)
    shuffled = lines[:]
    random.shuffle(shuffled)
    assert bool(checked(files | {path: b"".join(shuffled)}, head).faults) == (shuffled != lines)


@given(st.sets(st.sampled_from([ONE, TWO, THREE]), min_size=1))
def test_removed_files_are_found(removed: set[str]) -> None:
    files, head = pristine()
    assert checked({path: data for path, data in files.items() if path not in removed}, head).faults


@settings(max_examples=200)
@given(PLACES, st.integers(1, 255))
def test_without_an_anchor_only_a_change_of_the_last_line_can_hide(place: tuple[str, float], by: int) -> None:
    files, _ = pristine()
    path, where = place
    data = bytearray(files[path])
    at = int(where * len(data))
    data[at] ^= by
    in_last_line = path == THREE and at >= len(data[:-1]) - len(files[THREE].splitlines()[-1])
    assert checked(files | {path: bytes(data)}).faults or in_last_line


def test_the_head_of_a_ledger_is_the_same_in_whatever_order_its_shards_are_named() -> None:
    """Two machines that read the same shards must not take the ledger for another one."""
    heads = tuple(Head(f"2026/11/run-{number}of2.jsonl", "0" * 64, 3) for number in (1, 2))
    assert head_digest(heads) == head_digest(tuple(reversed(heads)))
