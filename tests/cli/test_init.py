"""A new repository of manifests: it validates, doctor finds it healthy, and nothing of a team's is overwritten."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.repo import Repo
from tests.cli.terminals import on_terminal
from tests.without_grammars import CHECK_JSONSCHEMA
from tests.workflows.act import ENVIRONMENT, OURS

COMMIT = "1" * 40
OWNS = r"\VED\Policy\Joe's Web\**"


@pytest.fixture
def new(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repo in an empty folder of its own."""
    folder = repo.folder / "new"
    folder.mkdir()
    monkeypatch.chdir(folder)
    repo.folder = folder
    return repo


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_everything_that_a_team_needs_is_there(new: Repo) -> None:
    said = new.run("init", "--server", "tpp.acme.example/vedsdk/", "--owns", OWNS, "--team", "@acme/pki")
    assert said.code == 0, said.err
    assert _files(new.folder) == {
        ".editorconfig",
        ".github/CODEOWNERS",
        ".github/dependabot.yml",
        ".github/pull_request_template.md",
        ".github/workflows/apply.yml",
        ".github/workflows/emergency.yml",
        ".github/workflows/import.yml",
        ".github/workflows/pull-request.yml",
        ".github/workflows/reconcile.yml",
        ".gitignore",
        ".pre-commit-config.yaml",
        ".vscode/extensions.json",
        ".vscode/settings.json",
        "reconciler.yaml",
        "schemas/config.schema.json",
        "schemas/decisions.schema.json",
        "schemas/rules.schema.json",
        "tickets/sample.yaml",
    }
    assert new.run("validate").out.startswith("valid: 1 decision")
    assert new.run("fmt", "--check").code == 0
    config = (new.folder / "reconciler.yaml").read_text(encoding="utf-8")
    assert "server: https://tpp.acme.example\n" in config
    assert "audience: https://tpp.acme.example/vedauth\n" in config
    assert r"owns: ['\VED\Policy\Joe''s Web\**']" in config
    owners = (new.folder / ".github/CODEOWNERS").read_text(encoding="utf-8")
    assert re.findall(r"@\S+", owners) == ["@acme/pki"] * 4


def test_doctor_finds_a_new_repository_healthy(new: Repo) -> None:
    new.run("init", "--server", new.sandbox.url, "--auth", "token")
    assert "method: token" in (new.folder / "reconciler.yaml").read_text(encoding="utf-8")
    assert new.run("validate").code == 0
    said = new.run("doctor")
    assert said.code == 0, said.out
    assert [line for line in said.out.splitlines() if line.startswith("fail")] == []


def test_the_sample_decides_nothing(new: Repo) -> None:
    new.run("init", "--server", new.sandbox.url, "--auth", "token")
    said = new.run("plan", "--exit-code")
    assert (said.code, "Plan: 0 will change" in said.out) == (0, True), said.out + said.err


def test_workflows_and_hooks_come_from_where_the_team_keeps_them(new: Repo) -> None:
    said = new.run("init", "--source", f"acme/tpp@{COMMIT}")
    workflows = sorted((new.folder / ".github/workflows").iterdir())
    used = {name for path in workflows for name in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))}
    assert used
    assert all(name.startswith("acme/tpp/.github/workflows/") and name.endswith(f"@{COMMIT}") for name in used)
    hooks = (new.folder / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert f"  - repo: https://github.com/acme/tpp\n    rev: {COMMIT}\n" in hooks
    assert not [path for path in new.folder.rglob("*") if path.is_file() and OURS in path.read_text(encoding="utf-8")]
    assert "replace example-org" not in said.out


def test_its_workflows_pass_the_checks_that_ours_pass(new: Repo) -> None:
    new.run("init", "--source", f"acme/tpp@{COMMIT}", "--owns", OWNS)
    workflows = [str(path) for path in sorted((new.folder / ".github/workflows").iterdir())]
    environ = {"PATH": f"{ENVIRONMENT / 'bin'}:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    schema = "vendor.github-workflows"
    actionlint = (str(ENVIRONMENT / "bin" / "actionlint"), "-no-color")
    for command in (actionlint, (*CHECK_JSONSCHEMA, "--builtin-schema", schema)):
        done = subprocess.run(
            [*command, *workflows], env=environ, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout


def test_what_is_there_is_kept_and_what_is_missing_is_written(new: Repo) -> None:
    mine = new.write(".github/CODEOWNERS", "* @me\n")
    decided = new.write("tickets/web.yaml", "version: 1\ntickets: [{guid: 6ede0e12-f7c0-4068-9977-001076205c84}]\n")
    said = new.run("init")
    assert said.code == 0
    assert "kept .github/CODEOWNERS, which is there already; it differs from what init would write\n" in said.out
    assert "wrote reconciler.yaml\n" in said.out
    assert mine.read_text(encoding="utf-8") == "* @me\n"
    assert _files(new.folder) >= {".github/CODEOWNERS", "reconciler.yaml", "tickets/web.yaml"}
    assert "tickets/sample.yaml" not in _files(new.folder)
    before = {path: path.read_bytes() for path in new.folder.rglob("*") if path.is_file()}
    again = new.run("init")
    assert (again.code, "wrote" in again.out) == (0, False)
    assert {path: path.read_bytes() for path in new.folder.rglob("*") if path.is_file()} == before
    assert decided.exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--server", "http://tpp.acme.example"),
        ("--server", "https://joe:secret@tpp.acme.example"),
        ("--server", "https://tpp.acme.example\npolicy: {}"),
        ("--owns", "VED"),
        ("--owns", "\\VED\n- evil"),
        ("--team", "pki and friends"),
        ("--operators", "@acme/pki\n* @mallory"),
        ("--source", "acme/tpp@main"),
    ],
)
def test_answers_that_would_break_a_file_are_refused(new: Repo, option: str, value: str) -> None:
    said = new.run("init", option, value)
    assert (said.code, option in said.err, "secret" in said.err) == (2, True, False)
    assert _files(new.folder) == set()


def test_on_a_terminal_it_asks(new: Repo) -> None:
    answers = {
        "TPP server": new.sandbox.url,
        "Objects it may decide on": r"\VED\Policy\Shop\**",
        "Reviewing team": "@acme/shop",
    }
    terminal = on_terminal(new.folder, "init", "--auth", "token", environ={}, answers=answers)
    assert terminal.wait() == 0, terminal.text
    config = (new.folder / "reconciler.yaml").read_text(encoding="utf-8")
    assert f"server: {new.sandbox.url}\n" in config
    assert r"owns: ['\VED\Policy\Shop\**']" in config
    assert "@acme/shop" in (new.folder / ".github/CODEOWNERS").read_text(encoding="utf-8")
    assert os.linesep.join(["", "Next: reconciler validate"]) in terminal.text.replace("\r\n", "\n")


def test_to_try_it_out_on_one_machine_nobody_has_to_review(new: Repo) -> None:
    new.environ("TPP_URL", new.sandbox.url)
    said = new.run("init", "--auth", "token", "--reviews", "none")
    assert (said.code, "reviews none" in said.out) == (0, False)
    config = (new.folder / "reconciler.yaml").read_text(encoding="utf-8")
    assert f"server: {new.sandbox.url}\n" in config
    assert "\n  four_eyes:" not in config
    assert "\n  reviewed_plan:" not in config
    assert new.run("validate").code == 0
