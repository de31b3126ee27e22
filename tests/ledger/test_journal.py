"""The journal: one file per run, every line durable when append returns, and nothing after a failed write."""

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from reconciler import atomic
from reconciler.codec import sha256
from reconciler.errors import LedgerBroken, LedgerUnwritable
from reconciler.ledger import journal
from reconciler.ledger.chain import check
from reconciler.ledger.files import new_run_id
from reconciler.ledger.heads import Beginning, head_digest, in_order, ledger_head, ledger_heads
from reconciler.ledger.history import read_lines
from reconciler.ledger.journal import Journal
from reconciler.ledger.lock import LOCK_FILE, hold_lock, this_process
from reconciler.model.decision import Source
from reconciler.model.plan import Shard
from reconciler.model.record import Head, Line, Opened
from reconciler.model.review import Review
from tests.builders import NOW, guid
from tests.ledger.ledgers import (
    FIRST,
    OPENED,
    PROVENANCE,
    SECOND,
    THIRD,
    decided,
    intent,
    open_files,
    open_run,
    recorded,
    write_run,
    write_three_runs,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/ledger.schema.json").read_text(encoding="utf-8"))


def test_a_run_id_tells_when_the_run_started_and_which_shard_it_is() -> None:
    plain, part = new_run_id(NOW), new_run_id(NOW, Shard(1, 4))
    assert plain.startswith("20261123T120000Z-")
    assert part.endswith("-1of4")
    assert plain[:24] != new_run_id(NOW)[:24]


def test_a_run_writes_one_file_whose_lines_fit_the_schema(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent(), recorded())
    assert path == tmp_path / "2026/11" / f"{FIRST}.jsonl"
    validator = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["entry"] for line in lines] == ["opened", "intent", "receipt"]
    for line in lines:
        validator.validate(line)


def test_a_line_says_everything_about_its_run(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent())
    line = json.loads(path.read_text().splitlines()[1])
    assert line == {
        "entry": "intent",
        "line": 2,
        "run": FIRST,
        "previous": line["previous"],
        "at": "2026-11-23T12:00:00Z",
        "operation": "000000000001",
        "guid": "00000001-0000-4000-8000-000000000000",
        "decision": f"sha256:{1:064x}",
        "before": {"status": "Pending"},
        "after": {"status": "Approved"},
        "object": r"\VED\Policy\Web\www.example.com",
        "workflow": r"\VED\Policy\Workflows\Stage 0",
        "change": "CHG0041234",
        "attempt": 1,
        "tool": "tpp-reconciler 1.0.0",
        "target": "https://tpp.example.com",
        "environment": "production",
        "identity": "local:{b6e6a98b-6419-4497-9249-860d136dfba0}",
        "commit": "9d2e1f7c0a7f1c9d2e1f7c0a7f1c9d2e1f7c0a7f",
        "repository": "example/tickets",
        "review": {
            "pull_request": 12,
            "author": "jdoe",
            "url": "https://github.com/example/tickets/pull/12",
            "last_pusher": "jdoe",
            "reviewers": ["asmith"],
            "merged_by": "asmith",
        },
        "workflow_run": "https://github.com/example/tickets/actions/runs/1",
    }


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83d\ude00 \ud83d", "plain \\ud800", "😀"])
def test_a_line_has_no_lone_surrogates_which_jq_would_refuse(tmp_path: Path, text: str) -> None:
    path = write_run(tmp_path, FIRST, intent(object=text))
    kept = json.loads(path.read_bytes().splitlines()[1])["object"]
    assert kept == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    read = subprocess.run(["jq", "-r", ".object"], input=path.read_bytes(), capture_output=True, check=True).stdout
    assert read.decode().splitlines()[1] == kept
    assert check(tmp_path).faults == ()


