"""What a pull request can hold besides manifests: links out of it, special files, and files that are none."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.cli.main import main

GOOD = "version: 1\ntickets:\n  - {guid: 6ede0e12-f7c0-4068-9977-001076205c84, status: Approved}\n"
CONFIG = "version: 1\nserver: https://tpp.example.com\n"
SECRET = "s3cr3t-token-of-this-machine-abcdefghijklmnop"
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command line; the answer is the exit code and all that was printed."""
    for name in [name for name in os.environ if name.startswith(("TPP_", "GITHUB_"))]:
        monkeypatch.delenv(name)

    def called(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        said = capfd.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out + said.err

    return called


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside the repository that is worked in."""
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "tickets").mkdir()
    (repository / "reconciler.yaml").write_text(CONFIG)
    monkeypatch.chdir(repository)
    (tmp_path / "outside").mkdir()
    return tmp_path / "outside"


COMMANDS = [
    ("validate",),
    ("validate", "--format", "sarif"),
    ("validate", "--format", "json"),
    ("plan",),
    ("fmt",),
    ("fmt", "--check"),
]
TEXTS = [SECRET + "\n", f"token: {SECRET}\n", f"{SECRET}: x\n", f"[{SECRET}", f"- {SECRET}: 1\n  {SECRET}: 2\n", GOOD]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("way", ["link", "behind a link", "configuration", "link of a link"])
def test_a_link_out_of_the_repository_is_refused_and_never_read(
    command: tuple[str, ...], text: str, way: str, call: Call, outside: Path
) -> None:
    (outside / "token.yaml").write_text(text)
    (outside / ".git").mkdir()
    if way == "link":
        Path("tickets/web.yaml").symlink_to(outside / "token.yaml")
    elif way == "link of a link":
        Path("inner.yaml").symlink_to(outside / "token.yaml")
        Path("tickets/web.yaml").symlink_to("../inner.yaml")
    elif way == "behind a link":
        Path("tickets").rmdir()
        Path("tickets").symlink_to(outside)
    else:
        Path("reconciler.yaml").unlink()
        Path("reconciler.yaml").symlink_to(outside / "token.yaml")
    code, said = call(*command)
    assert code == 1
    assert "leads out of the repository" in said
    assert "s3cr3t" not in said


def test_a_link_to_a_regular_file_inside_the_repository_is_followed(call: Call) -> None:
    Path("shared").mkdir()
    Path("shared/web.yaml").write_text(GOOD)
    Path("tickets/web.yaml").symlink_to("../shared/web.yaml")
    assert call("validate") == (0, "valid: 1 decision in 1 file\n")
    Path("folder").symlink_to("shared")
    assert call("validate", "folder") == (0, "valid: 1 decision in 1 file\n")


def test_a_subfolder_belongs_to_the_whole_repository(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("shared.yaml").write_text(GOOD)
    Path("tickets/web.yaml").symlink_to("../shared.yaml")
    monkeypatch.chdir("tickets")
    code, said = call("validate", ".")
    assert (code, said.splitlines()[0]) == (0, "valid: 1 decision in 1 file")


def test_without_git_the_folder_of_the_configuration_counts(call: Call, outside: Path) -> None:
    (outside / "tickets").mkdir()
    (outside / "reconciler.yaml").write_text(CONFIG)
    (outside / "shared.yaml").write_text(GOOD)
    (outside / "tickets/web.yaml").symlink_to("../shared.yaml")
    config = str(outside / "reconciler.yaml")
    assert call("validate", "--config", config) == (0, "valid: 1 decision in 1 file\n")
    (outside / "tickets/other.yaml").symlink_to("../../token")
    (outside.parent / "token").write_text(SECRET)
    code, said = call("validate", "--config", config)
    assert (code, "leads out" in said, "s3cr3t" in said) == (1, True, False)


def test_a_file_outside_that_somebody_names_is_read(call: Call, outside: Path) -> None:
    (outside / "web.yaml").write_text(GOOD)
    assert call("validate", str(outside / "web.yaml")) == (0, "valid: 1 decision in 1 file\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("text", TEXTS[:-1])
def test_of_a_file_that_is_no_manifest_at_most_20_characters_are_shown(
    command: tuple[str, ...], text: str, call: Call
) -> None:
    Path("tickets/web.yaml").write_text(text)
    code, said = call(*command)
    assert code == 1
    assert SECRET[:21] not in said
    if not text.startswith(("token", SECRET + ":")):
        assert SECRET[:3] not in said


@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
@pytest.mark.parametrize("name", ["tickets/web.yaml", "reconciler.yaml"])
def test_special_files_are_refused_by_name_without_waiting(kind: str, name: str, call: Call) -> None:
    path = Path(name)
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    code, said = call("validate")
    assert code == 1
    assert f"{name}: error: this " in said


def test_sarif_names_the_place_of_a_refused_link(call: Call, outside: Path) -> None:
    Path("tickets/web.yaml").symlink_to(outside / "token")
    (outside / "token").write_text(SECRET)
    code, said = call("validate", "--format", "sarif")
    (result,) = json.loads(said)["runs"][0]["results"]
    assert (code, result["ruleId"]) == (1, "file/link")


def test_a_configuration_cannot_name_manifests_outside_of_the_repository(call: Call, outside: Path) -> None:
    (outside / "token").write_text(SECRET)
    Path("reconciler.yaml").write_text(f"{CONFIG}tickets: [tickets, ../outside/token]\n")
    code, said = call("validate")
    assert (code, "reconciler.yaml:3:20: error: this path leads out" in said, "s3cr3t" in said) == (1, True, False)
