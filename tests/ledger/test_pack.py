"""The audit pack: one zip, the same for the same ledger, that anybody can check by following VERIFY.md."""

import copy
import csv
import functools
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import main
from reconciler.codec import json_text
from reconciler.ledger.heads import ledger_head, ledger_heads
from reconciler.ledger.history import lines_in
from reconciler.ledger.kept import CONFIGURATIONS, PLANS, keep
from reconciler.ledger.plan_files import save_plan
from reconciler.model.decision import Source
from reconciler.model.receipt import Outcome
from reconciler.model.record import Opened
from reconciler.model.review import Review
from reconciler.model.value import replace
from reconciler.planning.digest import plan_digest
from tests.builders import between, guid, plan, step
from tests.ledger.ledgers import FIRST, PROVENANCE, SECOND, THIRD, closed, intent, open_run, recorded, write_run
from tests.ledger.test_command import called

TOOLS = ("sh", "jq", "sha256sum", "head", "sed", "tr", "cut", "find", "sort", "grep", "cat", "git", "mktemp")
"""All that VERIFY.md may need: a shell with its companions, sha256sum, jq and git."""
STEP = step()
PLAN = plan_digest("https://tpp.example.com", (STEP,))
"""The digest of the plan that one of the runs applied."""
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
    save_plan(plan(STEP, digest=PLAN), tmp_path / "plan.json")
    file = "sha256:" + hashlib.sha256((tmp_path / "plan.json").read_bytes()).hexdigest()
    source = Source("tickets/web.yaml", 4)
    origin = replace(PROVENANCE, commit=commit)
    root = tmp_path / "ledger"
    write_run(root, FIRST, intent(1), recorded(1), intent(2), provenance=origin)
    window = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
    hostile = intent(3, change="CHG3", explanation=HOSTILE, object=HOSTILE, source=source, after=window)
    receipt = recorded(3, detail=HOSTILE, object=HOSTILE, source=source, after=window, gone=False, change="CHG3")
    more = (recorded(2, outcome=Outcome.UNKNOWN, gone=False), closed(3), intent(4, change="CHG3", source=source))
    write_run(root, SECOND, hostile, receipt, *more, provenance=origin, digest=PLAN, plan=file)
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


