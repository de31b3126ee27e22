"""Where a command works: the configuration is looked for upwards, -C goes elsewhere, and typing errors get a hint."""

import subprocess

import pytest

from tests.cli.repo import FIRST, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: Web tier renewal}}"


@pytest.fixture
def ready(repo: Repo) -> Repo:
    subprocess.run(["git", "init", "-q"], cwd=repo.folder, check=True)
    repo.decide(APPROVE)
    (repo.folder / "tickets" / "deep").mkdir()
    return repo


def test_the_configuration_is_found_from_a_folder_below(ready: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    (ready.folder / "plans").mkdir()
    monkeypatch.chdir(ready.folder / "plans")
    said = ready.run("plan", "--out", "plan.json", "../tickets/web.yaml")
    assert (said.code, "tickets/web.yaml" in said.out) == (0, True), said.err
    assert f"found reconciler.yaml in {ready.folder.resolve()}; paths are shown as seen from there" in said.err
    assert (ready.folder / "plans" / "plan.json").is_file()
    monkeypatch.chdir(ready.folder / "tickets" / "deep")
    assert "this is among the manifests in tickets" in ready.run("plan", "--out", "plan.json").err


def test_it_is_not_looked_for_above_the_repository(ready: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ready.folder / "other"
    (inner / ".git").mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert "found reconciler.yaml" not in ready.run("validate").err


def test_a_folder_without_git_is_not_left(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    below = repo.folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert "found reconciler.yaml" not in repo.run("validate").err


def test_a_command_can_work_elsewhere(
    ready: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    said = ready.run("-C", str(ready.folder), "plan")
    assert (said.code, "1 approve" in said.out) == (0, True)
    assert ready.run("-C", "no/such/folder", "plan").code == 2


def test_a_command_that_is_misspelled_gets_a_hint(ready: Repo) -> None:
    said = ready.run("aplpy")
    assert (said.code, "No such command 'aplpy'. Did you mean 'apply'?" in said.err) == (2, True)
    said = ready.run("plan", "--formt", "json")
    assert (said.code, "--format" in said.err) == (2, True)


def test_the_version_is_a_command_too(ready: Repo) -> None:
    assert ready.run("version").out == ready.run("--version").out
