"""Files that commands are asked to write: refused before anything is sent, and never in place of something else."""

import json
import os
from pathlib import Path

import pytest

from reconciler.app import apply as applying
from tests.cli.repo import FIRST, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: Web tier renewal}}"


@pytest.fixture
def ready(repo: Repo) -> Repo:
    repo.decide(APPROVE)
    return repo


def _link(path: Path, target: Path) -> None:
    target.write_text("{}", encoding="utf-8")
    path.symlink_to(target)


REFUSED = {
    "no folder": ("no/such/run.json", "there is no folder no/such"),
    "a device": ("/dev/full", "this is a special file; only a regular file is replaced"),
    "a link": ("link.json", "this is a link; only a regular file is replaced"),
    "the ledger": ("ledger/2036/11/run.jsonl", "this is inside the ledger in ledger"),
    "a manifest": ("tickets/run.json", "this is among the manifests in tickets"),
    "the ledger behind a link": ("elsewhere/run.json", "this is inside the ledger in ledger"),
    "a file of another kind": ("notes.json", "the file there is not the report of a run, and is not replaced"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_apply_sends_nothing_when_its_report_can_not_be_saved(ready: Repo, case: str) -> None:
    place, why = REFUSED[case]
    ledger = ready.folder / "ledger" / "2036" / "11"
    ledger.mkdir(parents=True)
    _link(ready.folder / "link.json", ready.folder / "target.json")
    (ready.folder / "elsewhere").symlink_to(ready.folder / "ledger")
    ready.write("notes.json", '{"mine": true}')
    said = ready.run("apply", "--yes", "--out", place)
    assert (said.code, ready.writes(), said.out) == (2, [], "")
    assert f"error: --out: {why} [output/refused]" in said.err
    assert list(ledger.iterdir()) == []
    assert (ready.folder / "target.json").read_text("utf-8") == "{}"
    assert (ready.folder / "notes.json").read_text("utf-8") == '{"mine": true}'


WRITE_ONE_FILE = {
    "merge-plans": ("github", "merge-plans", "saved.json", "--out"),
    "merge-runs": ("github", "merge-runs", "report.json", "--out"),
    "statement": ("github", "statement", "--run", "report.json", "--out"),
    "predicate": ("github", "statement", "--run", "report.json", "--out", "fresh.json", "--predicate"),
    "ready-file": ("sandbox", "--memory", "--port", "0", "--ready-file"),
    "state": ("sandbox", "--port", "0", "--state"),
    "pack": ("ledger", "export", "--pack"),
}


@pytest.mark.parametrize("command", WRITE_ONE_FILE)
def test_whatever_else_writes_a_file_refuses_the_same_places(ready: Repo, command: str) -> None:
    assert ready.run("plan", "--out", "saved.json").code == 0
    assert ready.run("apply", "saved.json", "--yes", "--out", "report.json").code == 0
    _link(ready.folder / "link.json", ready.folder / "target.json")
    (ready.folder / "elsewhere").symlink_to(ready.folder / "ledger")
    ready.write("notes.json", '{"mine": true}')
    before = {path: path.read_bytes() for path in ready.folder.rglob("*") if path.is_file()}
    for case, (place, why) in REFUSED.items():
        if (command, case) == ("pack", "a manifest"):
            continue  # it works without a configuration, on the ledger that it is given
        said = ready.run(*WRITE_ONE_FILE[command], place)
        assert (said.code, "[output/refused]" in said.err) == (2, True), (case, said)
        assert why.partition(" is not ")[0] in said.err, case
    assert {path: path.read_bytes() for path in ready.folder.rglob("*") if path.is_file()} == before


def test_results_of_an_earlier_step_are_removed_and_nothing_else(ready: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_INPUT_COMMAND", "plan")
    mine = ready.write("notes.json", '{"mine": true}')
    monkeypatch.setenv("RECONCILER_INPUT_PLAN", "notes.json")
    assert (ready.run("github", "run").code, mine.read_text("utf-8")) == (2, '{"mine": true}')
    assert ready.run("plan", "--out", "saved.json").code == 0
    ready.decide("{guid: x}")
    monkeypatch.setenv("RECONCILER_INPUT_PLAN", "saved.json")
    assert (ready.run("github", "run").code, (ready.folder / "saved.json").exists()) == (1, False)


@pytest.mark.parametrize("what", ["a link", "a folder without rights"])
def test_manifests_are_put_in_order_all_or_none(ready: Repo, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unordered = "version: 1\ntickets:\n  - {status: Pending, guid: %s}\n"
    first = ready.write("tickets/a.yaml", unordered % FIRST.replace("6", "7"))
    second = ready.write("tickets/b/b.yaml", unordered % FIRST.replace("6", "8"))
    if what == "a link":
        second = second.rename(ready.folder / "b.yaml")
        (ready.folder / "tickets/b/b.yaml").symlink_to(second)
    else:  # root may write everywhere
        monkeypatch.setattr(os, "access", lambda folder, _: Path(folder).name != "b")
    said = ready.run("fmt")
    assert (said.code, "tickets/b/b.yaml: error: the file can't be written" in said.err) == (1, True), said
    assert first.read_text("utf-8") == unordered % FIRST.replace("6", "7")
    assert second.read_text("utf-8") == unordered % FIRST.replace("6", "8")
    assert ready.run("fmt", "--check").code == 1


def test_a_new_repository_is_never_written_through_a_link(ready: Repo) -> None:
    (ready.folder / "new").mkdir()
    outside = ready.folder / "outside"
    (ready.folder / "new" / "reconciler.yaml").symlink_to(outside)
    said = ready.run("init", "new")
    assert (said.code, "kept new/reconciler.yaml, which is there already" in said.out) == (0, True)
    assert not outside.exists()
    outside.mkdir()
    (ready.folder / "newer").mkdir()
    (ready.folder / "newer" / ".github").symlink_to(outside)
    said = ready.run("init", "newer")
    assert (said.code, "leads out of the repository" in said.err) == (1, True)
    assert (list(outside.iterdir()), len(list((ready.folder / "newer").iterdir()))) == ([], 1)


def test_a_demo_is_not_kept_among_other_files(ready: Repo) -> None:
    said = ready.run("demo", "--keep", ".")
    assert (said.code, "there is something in . already" in said.err) == (2, True)


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_metrics_replace_metrics_only(ready: Repo, command: str) -> None:
    ready.write("metrics.prom", "node_load1 0.5\n")
    arguments = (command, *(["--yes"] if command == "apply" else []), "--metrics", "metrics.prom")
    said = ready.run(*arguments)
    assert (said.code, ready.writes()) == (2, [])
    assert "--metrics: the file there is not a file of metrics, and is not replaced" in said.err
    (ready.folder / "metrics.prom").unlink()
    assert ready.run(*arguments).code == 0
    assert ready.run(*arguments).code == 0


def test_each_fault_of_the_outputs_is_told_at_once(ready: Repo) -> None:
    said = ready.run("plan", "--out", "ledger/plan.json", "--metrics", "no/such")
    assert said.code == 2
    assert said.err.count("[output/refused]") == 2
    twice = ready.run("plan", "--out", "plan.json", "--metrics", "plan.json")
    assert (twice.code, "--metrics names the file of another option" in twice.err) == (2, True)


def test_a_plan_replaces_a_plan_and_an_empty_file(ready: Repo) -> None:
    ready.write("plan.json", "")
    assert ready.run("plan", "--out", "plan.json").code == 0
    assert ready.run("plan", "--out", "plan.json").code == 0
    ready.write("package.json", '{"name": "app"}')
    assert ready.run("plan", "--out", "package.json").code == 2


def test_a_plan_never_destroys_a_record(ready: Repo) -> None:
    ready.run("apply", "--yes")
    (record,) = (ready.folder / "ledger").rglob("*.jsonl")
    before = record.read_bytes()
    said = ready.run("plan", "--out", str(record.relative_to(ready.folder)))
    assert (said.code, record.read_bytes()) == (2, before)


def test_the_outcome_is_printed_when_the_report_can_not_be_saved_after_all(
    ready: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ready.folder / "reports"
    folder.mkdir()
    apply_plan = applying.apply_plan

    def and_then_the_folder_goes(*arguments: object, **named: object) -> object:
        folder.rmdir()
        return apply_plan(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(applying, "apply_plan", and_then_the_folder_goes)
    said = ready.run("apply", "--yes", "--out", "reports/run.json", "--metrics", "reports/metrics.prom")
    assert (said.code, len(ready.writes())) == (0, 1)
    assert "1 applied" in said.out
    assert "warning: the report of the run was not saved to reports/run.json: No such file or directory" in said.err
    assert "`reconciler ledger log` has what was done" in said.err
    assert "warning: the metrics were not written to reports/metrics.prom" in said.err


def test_a_report_goes_into_an_empty_folder_or_replaces_a_report(ready: Repo) -> None:
    ready.run("apply", "--yes")
    assert ready.run("report", "--out", "site").code == 0
    assert ready.run("report", "--out", "site").code == 0
    for place in ("ledger", "ledger/site", "tickets", "."):
        said = ready.run("report", "--out", place)
        assert (said.code, "[output/refused]" in said.err) == (2, True), place
    assert [path.name for path in (ready.folder / "tickets").iterdir()] == ["web.yaml"]


def test_a_site_is_never_written_through_a_link(ready: Repo) -> None:
    ready.run("report", "--out", "site")
    victim = ready.write("victim.html", "mine")
    (ready.folder / "site" / "plan.html").unlink()
    (ready.folder / "site" / "plan.html").symlink_to(victim)
    said = ready.run("report", "--out", "site")
    assert (said.code, victim.read_text("utf-8")) == (1, "mine")
    assert "this is a link; only a regular file is replaced" in said.err


def test_an_audit_pack_stays_out_of_the_ledger(ready: Repo) -> None:
    ready.run("apply", "--yes")
    assert ready.run("ledger", "export", "--pack", "ledger/pack.zip").code == 2
    ready.write("notes.txt", "mine")
    assert ready.run("ledger", "export", "--pack", "notes.txt").code == 2
    assert ready.run("ledger", "export", "--pack", "pack.zip").code == 0
    assert ready.run("ledger", "export", "--pack", "pack.zip").code == 0


def test_what_is_saved_is_what_was_printed(ready: Repo) -> None:
    said = ready.run("apply", "--yes", "--format", "json", "--out", "run.json")
    assert json.loads(said.out) == json.loads((ready.folder / "run.json").read_text("utf-8"))
