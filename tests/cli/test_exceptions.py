"""What asked for attention is in the ledger: when it began, when it ended, and which override let something pass."""

import csv
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from reconciler.model.ticket import Guid
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

FREEZE = """policy:
  freezes: [{name: year-end, start: 2020-01-01T00:00:00Z, stop: 2099-01-01T00:00:00Z, objects: ['**']}]
"""


def records(repo: Repo, *options: str) -> list[dict[str, Any]]:
    said = repo.run("ledger", "log", "--format", "json", *options)
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = json.loads(said.out)["records"]
    return found


def told(repo: Repo) -> list[tuple[str, str | None, str | None]]:
    return [(each["outcome"], each["guid"], each["reason"]) for each in records(repo)]


def approve(guid: str) -> str:
    return f"{{guid: {guid}, status: Approved, explanation: ok}}"


def opened(repo: Repo) -> list[dict[str, Any]]:
    files = sorted((repo.folder / "ledger").rglob("*.jsonl"))
    return [json.loads(path.read_text().splitlines()[0]) for path in files]


def test_what_asks_for_attention_is_recorded_once_and_when_it_ends(repo: Repo) -> None:
    repo.decide(approve(FIRST), approve("11111111-1111-4111-8111-111111111111"))
    repo.sandbox.world.console(Guid(FIRST), "Rejected")
    assert repo.run("apply", "--yes").code == 5
    assert told(repo) == [
        ("attention", "11111111-1111-4111-8111-111111111111", "missing/ticket"),
        ("attention", FIRST, "conflict/console"),
    ]
    assert repo.run("apply", "--yes").code == 5
    assert len(opened(repo)) == 1, "nothing is new, so nothing is written"

    repo.decide("{guid: " + FIRST + ", status: Rejected, explanation: ok}")
    assert repo.run("apply", "--yes").code == 0
    assert told(repo)[2:] == [
        ("attention-ended", "11111111-1111-4111-8111-111111111111", "missing/ticket"),
        ("attention-ended", FIRST, "conflict/console"),
        ("accepted", FIRST, None),
    ]
    assert repo.run("ledger", "verify").code == 0


def test_a_run_for_some_manifests_ends_nothing_of_the_others(repo: Repo) -> None:
    repo.decide(approve("11111111-1111-4111-8111-111111111111"), name="tickets/a.yaml")
    repo.decide(approve(SECOND), name="tickets/b.yaml")
    assert repo.run("apply", "--yes", "tickets/a.yaml").code == 5
    assert repo.run("apply", "--yes", "tickets/b.yaml").code == 0
    assert [outcome for outcome, _, _ in told(repo)] == ["attention", "applied"]


def test_an_override_that_was_used_is_told_everywhere(repo: Repo) -> None:
    repo.configure(f"{FREEZE}  overrides: {{longest: 9999d}}\n")
    override = f"overrides: [{{rule: freeze, tickets: [{FIRST}], reason: Outage INC1, until: 2036-01-01T00:00:00Z}}]\n"
    repo.decide(approve(FIRST), approve(SECOND), header=f"change: CHG0041234\n{override}")
    said = repo.run("apply", "--yes", "--out", "run.json")
    assert said.code == 3
    assert [(each["guid"], each["reason"]) for each in records(repo, "--outcome", "attention")] == [
        (FIRST, "override/freeze"),
        (SECOND, "refused/freeze"),
    ]
    (applied,) = records(repo, "--outcome", "applied")
    assert [(use["rule"], use["reason"]) for use in applied["overrides"]] == [("freeze", "Outage INC1")]
    assert "Outage INC1" in repo.run("ledger", "log", "--outcome", "applied", "-v").out
    assert [each["guid"] for each in records(repo, "--overridden")] == [FIRST, FIRST]
    rows = list(csv.DictReader(io.StringIO(repo.run("ledger", "export", "--overridden").out, newline="")))
    assert [row["overrides"] for row in rows if row["outcome"] == "applied"] == [
        "freeze until 2036-01-01T00:00:00Z: Outage INC1 (tickets/web.yaml:3:13)"
    ]
    assert "Outage INC1" in repo.run("explain", FIRST).out
    assert repo.run("report", "--out", "site").code == 0
    assert "Outage INC1" in (repo.folder / f"site/tickets/{FIRST}.html").read_text()
    report = json.loads((repo.folder / "run.json").read_text())
    assert [(each["guid"], each["reason"]) for each in report["attention"]] == [(SECOND, "refused/freeze")]
    assert "1 decision needs attention, nothing was sent: 1 refused;" in said.out


def test_an_exception_makes_no_saved_plan_stale(repo: Repo) -> None:
    repo.decide(approve(FIRST), approve("11111111-1111-4111-8111-111111111111"))
    assert repo.run("plan", "--out", "plan.json").code == 5
    repo.decide(approve("11111111-1111-4111-8111-111111111111"))
    assert repo.run("apply", "--yes").code == 5
    assert repo.run("apply", "--yes", "plan.json").code == 5
    assert [outcome for outcome, _, _ in told(repo)] == ["attention", "applied"]


def test_the_plan_and_the_rules_of_a_run_are_kept_beside_it(repo: Repo) -> None:
    repo.decide(approve(THIRD))
    assert repo.run("plan", "--out", "plan.json").code == 0
    assert repo.run("apply", "--yes", "plan.json").code == 0
    (line,) = opened(repo)
    for name, place in (("plan", "plans/{}.json.gz"), ("config", "configurations/{}.yaml.gz")):
        digest = line[name].removeprefix("sha256:")
        data = gzip.decompress((repo.folder / "ledger" / place.format(digest)).read_bytes())
        assert hashlib.sha256(data).hexdigest() == digest
        kept = {"plan": "plan.json", "config": "reconciler.yaml"}[name]
        assert data == (Path(repo.folder) / kept).read_bytes()
    assert repo.run("ledger", "verify").code == 0
    assert repo.run("plan").code == 0


def test_many_exceptions_are_written_with_one_sync(repo: Repo) -> None:
    missing = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 301)]
    repo.decide(*map(approve, missing))
    assert repo.run("apply", "--yes").code == 5
    assert len(records(repo)) == 300
