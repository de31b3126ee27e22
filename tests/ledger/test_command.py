"""`reconciler ledger` from the command line: offline, with exit codes, and nothing that needs a configuration."""

import csv
import io
import json
from pathlib import Path

import pytest

from reconciler.cli.main import main
from reconciler.codec import canonical
from reconciler.ledger.files import line_hash
from reconciler.ledger.heads import ledger_head
from reconciler.model.receipt import Outcome
from tests.builders import at, guid
from tests.ledger.ledgers import FIRST, SECOND, intent, recorded, write_run, write_three_runs


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of two runs below the working directory, where the default configuration looks for it."""
    monkeypatch.chdir(tmp_path)
    for name in ("TPP_URL", "TPP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "ledger"
    early = at("2026-11-21T12:00:00Z")
    write_run(root, FIRST, intent(1, at=early, change="CHG1"), recorded(1, at=early))
    write_run(root, SECOND, intent(2), recorded(2, outcome=Outcome.UNKNOWN, gone=False), intent(3))
    return root


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["ledger", *arguments])
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


@pytest.mark.parametrize(
    ("arguments", "tickets"),
    [
        ((), [1, 2, 3]),
        (("--ticket", "{00000002-0000-4000-8000-000000000000}"), [2]),
        (("--ticket", guid(1), "--ticket", guid(3)), [1, 3]),
        (("--change", "CHG1"), []),
        (("--change", "CHG0041234"), [1, 2, 3]),
        (("--object", r"\VED\policy\web\**"), [1, 2, 3]),
        (("--object", r"\VED\Policy\DB\**"), []),
        (("--since", "2026-11-22"), [2, 3]),
        (("--since", "2026-11-21T12:00:00Z", "--until", "2026-11-23T12:00:00Z"), [1]),
        (("--until", "2026-11-21"), [1]),
        (("--outcome", "unknown"), [2]),
        (("--outcome", "open", "--outcome", "applied"), [1, 3]),
    ],
)
def test_the_log_shows_the_records_that_were_asked_for(
    ledger: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], tickets: list[int]
) -> None:
    code, out, err = called(capsys, "log", *arguments)
    assert code == 0
    assert [int(line.split()[4], 16) for line in out.splitlines()] == tickets
    assert err == ("" if tickets else "nothing in the ledger fits\n")


def test_the_log_ends_with_the_last_50_records_unless_it_is_asked_for_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    entries = (each for number in range(1, 54) for each in (intent(number), recorded(number)))
    write_run(tmp_path / "ledger", FIRST, *entries)

    def told(*arguments: str) -> tuple[list[int], str]:
        code, out, err = called(capsys, "log", *arguments)
        assert code == 0
        return [int(line.split()[4], 16) for line in out.splitlines()], err

    left_out = "3 earlier records not shown: --all, or an option that chooses, such as --since or --ticket\n"
    assert told() == (list(range(4, 54)), left_out)
    assert told("--ticket", guid(1)) == ([1], "")
    everything = (list(range(1, 54)), "")
    for option in (
        "--all",
        "--since=2026-11-20",
        "--until=2026-12-31",
        "--change=CHG0041234",
        "--object=**",
        "--outcome=applied",
    ):
        assert told(option) == everything, option
    assert len(json.loads(called(capsys, "log", "--format", "json")[1])["records"]) == 53


def test_the_log_tells_everything_when_asked(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = called(capsys, "log", "--ticket", guid(1), "--verbose")
    assert "    review    #12 by jdoe, reviewed by asmith\n" in out


def test_the_log_as_json_carries_the_head_that_it_was_read_from(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = called(capsys, "log", "--format", "json", "--outcome", "applied")
    document = json.loads(out)
    assert (code, document["head"], len(document["records"])) == (0, ledger_head(ledger), 1)


def test_a_wrong_time_is_a_usage_error(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "log", "--since", "yesterday")
    assert code == 2
    assert "'yesterday' is neither a day nor a time with an offset (for example 2026-11-01)" in err


def test_an_intact_ledger_is_verified_with_its_head(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = ledger_head(ledger)
    for anchor in ((), ("--head", head)):
        assert called(capsys, "verify", *anchor) == (0, f"the ledger is intact: 7 lines in 2 files\nhead {head}\n", "")


def test_a_broken_ledger_says_file_and_line_and_exits_with_4(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = ledger / f"2026/11/{SECOND}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Approved", b"Rejected", 1))
    code, out, _ = called(capsys, "verify")
    assert code == 4
    assert out.splitlines() == [
        f"ledger/2026/11/{SECOND}.jsonl:2: error: line 2 has not the hash that line 3 was written with: "
        "one of the two was changed [ledger/changed]",
        "1 error found",
        "the ledger in ledger is broken",
    ]
    code, out, _ = called(capsys, "verify", "--format", "json")
    document = json.loads(out)
    assert (code, document["holds"], document["faults"][0]["line"]) == (4, False, 2)


def test_an_anchor_that_is_gone_exits_with_4(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, "verify", "--head", "sha256:" + "0" * 64)
    assert code == 4
    assert out.startswith("ledger: error: no line and no earlier state has the hash sha256:000")


def test_a_torn_tail_is_told_and_no_fault(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = ledger / f"2026/11/{SECOND}.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    code, out, _ = called(capsys, "verify")
    assert code == 0
    assert out.startswith(
        f"ledger/2026/11/{SECOND}.jsonl:4: cut off by a crash, never acted on\nthe ledger is intact: 6 "
    )


def test_the_export_is_csv_or_json(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, "export", "--outcome", "applied")
    (row,) = csv.DictReader(io.StringIO(out, newline=""))
    assert (code, row["ticket"], row["outcome"]) == (0, guid(1), "applied")
    code, out, _ = called(capsys, "export", "--format", "json")
    assert (code, [record["guid"] for record in json.loads(out)["records"]]) == (0, [guid(1), guid(2), guid(3)])


def test_a_ledger_elsewhere_needs_no_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_three_runs(tmp_path / "copy")
    code, out, _ = called(capsys, "verify", "--ledger", "copy")
    assert (code, out.splitlines()[0]) == (0, "the ledger is intact: 12 lines in 3 files")


@pytest.mark.parametrize("command", ["log", "verify", "export"])
def test_a_ledger_that_is_not_there_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = called(capsys, command)
    assert (code, out) == (1, "")
    assert err.startswith("ledger: error: there is no such ledger [ledger/absent]\n")


def test_a_ledger_of_both_versions_is_one_ledger(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(ledger, "20261120T120000Z-000001", intent(4), version=1)
    versions = [json.loads(path.read_bytes().splitlines()[0])["version"] for path in sorted(ledger.rglob("*.jsonl"))]
    assert versions == [1, 2, 2]
    assert called(capsys, "verify")[1].startswith("the ledger is intact: 9 lines in 3 files\n")
    assert [int(line.split()[4], 16) for line in called(capsys, "log")[1].splitlines()] == [1, 2, 3, 4]


def written_by_a_newer_release(path: Path, number: int, **changes: object) -> None:
    """Give one line other members, and every later line the hash that it has then."""
    lines, previous = [json.loads(line) for line in path.read_bytes().splitlines()], None
    lines[number - 1] |= changes
    written = []
    for line in lines:
        written.append(canonical(line | ({"previous": previous} if previous else {})))
        previous = line_hash(written[-1])
    path.write_bytes(b"".join(line + b"\n" for line in written))


@pytest.mark.parametrize(
    ("number", "changes"),
    [(1, {"version": 3}), (2, {"entry": "foretold"}), (3, {"outcome": "perhaps"})],
    ids=["version", "kind", "word"],
)
@pytest.mark.parametrize("command", ["log", "export"])
def test_what_a_newer_release_wrote_stops_with_a_remedy(
    ledger: Path, capsys: pytest.CaptureFixture[str], command: str, number: int, changes: dict[str, object]
) -> None:
    written_by_a_newer_release(ledger / f"2026/11/{SECOND}.jsonl", number, **changes)
    code, _, err = called(capsys, command)
    assert code == 4
    assert "a newer release" in " ".join(err.split())
    assert "upgrade" in err


def test_a_version_that_is_not_known_is_no_tampering(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written_by_a_newer_release(ledger / f"2026/11/{SECOND}.jsonl", 1, version=3)
    code, out, _ = called(capsys, "verify")
    assert code == 4
    assert out.count("help:") == 1
    assert "ledger version 3 is not supported, this release reads versions 1 and 2" in out
    assert "help: upgrade to " in out
    assert "find out who" not in out
