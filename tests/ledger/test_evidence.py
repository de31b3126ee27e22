"""What an auditor asks of a ledger as a whole, each question with one command."""

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import main
from reconciler.ledger.heads import ledger_head, ledger_heads
from reconciler.ledger.kept import CONFIGURATIONS, keep
from reconciler.ledger.plan_files import save_plan
from reconciler.model.decision import OverrideUse, Source
from reconciler.model.receipt import Outcome
from reconciler.model.record import Episode
from reconciler.model.review import Review
from reconciler.model.value import replace
from tests.builders import NOW, OBJECT, at, plan, step
from tests.ledger.ledgers import (
    FIRST,
    PROVENANCE,
    SECOND,
    THIRD,
    closed,
    exception,
    intent,
    recorded,
    write_run,
)
from tests.ledger.test_command import called

USE = OverrideUse("freeze", "Outage INC1", at("2026-12-01T00:00:00Z"), Source("tickets/web.yaml", 4))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ledger"


# The population


def test_the_counts_of_a_time_foot_and_name_the_heads_that_they_rest_on(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(root, FIRST, intent(1, overrides=(USE,)), recorded(1), intent(2), exception(3), exception(4))
    write_run(root, SECOND, exception(3, state=Episode.END), intent(3), recorded(3), closed(1))
    code, out, _ = called(capsys, "population", "--format", "json")
    found = json.loads(out)
    assert (code, found["runs"], found["decisions"], found["foots"]) == (0, 2, 4, True)
    assert (found["outcomes"], found["exceptions"]) == ({"applied": 2, "open": 1}, {"conflict/console": 1})
    assert (found["overridden"], found["closings"], found["head"]) == (1, 1, ledger_head(root))
    code, out, _ = called(capsys, "population", "--from", "2026-11-01", "--to", "2026-11-30")
    assert code == 0
    assert out.startswith("Population from 2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z\n")
    assert "    3 with an outcome: 2 applied, 1 open\n    1 with an exception alone: 1 conflict/console\n" in out
    assert f"The counts foot.\nThey rest on the ledger {ledger_head(root)}\n" in out


def test_an_empty_ledger_has_a_population_of_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root.mkdir()
    code, out, _ = called(capsys, "population")
    assert (code, "The counts foot." in out) == (0, True)


# Each row with its own people


def test_a_ticket_that_a_later_run_closes_has_the_people_of_its_decision(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(PROVENANCE, review=Review(99, "zoe", reviewers=("max",)))
    write_run(root, FIRST, intent(1), recorded(1))
    write_run(root, SECOND, closed(1), provenance=other)
    code, out, _ = called(capsys, "export")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert (code, [(row["outcome"], row["author"], row["pull_request"]) for row in rows]) == (
        0,
        [("applied", "jdoe", "12"), ("closed", "jdoe", "12")],
    )


def test_what_is_not_known_of_people_is_never_blank(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = replace(PROVENANCE, review=Review(12, "jdoe"))
    write_run(root, FIRST, intent(1), recorded(1), provenance=replace(PROVENANCE, review=None))
    write_run(root, SECOND, intent(2), recorded(2), provenance=nobody)
    _, out, _ = called(capsys, "export")
    unknown, alone = csv.DictReader(io.StringIO(out, newline=""))
    assert {unknown[name] for name in ("author", "reviewers", "merged_by", "pull_request", "reviewed_at")} == {
        "not known"
    }
    assert (alone["author"], alone["reviewers"], alone["merged_by"]) == ("jdoe", "nobody", "not known")


def test_the_times_of_review_and_merge_are_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    review = Review(12, "jdoe", reviewers=("asmith",), merged_by="asmith", reviewed_at=(NOW,), merged_at=NOW)
    write_run(root, FIRST, intent(1), recorded(1), provenance=replace(PROVENANCE, review=review))
    _, out, _ = called(capsys, "export", "--excel")
    assert out.startswith('\ufeff"at",')
    (row,) = csv.DictReader(io.StringIO(out.removeprefix("\ufeff"), newline=""))
    assert (row["reviewed_at"], row["merged_at"], row["at"]) == ("2026-11-23 12:00:00",) * 3
    assert row["operation"] == "op:000000000001"
    assert "reviewed Mon 2026-11-23 12:00 UTC, merged Mon 2026-11-23 12:00 UTC" in called(capsys, "log", "-v")[1]


# The rules


def test_the_rules_of_a_day_and_who_changed_them_are_one_command(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root.mkdir()
    old = keep(root, CONFIGURATIONS, b"version: 1\npolicy: {limits: {changes: 100}}\n")
    new = keep(root, CONFIGURATIONS, b"version: 1\npolicy: {limits: {changes: 5000}}\n")
    review = Review(41, "mallory", reviewers=("asmith",))
    early, late = at("2026-02-01T00:00:00Z"), at("2026-03-04T00:00:00Z")
    write_run(root, FIRST, at=early, config=old, config_commit="a" * 40)
    write_run(root, SECOND, at=early, config=old, config_commit="a" * 40)
    write_run(root, THIRD, at=late, config=new, config_commit="b" * 40, config_review=review)
    code, out, _ = called(capsys, "policy", "--at", "2026-03-03")
    assert code == 0
    assert "changes: 100" in out
    assert "5000" not in out
    code, out, _ = called(capsys, "policy", "--format", "json")
    first, second = json.loads(out)["changes"]
    assert (code, first["runs"], first["until"], first["config"]) == (0, 2, "2026-03-04T00:00:00Z", old)
    assert (second["commit"], second["author"], second["review"]["reviewers"]) == ("b" * 40, "mallory", ["asmith"])
    text = called(capsys, "policy")[1]
    assert "by        mallory, reviewed by asmith (#41)" in text
    assert "by        not known" in text


def test_kept_rules_that_were_changed_are_found_out(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root.mkdir()
    kept = keep(root, CONFIGURATIONS, b"version: 1\n")
    other = root / CONFIGURATIONS.format(keep(root, CONFIGURATIONS, b"version: 2\n").removeprefix("sha256:"))
    other.replace(root / CONFIGURATIONS.format(kept.removeprefix("sha256:")))
    write_run(root, FIRST, config=kept)
    code, _, err = called(capsys, "policy", "--at", "2026-12-31")
    assert (code, "is not what was kept under this name" in err) == (4, True)


# The platform's own log


def event(name: str = "Workflow Ticket Approved", **members: Any) -> dict[str, Any]:
    """An event with the members and the spelling of the vendor's example of the Log call."""
    return {
        "ClientTimestamp": "2026-11-23T12:00:01.2230000",
        "Component": OBJECT,
        "ComponentId": 50,
        "ComponentSubsystem": "Config",
        "Data": None,
        "Grouping": 65846347,
        "Id": 131091,
        "Name": name,
        "ServerTimestamp": "2026-11-23T12:00:02.2330000",
        "Severity": "Info",
        "SourceIP": "192.168.7.198",
        "Text1": None,
        "Text2": None,
        "Value1": 0,
        "Value2": 0,
    } | members


def test_what_was_decided_outside_is_listed_with_who_did_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(root, FIRST, intent(1), recorded(1))
    write_run(root, SECOND, intent(2, object=r"\VED\Policy\Web\two"), recorded(2, object=r"\VED\Policy\Web\two"))
    events = [
        event("Config - Value Written"),
        event(Component=r"\VED\Elsewhere", Text1="ok [op:000000000001]"),
        event(Component=r"\ved\policy\web\TWO", ServerTimestamp="2026-11-23T12:04:59.0000000"),
        event(Component=OBJECT, ServerTimestamp="2026-11-24T02:00:00.0000000", Text1="local:admin"),
    ]
    Path("log.json").write_text(json.dumps({"LogEvents": events}))
    code, out, _ = called(capsys, "reconcile", "--tpp-log", "log.json", "--format", "json")
    found = json.loads(out)
    assert (code, found["events"], found["decisions"], found["matched"]) == (5, 4, 3, 2)
    assert [(each["by"], each["at"]) for each in found["outside"]] == [("local:admin", "2026-11-24T02:00:00Z")]
    code, out, _ = called(capsys, "reconcile", "--tpp-log", "log.json")
    assert code == 5
    assert (
        "Decided outside (1)\n  2026-11-24 02:00:00Z  www.example.com  Workflow Ticket Approved  by local:admin\n"
        in out
    )
    assert (
        "4 events read, 3 decisions on tickets: 2 in the ledger (1 by tag, 1 by object and time), 1 made outside" in out
    )


def test_a_decision_of_ours_that_the_log_does_not_show_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(root, FIRST, intent(1), recorded(1), intent(2), recorded(2))
    Path("log.json").write_text(json.dumps([event(Component="", Text1="[op:000000000001]")]))
    code, out, _ = called(capsys, "reconcile", "--tpp-log", "log.json")
    assert (code, "In the ledger and not in the log (1)" in out) == (0, True)


def test_a_table_with_columns_of_its_own_is_read(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(root, FIRST, intent(1), recorded(1))
    rows = f"When;DN;Event;One;Two;User\r\n2026-11-25 08:00:00;{OBJECT};Ticket Rejected;x;;AD+CORP:jdoe\r\n"
    Path("log.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
    columns = "time=When,object=DN,name=Event,text1=One,text2=Two,by=User"
    code, out, _ = called(capsys, "reconcile", "--tpp-log", "log.csv", "--columns", columns)
    assert (code, "by AD+CORP:jdoe" in out) == (5, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("{}", "neither an answer of the Log call"),
        ('{"LogEvents": [{"Name": "x"}]}', "row 1 has no ServerTimestamp, Component, Text1, Text2; it has Name"),
        ("ServerTimestamp,Component\r\na,b\r\n", "row 1 has no Name, Text1, Text2"),
        (json.dumps([event(ServerTimestamp="yesterday")]), "row 1: 'yesterday' is no time"),
        ("{", "this is no JSON"),
    ],
)
def test_a_log_that_cannot_be_read_says_why(
    root: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    write_run(root, FIRST, intent(1), recorded(1))
    Path("log").write_text(text)
    code, out, err = called(capsys, "reconcile", "--tpp-log", "log")
    assert (code, out) == (1, "")
    assert err.startswith("log: error: ")
    assert said in err


def test_columns_that_are_none_are_a_usage_error(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(root, FIRST)
    Path("log").write_text("[]")
    code, _, err = called(capsys, "reconcile", "--tpp-log", "log", "--columns", "when=x")
    assert (code, "write NAME=COLUMN, with one of the names time, object, name, text1, text2, by" in err) == (2, True)


# Origin


def test_a_ledger_that_was_written_anew_is_found_out_by_a_plan_from_outside(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(root, FIRST, intent(1), recorded(1))
    save_plan(plan(step(), ledger_heads=ledger_heads(root), ledger_head=ledger_head(root)), Path("plan.json"))
    write_run(root, SECOND, intent(2), recorded(2))
    code, out, _ = called(capsys, "verify", "--plans", "plan.json")
    assert (code, "origin: 1 file from outside the ledger names 1 head, and it has it\n" in out) == (0, True)

    for path in root.rglob("*.jsonl"):
        path.unlink()
    invented = replace(PROVENANCE, review=Review(12, "jdoe", reviewers=("invented",)))
    write_run(root, FIRST, intent(1), recorded(1), provenance=invented)
    write_run(root, SECOND, intent(2), recorded(2), provenance=invented)
    assert called(capsys, "verify")[0] == 0
    code, out, _ = called(capsys, "verify", "--plans", "plan.json")
    assert code == 4
    assert "\nplan.json: error: line 3 of 2026/11/" in out
    assert "is named in it and not in this ledger [plans/other-ledger]" in out


def test_a_saved_comment_names_the_heads_too(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(root, FIRST, intent(1), recorded(1))
    (head,) = ledger_heads(root)
    Path("comments").mkdir()
    Path("comments/12.md").write_text(
        f"- ledger `{ledger_head(root)}`\n- ledger line `{head.path}:{head.lines}` `{head.hash}`\n"
    )
    Path("comments/notes.md").write_text("nothing of ours\n")
    code, out, _ = called(capsys, "verify", "--plans", "comments")
    assert (code, "1 file from outside the ledger names 1 head" in out) == (0, True)
    Path("comments/13.md").write_text(f"ledger `{'sha256:' + 'f' * 64}`\n")
    code, out, _ = called(capsys, "verify", "--plans", "comments")
    assert (code, "comments/13.md: error: the state sha256:fff" in out) == (4, True)


def test_without_anything_from_outside_it_is_not_proven_original(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(root, FIRST, intent(1), recorded(1))
    save_plan(plan(step()), Path("plan.json"))
    code, out, _ = called(capsys, "verify", "--plans", "plan.json")
    assert (code, "origin: internally consistent; not proven original" in out) == (0, True)


def test_a_plan_that_was_edited_is_found_out(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(root, FIRST, intent(1), recorded(1))
    save_plan(plan(step(), ledger_heads=ledger_heads(root)), Path("plan.json"))
    text = Path("plan.json").read_text()
    Path("plan.json").write_text(text.replace("www.example.com", "evil.example.com"))
    code, out, _ = called(capsys, "verify", "--plans", "plan.json")
    assert (code, "plan.json: error: this plan is not as it was saved" in out) == (4, True)


def test_an_unresolved_outcome_is_the_last_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = NOW + timedelta(hours=1)
    write_run(root, FIRST, intent(1), recorded(1, outcome=Outcome.UNKNOWN, gone=False))
    write_run(root, SECOND, recorded(1, at=later))
    assert json.loads(called(capsys, "population", "--format", "json")[1])["outcomes"] == {"applied": 1}


# Working papers


def test_the_working_papers_have_population_sample_segregation_exceptions_rules_and_integrity(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = replace(PROVENANCE, review=Review(13, "eve", reviewers=("eve",)))
    write_run(root, FIRST, intent(1), recorded(1), exception(3), config="sha256:" + "c" * 64)
    write_run(root, SECOND, intent(2), recorded(2), provenance=own)
    with pytest.raises(SystemExit) as left:
        main(["report", "--audit", "--from", "2026-11-01", "--to", "2026-11-30", "--out", "papers"])
    assert (left.value.code, capsys.readouterr().err) == (0, "wrote papers/audit.html\n")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", Path("papers/audit.html").read_text()))
    assert "From 2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z. All times are UTC." in page
    for said in ("Decisions 3", "with the exception conflict/console alone 1", "eve 1 1 1 1", "jdoe 1 0 0 0"):
        assert said in page, page
    assert "internally consistent; not proven original" in page
    assert "<script" not in Path("papers/audit.html").read_text()
