"""What lies below the ledger is what runs wrote there, or every command that reads it says what is wrong and where."""

import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.codec import sha256
from reconciler.ledger.lock import hold_lock, this_process
from reconciler.sandbox.running import Listening, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.cli.repo import FIRST, SECOND, Repo

READERS = (
    ("plan",),
    ("apply", "--yes"),
    ("explain", FIRST),
    ("tidy", "--dry-run"),
    ("ledger", "log"),
    ("ledger", "log", "--format", "json"),
    ("ledger", "export"),
    ("ledger", "export", "--format", "json"),
    ("ledger", "export", "--pack", "pack.zip"),
    ("ledger", "verify"),
    ("report", "--out", "site"),
)
TICKETS = (
    TicketSeed(FIRST, r"\VED\Policy\Web\www.example.com"),
    TicketSeed(SECOND, r"\VED\Policy\Web\shop.example.com"),
)
APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: ok}}"
REJECT = f"{{guid: {SECOND}, status: Rejected, explanation: no}}"


@pytest.fixture
def segment(repo: Repo) -> Path:
    """The file of a run that approved a ticket."""
    repo.configure()
    repo.decide(APPROVE)
    assert repo.run("apply", "--yes").code == 0
    (path,) = repo.folder.glob("ledger/*/*/*.jsonl")
    return path


def link(segment: Path) -> str:
    kept = segment.parents[3] / "elsewhere.jsonl"
    shutil.move(segment, kept)
    segment.symlink_to(kept)
    return "this is a link; a ledger has only regular files and folders"


def link_to_a_folder(segment: Path) -> str:
    (segment.parents[2] / "2031").symlink_to("/usr/share")
    return "this is a link; a ledger has only regular files and folders"


def pipe(segment: Path) -> str:
    os.mkfifo(segment.parent / "20310101T000000Z-00000a.jsonl")
    return "this is a special file; a ledger has only regular files and folders"


def folder(segment: Path) -> str:
    (segment.parent / "20310101T000000Z-00000a.jsonl").mkdir()
    return "this is a folder, and only the file of a run has such a name"


def misplaced(segment: Path) -> str:
    shutil.copy(segment, segment.parents[2] / segment.name)
    return MISPLACED


MISPLACED = "lines that lie here are never read: the file of a run lies at <year>/<month>/<run>.jsonl"


def edited(segment: Path) -> str:
    segment.write_bytes(segment.read_bytes().replace(b"Approved", b"Rejected", 1))
    return "line 2 has not the hash that line 3 was written with: one of the two was changed"


DAMAGE = (link, link_to_a_folder, pipe, folder, misplaced, edited)


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_reader_of_a_broken_ledger_says_where_and_shows_nothing(
    repo: Repo, segment: Path, damage: Callable[[Path], str]
) -> None:
    message = damage(segment)
    before = len(repo.writes())
    repo.decide(APPROVE, REJECT)
    for command in READERS:
        said = repo.run(*command)
        assert (command, said.code) == (command, 4), said
        assert message in said.out + said.err, command
        assert command[:2] == ("ledger", "verify") or said.out == "", command
    assert len(repo.writes()) == before
    assert not (repo.folder / "pack.zip").exists()


@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "2026/{}",
        "2026/11/30/{}",
        "2026-11/{}",
        "old/2026/11/{}",
        "archive/{}",
        "archive/2026/11/{}",
        ".kept/{}",
        "2026/11/run.JSONL",
        "2026/11/{}.gz",
        "{}.gz",
    ],
)
def test_lines_in_a_place_where_nobody_reads_them_are_a_fault(repo: Repo, segment: Path, place: str) -> None:
    """Also when nothing else is there: a ledger with one misplaced file is not an empty one."""
    there = repo.folder / "ledger" / place.format(segment.name)
    there.parent.mkdir(parents=True, exist_ok=True)
    segment.rename(there)
    for command in (("ledger", "verify"), ("plan",)):
        said = repo.run(*command)
        assert (said.code, MISPLACED in said.out + said.err) == (4, True), said


@pytest.mark.parametrize("name", ["copy.jsonl", "20310101T000000Z-00000a.jsonl", ".hidden.jsonl"])
def test_a_file_of_a_run_with_another_name_is_a_fault(repo: Repo, segment: Path, name: str) -> None:
    segment.rename(segment.with_name(name))
    said = repo.run("ledger", "verify")
    assert (said.code, f"this is the file of run {segment.stem}, which belongs at" in said.out) == (4, True), said


