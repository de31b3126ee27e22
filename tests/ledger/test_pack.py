"""The audit pack: one zip, the same for the same ledger, that anybody can check by following VERIFY.md."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from reconciler.cli.main import main
from reconciler.ledger.heads import ledger_head
from reconciler.ledger.plan_files import save_plan
from reconciler.model.decision import Source
from reconciler.model.receipt import Outcome
from reconciler.model.value import replace
from tests.builders import between, guid, plan, step
from tests.ledger.ledgers import FIRST, PROVENANCE, SECOND, THIRD, closed, intent, recorded, write_run

TOOLS = ("sh", "jq", "sha256sum", "head", "sed", "tr", "cut", "find", "sort", "grep", "cat")
"""All that VERIFY.md may need: a shell with its companions, sha256sum and jq."""
HOSTILE = "=cmd|' /C calc'!A0\x1b[2J\r\n`sh`</code><script>alert(1)</script> \ud800"
MANIFEST = b"version: 1\r\ntickets: []\n"


def git(folder: Path, *arguments: str) -> str:
    names = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
    done = subprocess.run(
        ["git", "-c", "core.autocrlf=false", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        env={**os.environ, **names, "GIT_CONFIG_GLOBAL": "/dev/null"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a manifest, a saved plan and a ledger of four runs, one of them a shard beside another."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets/web.yaml").write_bytes(MANIFEST)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "tickets")
    git(tmp_path, "commit", "--quiet", "-m", "decide")
    commit = git(tmp_path, "rev-parse", "HEAD")
    save_plan(plan(step(), digest="sha256:" + "a" * 64), tmp_path / "plan.json")
    source = Source("tickets/web.yaml", 4)
    origin = replace(PROVENANCE, commit=commit)
    root = tmp_path / "ledger"
    write_run(root, FIRST, intent(1), recorded(1), intent(2), provenance=origin)
    window = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
    hostile = intent(3, change="CHG3", explanation=HOSTILE, object=HOSTILE, source=source, after=window)
    receipt = recorded(3, detail=HOSTILE, object=HOSTILE, source=source, after=window, gone=False, change="CHG3")
    more = (recorded(2, outcome=Outcome.UNKNOWN, gone=False), closed(3), intent(4, change="CHG3", source=source))
    write_run(root, SECOND, hostile, receipt, *more, provenance=origin, digest="sha256:" + "a" * 64)
    write_run(root, THIRD, intent(5), recorded(5), provenance=replace(origin, review=None))
    torn = write_run(root, "20261123T130000Z-00000d-1of2", intent(6), recorded(6), shard="1of2")
    torn.write_bytes(torn.read_bytes() + b'{"torn":')
    return tmp_path


def pack(out: str, *arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["ledger", "export", "--pack", out, *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def unpacked(out: Path, folder: Path) -> Path:
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


def follow(folder: Path, tools: Path) -> "subprocess.CompletedProcess[str]":
    """Run every command of VERIFY.md, one after the other, with no tools but those it may need."""
    tools.mkdir(exist_ok=True)
    for name in TOOLS:
        found = shutil.which(name)
        assert found, f"{name} is needed to follow VERIFY.md: install it (Debian: jq, coreutils, findutils, grep, sed)"
        if not (tools / name).exists():
            (tools / name).symlink_to(found)
    guide = (folder / "VERIFY.md").read_text(encoding="utf-8")
    steps = re.findall(r"^```sh\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert len(steps) == 6
    script = "\n".join(f"(\n{commands}) || exit 1\n" for commands in steps)
    return subprocess.run(
        [str(tools / "sh"), "-c", script],
        cwd=folder,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )


HELD = ["pack: OK", "lines: OK", "files: OK", "heads: OK", "records: OK", "plans: OK"]


def held(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line.partition(",")[0] for line in done.stdout.splitlines()]


def test_a_person_without_the_reconciler_can_follow_verify_md_to_its_end(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3", "--plans", "plan.json") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    done = follow(folder, tmp_path / "tools")
    assert (held(done), done.stderr, done.returncode) == (HELD, "", 0)
    assert f"heads: OK, the ledger is {ledger_head(home / 'ledger')}" in done.stdout.splitlines()


def test_the_pack_of_everything_can_be_verified_too(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip") == 0
    done = follow(unpacked(home / "out.zip", tmp_path / "unpacked"), tmp_path / "tools")
    assert (held(done), done.stderr, done.returncode) == (HELD, "", 0)


def test_the_pack_has_what_an_auditor_asks_for(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pack("out.zip", "--change", "CHG3", "--from", "2026-11-01", "--to", "2026-11-30", "--plans", ".") == 0
    commit = git(home, "rev-parse", "HEAD")
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "SHA256SUMS",
        "VERIFY.md",
        f"ledger/2026/11/{SECOND}.jsonl",
        f"ledger/2026/11/{THIRD}.jsonl",
        "ledger/2026/11/20261123T130000Z-00000d-1of2.jsonl",
        f"manifests/{commit}/tickets/web.yaml",
        f"plans/{'a' * 64}.json",
        "proof.json",
        "records.csv",
        "records.json",
        "reviews.json",
        "summary.html",
    ]
    assert (folder / f"manifests/{commit}/tickets/web.yaml").read_bytes() == MANIFEST
    assert (folder / f"plans/{'a' * 64}.json").read_bytes() == (home / "plan.json").read_bytes()
    records = json.loads((folder / "records.json").read_text())["records"]
    assert [(record["guid"], record["outcome"]) for record in records] == [
        (guid(3), "applied"),
        (guid(3), "closed"),
        (guid(4), "open"),
    ]
    proof = json.loads((folder / "proof.json").read_text())
    assert proof["asked"] == {
        "changes": "CHG3",
        "from": "2026-11-01T00:00:00Z",
        "to (not included)": "2026-12-01T00:00:00Z",
    }
    assert (proof["absent"], proof["head"]) == ([], ledger_head(home / "ledger"))
    (review,) = json.loads((folder / "reviews.json").read_text())["runs"]
    assert (review["run"], review["review"]["reviewers"], review["commit"]) == (SECOND, ["asmith"], commit)
    _, err = capsys.readouterr()
    assert err == f"out.zip: 3 records, ledger {proof['head']}\n"


def test_the_same_ledger_gives_the_same_bytes(home: Path) -> None:
    for name in ("one.zip", "two.zip"):
        assert pack(name, "--plans", "plan.json") == 0
        os.utime(home / "plan.json", (0, 0))
    assert (home / "one.zip").read_bytes() == (home / "two.zip").read_bytes()


def test_what_cannot_be_found_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(home / ".git")
    assert pack("out.zip", "--change", "CHG3") == 0
    _, err = capsys.readouterr()
    assert "not in it: plan sha256:aaaa" in err
    assert "no plan with this digest is among those given with --plans" in err
    assert "not in it: manifest tickets/web.yaml at " in err
    assert "the repository of the working directory does not have it" in err


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", "a\\b", "a\nb"])
def test_a_path_that_leads_out_of_the_repository_is_not_followed(
    home: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    commit = git(home, "rev-parse", "HEAD")
    written = recorded(9, source=Source(path, 1))
    write_run(home / "ledger", "20261124T000000Z-0000ff", written, provenance=replace(PROVENANCE, commit=commit))
    assert pack("out.zip", "--ticket", guid(9)) == 0
    with zipfile.ZipFile(home / "out.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith("manifests/")]
    assert "the ledger names no commit and relative path for it" in capsys.readouterr().err


def test_hostile_text_acts_nowhere_in_the_pack(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--object", "**", "--change", "CHG3") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    page = (folder / "summary.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "\x1b" not in page
    assert "script-src 'none'" in page
    for row in csv.reader(io.StringIO((folder / "records.csv").read_text(encoding="utf-8"), newline="")):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert "<script" not in (folder / "VERIFY.md").read_text(encoding="utf-8")


def reseal(folder: Path) -> None:
    """Do what a forger would do: bring SHA256SUMS in line with the changed files."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "SHA256SUMS"]
    sums = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files
    )
    (folder / "SHA256SUMS").write_text("".join(sums))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new", "holds", "message"),
    [
        (f"ledger/2026/11/{SECOND}.jsonl", '"Pending"', '"Rejected"', 1, f"{SECOND}.jsonl: line 3 does not follow the"),
        (
            f"ledger/2026/11/{THIRD}.jsonl",
            '"lines":6',
            '"lines":5',
            1,
            f"{THIRD}.jsonl: line 1 does not follow the line",
        ),
        ("proof.json", '"lines": 3', '"lines": 2', 3, "line 2 is not the head"),
        ("proof.json", '"head": "sha256:', '"head": "sha256:0', 3, ""),
        ("records.json", '"outcome": "applied"', '"outcome": "failed"', 4, "records.json: not what ledger/"),
        ("records.json", '"reviewers": ["asmith"]', '"reviewers": ["jdoe"]', 4, "line 3 names other people"),
        (f"plans/{'a' * 64}.json", "sha256:aaa", "sha256:bbb", 5, "has the digest sha256:bbbaaa"),
    ],
)
def test_a_forged_pack_is_found_out(
    home: Path, tmp_path: Path, name: str, old: str, new: str, holds: int, message: str
) -> None:
    assert pack("out.zip", "--change", "CHG3", "--plans", "plan.json") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    change(folder / name, old, new)
    unsealed = follow(folder, tmp_path / "tools")
    assert ("pack: OK" in unsealed.stdout, unsealed.returncode) == (False, 1)
    reseal(folder)
    done = follow(folder, tmp_path / "tools")
    assert (held(done), done.returncode) == (HELD[:holds], 1)
    assert message in done.stderr


def test_a_row_that_was_taken_from_the_table_is_found_out(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    table = folder / "records.csv"
    table.write_bytes(b"".join(table.read_bytes().splitlines(keepends=True)[:-1]))
    reseal(folder)
    done = follow(folder, tmp_path / "tools")
    assert held(done) == HELD[:4]
    assert re.search("records.csv: sha256:[0-9a-f]{64} is missing", done.stderr)


def test_lines_that_were_cut_off_are_found_out(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    path = folder / f"ledger/2026/11/{SECOND}.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    reseal(folder)
    done = follow(folder, tmp_path / "tools")
    assert held(done) == HELD[:2]
    assert f"{SECOND}.jsonl: line 6 is not the one that ledger/2026/11/{THIRD}.jsonl names" in done.stderr


def test_a_broken_ledger_is_not_packed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(home / f"ledger/2026/11/{FIRST}.jsonl", '"Pending"', '"Rejected"')
    assert pack("out.zip") == 4
    assert not (home / "out.zip").exists()
    assert "is broken" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pack("no/such/folder/out.zip") == 2
    assert "no/such/folder" in capsys.readouterr().err
