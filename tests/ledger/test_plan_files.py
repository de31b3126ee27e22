"""Saved plans: whole, readable, and refused with a clear word when they are anything else."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import GuardRefused, InvalidInput
from reconciler.ledger.plan_files import load_plan, save_plan
from reconciler.model.decision import Problem, Source
from tests.builders import plan, step

PLAN = plan(step(), step(2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def refusal(path: Path) -> Problem:
    with pytest.raises(InvalidInput) as refused:
        load_plan(path)
    (problem,) = refused.value.problems
    return problem


def test_a_saved_plan_is_loaded_as_it_was(path: Path) -> None:
    save_plan(PLAN, path)
    assert load_plan(path) == PLAN
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_saving_replaces_the_file_and_leaves_nothing_else(path: Path) -> None:
    path.write_text("an older plan, much longer than the new one" * 1000)
    save_plan(plan(), path)
    assert load_plan(path) == plan()
    assert [entry.name for entry in path.parent.iterdir()] == ["plan.json"]


def test_a_link_is_never_saved_through(path: Path) -> None:
    link = path.with_name("link.json")
    link.symlink_to(path)
    with pytest.raises(InvalidInput, match="the plan can't be saved: this is a link; only a regular file is replaced"):
        save_plan(PLAN, link)
    assert link.is_symlink()
    assert not path.exists()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no/such/folder/plan.json", "the plan can't be saved: No such file or directory"),
        (".", "the plan can't be saved: Is a directory"),
        ("file/plan.json", "the plan can't be saved: Not a directory"),
    ],
)
def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput) as refused:
        save_plan(PLAN, tmp_path / place)
    hint = "choose another place with --out"
    assert refused.value.problems == (Problem("plan-file/unwritable", Source(str(tmp_path / place)), message, hint),)


def test_an_absent_plan_is_refused(path: Path) -> None:
    hint = f"make it again with `reconciler plan --out {path}`"
    assert refusal(path) == Problem("plan-file/absent", Source(str(path)), "there is no such plan file", hint)


def test_a_folder_is_no_plan(path: Path) -> None:
    path.mkdir()
    hint = f"make it again with `reconciler plan --out {path}`"
    assert refusal(path) == Problem("plan-file/absent", Source(str(path)), "this is a folder, not a plan file", hint)


def test_a_name_that_leads_nowhere_is_refused(path: Path) -> None:
    path.symlink_to(path)
    message = "the plan file can't be read: Too many levels of symbolic links"
    assert refusal(path) == Problem("plan-file/unreadable", Source(str(path)), message)


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_plan_that_was_cut_off_is_refused(path: Path, kept: float) -> None:
    save_plan(PLAN, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    problem = refusal(path)
    message = "the plan file is cut off here" if kept else "the plan file is empty"
    again = f"make it again with `reconciler plan --out {path}`"
    where = Source(str(path), path.read_text().count("\n") + 1 if kept else 0)
    assert problem == Problem("plan-file/truncated", where, message, again)


def test_every_cut_of_a_plan_is_refused(path: Path) -> None:
    save_plan(plan(step()), path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:length])
        assert refusal(path).code in {"plan-file/truncated", "plan-file/not-json"}


def change_text(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (lambda path: path.write_text("version: 1\n"), "not-json", "this is no JSON: invalid character"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not-json", "this is no JSON: invalid character"),
        (lambda path: path.write_text("[" * 200_000), "invalid", "/: an object is needed, this is an array"),
        (lambda path: path.write_text("[]"), "invalid", "/: an object is needed, this is an array"),
        (
            change_text('"version": 2', '"version": 3'),
            "newer",
            "written by a newer release (tpp-reconciler 1.0.0): plan version 3 is not supported, this release reads",
        ),
        (change_text('"Approved"', "7"), "invalid", "/steps/0/after/status: text is needed, this is a number"),
        (change_text('"approve": 2', '"approve": 1'), "invalid", "/counts: the counts do not fit the steps"),
        (change_text('"commit": null', '"commit": NaN'), "not-json", "this is no JSON: invalid character"),
    ],
)
def test_what_is_no_plan_is_refused_with_its_reason(
    path: Path, change: Callable[[Path], None], code: str, message: str
) -> None:
    save_plan(PLAN, path)
    change(path)
    problem = refusal(path)
    assert problem.code == f"plan-file/{code}"
    assert message in problem.message
    again = f"make it again with `reconciler plan --out {path}`"
    if code == "invalid":
        assert problem.message.startswith("this is no plan that this release can apply: /")
        assert (problem.source, problem.hint) == (Source(str(path)), f"a plan is never edited: {again}")
    elif code == "newer":
        assert problem.source == Source(str(path))
        assert problem.hint.startswith("upgrade to tpp-reconciler 1.0.0")
    else:
        assert problem.source.path == str(path)
        assert problem.source.line > 0
        assert problem.source.column > 0
        assert problem.hint == again


EDITS = [
    ('"commit"', '"comit"'),
    ('"siblings": []', '"siblings": [], "force": true'),
    ('"steps"', '"note": 1, "steps"'),
    ('"verdict"', '"guid": "00000001-0000-4000-8000-000000000000", "verdict"'),
    ("2026-11-24T12:00:00Z", "2027-11-24T12:00:00Z"),
    ('"line": 4', '"line": 5'),
    ("  ],", "  ] ,"),
    ('"checksum": "sha256:', '"checksum": "sha256:0'),
    ("reviewed", "seen"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_whatever_is_edited_is_refused(path: Path, old: str, new: str) -> None:
    save_plan(PLAN, path)
    change_text(old, new)(path)
    with pytest.raises(GuardRefused) as refused:
        load_plan(path)
    assert refused.value.message.startswith(f"{path}: ")
    assert "it was edited after it was made, or damaged" in refused.value.message
    assert refused.value.hint == "make a new plan, have it reviewed, and apply that one"


def test_what_stands_behind_a_plan_is_an_edit(path: Path) -> None:
    save_plan(PLAN, path)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(GuardRefused):
        load_plan(path)


def test_a_plan_has_one_line_for_each_step_so_that_a_diff_shows_the_steps(path: Path) -> None:
    save_plan(plan(*(step(number) for number in range(1, 101))), path)
    lines = [line.strip().rstrip(",") for line in path.read_text().splitlines() if line.startswith("    {")]
    assert [json.loads(line) for line in lines] == json.loads(path.read_text())["steps"]
    assert len(lines) == 100


def test_a_pipe_is_not_replaced_by_a_plan(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(InvalidInput, match="this is a special file; only a regular file is replaced"):
        save_plan(PLAN, path)
    assert path.is_fifo()
