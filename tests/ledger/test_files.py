"""The files of a ledger: what counts as one, what else may lie there, and the lines that are whole."""

import errno
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.codec import sha256
from reconciler.errors import LedgerBroken
from reconciler.ledger.archive import open_regular
from reconciler.ledger.chain import check
from reconciler.ledger.files import (
    began,
    count_lines,
    first_line,
    head_of,
    is_ledger_file,
    last_line,
    ledger_files,
    new_run_id,
    segment_bytes,
    survey,
    whole_lines,
)
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import Shard
from reconciler.model.value import Head
from tests.builders import NOW
from tests.ledger.ledgers import FIRST, SECOND, write_run

RUN = f"2026/11/{FIRST}.jsonl"


def test_the_id_of_a_run_names_its_file_and_tells_when_it_began() -> None:
    assert re.fullmatch(r"20261123T120000Z-[0-9a-f]{6}", new_run_id(NOW))
    assert re.fullmatch(r"20261123T120000Z-[0-9a-f]{6}-1of4", new_run_id(NOW, Shard(1, 4)))
    assert began(f"2026/11/{FIRST}.jsonl") == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert [is_ledger_file(path) for path in (RUN, f"{RUN}/", f"x{RUN}", "archive/2026-11-0.json")] == [True] + 3 * [
        False
    ]


def test_whatever_could_hide_or_fake_lines_is_told_and_all_else_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "ledger"
    write_run(root, FIRST)
    (root / RUN).with_name("copy.json").write_text("beside")
    (root / ".git").mkdir()
    (root / ".git/link").symlink_to(root / RUN)
    (root / "plans").mkdir()
    (root / "plans/note.txt").write_text("beside")
    assert survey(root) == ((RUN,), ())
    assert ledger_files(root) == (RUN,)

    (root / "2026/12").symlink_to(root / "2026/11")
    (root / "2026/11/a.jsonl").mkdir()
    (root / "2026/moved.jsonl").write_text("")
    os.mkfifo(root / "2026/11/b.jsonl")
    link = Problem(
        "ledger/link",
        Source("2026/12"),
        "this is a link; a ledger has only regular files and folders",
        "put the file itself there, or remove the link",
    )
    others = (
        Problem(
            "ledger/folder",
            Source("2026/11/a.jsonl"),
            "this is a folder, and only the file of a run has such a name",
            "remove it, or move it out of the ledger",
        ),
        Problem(
            "ledger/special",
            Source("2026/11/b.jsonl"),
            "this is a special file; a ledger has only regular files and folders",
            "remove it",
        ),
        link,
        Problem(
            "ledger/misplaced",
            Source("2026/moved.jsonl"),
            "lines that lie here are never read: the file of a run lies at <year>/<month>/<run>.jsonl",
            "move it back to where its run was written",
        ),
    )
    assert survey(root) == ((RUN,), others)
    assert check(root).faults == others
    (root / "2026/11/a.jsonl").rmdir()
    (root / "2026/11/b.jsonl").unlink()
    with pytest.raises(LedgerBroken) as broken:
        ledger_files(root)
    assert (broken.value.message, broken.value.hint) == (f"{root}/2026/12: {link.message}", link.hint)


def test_a_file_that_becomes_a_link_or_a_pipe_is_not_read(tmp_path: Path) -> None:
    """Between the look at a folder and the reading somebody can put another file in its place."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    for name, what in (("link", "Too many levels of symbolic links"), ("pipe", "this is no regular file")):
        with pytest.raises(OSError, match=what) as refused:
            open_regular(tmp_path / name, 8192)
        assert refused.value.strerror == what
        assert refused.value.filename == str(tmp_path / name)
        assert refused.value.errno == (errno.ELOOP if name == "link" else errno.EINVAL)


def test_a_part_of_the_ledger_that_can_not_be_read_is_told_with_what_to_do(tmp_path: Path) -> None:
    for read in (first_line, last_line, count_lines, segment_bytes, head_of):
        with pytest.raises(LedgerBroken) as broken:
            read(tmp_path, RUN)
        assert broken.value.message == f"{tmp_path}/{RUN} can't be read: No such file or directory"
        assert broken.value.hint == (
            "let the user that runs the reconciler read the whole ledger; "
            "without it nothing can be told done from missing"
        )


def test_a_ledger_that_is_no_folder_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("")
    with pytest.raises(LedgerBroken, match=f"^{tmp_path}/ledger can't be read: Not a directory$"):
        survey(tmp_path / "ledger")


@pytest.mark.parametrize("length", [0, 1, 8191, 8192, 65534, 65535, 65536, 65537, 70000, 1 << 20])
@pytest.mark.parametrize("torn", [b"", b"x", b"x" * 70000])
def test_lines_are_whole_however_long_they_are_and_whatever_a_crash_left_behind_them(
    tmp_path: Path, length: int, torn: bytes
) -> None:
    path, line = tmp_path / RUN, b"l" * length
    path.parent.mkdir(parents=True)
    for before in ([], [b"first"], [b"first", b"s" * 70000]):
        lines = [*before, line]
        whole = b"".join(each + b"\n" for each in lines)
        path.write_bytes(whole + torn)
        assert first_line(tmp_path, RUN) == lines[0]
        assert last_line(tmp_path, RUN) == line
        assert head_of(tmp_path, RUN) == Head(RUN, sha256(line), len(lines))
        assert segment_bytes(tmp_path, RUN) == whole
        assert list(whole_lines(tmp_path, RUN)) == lines
    path.write_bytes(torn)
    assert (first_line(tmp_path, RUN), last_line(tmp_path, RUN), head_of(tmp_path, RUN)) == (None, None, None)
    assert (segment_bytes(tmp_path, RUN), list(whole_lines(tmp_path, RUN))) == (b"", [])


def test_files_are_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for run in (SECOND, FIRST):
        write_run(tmp_path, run)
    assert ledger_files(tmp_path) == (RUN, f"2026/11/{SECOND}.jsonl")


def test_files_are_found_wherever_a_system_lists_the_folder_of_git(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    paths = tuple(f"{year}/01/{year}0121T120000Z-00000a.jsonl" for year in range(2010, 2030))
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    assert ledger_files(tmp_path) == paths
