"""A new user's first session: from a clone to an applied decision in a repository of their own, without an editor."""

import subprocess
import time
from pathlib import Path

from tests.cli.repo import FIRST, Repo
from tests.cli.terminals import on_terminal
from tests.docs.console import typed
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/first-session.md"
LONGEST = 300
"""Seconds that the session may take, people's thinking left out."""


def _git(folder: Path, *arguments: str) -> None:
    somebody = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *somebody, *arguments], cwd=folder, check=True, capture_output=True)


def test_from_a_clone_to_an_applied_decision(repo: Repo) -> None:
    began = time.monotonic()
    (repo.folder / "reconciler.yaml").unlink()
    _git(repo.folder, "init", "-q", "--bare", "-b", "main", "team.git")
    _git(repo.folder, "clone", "-q", "team.git", "approvals")
    folder = repo.folder / "approvals"
    editor = {"EDITOR": "false", "VISUAL": "false"}
    environ = {"TPP_URL": repo.sandbox.url, "TPP_TOKEN": repo.sandbox.token, **editor}

    def session(*said: str, answers: dict[str, str] | None = None) -> str:
        terminal = on_terminal(folder, *said, environ=environ, answers=answers)
        assert terminal.wait() == 0, terminal.text
        return terminal.text.replace("\r\n", "\n")

    asked = {"TPP server": "", "Objects it may decide on": "", "Reviewing team": "@acme/pki"}
    written = session("init", "--auth", "token", "--reviews", "none", answers=asked)
    assert "wrote reconciler.yaml" in written
    assert f"server: {repo.sandbox.url}" in (folder / "reconciler.yaml").read_text()
    seen = session("list", "--undecided")
    assert "www.example.com" in seen
    assert "in no manifest" in seen
    said = session(
        "decide", "www.example.com", "--status", "Rejected", "--explanation", "off", "--change", "CHG0000001"
    )
    assert f"www.example.com {FIRST[:8]}: Rejected" in said
    assert "Nothing was sent." in said
    assert "valid: 2 decisions in 2 files" in session("validate")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "Decide")
    planned = session("plan", "--out", "plan.json")
    assert "1 of them takes effect at once and can't be undone." in planned
    applied = session("apply", "plan.json", answers={"Apply 1 change?": "y"})
    assert "Nothing is left to do." in applied
    assert f"{FIRST[:8]}" in session("ledger", "log", "--ticket", "www.example.com")
    assert len(repo.writes()) == 1
    assert time.monotonic() - began < LONGEST


def test_the_page_of_the_first_session_needs_no_editor_and_leaves_nothing_out() -> None:
    assert not [block for block in blocks(PAGE) if block.language != "console"]
    commands = [each.command for block in blocks(PAGE) for each in typed(block)]
    assert {command.split()[0] for command in commands} == {"git", "reconciler"}
    ours = [command.split()[1] for command in commands if command.startswith("reconciler ")]
    assert list(dict.fromkeys(ours)) == ["init", "list", "decide", "validate", "plan", "apply", "ledger"]


def test_without_any_configuration_a_session_is_warned_and_goes_on(repo: Repo) -> None:
    (repo.folder / "reconciler.yaml").unlink()
    repo.environ("TPP_URL", repo.sandbox.url)
    said = repo.run(
        "decide", "www.example.com", "--status", "Rejected", "--explanation", "off", "--change", "CHG0000001"
    )
    assert said.code == 0
    planned = repo.run("plan", "--out", "plan.json")
    assert "warning: no reconciler.yaml was found, so no policy applies" in planned.err
    assert repo.run("apply", "plan.json", "--yes").code == 3
    assert repo.run("apply", "plan.json", "--yes", "--no-policy").code == 0
    assert len(repo.writes()) == 1