def test_sha256sum_and_jq_can_check_the_chain(tmp_path: Path) -> None:
    first, second, _ = write_three_runs(tmp_path)
    lines = first.read_bytes().splitlines()
    assert [json.loads(line)["previous"] for line in lines[1:]] == [sha256(line) for line in lines[:-1]]
    opening = json.loads(second.read_bytes().splitlines()[0])
    heads = json.dumps(opening["heads"], sort_keys=True, separators=(",", ":")).encode()
    assert opening["previous"] == sha256(heads)


def test_a_run_names_only_the_heads_that_no_other_run_leads_to(tmp_path: Path) -> None:
    *_, third = write_three_runs(tmp_path)
    (named,) = ledger_heads(tmp_path)
    assert (named.path, named.lines) == (third.relative_to(tmp_path).as_posix(), 3)
    assert named.hash == sha256(third.read_bytes().splitlines()[-1])
    assert ledger_head(tmp_path) == head_digest((named,))


def test_what_was_written_is_read_back_with_its_place_and_hash(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent())
    opened, asked = read_lines(tmp_path)
    raw = path.read_bytes().splitlines()
    source = Source(f"2026/11/{FIRST}.jsonl", 1)
    assert opened == Line(OPENED, FIRST, PROVENANCE, source, head_digest(()), sha256(raw[0]))
    assert asked == Line(intent(), FIRST, PROVENANCE, Source(source.path, 2), sha256(raw[0]), sha256(raw[1]))


def test_runs_are_read_in_the_order_of_their_heads_whatever_the_clock_said(tmp_path: Path) -> None:
    for number, run in enumerate((THIRD, FIRST, SECOND), start=1):
        write_run(tmp_path, run, intent(number))
    assert [line.run for line in read_lines(tmp_path) if isinstance(line.entry, Opened)] == [THIRD, FIRST, SECOND]


def test_a_run_never_writes_to_the_file_of_another(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent())
    before = path.read_bytes()
    with pytest.raises(LedgerUnwritable) as refused:
        write_run(tmp_path, FIRST)
    assert refused.value.message == f"the ledger can't be written: {path}: File exists"
    assert path.read_bytes() == before


def test_text_that_is_no_run_id_names_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not the id of a run"):
        write_run(tmp_path, "../../etc/passwd")


def test_the_run_after_a_crash_seals_the_last_whole_line(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST, intent(), recorded())
    path.write_bytes(path.read_bytes()[:-10])
    sealed = ledger_heads(tmp_path)
    assert [(head.path, head.lines) for head in sealed] == [(f"2026/11/{FIRST}.jsonl", 2)]
    write_run(tmp_path, SECOND)
    chain = check(tmp_path)
    assert (chain.faults, chain.torn) == ((), (Source(f"2026/11/{FIRST}.jsonl", 3),))
    assert [type(line.entry) for line in read_lines(tmp_path)] == [Opened, type(intent()), Opened]


def test_a_file_whose_first_line_was_cut_off_counts_as_never_written(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST)
    path.write_bytes(path.read_bytes()[:-1])
    assert ledger_heads(tmp_path) == ()
    assert list(read_lines(tmp_path)) == []
    assert check(tmp_path).torn == (Source(f"2026/11/{FIRST}.jsonl", 1),)


def test_a_line_that_cannot_be_read_stops_the_next_run(tmp_path: Path) -> None:
    path = write_run(tmp_path, FIRST)
    path.write_bytes(b"{}\n")
    with pytest.raises(LedgerBroken, match='1: the line can\'t be read: /: the member "entry" is missing'):
        write_run(tmp_path, SECOND)


