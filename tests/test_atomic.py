"""Files are replaced whole or not at all, and only where a regular file or nothing stands."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.atomic import atomic_write, make_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_readable_for_everybody(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", b"text")
    assert (tmp_path / "a").read_bytes() == b"text"
    assert mode(tmp_path / "a") == 0o644


def test_a_file_that_is_replaced_keeps_its_permissions_unless_others_are_given(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    atomic_write(path, [b"n", b"ew"])
    assert (path.read_bytes(), mode(path)) == (b"new", 0o640)
    atomic_write(path, b"secret", mode=0o600)
    assert mode(path) == 0o600


def test_data_that_ends_in_a_fault_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        atomic_write(path, pieces())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_never_followed_nor_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"mine")
    for points_to in (target, tmp_path / "nowhere"):
        link.unlink(missing_ok=True)
        link.symlink_to(points_to)
        with pytest.raises(OSError, match="this is a link; only a regular file is replaced"):
            atomic_write(link, b"yours")
        assert link.is_symlink()
    assert target.read_bytes() == b"mine"


def test_folders_and_special_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(IsADirectoryError):
        atomic_write(tmp_path / "folder", b"")
    with pytest.raises(OSError, match="this is a special file"):
        atomic_write(tmp_path / "fifo", b"")
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "no" / "such" / "folder", b"")


def test_a_folder_that_another_process_makes_at_the_same_time_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(tmp_path / "a/b")
    monkeypatch.setattr(Path, "exists", lambda path: path == tmp_path)
    make_folder(tmp_path / "a/b")
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a/b"]
