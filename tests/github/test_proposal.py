"""The branch that new tickets are proposed from, and the commits that bring what is applied."""

from pathlib import Path

import pytest

from reconciler.errors import GuardRefused
from reconciler.github.branch import ProposedBranch, push_proposal
from reconciler.github.git import Git, GitFailure
from tests.github.repository import CLEAN, clone, commit, files, git, make_remote

BRANCH = "reconciler/import"


def _propose(work: Git, text: str) -> ProposedBranch:
    (work.root / "tickets" / "new.yaml").write_text(text)
    return push_proposal(work, BRANCH, ["tickets"], "Import new tickets", base="main")


def test_new_files_are_pushed_and_nothing_else(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    (work.root / "plan.json").write_text("{}")
    assert _propose(work, "new\n") == ProposedBranch(("tickets/new.yaml",), changed=True)
    assert files(remote, BRANCH) == {"tickets/new.yaml": "new", "tickets/web.yaml": "version: 1"}
    assert files(remote, "main") == {"tickets/web.yaml": "version: 1"}


def test_the_same_proposal_is_not_pushed_again(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    _propose(clone(remote, tmp_path / "one"), "new\n")
    head = git(remote, "rev-parse", BRANCH)
    assert _propose(clone(remote, tmp_path / "two"), "new\n") == ProposedBranch(("tickets/new.yaml",), changed=False)
    assert git(remote, "rev-parse", BRANCH) == head


def test_a_newer_proposal_replaces_the_older_one(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    _propose(clone(remote, tmp_path / "one"), "new\n")
    assert _propose(clone(remote, tmp_path / "two"), "newer\n").changed
    assert files(remote, BRANCH)["tickets/new.yaml"] == "newer"
    assert git(remote, "rev-list", "--count", f"main..{BRANCH}") == "1"


def test_what_a_person_pushed_is_never_overwritten(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    _propose(clone(remote, tmp_path / "one"), "new\n")
    git(tmp_path / "seed", "fetch", "--quiet", "origin", BRANCH)
    git(tmp_path / "seed", "checkout", "--quiet", "-b", "edit", "FETCH_HEAD")
    commit(tmp_path / "seed", "tickets/new.yaml", "decided by Ann\n")
    git(tmp_path / "seed", "push", "--quiet", "origin", f"edit:{BRANCH}")
    with pytest.raises(GuardRefused, match=r"ann@acme\.example"):
        _propose(clone(remote, tmp_path / "two"), "newer\n")
    assert files(remote, BRANCH)["tickets/new.yaml"] == "decided by Ann"


def test_commits_of_people_that_reached_main_do_not_block(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    _propose(clone(remote, tmp_path / "one"), "new\n")
    seed = tmp_path / "seed"
    commit(seed, "tickets/web.yaml", "version: 1\n# more\n")
    git(seed, "push", "--quiet", "origin", "main")
    assert _propose(clone(remote, tmp_path / "two"), "newer\n").changed
    assert git(remote, "rev-parse", f"{BRANCH}^") == git(remote, "rev-parse", "main")


def test_nothing_new_is_nothing_pushed(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    assert push_proposal(work, BRANCH, ["tickets"], "Import", base="main") == ProposedBranch((), changed=False)
    assert git(remote, "branch", "--list", BRANCH) == ""


def test_a_fault_of_git_is_named_and_the_token_is_not(tmp_path: Path) -> None:
    work = Git.open(tmp_path, CLEAN, "https://github.com", "ghs_0123456789abcdef")
    with pytest.raises(GitFailure, match="git rev-parse failed") as failure:
        work.run("rev-parse", "HEAD")
    assert "ghs_" not in f"{failure.value!r} {work!r}"


def test_the_token_is_for_githubs_host_and_no_argument(tmp_path: Path) -> None:
    work = Git.open(tmp_path, {**CLEAN, "GIT_CONFIG_COUNT": "9"}, "https://ghe.corp/", "ghs_0123456789abcdef")
    key, value = work.run("config", "--get-regexp", r"^http\.").split(" ", 1)
    assert key == "http.https://ghe.corp/.extraheader"
    assert value.startswith("AUTHORIZATION: basic ")