def test_an_intent_is_refused_once_the_file_or_the_lock_is_not_where_its_path_says(tmp_path: Path) -> None:
    def clean() -> Path:
        (root / LOCK_FILE).unlink()
        return root / LOCK_FILE

    def clean_and_begin_anew() -> Path:
        (root / LOCK_FILE).unlink()
        (root / LOCK_FILE).touch()
        return root / LOCK_FILE

    def move() -> Path:
        root.rename(tmp_path / "elsewhere")
        return root / LOCK_FILE

    def remove() -> Path:
        journal.path.unlink()
        return journal.path

    def replace_by_a_link() -> Path:
        journal.path.rename(tmp_path / "kept.jsonl")
        journal.path.symlink_to(tmp_path / "kept.jsonl")
        return journal.path

    for number, happen in enumerate((clean, clean_and_begin_anew, move, remove, replace_by_a_link)):
        root = tmp_path / str(number) / "ledger"
        root.parent.mkdir()
        with open_run(root, FIRST) as journal:
            journal.append(intent(1))
            where = happen()
            with pytest.raises(LedgerUnwritable) as refused:
                journal.append(intent(2))
            assert refused.value.message == f"{where} was removed, replaced or moved while the run was going"
            assert refused.value.hint == (
                "put the ledger's folder back as it was (`git clean`, a checkout or a move took it away), "
                "then run again: what was sent and not recorded is found by reading the tickets"
            )
            journal.append(recorded(1))