def rewrite(segment: Path, pattern: bytes, by: str) -> None:
    """Change the receipt of a ledger and mend the chain, as only one who writes whole ledgers can."""
    lines = segment.read_bytes().splitlines()
    assert b'"entry":"receipt"' in lines[2]
    lines[2] = re.sub(pattern, by.encode(), lines[2])
    for number in range(3, len(lines)):
        previous = f'"previous":"{sha256(lines[number - 1])}"'.encode()
        lines[number] = re.sub(rb'"previous":"[^"]*"', previous, lines[number])
    segment.write_bytes(b"".join(line + b"\n" for line in lines))


def test_a_kind_of_line_that_a_newer_release_brings_asks_for_an_upgrade(repo: Repo, segment: Path) -> None:
    rewrite(segment, rb'"entry":"receipt"', '"entry":"delegation"')
    for command in (("plan",), ("apply", "--yes"), ("ledger", "log")):
        said = repo.run(*command)
        assert (command, said.code, said.out) == (command, 4, "")
        assert f"{segment.name}:3: written by a newer release" in said.err
        assert "/entry: 'delegation' is no word that this release knows" in " ".join(said.err.split())
        assert "upgrade to " in said.err
        assert "find out who changed it" not in said.err


@pytest.mark.parametrize(
    "time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", "0"]
)
def test_a_time_that_is_none_is_told_with_its_place_though_the_chain_is_intact(
    repo: Repo, segment: Path, time: str
) -> None:
    rewrite(segment, rb'"at":"[^"]*"', f'"at":"{time}"')
    for command in (("plan",), ("explain", FIRST), ("ledger", "log"), ("ledger", "export", "--format", "json")):
        said = repo.run(*command)
        assert (command, said.code, said.out) == (command, 4, "")
        assert f"{segment.name}:3: the line can't be read: /" in said.err


def test_two_environments_on_one_ledger_never_see_each_others_decisions(repo: Repo) -> None:
    elsewhere = repo.sandbox.url.replace("127.0.0.1", "localhost")
    environments = f"environments:\n  test: {{server: {elsewhere}}}\n"
    repo.configure(environments)
    repo.decide(APPROVE)
    assert repo.run("apply", "--yes").code == 0
    repo.sandbox.world.process()
    assert " settled" in repo.run("plan").out
    said = repo.run("plan", "--env", "test")
    assert (said.code, "missing" in said.out) == (5, True)
    repo.configure(environments.replace("}", f", former_servers: [{repo.sandbox.url}]}}"))
    assert repo.run("plan", "--env", "test").code == 1, "it is the server of the base"
    repo.configure()
    repo.write(
        "reconciler.yaml",
        (repo.folder / "reconciler.yaml")
        .read_text()
        .replace(f"server: {repo.sandbox.url}", f"server: {elsewhere}\nformer_servers: ['{repo.sandbox.url}/vedsdk/']"),
    )
    said = repo.run("plan")
    assert (said.code, " settled" in said.out) == (0, True)


def test_an_apply_stops_before_its_next_update_once_its_ledger_was_moved_away(repo: Repo) -> None:
    with running_sandbox(Seed(tickets=TICKETS), listening=Listening(latency=0.1)) as sandbox:
        repo = replace(repo, sandbox=sandbox)
        repo.environ("TPP_TOKEN", sandbox.token)
        repo.configure()
        repo.write(
            "reconciler.yaml", (repo.folder / "reconciler.yaml").read_text().replace("settle", "writes: 1, settle")
        )
        repo.decide(APPROVE, REJECT)

        def move_after_the_first_update() -> None:
            while not repo.writes():
                pass
            (repo.folder / "ledger").rename(repo.folder / "moved")

        mover = threading.Thread(target=move_after_the_first_update, daemon=True)
        mover.start()
        said = repo.run("apply", "--yes")
        mover.join(10)
        assert said.code == 4
        assert len(repo.writes()) == 1
        assert ".lock was removed, replaced or moved while the run was going" in said.out
        (segment,) = (repo.folder / "moved").glob("*/*/*.jsonl")
        assert segment.read_bytes().count(b'"outcome":"applied"') == 1


def test_a_second_run_on_one_ledger_exits_with_8_and_sends_nothing(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: ready}}")
    with hold_lock(repo.folder / "ledger", this_process("20261123T120000Z-00000a", datetime.now(UTC))):
        said = repo.run("apply", "--yes")
    assert (said.code, "the ledger is locked (" in said.err, repo.writes()) == (8, True, [])
    assert repo.run("apply", "--yes").code == 0