def guide_steps(folder: Path) -> list[str]:
    guide = (folder / "VERIFY.md").read_text(encoding="utf-8")
    steps = re.findall(r"^```sh\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert len(steps) == 10
    return steps


RECORDS, MANIFESTS, VIEWS, RULES, ORIGIN = 5, 7, 8, 9, 10
"""Numbers of steps of VERIFY.md."""


def follow(
    folder: Path, tools: Path, *, reconciler: bool = True, only: int | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run every command of VERIFY.md, or those of one step, in order, with no tools but those it may need."""
    tools.mkdir(exist_ok=True)
    for name in TOOLS:
        found = shutil.which(name)
        assert found, f"{name} is needed to follow VERIFY.md: install it (Debian: jq, coreutils, findutils, grep, sed)"
        if not (tools / name).exists():
            (tools / name).symlink_to(found)
    if reconciler and not (tools / "reconciler").exists():
        (tools / "reconciler").symlink_to(Path(sys.prefix) / "bin" / "reconciler")
    steps = guide_steps(folder)
    chosen = steps if only is None else [steps[only - 1]]
    script = "\n".join(f"(\n{commands}) || exit 1\n" for commands in chosen)
    return subprocess.run(
        [str(tools / "sh"), "-c", script],
        cwd=folder,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )


HELD = [f"{what}: OK" for what in ("pack", "lines", "files", "heads", "records", "plans", "manifests", "views")]


WHOLE = [*HELD, "rules: OK", "origin: internally consistent; not proven original"]


def held(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line.partition(",")[0] for line in done.stdout.splitlines()]


def test_a_person_without_the_reconciler_can_follow_verify_md_to_its_end(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3", "--plans", "plan.json") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    done = follow(folder, tmp_path / "tools", reconciler=False)
    unchecked = ["views: NOT CHECKED" if line == "views: OK" else line for line in WHOLE]
    assert (held(done), done.stderr, done.returncode) == (unchecked, "", 0)
    assert f"heads: OK, the ledger is {ledger_head(home / 'ledger')}" in done.stdout.splitlines()


@pytest.mark.slow
def test_the_pack_of_everything_and_of_a_plan_from_elsewhere_can_be_verified_too(home: Path, tmp_path: Path) -> None:
    noted(home, "plan")
    assert pack("out.zip", "--plans", "noted.json") == 0
    done = follow(unpacked(home / "out.zip", tmp_path / "unpacked"), tmp_path / "tools")
    assert (held(done), done.stderr, done.returncode) == ([*HELD, "rules: OK", "origin: OK"], "", 0)


def test_the_pack_has_what_an_auditor_asks_for(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pack("out.zip", "--change", "CHG3", "--from", "2026-11-01", "--to", "2026-11-30", "--plans", ".") == 0
    commit = git(home, "rev-parse", "HEAD")
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    objects = sorted(
        f"git/{git(home, 'rev-parse', name)}.{kind}"
        for name, kind in ((commit, "commit"), ("HEAD:", "tree"), ("HEAD:tickets", "tree"))
    )
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "SHA256SUMS",
        "VERIFY.md",
        *objects,
        f"ledger/2026/11/{SECOND}.jsonl",
        f"ledger/2026/11/{THIRD}.jsonl",
        "ledger/2026/11/20261123T130000Z-00000d-1of2.jsonl",
        f"manifests/{commit}/tickets/web.yaml",
        f"plans/{PLAN.removeprefix('sha256:')}.json",
        "policy.json",
        "proof.json",
        "records.csv",
        "records.json",
        "reviews.json",
        "summary.html",
    ]
    assert (folder / f"manifests/{commit}/tickets/web.yaml").read_bytes() == MANIFEST
    assert (folder / f"plans/{PLAN.removeprefix('sha256:')}.json").read_bytes() == (home / "plan.json").read_bytes()
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
    origin = "origin: internally consistent; not proven original: nothing from outside the ledger names a state of it\n"
    assert err == f"out.zip: 3 records, ledger {proof['head']}\n{origin}"


def test_the_same_ledger_gives_the_same_bytes(home: Path) -> None:
    for name in ("one.zip", "two.zip"):
        assert pack(name, "--plans", "plan.json") == 0
        os.utime(home / "plan.json", (0, 0))
    assert (home / "one.zip").read_bytes() == (home / "two.zip").read_bytes()


def test_what_cannot_be_found_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(home / ".git")
    assert pack("out.zip", "--change", "CHG3") == 0
    _, err = capsys.readouterr()
    assert f"not in it: plan {PLAN}" in err
    assert "no plan with this digest is kept, or among those given with --plans" in err
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
    ("name", "old", "new", "finder", "message"),
    [
        (f"ledger/2026/11/{SECOND}.jsonl", '"Pending"', '"Rejected"', 2, f"{SECOND}.jsonl: line 3 does not follow the"),
        (
            f"ledger/2026/11/{THIRD}.jsonl",
            '"lines":6',
            '"lines":5',
            2,
            f"{THIRD}.jsonl: line 1 does not follow the line",
        ),
        ("proof.json", '"lines": 3', '"lines": 2', 4, "line 2 is not the head"),
        ("proof.json", '"head": "sha256:', '"head": "sha256:0', 4, ""),
        ("records.json", '"outcome": "applied"', '"outcome": "failed"', 5, "records.json: not what ledger/"),
        ("records.json", '"reviewers": ["asmith"]', '"reviewers": ["jdoe"]', 5, "line 3 names other people"),
        (f"plans/{PLAN.removeprefix('sha256:')}.json", PLAN[:12], "sha256:bbbbb", 6, "has the digest sha256:bbbbb"),
    ],
)
def test_a_forged_pack_is_found_out(
    home: Path, tmp_path: Path, name: str, old: str, new: str, finder: int, message: str
) -> None:
    assert pack("out.zip", "--change", "CHG3", "--plans", "plan.json") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    change(folder / name, old, new)
    unsealed = follow(folder, tmp_path / "tools")
    assert ("pack: OK" in unsealed.stdout, unsealed.returncode) == (False, 1)
    reseal(folder)
    done = follow(folder, tmp_path / "tools", only=finder)
    assert (held(done), done.returncode) == ([], 1)
    assert message in done.stderr


def test_a_row_that_was_taken_from_the_table_is_found_out(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    table = folder / "records.csv"
    table.write_bytes(b"".join(table.read_bytes().splitlines(keepends=True)[:-1]))
    reseal(folder)
    done = follow(folder, tmp_path / "tools", only=RECORDS)
    assert (held(done), done.returncode) == ([], 1)
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


def test_without_room_to_put_it_together_nothing_is_written_and_the_remedy_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(home / "full"))
    assert pack("out.zip") == 1
    assert not (home / "out.zip").exists()
    said = " ".join(capsys.readouterr().err.split())
    assert "the pack can't be written: No such file or directory [pack/unwritable]" in said
    assert f"make room in {home / 'full'} (TMPDIR says where)" in said


def test_without_the_reconciler_the_views_are_said_to_be_unchecked(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3", "--plans", "plan.json") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    done = follow(folder, tmp_path / "tools", reconciler=False, only=VIEWS)
    assert (done.stdout.startswith("views: NOT CHECKED"), done.returncode) == (True, 0)


def test_a_pack_from_a_folder_of_the_repository_names_that_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "team").mkdir()
    git(home, "mv", "tickets", "team/tickets")
    git(home, "commit", "--quiet", "-m", "move")
    origin = replace(PROVENANCE, commit=git(home, "rev-parse", "HEAD"))
    written = recorded(9, source=Source("tickets/web.yaml", 1))
    write_run(home / "ledger", "20261124T000000Z-0000ff", written, provenance=origin)
    monkeypatch.chdir(home / "team")
    assert pack("../out.zip", "--ledger", "../ledger", "--ticket", guid(9)) == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    assert not views_differ(folder)
    done = follow(folder, tmp_path / "tools", only=MANIFESTS)
    assert (held(done), done.stderr) == (["manifests: OK"], "")


def leaves(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of everything in a document that is not made of parts."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = False
    for name, part in parts:
        found = True
        yield from leaves(part, (*at, name))
    if not found:
        yield at


def forged(document: object, at: tuple[str | int, ...]) -> object:
    """The document with one value replaced by another one of its kind."""
    copied = copy.deepcopy(document)
    *way, last = at
    holder: Any = functools.reduce(lambda part, name: part[name], way, copied)
    now = holder[last]
    match now:
        case bool():
            holder[last] = not now
        case int():
            holder[last] = now + 1
        case str():
            holder[last] = f"x{now}"
        case _:
            holder[last] = "forged"
    return copied


def views_differ(folder: Path) -> bool:
    with pytest.raises(SystemExit) as left:
        main(["ledger", "verify", "--pack", str(folder)])
    return left.value.code == 4


@pytest.mark.parametrize("name", ["records.json", "reviews.json", "proof.json"])
def test_every_value_of_a_document_that_is_forged_is_found_out(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert pack("out.zip", "--change", "CHG3", "--plans", "plan.json") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    assert not views_differ(folder)
    whole = json.loads((folder / name).read_text())
    assert json_text(whole) == (folder / name).read_text()
    places = list(leaves(whole))
    assert len(places) >= 15
    unnoticed = []
    for place in places:
        (folder / name).write_text(json_text(forged(whole, place)))
        if not views_differ(folder):
            unnoticed.append(place)
    assert unnoticed == ([("prefix",)] if name == "proof.json" else [])
    capsys.readouterr()


def test_another_folder_for_the_manifests_is_found_out(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3", "--plans", "plan.json") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    assert follow(folder, tmp_path / "tools", only=MANIFESTS).stdout == "manifests: OK\n"
    change(folder / "proof.json", '"prefix": ""', '"prefix": "old/"')
    reseal(folder)
    done = follow(folder, tmp_path / "tools", only=MANIFESTS)
    assert (done.returncode, "is not the file of that commit" in done.stderr) == (1, True)


@pytest.mark.parametrize("name", ["records.csv", "summary.html", "VERIFY.md"])
def test_every_word_of_a_page_that_is_forged_is_found_out(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert pack("out.zip", "--change", "CHG3") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    text = (folder / name).read_text(encoding="utf-8")
    words = list(re.finditer(r"[A-Za-z0-9]{3,}", text))
    for word in words[:: max(1, -(-len(words) // 100))]:
        (folder / name).write_text(f"{text[: word.start()]}forged{text[word.end() :]}", encoding="utf-8")
        assert views_differ(folder), word
    capsys.readouterr()


@pytest.mark.slow
def test_every_value_of_a_plan_that_is_forged_is_found_out_with_its_checksum_redone(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3", "--plans", "plan.json") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    file = folder / f"plans/{PLAN.removeprefix('sha256:')}.json"
    commands = guide_steps(folder)[5]
    whole = json.loads(file.read_text())
    del whole["checksum"]
    unnoticed = []
    for place in leaves(whole):
        body = json.dumps(forged(whole, place), indent=2).removesuffix("\n}") + ",\n"
        checksum = hashlib.sha256(body.encode()).hexdigest()
        file.write_text(f'{body}  "checksum": "sha256:{checksum}"\n}}\n')
        done = subprocess.run(["sh", "-c", commands], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            unnoticed.append(place)
    assert unnoticed == []


@pytest.mark.parametrize("kind", ["manifests", "git"])
def test_a_manifest_or_what_leads_to_it_that_is_forged_is_found_out(home: Path, tmp_path: Path, kind: str) -> None:
    assert pack("out.zip", "--change", "CHG3") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    assert follow(folder, tmp_path / "tools", only=MANIFESTS).stdout == "manifests: OK\n"
    for path in [path for path in (folder / kind).rglob("*") if path.is_file()]:
        before = path.read_bytes()
        path.write_bytes(before + b"# more\n")
        reseal(folder)
        done = follow(folder, tmp_path / "tools", only=MANIFESTS)
        assert (done.stdout, done.returncode, f"{path.relative_to(folder)}: is " in done.stderr) == ("", 1, True)
        path.write_bytes(before)


def test_a_manifest_of_another_commit_is_found_out(home: Path, tmp_path: Path) -> None:
    assert pack("out.zip", "--change", "CHG3") == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    (commit,) = (folder / "manifests").iterdir()
    other = git(home, "commit-tree", "HEAD^{tree}", "-m", "another")
    (folder / "git" / f"{other}.commit").write_bytes(
        subprocess.run(["git", "cat-file", "commit", other], cwd=home, capture_output=True, check=True).stdout
    )
    commit.rename(folder / "manifests" / other)
    reseal(folder)
    done = follow(folder, tmp_path / "tools", only=MANIFESTS)
    assert (done.returncode, "no record names it" in done.stderr) == (1, True)


def test_what_is_no_pack_is_said_to_be_none(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert views_differ(home)
    assert "this is no audit pack" in capsys.readouterr().out


def written_anew(home: Path) -> None:
    """Do what somebody does who can write the whole ledger: the same decisions, with reviewers that never were."""
    shutil.rmtree(home / "ledger")
    invented = replace(PROVENANCE, review=Review(12, "jdoe", reviewers=("invented",)))
    write_run(home / "ledger", FIRST, intent(1), recorded(1), provenance=invented)
    write_run(home / "ledger", SECOND, intent(2), recorded(2), provenance=invented)


def noted(home: Path, kind: str) -> str:
    """Write what lies outside the ledger and names lines of it: a plan that nobody applied, or a comment."""
    heads = ledger_heads(home / "ledger")
    if kind == "plan":
        other = step(2)
        digest = plan_digest("https://tpp.example.com", (other,))
        save_plan(plan(other, digest=digest, ledger_heads=heads), home / "noted.json")
        return "noted.json"
    lines = "".join(f"- ledger line `{head.path}:{head.lines}` `{head.hash}`\n" for head in heads)
    (home / "noted.md").write_text(f"## Approve 2 certificate requests?\n{lines}")
    return "noted.md"


@pytest.mark.parametrize("kind", ["plan", "comment"])
def test_a_ledger_that_was_written_anew_is_found_out_from_the_pack_alone(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    outside = noted(home, kind)
    assert pack("honest.zip", "--plans", outside) == 0
    assert "origin: 1 file from outside the ledger names" in capsys.readouterr().err
    folder = unpacked(home / "honest.zip", tmp_path / "honest")
    assert not views_differ(folder)
    done = follow(folder, tmp_path / "tools", only=ORIGIN)
    assert (held(done), done.stderr, done.returncode) == (["origin: OK"], "", 0)
    capsys.readouterr()

    written_anew(home)
    assert pack("forged.zip", "--plans", outside) == 4
    assert "is named in it and not in this ledger" in capsys.readouterr().err
    done = follow(unpacked(home / "forged.zip", tmp_path / "forged"), tmp_path / "tools", only=ORIGIN)
    assert (done.stdout, done.returncode) == ("", 1)
    assert "is not the one that a plan or comment names" in done.stderr


def with_run_removed(home: Path, gone: str, rest: Sequence[str]) -> None:
    """Do what somebody does who takes one run out of the ledger: what was written after it is chained anew."""
    lines = {run: tuple(lines_in(home / "ledger", (f"2026/11/{run}.jsonl",))) for run in rest}
    for path in (home / "ledger").rglob("*.jsonl"):
        if path.stem in (gone, *rest):
            path.unlink()
    for run, found in lines.items():
        opened = found[0].entry
        assert isinstance(opened, Opened)
        with open_run(home / "ledger", run, opened, found[0].provenance) as journal:
            for line in found[1:]:
                journal.append(line.entry)


@pytest.mark.parametrize("gone", ["first", "last"])
@pytest.mark.parametrize("kind", ["applied plan", "plan", "comment"])
def test_a_run_that_was_removed_is_noticed_from_the_pack_alone_where_a_plan_or_comment_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str, gone: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "ledger", FIRST, intent(1), recorded(1))
    if gone == "last":
        write_run(tmp_path / "ledger", SECOND, intent(2), recorded(2))
    heads, whole = ledger_heads(tmp_path / "ledger"), ledger_head(tmp_path / "ledger")
    made = plan(STEP, digest=PLAN, ledger_heads=heads)
    save_plan(made, tmp_path / "noted.json")
    applied = keep(tmp_path / "ledger", PLANS, (tmp_path / "noted.json").read_bytes())
    if gone == "first":
        write_run(tmp_path / "ledger", SECOND, intent(2), recorded(2))
    if kind == "applied plan":
        write_run(tmp_path / "ledger", THIRD, intent(3), recorded(3), digest=PLAN, plan=applied)
    named = "\n".join(f"- ledger line `{head.path}:{head.lines}` `{head.hash}`" for head in heads)
    (tmp_path / "noted.md").write_text(f"- ledger `{whole}`\n{named}\n")
    outside = {"applied plan": (), "plan": ("--plans", "noted.json"), "comment": ("--plans", "noted.md")}[kind]
    assert pack("honest.zip", *outside) == 0, capsys.readouterr().err
    folder = unpacked(tmp_path / "honest.zip", tmp_path / "honest")
    assert not views_differ(folder)
    done = follow(folder, tmp_path / "tools", only=ORIGIN)
    assert (done.returncode, "origin:" in done.stdout) == (0, True), done.stderr

    later = [path.stem for path in sorted((tmp_path / "ledger").rglob("*.jsonl"))]
    run = FIRST if gone == "first" else SECOND
    with_run_removed(tmp_path, run, later[later.index(run) + 1 :])
    assert called(capsys, "verify")[0] == 0, "the ledger itself is consistent again"
    assert pack("forged.zip", *outside) == 4
    assert f"2026/11/{run}.jsonl with {heads[-1].hash} is named in it and not in this ledger" in capsys.readouterr().err
    done = follow(unpacked(tmp_path / "forged.zip", tmp_path / "forged"), tmp_path / "tools", only=ORIGIN)
    assert (done.stdout, done.returncode) == ("", 1)
    assert f"ledger/2026/11/{run}.jsonl: line 3 is not the one that a plan or comment names" in done.stderr


def test_the_rules_of_the_runs_are_in_the_pack_and_a_forged_list_is_found_out(home: Path, tmp_path: Path) -> None:
    old = keep(home / "ledger", CONFIGURATIONS, b"version: 1\n")
    brought = Review(41, "ann", reviewers=("bob",))
    run = "20261125T000000Z-0000aa"
    write_run(home / "ledger", run, intent(9), recorded(9), config=old, config_commit="b" * 40, config_review=brought)
    assert pack("out.zip", "--ticket", guid(9)) == 0
    folder = unpacked(home / "out.zip", tmp_path / "unpacked")
    assert (folder / f"configurations/{old.removeprefix('sha256:')}.yaml").read_bytes() == b"version: 1\n"
    change(folder / "policy.json", '"bob"', '"eve"')
    reseal(folder)
    done = follow(folder, tmp_path / "tools", only=RULES)
    assert (done.returncode, "policy.json: run" in done.stderr) == (1, True)