def test_a_lock_that_another_run_holds_by_now_is_left_to_it(tmp_path: Path) -> None:
    with hold_lock(tmp_path, this_process(FIRST, NOW)):
        (tmp_path / LOCK_FILE).unlink()
        with hold_lock(tmp_path, this_process(SECOND, NOW)) as second:
            second.require_held()
        (tmp_path / LOCK_FILE).write_text("theirs")
    assert (tmp_path / LOCK_FILE).read_text() == "theirs"


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@needs_full
def test_a_full_disk_stops_the_run_and_nothing_is_appended_after_it(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with hold_lock(tmp_path, this_process(FIRST, NOW)) as lock:
        journal = Journal(tmp_path / "run.jsonl", full, lock, FIRST, PROVENANCE, head_digest(()))
        for _ in range(2):
            with pytest.raises(LedgerUnwritable) as refused:
                journal.append(intent())
            assert (
                refused.value.message == f"the ledger can't be written: {tmp_path}/run.jsonl: No space left on device"
            )
            assert refused.value.hint == (
                "free some space on that disk, "
                "then run again: what was sent and not recorded is found by reading the tickets"
            )
        journal.close()


FILL = """
import resource, sys
from pathlib import Path
from reconciler.errors import LedgerUnwritable
from tests.ledger.ledgers import FIRST, intent, open_run
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
done = 0
try:
    with open_run(Path(sys.argv[1]), FIRST) as journal:
        while True:
            journal.append(intent(done))
            done += 1
except LedgerUnwritable as error:
    print(done, error.message, error.hint, sep="|")
"""


def test_a_write_that_is_cut_off_leaves_a_torn_tail_and_a_chain_that_holds(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FILL, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    done, message, hint = told.strip().split("|")
    assert message == f"the ledger can't be written: {tmp_path}/2026/11/{FIRST}.jsonl: File too large"
    assert hint.startswith("raise the limit for the size of files (ulimit -f), then run again")
    assert (tmp_path / f"2026/11/{FIRST}.jsonl").stat().st_size == 4000
    chain = check(tmp_path)
    assert (chain.lines, chain.faults) == (int(done) + 1, ())
    assert chain.torn == (Source(f"2026/11/{FIRST}.jsonl", int(done) + 2),)
    write_run(tmp_path, SECOND, intent())
    assert check(tmp_path).faults == ()


@pytest.fixture
def powerless() -> Iterator[Path]:
    """A folder that this process may read but not write, also when the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        nobody = 65534
        if os.geteuid() == 0:
            os.seteuid(nobody)
            yield folder
            os.seteuid(0)
        else:
            yield folder
        folder.chmod(0o755)


def test_a_ledger_that_may_not_be_written_is_refused_before_the_run(powerless: Path) -> None:
    with pytest.raises(LedgerUnwritable) as refused:
        write_run(powerless / "ledger", FIRST)
    assert refused.value.message == f"the ledger can't be locked: {powerless}/ledger/.lock: Permission denied"
    assert refused.value.hint.startswith("let the user that runs the reconciler write to the folder of the ledger")


def test_a_ledger_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("no folder")
    with pytest.raises(LedgerUnwritable, match="Not a directory"):
        write_run(tmp_path / "ledger", FIRST)


def test_every_append_is_on_disk_when_it_returns_and_threads_share_the_syncing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync, held, entered = os.fsync, threading.Event(), threading.Event()
    with open_run(tmp_path, FIRST) as journal:

        def slow_fsync(descriptor: int) -> None:
            size = os.fstat(descriptor).st_size
            entered.set()
            assert held.wait(30)
            fsync(descriptor)
            synced.append(size)

        monkeypatch.setattr(os, "fsync", slow_fsync)
        broken: list[int] = []

        def append(number: int) -> None:
            journal.append(intent(number))
            line = f'"operation":"{number:012x}"'.encode()
            on_disk = journal.path.read_bytes()[: synced[-1]]
            if line not in on_disk:
                broken.append(number)

        threads = [threading.Thread(target=append, args=(number,)) for number in range(32)]
        threads[0].start()
        assert entered.wait(30)
        for thread in threads[1:]:
            thread.start()
        while journal._queued < 33:
            threading.Event().wait(0.001)
        held.set()
        for thread in threads:
            thread.join(30)
    assert broken == []
    assert len(synced) == 2
    assert check(tmp_path).faults == ()
    assert check(tmp_path).lines == 33


def test_what_follows_no_request_is_written_with_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, synced = os.fsync, list[int]()
    with open_run(tmp_path, FIRST) as opened:
        monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(descriptor), fsync(descriptor)))
        opened.append_all(())
        assert synced == []
        opened.append_all([recorded(1), recorded(2), recorded(3)])
        assert len(synced) == 1
        assert opened.head == sha256(opened.path.read_bytes().splitlines()[-1])
        assert check(tmp_path).lines == 4


def test_a_disk_that_takes_a_line_in_pieces_gets_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:100]))
    write_run(tmp_path, FIRST, intent(1), recorded(1))
    chain = check(tmp_path)
    assert (chain.lines, chain.torn, chain.faults) == (3, (), ())


def test_a_run_that_can_not_be_begun_is_told_why_and_leaves_no_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "ledger"
    month = root / "2026/11"
    again = "then run again: what was sent and not recorded is found by reading the tickets"

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def refused() -> tuple[str, str | None]:
        before = open_files()
        with pytest.raises(LedgerUnwritable) as error:
            write_run(root, FIRST)
        assert open_files() == before
        return error.value.message, error.value.hint

    root.mkdir()
    (root / "2026").touch()
    assert refused() == (
        f"the ledger can't be written: {month}: Not a directory",
        f"let `ledger` point to a folder, {again}",
    )
    (root / "2026").unlink()
    for name, place in (("sync", month / f"{FIRST}.jsonl"), ("sync_folder", month)):
        with monkeypatch.context() as patch:
            patch.setattr(journal, name, fail)
            assert refused() == (
                f"the ledger can't be written: {place}: Input/output error",
                f"see why that disk can't be written, {again}",
            )
        (month / f"{FIRST}.jsonl").unlink()


def test_after_an_interrupted_write_nothing_is_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether that line is on disk is not known, so no line may vouch for it, and no request may follow it."""

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with open_run(tmp_path, FIRST) as opened:
        with monkeypatch.context() as patch:
            patch.setattr(journal, "sync", interrupt)
            with pytest.raises(KeyboardInterrupt):
                opened.append(intent(1))
        with pytest.raises(LedgerUnwritable, match=f"{FIRST}.jsonl: Interrupted system call"):
            opened.append(intent(2))
    assert [type(line.entry) for line in read_lines(tmp_path)] == [Opened, type(intent())]


def test_the_file_of_a_run_is_readable_for_all_and_what_others_put_into_it_is_never_overwritten(tmp_path: Path) -> None:
    with open_run(tmp_path, FIRST) as opened:
        assert stat.S_IMODE(opened.path.stat().st_mode) == 0o644
        with opened.path.open("ab") as file:
            file.write(b"put in\n")
        opened.append(recorded(1))
    assert opened.path.read_bytes().splitlines()[1] == b"put in"
    assert [fault.source.line for fault in check(tmp_path).faults] == [2, 3]


def test_a_journal_that_was_closed_is_closed_once_and_takes_no_more(tmp_path: Path) -> None:
    with open_run(tmp_path, FIRST) as opened:
        opened.close()
        before = open_files()
        with pytest.raises(LedgerUnwritable, match="Bad file descriptor"):
            opened.append(recorded(1))
    assert open_files() == before - 1, "only the lock is let go"


def test_every_line_about_a_ticket_names_the_people_who_decided_on_it(tmp_path: Path) -> None:
    theirs = Review(13, "mmuster", "https://github.com/example/tickets/pull/13")
    with hold_lock(tmp_path, this_process(FIRST, NOW)) as lock:
        reviews = {guid(1): theirs, guid(2): None}
        with journal.open_journal(lock, FIRST, PROVENANCE, OPENED, reviews) as opened:
            for number in (1, 2, 3):
                opened.append(intent(number))
    reviews_told = [line.provenance.review for line in read_lines(tmp_path)]
    assert reviews_told == [PROVENANCE.review, theirs, None, PROVENANCE.review]


@needs_full
def test_when_the_disk_fails_every_waiting_thread_is_told(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    told: list[int | None] = []

    def append(number: int) -> None:
        try:
            journal.append(intent(number))
        except LedgerUnwritable as error:
            told.append(error.__cause__.errno if isinstance(error.__cause__, OSError) else None)

    with hold_lock(tmp_path, this_process(FIRST, NOW)) as lock:
        journal = Journal(tmp_path / "x", full, lock, FIRST, PROVENANCE, head_digest(()))
        threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        journal.close()
    assert told == [errno.ENOSPC] * 8


def test_shards_write_files_that_merge_and_verify_as_one(tmp_path: Path) -> None:
    base, one, two = tmp_path / "base", tmp_path / "one", tmp_path / "two"
    write_run(base, FIRST, intent(1), recorded(1))
    for copy, part in ((one, "1of2"), (two, "2of2")):
        subprocess.run(["cp", "-r", base, copy], check=True)
        write_run(copy, f"{SECOND}-{part}", intent(2), recorded(2), shard=part)
    subprocess.run(["cp", "-r", f"{two}/.", one], check=True)
    write_run(one, THIRD, intent(3))
    chain = check(one)
    assert (chain.files, chain.lines, chain.faults, chain.torn) == (4, 11, (), ())
    opening = next(line.entry for line in read_lines(one) if line.run == THIRD)
    assert isinstance(opening, Opened)
    assert [head.path for head in opening.heads] == [f"2026/11/{SECOND}-{part}.jsonl" for part in ("1of2", "2of2")]


def test_the_names_of_a_new_file_and_its_folders_are_on_disk_before_the_first_intent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut must not take the file away whose lines were synced: the next run would send again."""
    synced: list[tuple[Path, set[str]]] = []
    sync_folder = atomic.sync_folder

    def noted(folder: Path) -> None:
        synced.append((folder, {path.name for path in folder.iterdir()}))
        sync_folder(folder)

    for module in (atomic, journal):
        monkeypatch.setattr(module, "sync_folder", noted)
    root = tmp_path / "state/ledger"
    with open_run(root, FIRST) as opened:
        on_disk = {folder / name for folder, names in synced for name in names}
        assert {opened.path, *list(opened.path.parents)[:4]} <= on_disk


def test_shards_that_do_not_know_of_each_other_are_told_in_the_order_of_their_paths() -> None:
    """Whatever the order in which a file system lists them: the same ledger gives the same log, pack and last word."""

    def begun(path: str, *names: str) -> Beginning:
        return Beginning(path, Opened(NOW, decided(1), tuple(Head(name, decided(2), 1) for name in names)))

    assert in_order((begun("b"), begun("a"))) == ("a", "b")
    assert in_order((begun("0", "2", "1"), begun("2"), begun("1"))) == ("1", "2", "0")
