"""Archives: old runs in compressed files, through which the chain goes, on the branch of the ledger, too."""

import gzip
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.app.ledger_branch import take_from_branch
from reconciler.cli.main import main
from reconciler.codec import sha256
from reconciler.errors import LedgerBroken
from reconciler.github.branch import push_ledger
from reconciler.ledger import archive
from reconciler.ledger.archive import archived, faults_of, remove_archived, write_archives
from reconciler.ledger.chain import check
from reconciler.ledger.files import count_lines, ledger_files, survey, whole_lines
from reconciler.ledger.heads import heads_not_in, ledger_head, ledger_heads
from reconciler.ledger.index import read_index
from reconciler.ledger.kept import KEPT
from reconciler.model.decision import Problem, Source
from reconciler.model.record import Head
from reconciler.model.settings import LedgerBranch
from tests.builders import guid
from tests.github.repository import clone, files, git, make_remote
from tests.ledger.ledgers import closed, intent, recorded, write_run

RUNS = tuple(f"2023{month:02}{day:02}T120000Z-0000{month:02}" for month, day in ((1, 5), (1, 20), (2, 3), (9, 1)))
OLD = ("2023/01/" + RUNS[0] + ".jsonl", "2023/01/" + RUNS[1] + ".jsonl", "2023/02/" + RUNS[2] + ".jsonl")
TARGETS = ("https://tpp.example.com",)
BRANCH = "reconciler-ledger"


def write_years(root: Path) -> tuple[tuple[Head, ...], ...]:
    """Write four runs and return the heads as they were after each of them."""
    noted = []
    for number, run in enumerate(RUNS, start=1):
        entries = (intent(number), recorded(number), *((closed(1),) if number == 3 else ()))
        write_run(root, run, *entries)
        noted.append(ledger_heads(root))
    return tuple(noted)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_years(tmp_path / "ledger")
    return tmp_path / "ledger"


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(["ledger", *arguments])
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


