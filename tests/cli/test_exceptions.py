"""What asked for attention is in the ledger: when it began, when it ended, and which override let something pass."""

import csv
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from reconciler.model.ticket import Guid
from tests.cli.desk import FIRST, SECOND, THIRD, Desk

FREEZE = """policy:
  freezes: [{name: year-end, start: 2020-01-01T00:00:00Z, stop: 2099-01-01T00:00:00Z, objects: ['**']}]
"""


def records(desk: Desk, *options: str) -> list[dict[str, Any]]:
    said = desk.run("ledger", "log", "--format", "json", *options)
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = json.loads(said.out)["records"]
    return found


def told(desk: Desk) -> list[tuple[str, str | None, str | None]]:
    return [(each["outcome"], each["guid"], each["reason"]) for each in records(desk)]


def approve(guid: str) -> str:
    return f"{{guid: {guid}, status: Approved, explanation: ok}}"


def opened(desk: Desk) -> list[dict[str, Any]]:
    files = sorted((desk.folder / "ledger").rglob("*.jsonl"))
    return [json.loads(path.read_text().splitlines()[0]) for path in files]


def test_what_asks_for_attention_is_recorded_once_and_when_it_ends(desk: Desk) -> None:
    desk.decide(approve(FIRST), approve("11111111-1111-4111-8111-111111111111"))
    desk.sandbox.world.console(Guid(FIRST), "Rejected")
    assert desk.run("apply", "--yes").code == 5
    assert told(desk) == [
        ("attention", "11111111-1111-4111-8111-111111111111", "missing/ticket"),
        ("attention", FIRST, "conflict/console"),
    ]
    assert desk.run("apply", "--yes").code == 5
    assert len(opened(desk)) == 1, "nothing is new, so nothing is written"

    desk.decide("{guid: " + FIRST + ", status: Rejected, explanation: ok}")
    assert desk.run("apply", "--yes").code == 0
    assert told(desk)[2:] == [
        ("attention-ended", "11111111-1111-4111-8111-111111111111", "missing/ticket"),
        ("attention-ended", FIRST, "conflict/console"),
        ("accepted", FIRST, None),
    ]
    assert desk.run("ledger", "verify").code == 0


def test_a_run_for_some_manifests_ends_nothing_of_the_others(desk: Desk) -> None:
    desk.decide(approve("11111111-1111-4111-8111-111111111111"), name="tickets/a.yaml")
    desk.decide(approve(SECOND), name="tickets/b.yaml")
    assert desk.run("apply", "--yes", "tickets/a.yaml").code == 5
    assert desk.run("apply", "--yes", "tickets/b.yaml").code == 0
    assert [outcome for outcome, _, _ in told(desk)] == ["attention", "applied"]


def test_an_override_that_was_used_is_told_everywhere(desk: Desk) -> None:
    desk.configure(f"{FREEZE}  overrides: {{longest: 9999d}}\n")
    override = f"overrides: [{{rule: freeze, tickets: [{FIRST}], reason: Outage INC1, until: 2036-01-01T00:00:00Z}}]\n"
    desk.decide(approve(FIRST), approve(SECOND), header=f"change: CHG0041234\n{override}")
    said = desk.run("apply", "--yes", "--out", "run.json")
    assert said.code == 3
    assert [(each["guid"], each["reason"]) for each in records(desk, "--outcome", "attention")] == [
        (FIRST, "override/freeze"),
        (SECOND, "refused/freeze"),
    ]
    (applied,) = records(desk, "--outcome", "applied")
    assert [(use["rule"], use["reason"]) for use in applied["overrides"]] == [("freeze", "Outage INC1")]
    assert "Outage INC1" in desk.run("ledger", "log", "--outcome", "applied", "-v").out
    assert [each["guid"] for each in records(desk, "--overridden")] == [FIRST, FIRST]
    rows = list(csv.DictReader(io.StringIO(desk.run("ledger", "export", "--overridden").out, newline="")))
    assert [row["overrides"] for row in rows if row["outcome"] == "applied"] == [
        "freeze until 2036-01-01T00:00:00Z: Outage INC1 (tickets/web.yaml:3:13)"
    ]
    assert "Outage INC1" in desk.run("explain", FIRST).out
    assert desk.run("report", "--out", "site").code == 0
    assert "Outage INC1" in (desk.folder / f"site/tickets/{FIRST}.html").read_text()
    report = json.loads((desk.folder / "run.json").read_text())
    assert [(each["guid"], each["reason"]) for each in report["attention"]] == [(SECOND, "refused/freeze")]
    assert "1 decision needs attention, nothing was sent: 1 refused;" in said.out


def test_an_exception_makes_no_saved_plan_stale(desk: Desk) -> None:
    desk.decide(approve(FIRST), approve("11111111-1111-4111-8111-111111111111"))
    assert desk.run("plan", "--out", "plan.json").code == 5
    desk.decide(approve("11111111-1111-4111-8111-111111111111"))
    assert desk.run("apply", "--yes").code == 5
    assert desk.run("apply", "--yes", "plan.json").code == 5
    assert [outcome for outcome, _, _ in told(desk)] == ["attention", "applied"]


def test_the_plan_and_the_rules_of_a_run_are_kept_beside_it(desk: Desk) -> None:
    desk.decide(approve(THIRD))
    assert desk.run("plan", "--out", "plan.json").code == 0
    assert desk.run("apply", "--yes", "plan.json").code == 0
    (line,) = opened(desk)
    for name, place in (("plan", "plans/{}.json.gz"), ("config", "configurations/{}.yaml.gz")):
        digest = line[name].removeprefix("sha256:")
        data = gzip.decompress((desk.folder / "ledger" / place.format(digest)).read_bytes())
        assert hashlib.sha256(data).hexdigest() == digest
        kept = {"plan": "plan.json", "config": "reconciler.yaml"}[name]
        assert data == (Path(desk.folder) / kept).read_bytes()
    assert desk.run("ledger", "verify").code == 0
    assert desk.run("plan").code == 0


def test_many_exceptions_are_written_with_one_sync(desk: Desk) -> None:
    missing = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 301)]
    desk.decide(*map(approve, missing))
    assert desk.run("apply", "--yes").code == 5
    assert len(records(desk)) == 300
