"""`show` and `report` from the command line: offline, in every format, and clear about what they can't read."""

import json
from pathlib import Path

import pytest

from reconciler.cli.main import main
from reconciler.codec import plan_json, run_json
from reconciler.ledger.files import new_run_id
from reconciler.model.receipt import Outcome, Receipt
from reconciler.model.record import Ended, Intent, Opened
from reconciler.model.value import replace
from reconciler.planning.digest import plan_digest
from reconciler.rendering.text.layout import View
from reconciler.rendering.text.plan import plan_text
from reconciler.rendering.text.run import run_text
from tests import builders
from tests.ledger.ledgers import open_run
from tests.rendering import ledgers
from tests.rendering.plans import PLANS, RUNS

PLAN = PLANS["irreversible-first"]
PLAN = replace(PLAN, digest=plan_digest(PLAN.target, PLAN.steps, PLAN.overrides))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    for name in ("CI", "GITHUB_ACTIONS", "TPP_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "plan.json").write_text(plan_json(PLAN))
    (tmp_path / "run.json").write_text(run_json(RUNS["irreversible-first"]))
    return tmp_path


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    shown = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, shown.out, shown.err


def test_show_prints_a_saved_plan_as_plan_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "show", "plan.json") == (0, plan_text(PLAN, View(width=100)), "")


def test_show_prints_the_report_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "show", "run.json") == (0, run_text(RUNS["irreversible-first"], View(width=100)), "")


def test_json_is_the_saved_format(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert _run(capsys, "show", "plan.json", "--format", "json")[1] == (folder / "plan.json").read_text()
    assert _run(capsys, "show", "run.json", "--format", "json")[1] == (folder / "run.json").read_text()


@pytest.mark.parametrize(("style", "start"), [("markdown", "<!-- tpp-plan:v1"), ("html", "<!doctype html>")])
def test_show_knows_every_format(capsys: pytest.CaptureFixture[str], style: str, start: str) -> None:
    code, out, _ = _run(capsys, "show", "plan.json", "--format", style)
    assert (code, out.startswith(start)) == (0, True)


def test_a_timeline_follows_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    out = _run(capsys, "show", "plan.json", "--timeline")[1]
    assert out.startswith(plan_text(PLAN, View(width=100)) + "\nTimeline in UTC")


def test_a_plan_that_was_edited_is_not_shown(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    document = json.loads((folder / "plan.json").read_text())
    document["steps"][0]["after"] = {"status": "Rejected"}
    (folder / "plan.json").write_text(json.dumps(document))
    code, out, err = _run(capsys, "show", "plan.json")
    assert (code, out) == (3, "")
    assert "it was edited after it was made" in err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 1, "the plan file is empty"),
        ("[]", 1, "this is no plan"),
        ('{"receipts": 1}', 1, "this is no report of a run: /receipts: an array is needed, this is a number"),
        ('{"version": 1}', 1, "this is no plan"),
    ],
)
def test_a_file_that_is_neither_is_named_with_its_fault(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str, code: int, said: str
) -> None:
    (folder / "x.json").write_text(text)
    found, out, err = _run(capsys, "show", "x.json")
    assert (found, out) == (code, "")
    assert err.startswith("x.json: error: ")
    assert said in err
    assert "Traceback" not in err


def test_report_writes_a_site_that_can_be_opened(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = _run(capsys, "report", "--out", "site", "--plan", "plan.json", "--title", "Web approvals")
    assert (code, out) == (0, "")
    assert err == f"wrote {5 + len(PLAN.steps)} pages; open site/index.html\n"
    assert "Web approvals" in (folder / "site" / "index.html").read_text()
    assert "api-gw" in (folder / "site" / "plan.html").read_text()


def test_a_report_that_can_not_be_written_says_why(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert _run(capsys, "report", "--out", "site")[0] == 0
    (folder / "site" / "plan.html").unlink()
    (folder / "site" / "plan.html").mkdir()
    code, _, err = _run(capsys, "report", "--out", "site")
    assert code == 1
    assert err.startswith("site/plan.html: error: the file can't be written: ")


def _ledger(folder: Path) -> Path:
    """Write a ledger of two decisions as a run does."""
    entries = [line.entry for line in ledgers.lines(2) if isinstance(line.entry, Intent | Receipt)]
    ended = Ended(builders.NOW, {Outcome.APPLIED: 2})
    opened = Opened(builders.NOW, "sha256:" + "0" * 64)
    with open_run(folder / "ledger", new_run_id(builders.NOW), opened, ledgers.PROVENANCE) as journal:
        for entry in (*entries, ended):
            journal.append(entry)
        return journal.path


def test_report_tells_what_the_ledger_has(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    _ledger(folder)
    code, _, err = _run(capsys, "report", "--out", "site", "--ledger", "ledger")
    assert (code, err) == (0, "wrote 7 pages; open site/index.html\n")
    story = (folder / "site" / "tickets" / f"{builders.guid(1)}.html").read_text()
    assert "asmith, mkim" in story
    controls = (folder / "site" / "controls.html").read_text()
    assert ">verified</span> 6 lines in 1 file<" in controls
    assert "2026-11-23 12:00" in controls


def test_report_shows_a_ledger_that_was_edited_and_exits_with_4(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    path = _ledger(folder)
    path.write_text(path.read_text().replace("reviewed and renewed", "reviewed and removed"))
    code, _, err = _run(capsys, "report", "--out", "site", "--ledger", "ledger")
    assert code == 4
    assert "error: the ledger in ledger is broken: 2026" in err
    assert "The ledger is not intact" in (folder / "site" / "controls.html").read_text()
    assert "host-00001" in (folder / "site" / "ledger.html").read_text()
