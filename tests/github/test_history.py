"""What git says of a branch, whatever names and merges it has."""

from pathlib import Path

import pytest

from reconciler.github.git import (
    Git,
    GitFailure,
    commits_since,
    commits_touching,
    head_of,
    is_cut,
    is_plain_merge,
    names_in_repository,
    tip_of,
    uncommitted,
)
from tests.github.repository import CLEAN, clone, commit, git, make_remote


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "tickets/web.yaml", "one\n")
    return folder


def _git(folder: Path) -> Git:
    return Git.open(folder, CLEAN, "https://github.com", "")


def _touched(folder: Path, *names: str) -> list[dict[str, bool]]:
    found = commits_touching(_git(folder), names)
    return [{name: blob is not None for name, blob in one.touched.items()} for one in found]


def test_a_change_a_removal_and_a_rename_touch_a_file(work: Path) -> None:
    commit(work, "README.md", "nothing to do with it\n")
    commit(work, "tickets/web.yaml", "two\n")
    git(work, "mv", "tickets/web.yaml", "tickets/new.yaml")
    git(work, "commit", "--quiet", "-m", "Rename")
    git(work, "rm", "--quiet", "tickets/new.yaml")
    git(work, "commit", "--quiet", "-m", "Remove")
    assert _touched(work, "tickets/web.yaml", "tickets/new.yaml") == [
        {"tickets/web.yaml": True},
        {"tickets/web.yaml": True},
        {"tickets/web.yaml": False, "tickets/new.yaml": True},
        {"tickets/new.yaml": False},
    ]


def test_a_merge_is_one_commit_and_touches_what_it_brings(work: Path) -> None:
    git(work, "checkout", "--quiet", "-b", "change")
    commit(work, "tickets/web.yaml", "two\n")
    commit(work, "tickets/web.yaml", "three\n")
    git(work, "checkout", "--quiet", "main")
    git(work, "merge", "--quiet", "--no-ff", "-m", "Merge", "change")
    (_, merge) = commits_touching(_git(work), ["tickets/web.yaml"])
    assert (merge.sha, len(merge.parents)) == (head_of(_git(work)), 2)
    assert is_plain_merge(_git(work), merge)


def test_a_merge_with_something_added_by_hand_is_no_plain_one(work: Path) -> None:
    git(work, "checkout", "--quiet", "-b", "change")
    commit(work, "tickets/more.yaml", "two\n")
    git(work, "checkout", "--quiet", "main")
    git(work, "merge", "--quiet", "--no-ff", "--no-commit", "change")
    commit(work, "tickets/web.yaml", "evil\n", "Merge")
    (_, merge) = commits_touching(_git(work), ["tickets/web.yaml"])
    assert not is_plain_merge(_git(work), merge)


def test_no_name_of_a_file_passes_for_a_commit(work: Path) -> None:
    name = f"tickets/\x01{'a' * 40} .yaml"
    odd = (name, 'tickets/"q\n:100644 .yaml', "tickets/ü \t.yaml", ":(top)x.yaml")
    for each in odd:
        commit(work, each, "x\n") if not each.startswith(":") else None
    found = commits_touching(_git(work), odd)
    assert [list(one.touched) for one in found] == [[each] for each in odd if not each.startswith(":")]


def test_files_that_are_not_as_committed_are_named(work: Path) -> None:
    commit(work, ".gitignore", "tickets/ignored.yaml\n")
    for name in ("ignored", "untracked", "web"):
        (work / "tickets" / f"{name}.yaml").write_text("mine\n")
    (work / "other.yaml").write_text("of no interest\n")
    names = [f"tickets/{name}.yaml" for name in ("ignored", "untracked", "web")]
    assert uncommitted(_git(work), names) == {
        "tickets/ignored.yaml": "is ignored by git",
        "tickets/untracked.yaml": "is not in git",
        "tickets/web.yaml": "differs from the commit",
    }
    assert uncommitted(_git(work), []) == {}


def test_names_are_those_of_the_repository_wherever_one_stands(work: Path) -> None:
    below = work / "tickets"
    names = names_in_repository(_git(below), ["web.yaml", "../reconciler.yaml", str(work / "a.yaml")])
    assert list(names.values()) == ["tickets/web.yaml", "reconciler.yaml", "a.yaml"]
    with pytest.raises(GitFailure, match="is outside the repository"):
        names_in_repository(_git(work), ["/etc/passwd"])


def test_the_tip_is_that_of_the_remote(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    here = clone(remote, tmp_path / "here")
    assert (tip_of(here, "main"), tip_of(here, "none")) == (head_of(here), None)
    newer = commit(tmp_path / "seed", "tickets/web.yaml", "two\n")
    git(tmp_path / "seed", "push", "--quiet", "origin", "main")
    assert tip_of(here, "main") == newer != head_of(here)


def test_only_a_history_that_lacks_commits_is_cut(tmp_path: Path, work: Path) -> None:
    make_remote(tmp_path)
    newer = commit(tmp_path / "seed", "tickets/web.yaml", "two\n")
    git(tmp_path / "seed", "push", "--quiet", "origin", "main")
    assert is_cut(clone(tmp_path / "remote.git", tmp_path / "here"))
    git(work, "fetch", "--quiet", "--depth=1", f"file://{tmp_path / 'remote.git'}", newer)
    assert git(work, "rev-parse", "--is-shallow-repository") == "true"
    assert not is_cut(_git(work))


def test_what_a_branch_adds_to_its_base_is_known(work: Path) -> None:
    base = git(work, "rev-parse", "HEAD")
    one = commit(work, "a", "1")
    assert commits_since(_git(work), base) == {one}


def test_the_true_cause_of_a_failure_is_said(tmp_path: Path) -> None:
    with pytest.raises(GitFailure, match="not a git repository") as failure:
        head_of(_git(tmp_path))
    assert failure.value.hint == "check out the repository first"
