"""Files and folders that can't be read: said in one sentence, with what to do."""

import os
from pathlib import Path

import pytest

from reconciler.manifests.load import find
from reconciler.manifests.text import LARGEST
from tests.manifests.corpus import told

GOOD = "version: 1\ntickets:\n  - {guid: 6ede0e12-f7c0-4068-9977-001076205c84, status: Approved}\n"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_that_is_not_there() -> None:
    assert told("tickets.yaml", config=False) == (
        "tickets.yaml: error: there is no such file or folder [file/missing]\n    help: check the path\n1 error found\n"
    )


def test_an_empty_folder() -> None:
    Path("tickets").mkdir()
    assert told("tickets", config=False) == (
        "tickets: error: there is no manifest in this folder [file/none-found]\n"
        "    help: put manifests (*.yaml) into it, or .gitkeep if it is to be empty, or name another path\n"
        "1 error found\n"
    )


def test_a_folder_with_the_name_of_a_manifest() -> None:
    Path("tickets/web.yaml").mkdir(parents=True)
    Path("tickets/web.yaml/inner.yml").write_text(GOOD)
    refused = "web.yaml: error: this is a folder [file/not-regular]\n    help: name a file of text\n1 error found\n"
    assert told("tickets", config=False) == "tickets/" + refused
    assert told("tickets/web.yaml", config=False) == "tickets/" + refused


def test_a_configuration_that_is_a_folder() -> None:
    Path("reconciler.yaml").mkdir()
    assert told("reconciler.yaml", config=True) == (
        "reconciler.yaml: error: this is a folder [file/not-regular]\n    help: name a file of text\n1 error found\n"
    )


def test_a_link_that_points_to_itself() -> None:
    Path("loop.yaml").symlink_to("loop.yaml")
    assert told("loop.yaml", config=False) == (
        "loop.yaml: error: the file can't be read: too many levels of symbolic links [file/unreadable]\n"
        "    help: check its permissions and what it links to\n"
        "1 error found\n"
    )


def test_a_link_to_nothing_inside_a_folder() -> None:
    Path("tickets").mkdir()
    Path("tickets/web.yaml").symlink_to("gone.yaml")
    assert told("tickets", config=False) == (
        "tickets/web.yaml: error: there is no such file or folder [file/missing]\n"
        "    help: check the path\n"
        "1 error found\n"
    )


def test_a_link_to_a_folder_is_refused_rather_than_left_out() -> None:
    Path("tickets").mkdir()
    Path("tickets/web.yaml").write_text(GOOD)
    Path("tickets/all").symlink_to(".")
    assert told("tickets", config=False) == (
        "tickets/all: error: this link to a folder is not followed [file/link]\n"
        "    help: name the folder that it points to among the paths instead\n"
        "1 error found\n"
    )


def test_a_file_that_is_no_file() -> None:
    os.mkfifo("pipe.yaml")
    assert told("pipe.yaml", config=False) == (
        "pipe.yaml: error: this is not a regular file [file/not-regular]\n"
        "    help: name a file of text\n1 error found\n"
    )


def test_a_file_that_is_too_large_is_not_even_opened() -> None:
    with Path("large.yaml").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert told("large.yaml", config=False) == (
        "large.yaml: error: the file has 67,108,865 bytes, more than 67,108,864 [file/too-large]\n"
        "    help: split it over several files\n"
        "1 error found\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission() -> None:
    Path("secret.yaml").touch(mode=0o000)
    assert told("secret.yaml", config=False) == (
        "secret.yaml: error: the file can't be read: permission denied [file/unreadable]\n"
        "    help: check its permissions and what it links to\n"
        "1 error found\n"
    )


def test_hidden_files_and_other_files_of_a_folder_are_left_alone() -> None:
    Path("tickets/.git").mkdir(parents=True)
    for path in ("tickets/web.yaml", "tickets/.hidden.yaml", "tickets/.git/x.yaml", "tickets/notes.txt"):
        Path(path).write_text(GOOD if path.endswith("web.yaml") else "not: [yaml")
    assert told("tickets", config=False) == ""


def test_a_suffix_in_capitals_is_one_too() -> None:
    Path("tickets").mkdir()
    for name in ("a.YAML", "b.Yml"):
        Path("tickets", name).write_text(GOOD)
    assert find(["tickets"]) == (("tickets/a.YAML", "tickets/b.Yml"), ())


def test_a_file_is_read_once_however_often_it_is_named() -> None:
    Path("tickets").mkdir()
    Path("tickets/web.yaml").write_text(GOOD)
    Path("link.yaml").symlink_to("tickets/web.yaml")
    assert find(["./tickets", "tickets/web.yaml", "link.yaml"]) == (("tickets/web.yaml",), ())
