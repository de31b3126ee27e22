"""`init --upgrade`: workflows and schemas of this release, in a repository that an earlier one set up."""

import shutil
from pathlib import Path

import pytest

from tests.cli.repo import Repo
from tests.cli.terminals import on_terminal

FIRST = Path(__file__).parents[1] / "data" / "first-release"
SOURCE, NEWER = f"acme/tpp@{'1' * 40}", f"acme/tpp@{'2' * 40}"
APPLY = ".github/workflows/apply.yml"
SCHEMA = "schemas/decisions.schema.json"


@pytest.fixture
def there(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repository that this release set up."""
    folder = repo.folder / "approvals"
    folder.mkdir()
    monkeypatch.chdir(folder)
    repo.folder = folder
    assert repo.run("init", "--server", repo.sandbox.url, "--auth", "token", "--source", SOURCE).code == 0
    return repo


def _texts(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def _change(repo: Repo, name: str, before: str, after: str) -> None:
    text = (repo.folder / name).read_text()
    assert before in text
    repo.write(name, text.replace(before, after))


def test_there_is_nothing_to_do_where_this_release_wrote_everything(there: Repo) -> None:
    before = _texts(there.folder)
    said = there.run("init", "--upgrade")
    assert (said.code, said.out.startswith("nothing to do: ")) == (0, True), said.out
    assert _texts(there.folder) == before


def test_a_newer_commit_of_the_workflows_is_no_change_of_a_teams_own(there: Repo) -> None:
    """As Dependabot brings it; and --source brings one that nobody has to be asked about."""
    _change(there, APPLY, "@" + "1" * 40, "@" + "3" * 40 + " # v1.2.0")
    assert there.run("init", "--upgrade").out.startswith("nothing to do: ")
    said = there.run("init", "--upgrade", "--source", NEWER)
    assert said.code == 0, said.err
    assert "lost" not in said.out
    assert f"+    uses: acme/tpp/.github/workflows/apply.yml@{'2' * 40}\n" in said.out
    assert "3" * 40 not in there.folder.joinpath(APPLY).read_text()
    assert there.run("init", "--upgrade").out.startswith("nothing to do: ")


def test_what_an_earlier_release_wrote_is_shown_and_brought_up_to_date(there: Repo) -> None:
    """The mark says that nobody changed what the release wrote, so nobody is asked."""
    _change(there, SCHEMA, '"$schema"', '"$comment": "an earlier release", "$schema"')
    (there.folder / ".github/workflows/emergency.yml").unlink()
    said = there.run("init", "--upgrade", "--dry-run")
    assert said.code == 0
    assert f"--- {SCHEMA}\n+++ {SCHEMA}\n" in said.out
    assert "emergency.yml is not there" in said.out
    assert "wrote" not in said.out
    assert there.run("init", "--upgrade").out.count("wrote ") == 1
    assert "an earlier release" not in there.folder.joinpath(SCHEMA).read_text()
    assert not (there.folder / ".github/workflows/emergency.yml").exists()


def test_changes_of_a_teams_own_are_named_and_stay_until_somebody_agrees(there: Repo) -> None:
    _change(there, APPLY, "branches: [main]", "branches: [main, release]")
    changed = _texts(there.folder)
    said = there.run("init", "--upgrade")
    assert (said.code, "--yes" in said.err) == (2, True)
    assert "-    branches: [main, release]\n+    branches: [main]\n" in said.out
    assert f"{APPLY} was changed after init wrote it" in said.out
    assert "its lines with - would be lost" in said.out
    question = {"Write over 1 file with changes of your own?": "n"}
    assert on_terminal(there.folder, "init", "--upgrade", environ={}, answers=question).wait() == 3
    assert _texts(there.folder) == changed
    agreed = dict.fromkeys(question, "y")
    assert on_terminal(there.folder, "init", "--upgrade", environ={}, answers=agreed).wait() == 0
    assert "branches: [main]\n" in there.folder.joinpath(APPLY).read_text()


def test_nothing_else_is_touched(there: Repo) -> None:
    """Owners, configuration, manifests and workflows of a team's own are the team's."""
    for name in (".github/CODEOWNERS", "reconciler.yaml", ".gitignore", "tickets/sample.yaml"):
        there.write(name, "# ours\n" + there.folder.joinpath(name).read_text())
    there.write(".github/workflows/ours.yml", "name: Ours\n")
    before = _texts(there.folder)
    there.write(SCHEMA, "{}\n")
    assert there.run("init", "--upgrade", "--yes").code == 0
    assert _texts(there.folder) == before


def test_a_link_is_not_followed(there: Repo, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_text("name: Not ours\n")
    (there.folder / APPLY).unlink()
    (there.folder / APPLY).symlink_to(outside)
    said = there.run("init", "--upgrade", "--yes")
    assert (said.code, outside.read_text()) == (1, "name: Not ours\n")
    assert APPLY in said.err


@pytest.mark.parametrize("option", ["--dry-run", "--yes"])
def test_its_options_mean_nothing_alone(there: Repo, option: str) -> None:
    assert there.run("init", option).code == 2


def test_a_repository_of_the_first_release_becomes_like_a_new_one(there: Repo) -> None:
    """Its workflows have no mark, so that somebody has to agree."""
    new = _texts(there.folder)
    shutil.rmtree(there.folder / ".github" / "workflows")
    shutil.copytree(FIRST, there.folder, dirs_exist_ok=True)
    there.write(SCHEMA, "{}\n")
    said = there.run("init", "--upgrade", "--source", SOURCE, "--yes")
    assert said.code == 0, said.err
    assert "+      checks: write # to note how far the ledger has come\n" in said.out
    upgraded = _texts(there.folder)
    assert set(new) - set(upgraded) == {".github/workflows/emergency.yml"}
    assert there.run("init", "--source", SOURCE).out.count("wrote ") == 1
    assert _texts(there.folder) == new
    assert there.run("validate").code == 0
