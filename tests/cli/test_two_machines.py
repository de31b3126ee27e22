"""Two machines that share a branch of the ledger: one run at a time, each knows what the other did."""

from pathlib import Path

import pytest

from reconciler.github.git import Git
from reconciler.github.remote_lock import RemoteLock
from reconciler.model.record import LockOwner
from tests.cli.repo import FIRST, SECOND, THIRD, Repo
from tests.fakes import NOW, FakeClock
from tests.github.repository import CLEAN, files, git, make_remote

BRANCH = "reconciler-ledger"
APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: fine}}"
SCHEDULED = (
    f"{{guid: {SECOND}, status: Approved After, explanation: fine, schedule: {{start: '2036-11-28T22:00:00Z'}}}}"
)


@pytest.fixture
def remote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_remote(tmp_path_factory.mktemp("origin"))


@pytest.fixture
def machines(repo: Repo, remote: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two clones beside each other, each with the same manifests and the branch named in the configuration."""
    repo.configure(f"ledger: {{path: ledger, branch: {BRANCH}}}\n")
    settings = (repo.folder / "reconciler.yaml").read_text().replace("ledger: ledger\n", "")
    found = []
    for name in ("one", "two"):
        git(remote.parent, "clone", "--quiet", f"file://{remote}", str(repo.folder / name))
        for path, text in (
            ("reconciler.yaml", settings),
            ("tickets/web.yaml", f"version: 1\nchange: CHG0041234\ntickets:\n  - {APPROVE}\n  - {SCHEDULED}\n"),
        ):
            file = repo.folder / name / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        found.append(repo.folder / name)
    return found[0], found[1]


def test_the_second_machine_learns_what_the_first_one_did_and_sends_nothing(
    repo: Repo, machines: tuple[Path, Path], remote: Path
) -> None:
    one, two = machines
    assert repo.run("-C", str(two), "plan", "--out", "plan.json").code == 0
    assert repo.run("-C", str(one), "apply", "--yes").code == 0
    assert len(repo.writes()) == 2
    said = repo.run("-C", str(two), "apply", "--yes", "plan.json")
    assert len(repo.writes()) == 2, said
    assert said.code in (0, 5)
    assert files(remote, BRANCH, ".jsonl")
    assert git(remote, "for-each-ref", "refs/reconciler") == "", "every lock was given up"


def test_a_lock_that_another_machine_holds_keeps_everything_from_being_sent(
    repo: Repo, machines: tuple[Path, Path]
) -> None:
    one, two = machines
    other = Git.open(two, CLEAN, "https://github.com", "")
    lock = RemoteLock(
        other, BRANCH, "whole", LockOwner(7, "ci-9", "runner", "20261128T220000Z-aaaaaa", NOW), FakeClock()
    )
    lock.acquire(0)
    said = repo.run("-C", str(one), "apply", "--yes")
    assert (said.code, repo.writes()) == (8, [])
    assert "process 7 of runner on ci-9" in said.err
    assert "--lock-timeout 90s" in said.err
    lock.give_up()
    assert repo.run("-C", str(one), "apply", "--yes").code == 0


@pytest.mark.parametrize(("ledger", "code"), [("ledger", 8), ("{path: ledger, lock: file}", 0)])
def test_a_branch_that_only_the_environment_names_is_locked_like_any_other(
    repo: Repo, machines: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, ledger: str, code: int
) -> None:
    one, two = machines
    path = one / "reconciler.yaml"
    path.write_text(path.read_text().replace(f"{{path: ledger, branch: {BRANCH}}}", ledger))
    monkeypatch.setenv("RECONCILER_LEDGER_BRANCH", BRANCH)
    owner = LockOwner(7, "ci-9", "runner", "20261128T220000Z-aaaaaa", NOW)
    RemoteLock(Git.open(two, CLEAN, "https://github.com", ""), BRANCH, "whole", owner, FakeClock()).acquire(0)
    said = repo.run("-C", str(one), "apply", "--yes")
    assert (said.code, len(repo.writes())) == (code, 0 if code else 2), said.err


def test_where_the_remote_is_away_nothing_is_sent(repo: Repo, machines: tuple[Path, Path], remote: Path) -> None:
    remote.rename(remote.with_name("away"))
    said = repo.run("-C", str(machines[0]), "apply", "--yes")
    assert (said.code, repo.writes()) == (4, [])


def test_lines_that_could_not_be_pushed_are_kept(repo: Repo, machines: tuple[Path, Path], remote: Path) -> None:
    one, _ = machines
    assert repo.run("-C", str(one), "apply", "--yes").code == 0
    (file,) = (one / "ledger").rglob("*.jsonl")
    whole = file.read_bytes()
    work = one / "work"
    git(one, "clone", "--quiet", "--branch", BRANCH, f"file://{remote}", str(work))
    (cut,) = work.rglob("*.jsonl")
    cut.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    git(work, "commit", "--quiet", "-am", "What a run had pushed before its machine lost the network")
    git(work, "push", "--quiet", "origin", BRANCH)
    (one / "tickets" / "more.yaml").write_text(
        "version: 1\nchange: CHG0041234\ntickets:\n"
        "  - {guid: 4f1c9ab0-52f3-4b1e-9a57-0e6b7d3c2a11, status: Rejected, explanation: no}\n"
    )
    repo.run("-C", str(one), "apply", "--yes")
    assert file.read_bytes() == whole


def test_metrics_say_whether_the_branch_has_every_line(repo: Repo, machines: tuple[Path, Path], remote: Path) -> None:
    one, _ = machines
    metrics = one / "tpp.prom"
    hook = remote / "hooks" / "pre-receive"
    refuse = f"#!/bin/sh\nwhile read -r old new ref; do [ $ref != refs/heads/{BRANCH} ] || exit 1; done\n"

    def pushed() -> str:
        return next(
            line for line in metrics.read_text().splitlines() if line.startswith("tpp_reconciler_ledger_pushed{")
        )

    assert repo.run("-C", str(one), "apply", "--yes", "--metrics", str(metrics)).code == 0
    assert pushed().endswith(" 1.0")
    hook.write_text(refuse)
    hook.chmod(0o755)
    (one / "tickets" / "more.yaml").write_text(
        f"version: 1\nchange: CHG0041234\ntickets:\n  - {{guid: {THIRD}, status: Rejected, explanation: no}}\n"
    )
    said = repo.run("-C", str(one), "apply", "--yes", "--metrics", str(metrics))
    assert (said.code, len(repo.writes()), pushed()[-4:]) == (4, 2, " 0.0")
    repo.run("-C", str(one), "plan", "--metrics", str(metrics))
    assert pushed().endswith(" 0.0"), "a plan pushes nothing, so it stays as it was"


def test_lock_git_needs_a_branch(repo: Repo) -> None:
    repo.configure("")
    text = (repo.folder / "reconciler.yaml").read_text().replace("ledger: ledger", "ledger: {path: ledger, lock: git}")
    repo.write("reconciler.yaml", text)
    repo.decide(APPROVE)
    said = repo.run("validate")
    assert said.code == 1
    assert "`lock: git` needs the branch" in said.err + said.out