def runs_in(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jsonl"))


def test_everything_reads_as_before_and_what_was_noted_earlier_stays_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "ledger"
    noted = write_years(root)
    asks: tuple[tuple[str, ...], ...] = (
        ("log",), ("log", "--ticket", guid(1)), ("log", "--format", "json"), ("export",), ("population",), ("policy",),
    )  # fmt: skip
    before = [called(capsys, *ask) for ask in asks]
    head, lines = ledger_head(root), check(root).lines
    recalled = read_index(root, [guid(1), guid(2)], TARGETS).histories

    code, out, _ = called(capsys, "archive", "--before", "2023-03-01")
    assert (code, out) == (0, "archived 3 runs in 2 archives\n")
    assert runs_in(root) == [f"2023/09/{RUNS[3]}.jsonl"]
    assert not (root / "2023/01").exists(), "no empty folder is left"

    assert [called(capsys, *ask) for ask in asks] == before
    assert read_index(root, [guid(1), guid(2)], TARGETS).histories == recalled
    chain = check(root)
    assert (chain.faults, chain.lines, chain.head, ledger_head(root)) == ((), lines, head, head)
    assert all(heads_not_in(root, heads) == () for heads in noted)
    for heads in noted:
        assert called(capsys, "verify", "--head", heads[0].hash)[0] == 0
    write_run(root, "20230902T120000Z-00000e", intent(9), recorded(9))
    assert check(root).faults == ()


def test_no_tool_of_ours_is_needed_to_read_an_archive(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = b"".join((ledger / path).read_bytes() for path in OLD[:2])
    called(capsys, "archive", "--before", "2023-03-01")
    (packed,) = (ledger / "archive").glob("2023-01-*.jsonl.gz")
    assert subprocess.run(["gzip", "-dc", str(packed)], capture_output=True, check=True).stdout == lines
    listed = json.loads(packed.with_name(packed.name.replace(".jsonl.gz", ".json")).read_text())
    assert (listed["version"], [run["path"] for run in listed["runs"]]) == (1, list(OLD[:2]))


def test_what_is_archived_once_is_not_archived_again(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, "archive", "--before", "2023-01-10")
    assert called(capsys, "archive", "--before", "2023-01-10")[1] == "archived 0 runs in 0 archives\n"
    code, out, _ = called(capsys, "archive", "--before", "2023-03-01", "--format", "json")
    assert (code, json.loads(out)["runs"]) == (0, list(OLD[1:]))
    assert called(capsys, "verify")[0] == 0


def test_a_pack_of_archived_runs_has_their_lines_and_is_compressed(
    ledger: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = (ledger / OLD[0]).read_bytes()
    called(capsys, "export", "--pack", "before.zip", "--ticket", guid(1))
    called(capsys, "archive", "--before", "2023-03-01")
    assert called(capsys, "export", "--pack", "after.zip", "--ticket", guid(1))[0] == 0
    assert Path("before.zip").read_bytes() == Path("after.zip").read_bytes()
    with zipfile.ZipFile("after.zip") as pack:
        assert pack.read(f"ledger/{OLD[0]}") == lines
        assert sum(each.compress_size for each in pack.infolist()) < sum(each.file_size for each in pack.infolist()) / 2
        pack.extractall(tmp_path / "pack")
    assert called(capsys, "verify", "--pack", str(tmp_path / "pack"))[0] == 0


def test_the_site_shows_archived_runs(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, "archive", "--before", "2023-03-01")
    with pytest.raises(SystemExit) as left:
        main(["report", "--out", "site"])
    assert left.value.code == 0


def edit_a_line(folder: Path) -> None:
    (packed,) = folder.glob("2023-02-*.jsonl.gz")
    lines = gzip.decompress(packed.read_bytes())
    packed.write_bytes(gzip.compress(lines.replace(b"CHG0041234", b"CHG0041235"), mtime=0))


def damage(folder: Path) -> None:
    (packed,) = folder.glob("2023-02-*.jsonl.gz")
    data = packed.read_bytes()
    packed.write_bytes(data[:50] + bytes(byte ^ 255 for byte in data[50:60]) + data[60:])


def cut(folder: Path) -> None:
    (packed,) = folder.glob("2023-02-*.jsonl.gz")
    packed.write_bytes(packed.read_bytes()[:-20])


def add_bytes(folder: Path) -> None:
    (packed,) = folder.glob("2023-02-*.jsonl.gz")
    packed.write_bytes(packed.read_bytes() + gzip.compress(b"more\n"))


def remove_the_lines(folder: Path) -> None:
    next(folder.glob("2023-02-*.jsonl.gz")).unlink()


def put_a_link(folder: Path) -> None:
    (packed,) = folder.glob("2023-02-*.jsonl.gz")
    packed.rename(folder / "kept")
    packed.symlink_to("kept")


def remove_both(folder: Path) -> None:
    for path in folder.glob("2023-02-*"):
        path.unlink()


def change_the_list(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (listed,) = folder.glob("2023-02-*.json")
        text = listed.read_text()
        assert old in text
        listed.write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (edit_a_line, "ledger/"),
        (damage, "damaged"),
        (cut, "ledger/"),
        (add_bytes, "the file has other parts than the list beside it tells"),
        (change_the_list('"offset": 0', '"offset": 1'), "damaged"),
        (remove_the_lines, "No such file"),
        (put_a_link, "Too many levels of symbolic links"),
        (remove_both, "the file was removed"),
        (change_the_list('"hash":', '"hash ":'), "no list of an archive"),
        (change_the_list('"version": 1', '"version": 2'), "upgrade"),
        (change_the_list('"lines": 4', '"lines": 5'), "the list of its archive names another last line"),
        (change_the_list(RUNS[2], RUNS[2].replace("0000", "0001")), "belongs at"),
    ],
)
def test_every_change_of_an_archive_is_found(
    ledger: Path, capsys: pytest.CaptureFixture[str], tamper: Callable[[Path], None], said: str
) -> None:
    called(capsys, "archive", "--before", "2023-03-01")
    tamper(ledger / "archive")
    code, out, err = called(capsys, "verify")
    assert code == 4
    assert said in out + err


def test_files_that_a_crash_left_beside_their_archive_are_no_fault(
    ledger: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(ledger, tmp_path / "copy")
    called(capsys, "archive", "--before", "2023-03-01")
    shutil.copytree(tmp_path / "copy", ledger, dirs_exist_ok=True)
    assert called(capsys, "verify")[0] == 0
    assert called(capsys, "archive", "--before", "2023-03-01")[0] == 0
    assert runs_in(ledger) == [f"2023/09/{RUNS[3]}.jsonl"]


def test_a_file_with_other_lines_than_its_archive_is_a_fault(
    ledger: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = (ledger / OLD[0]).read_bytes()
    called(capsys, "archive", "--before", "2023-03-01")
    (ledger / "2023/01").mkdir()
    (ledger / OLD[0]).write_bytes(lines.replace(b"CHG0041234", b"CHG0041235"))
    code, out, _ = called(capsys, "verify")
    assert (code, "an archive has this run, too, with other lines" in out) == (4, True)


def test_runs_of_the_last_day_stay_and_a_ledger_in_use_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from reconciler.app.context import SystemClock
    from reconciler.ledger.files import new_run_id
    from reconciler.ledger.lock import hold_lock, this_process

    monkeypatch.chdir(tmp_path)
    now = SystemClock().now()
    write_run(tmp_path / "ledger", new_run_id(now), intent(1))
    assert called(capsys, "archive", "--before", "2099-01-01")[1] == "archived 0 runs in 0 archives\n"
    with hold_lock(tmp_path / "ledger", this_process("20230101T000000Z-00000a", now)):
        assert called(capsys, "archive", "--before", "2099-01-01")[0] == 8


def test_the_branch_has_the_archives_and_an_old_clone_does_not_bring_the_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = make_remote(tmp_path / "origin")
    one, two = clone(remote, tmp_path / "one"), clone(remote, tmp_path / "two")
    noted = write_years(one.root / "ledger")
    push_ledger(one, one.root / "ledger", BRANCH, "Record", beside=KEPT)
    take_from_branch(two, two.root / "ledger", LedgerBranch(BRANCH))
    write_run(two.root / "ledger", "20230902T120000Z-00000e", intent(9))

    monkeypatch.chdir(one.root)
    Path("reconciler.yaml").write_text(f"version: 1\nledger: {{path: ledger, branch: {BRANCH}}}\n")
    assert called(capsys, "archive", "--before", "2023-03-01")[0] == 0
    assert set(files(remote, BRANCH, ".jsonl")) == {f"2023/09/{RUNS[3]}.jsonl"}
    assert len(git(remote, "ls-tree", "-r", "--name-only", BRANCH, "archive/").splitlines()) == 4

    push_ledger(two, two.root / "ledger", BRANCH, "Record a run of an old clone", beside=KEPT)
    assert set(files(remote, BRANCH, ".jsonl")) == {f"2023/09/{RUNS[3]}.jsonl", "2023/09/20230902T120000Z-00000e.jsonl"}
    take_from_branch(two, two.root / "ledger", LedgerBranch(BRANCH))
    assert len(runs_in(two.root / "ledger")) == 2
    assert check(two.root / "ledger").faults == ()
    assert all(heads_not_in(two.root / "ledger", heads) == () for heads in noted)
    assert push_ledger(two, two.root / "ledger", BRANCH, "Nothing", beside=KEPT) is None


def test_lines_that_an_archive_lacks_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine that never pushed the end of a run, whose beginning another one has archived meanwhile, is told so."""
    remote = make_remote(tmp_path / "origin")
    one, two = clone(remote, tmp_path / "one"), clone(remote, tmp_path / "two")
    write_years(two.root / "ledger")
    shutil.copytree(two.root / "ledger", one.root / "ledger")
    short = one.root / "ledger" / f"2023/09/{RUNS[3]}.jsonl"
    short.write_bytes(b"".join(short.read_bytes().splitlines(keepends=True)[:2]))
    push_ledger(one, one.root / "ledger", BRANCH, "Record", beside=KEPT)
    monkeypatch.chdir(one.root)
    monkeypatch.setenv("RECONCILER_LEDGER_BRANCH", BRANCH)
    assert called(capsys, "archive", "--before", "2023-10-01")[0] == 0
    monkeypatch.chdir(two.root)
    code, _, err = called(capsys, "archive", "--before", "2023-01-01")
    assert (code, "with other lines" in err) == (4, True), err


def fault(root: Path) -> tuple[str, str | None]:
    with pytest.raises(LedgerBroken) as broken:
        ledger_files(root)
    return broken.value.message, broken.value.hint


def packed_in(root: Path) -> dict[str, list[str]]:
    """The runs of each archive by the name of its list."""
    return {
        path.name: [run["path"] for run in json.loads(path.read_text())["runs"]]
        for path in sorted((root / "archive").glob("*.json"))
    }


def test_an_archive_has_one_month_and_no_more_than_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {run: f"line of {run}\n".encode() * 100 for run in RUNS}
    heads = {run: Head(f"{run[:4]}/{run[4:6]}/{run}.jsonl", sha256(lines[run]), 100) for run in RUNS}
    sizes = {run: len(gzip.compress(lines[run], mtime=0)) for run in RUNS}

    def written(largest: int, *runs: str) -> list[list[str]]:
        monkeypatch.setattr(archive, "_LARGEST", largest)
        root = tmp_path / f"{largest}-{len(runs)}"
        root.mkdir()
        lists = write_archives(root, [(heads[run], lines[run]) for run in runs])
        assert {path.name for path in lists} == set(packed_in(root))
        return list(packed_in(root).values())

    one, two, three, _ = (heads[run].path for run in RUNS)
    both = sizes[RUNS[0]] + sizes[RUNS[1]]
    assert written(both, *RUNS[:3]) == [[one, two], [three]]
    assert written(both - 1, *RUNS[:2]) in ([[one], [two]], [[two], [one]])
    assert written(both, RUNS[1], RUNS[0]) == [[one, two]]
    assert written(1, RUNS[0]) == [[one]]
    assert write_archives(tmp_path, []) == ()


def test_an_archive_is_named_after_its_month_and_content_and_lists_where_each_run_begins(tmp_path: Path) -> None:
    packed = [gzip.compress(text, mtime=0) for text in (b"one\n", b"two\n", b"three\n")]
    paths = (*OLD[:2], "2023/01/20230125T120000Z-00000a.jsonl")
    heads = [Head(path, sha256(text), 1) for path, text in zip(paths, (b"one", b"two", b"three"), strict=True)]
    digest = sha256(b"".join(packed))
    (listed,) = write_archives(tmp_path, zip(heads, (b"one\n", b"two\n", b"three\n"), strict=True))
    assert listed == tmp_path / f"archive/2023-01-{digest.removeprefix('sha256:')[:12]}.json"
    assert listed.with_suffix(".jsonl.gz").read_bytes() == b"".join(packed)
    assert json.loads(listed.read_text()) == {
        "version": 1,
        "sha256": digest,
        "runs": [
            {"path": head.path, "lines": 1, "hash": head.hash, "offset": offset, "size": len(each)}
            for head, offset, each in zip(heads, (0, len(packed[0]), len(packed[0] + packed[1])), packed, strict=True)
        ],
    }


def test_a_run_is_unpacked_piece_by_piece_however_it_is_read(tmp_path: Path) -> None:
    runs = {path: b"".join(b"%d of %s\n" % (number, path.encode()) for number in range(50_000)) for path in OLD[:2]}
    write_archives(tmp_path, [(Head(path, sha256(text), 50_000), text) for path, text in runs.items()])
    for path, text in runs.items():
        for buffering in (1, 8192, 1 << 20):
            with archived(tmp_path)[path].open(buffering) as file:
                assert file.readline() == text[: text.index(b"\n") + 1]
                assert file.read() == text[text.index(b"\n") + 1 :]
                assert file.read() == b""
        assert list(whole_lines(tmp_path, path)) == text.splitlines()
        assert count_lines(tmp_path, path) == 50_000


def test_what_is_wrong_with_an_archive_is_told_with_its_place_and_what_to_do(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(capsys, "archive", "--before", "2023-03-01")
    folder = ledger / "archive"
    (listed,) = folder.glob("2023-02-*.json")
    packed = listed.with_suffix(".jsonl.gz")
    whole, text = packed.read_bytes(), listed.read_text()
    restore = "restore it from the ledger's branch or a backup, and find out who changed it"

    packed.write_bytes(whole + b"more")
    assert fault(ledger) == (f"{packed}: the file has other parts than the list beside it tells", restore)
    packed.write_bytes(whole)
    listed.write_text(text.replace('"offset": 0', '"offset": 1'))
    assert fault(ledger) == (f"{packed}: the file has other parts than the list beside it tells", restore)
    listed.write_text(text)
    packed.unlink()
    assert fault(ledger) == (f"{packed}: the file is not there that the list beside it tells of", restore)
    packed.write_bytes(whole[:50] + b"?" * 20 + whole[70:])
    with pytest.raises(LedgerBroken, match=f"{OLD[2]} can't be read: it is damaged: Error -3"):
        list(whole_lines(ledger, OLD[2]))
    packed.write_bytes(whole[:-20])
    with pytest.raises(LedgerBroken, match=f"{OLD[2]} can't be read: it was cut off"):
        list(whole_lines(ledger, OLD[2]))
    packed.write_bytes(whole)

    listed.write_text("{}")
    message, hint = fault(ledger)
    assert (message.startswith(f"{listed} is no list of an archive: /: "), hint) == (True, restore)
    listed.write_text(text.replace('"version": 1', '"version": 2'))
    message, hint = fault(ledger)
    newer = "written by a newer release: archive version 2 is not supported, this release reads version 1"
    assert message == f"{listed}: {newer}"
    assert hint == "upgrade to a release that reads it"
    listed.write_text(text)

    (folder / "._2023.json").write_bytes(b"what some systems put beside a file")
    assert ledger_files(ledger)[0] == OLD[0]
    (ledger / OLD[0]).parent.mkdir()
    (ledger / OLD[0]).write_bytes(b"another line\n")
    assert fault(ledger) == (
        f"{ledger}/{OLD[0]}: an archive has this run, too, with other lines",
        "find out which of the two was changed, and remove it",
    )
    shutil.rmtree(folder)
    folder.symlink_to("archive")
    assert fault(ledger) == (f"{folder} can't be read: Too many levels of symbolic links", restore)


def test_a_list_that_names_another_last_line_is_told_at_its_run(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(capsys, "archive", "--before", "2023-03-01")
    change_the_list('"lines": 4', '"lines": 5')(ledger / "archive")
    message = "the list of its archive names another last line than the archive has: one of the two was changed"
    assert Problem("ledger/archive", Source(OLD[2]), message) in check(ledger).faults


def test_a_run_that_has_lines_of_its_own_is_not_removed_and_a_torn_end_is_none(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an archive lacks must not be lost; what a crash cut off was never written."""
    lines = {path: (ledger / path).read_bytes() for path in OLD}
    called(capsys, "archive", "--before", "2023-03-01")
    for path, data in ((OLD[0], lines[OLD[0]] + b"torn"), (OLD[1], lines[OLD[1]] + b"one more\n"), (OLD[2], b"")):
        (ledger / path).parent.mkdir(exist_ok=True)
        (ledger / path).write_bytes(data)
    twice = Problem(
        "ledger/twice",
        Source(OLD[1]),
        "an archive has this run, too, with other lines",
        "find out which of the two was changed, and remove it",
    )
    assert survey(ledger)[1] == (twice,)
    assert remove_archived(ledger) == (OLD[0], OLD[2])
    assert runs_in(ledger) == [OLD[1], f"2023/09/{RUNS[3]}.jsonl"]
    assert not (ledger / "2023/02").exists()


def test_every_archive_that_is_not_there_is_told_and_the_order_of_a_list_means_nothing(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(capsys, "archive", "--before", "2023-10-01")
    first, *others = sorted((ledger / "archive").glob("*.json"))
    listed = json.loads(first.read_text())
    first.write_text(json.dumps(listed | {"runs": listed["runs"][::-1]}))
    assert check(ledger).faults == ()
    packed = [path.with_suffix(".jsonl.gz") for path in others]
    packed[0].write_bytes(packed[0].read_bytes() + b"more")
    packed[1].unlink()
    assert [(problem.code, problem.source.path) for problem in faults_of(ledger)] == [
        ("ledger/archive", f"archive/{path.name}") for path in packed
    ]
    packed[0].unlink()
    assert [problem.source.path for problem in faults_of(ledger)] == [f"archive/{path.name}" for path in packed]


def test_folders_go_with_the_last_run_that_was_in_them(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, "archive", "--before", "2023-10-01")
    assert [path.name for path in ledger.iterdir() if path.is_dir()] == ["archive"]
