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
from reconciler.github.branch import push_ledger
from reconciler.ledger.chain import check
from reconciler.ledger.heads import heads_not_in, ledger_head, ledger_heads
from reconciler.ledger.index import read_index
from reconciler.ledger.kept import KEPT
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
        (remove_the_lines, "No such file"),
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
