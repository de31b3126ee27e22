"""Heads: what leads to what, what stands behind it, and what is there no more."""

from pathlib import Path

import pytest

from reconciler.codec import sha256
from reconciler.errors import LedgerBroken
from reconciler.ledger.heads import Beginning, files_from, heads_not_in, in_order, ledger_heads, lines_behind
from reconciler.ledger.lines import BROKEN_HINT
from reconciler.model.record import Opened
from reconciler.model.value import Head, replace
from tests.builders import NOW
from tests.ledger.ledgers import FIRST, SECOND, THIRD, decided, intent, recorded, write_run, write_three_runs

RUNS = tuple(f"2026/11/{run}.jsonl" for run in (FIRST, SECOND, THIRD))


def begun(path: str, *heads: tuple[str, int]) -> Beginning:
    return Beginning(path, Opened(NOW, decided(1), tuple(Head(name, decided(2), lines) for name, lines in heads)))


def test_a_file_comes_after_all_that_it_leads_to_and_damage_stops_nothing() -> None:
    diamond = (begun("a", ("b", 1), ("c", 1)), begun("b", ("d", 1)), begun("c", ("d", 1), ("b", 1)), begun("d"))
    assert in_order(diamond) == ("d", "b", "c", "a")
    assert in_order(reversed(diamond)) == ("d", "b", "c", "a")
    assert in_order((begun("a", ("b", 1)), begun("b", ("a", 1)), begun("c", ("c", 1), ("gone", 1)))) == ("b", "a", "c")
    assert in_order((Beginning("b", None), Beginning("a", None))) == ("a", "b")


def test_a_chain_of_many_runs_is_put_in_order() -> None:
    names = [f"{number:05}" for number in range(5000)]
    chain = [
        begun(name, *([(after, 1)] if after else [])) for name, after in zip(names, [*names[1:], None], strict=True)
    ]
    assert in_order(chain) == tuple(reversed(names))


def test_heads_vouch_for_the_lines_before_them_through_all_files_that_they_lead_to() -> None:
    """What they do not vouch for happened since, and a step about such a ticket is not sent."""
    files = (begun("one"), begun("two", ("one", 3)), begun("three", ("one", 5)), begun("four", ("two", 2)))
    noted = (Head("four", decided(2), 1), Head("three", decided(2), 4))
    assert lines_behind(files, noted) == {"four": 1, "two": 2, "three": 4, "one": 5}
    assert lines_behind(files, reversed(noted)) == {"four": 1, "two": 2, "three": 4, "one": 5}
    assert lines_behind(files, (*noted, Head("three", decided(2), 2), Head("gone", decided(2), 7))) == {
        "four": 1, "two": 2, "three": 4, "one": 5, "gone": 7,
    }  # fmt: skip
    assert lines_behind(files, ()) == {}


def test_the_files_that_prove_a_line_are_its_own_and_all_that_lead_to_it(tmp_path: Path) -> None:
    write_three_runs(tmp_path)
    assert files_from(tmp_path, [RUNS[1]]) == RUNS[1:]
    assert files_from(tmp_path, [RUNS[2], RUNS[0]]) == RUNS
    assert files_from(tmp_path, [RUNS[2]]) == RUNS[2:]
    assert files_from(tmp_path, []) == ()


def test_every_line_that_is_there_is_contained_and_none_that_is_not(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(1), recorded(1))
    (head,) = ledger_heads(tmp_path)
    first = Head(RUNS[0], sha256((tmp_path / RUNS[0]).read_bytes().splitlines()[0]), 1)
    write_run(tmp_path, SECOND)
    for changes in ({"lines": 0}, {"lines": -1}, {"lines": 2}, {"lines": 4}, {"path": RUNS[1]}, {"path": RUNS[2]}):
        assert heads_not_in(tmp_path, [head, replace(head, **changes)]) == (replace(head, **changes),)
    changed = replace(first, hash=decided(0))
    assert heads_not_in(tmp_path, [first, changed]) == (changed,)


def test_a_file_that_does_not_open_a_run_is_told_with_its_place(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent(1))
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(LedgerBroken) as broken:
        write_run(tmp_path, SECOND)
    assert broken.value.message == f"{path}:1: the first line does not open a run"
    assert broken.value.hint == BROKEN_HINT
    path.write_bytes(b"[]\n")
    with pytest.raises(LedgerBroken) as broken:
        write_run(tmp_path, SECOND)
    assert broken.value.message == f"{path}:1: the line can't be read: /: an object is needed, this is an array"
    assert broken.value.hint == BROKEN_HINT
