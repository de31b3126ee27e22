"""What this release says of files of earlier releases, and of a later one that is made up.

Each folder below tests/releases/earlier and tests/releases/later has files, and a `console.txt`: commands that are run
on a copy of them, without a server, with everything that they say and their exit codes. An audit pack has none: its
pages are those of the release that made them.
"""

import gzip
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from reconciler import codec
from reconciler.app.context import SystemClock
from reconciler.cli.main import main
from tests.cli.repo import FIRST, SECOND, Repo

RELEASES = Path(__file__).parents[1] / "releases"
CONSOLES = sorted(RELEASES.glob("*/*/console.txt"))
LATER = [path for path in CONSOLES if path.parts[-3] == "later"]


def exchanged(command: str, capture: pytest.CaptureFixture[str]) -> str:
    """Return a command with what it said and its exit code."""
    codec._tell_of_newer.cache_clear()
    capture.readouterr()
    with pytest.raises(SystemExit) as left:
        main(command.split()[2:])
    shown = capture.readouterr()
    said = (shown.out + shown.err).replace("\r\n", "\n")  # the lines of CSV
    return f"{command}\n{said}exit {left.value.code or 0}\n"


@pytest.mark.slow
@pytest.mark.parametrize("console", CONSOLES, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_a_file_of_another_release_is_read_or_refused_as_promised(
    console: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("TPP_", "GITHUB_", "RECONCILER_", "ACTIONS_"))]:
        monkeypatch.delenv(name)
    for name, value in {"TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "120", "TPP_TOKEN": "made-up"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, _seconds: None)
    shutil.copytree(console.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "console.txt").unlink()
    monkeypatch.chdir(tmp_path)
    expected = console.read_text(encoding="utf-8")
    commands = re.findall(r"(?m)^\$ reconciler .*$", expected)
    said = "".join(exchanged(command, capsys) for command in commands)
    if os.environ.get("UPDATE_EXPECTED"):
        console.write_text(said, encoding="utf-8")
        expected = said
    assert said == expected


PACK = RELEASES / "earlier" / "pack-1"
PAGES = {"summary.html", "VERIFY.md"}
"""What is made for people to read, and compared byte by byte, so by the release that made it."""


def told_of_pack(folder: Path, capture: pytest.CaptureFixture[str]) -> tuple[str, set[str], str]:
    """Verify a pack; return how that ends, the files of which a difference is told in the words promised, the rest."""
    said = exchanged(f"$ reconciler ledger verify --pack {folder}", capture).partition("\n")[2]
    told = (
        rf"(?m)^{re.escape(str(folder))}/(\S+) is not what the pack's ledger says: it was edited, or another\n"
        r"  release made it; `reconciler --version` is in each record as `tool`\n"
    )
    rest, _, code = re.sub(told, "", said).rpartition("exit ")
    return code.strip(), set(re.findall(told, said)), rest


def test_of_a_pack_of_an_earlier_release_nothing_but_its_pages_may_differ_and_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(PACK, pack)
    code, differing, rest = told_of_pack(pack, capsys)
    assert differing <= PAGES
    same = "views: OK, 6 files made again from the ledger are the same\n"
    assert (code, rest) == (("4", "") if differing else ("0", same))
    assert exchanged(f"$ reconciler ledger verify --ledger {pack / 'ledger'}", capsys).endswith("exit 0\n")
    for name in ("records.json", "records.csv", "reviews.json", "proof.json"):
        held = (pack / name).read_bytes()
        (pack / name).write_bytes(held + b"\n")
        assert told_of_pack(pack, capsys)[:2] == ("4", differing | {name})
        (pack / name).write_bytes(held)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_another_page_in_a_pack_is_told_and_nothing_else_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    """Whoever reads on hears that it was edited, or that another release made it; nobody is blamed, nothing stops."""
    pack = tmp_path / "pack"
    shutil.copytree(PACK, pack)
    _, before, _ = told_of_pack(pack, capsys)
    with (pack / page).open("a", encoding="utf-8") as file:
        file.write("<!-- of another release -->\n")
    assert told_of_pack(pack, capsys) == ("4", before | {page}, "")


def exchanges(console: Path) -> list[str]:
    return re.split(r"(?m)^(?=\$ reconciler )", console.read_text(encoding="utf-8"))[1:]


@pytest.mark.parametrize("console", LATER, ids=lambda path: path.parent.name)
def test_nothing_of_a_later_release_is_blamed_on_anybody_and_what_stops_says_what_to_do(console: Path) -> None:
    text = " ".join(console.read_text(encoding="utf-8").split())
    assert not re.search("find out (by )?who|was changed|was edited|exit 70", text)
    what = console.parent.name
    if what.endswith(("-version", "-versions", "-kind", "-word", "-state")) and what != "manifest-word":
        stopped = [told for told in exchanges(console) if not told.endswith("exit 0\n")]
        assert stopped
        for told in stopped:
            assert "written by a newer release" in told
            assert "upgrade to " in told
            of_ledger = what.startswith(LEDGERS) or "--plans" in told
            assert told.endswith(f"exit {4 if of_ledger else 1}\n")


LEDGERS = ("ledger-", "archive-", "kept-", "pack-")


def test_every_member_of_a_later_release_is_kept_and_told_once() -> None:
    kept = [path for path in LATER if path.parent.name.endswith("-member")]
    assert len(kept) == 4
    for told in (told for console in kept for told in exchanges(console)):
        assert told.endswith("exit 0\n")
        assert "verify\n" in told or told.count("warning: a newer release wrote this ") == 1, told


def test_every_byte_of_a_plan_with_more_in_it_is_kept_beside_the_ledger(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: fine}}")
    repo.run("plan", "--out", "plan.json")
    path = repo.folder / "plan.json"
    lines = [*path.read_text().splitlines()[:-2], ""]
    lines.insert(1, '  "weather": {"wind": 3},')
    whole = "\n".join(lines)
    path.write_text(f'{whole}  "checksum": "{codec.sha256(whole.encode())}"\n}}\n')
    assert repo.run("apply", "plan.json", "--yes").code == 0
    (kept,) = (repo.folder / "ledger").glob("plans/*.json.gz")
    assert gzip.decompress(kept.read_bytes()) == path.read_bytes()


def test_a_stop_of_a_later_release_stops(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: fine}}")
    told = {"version": 2, "by": "jdoe", "at": "2026-11-27T02:00:00Z", "why": "the CA is down", "only": ["prod"]}
    repo.write("ledger/STOP", json.dumps(told))
    said = repo.run("apply", "--yes")
    assert said.code == 3
    assert "jdoe stopped all writes at 2026-11-27T02:00:00Z: the CA is down" in " ".join(said.out.split())
    assert repo.writes() == []


@pytest.mark.parametrize("case", ["plan-1-ledger-1", "plan-2-ledger-2", "archive-1"])
def test_what_an_earlier_release_applied_is_settled(repo: Repo, case: str) -> None:
    shutil.copytree(RELEASES / "earlier" / case / "ledger", repo.folder / "ledger")
    repo.configure("former_servers: ['http://127.0.0.1:18765']\n")
    approved = "status: Approved, explanation: Ticket was approved by Joe"
    repo.decide(f"{{guid: {FIRST}, {approved}, expect: {{object: '\\VED\\Policy\\Web\\www.example.com'}}}}")
    repo.sandbox.world.delete(FIRST)
    (step,) = repo.plan_json()["steps"]
    assert step["reason"] == "settled/receipt"
    repo.decide(f"{{guid: {SECOND}, {approved}}}")
    (step,) = repo.plan_json()["steps"]
    assert step["reason"] != "settled/receipt"
