"""The report of a ledger of years: the newest in full, the rest on pages of its own, and nothing lost."""

import re
from pathlib import Path

import pytest

from reconciler.app import report
from reconciler.cli.main import main
from tests.builders import at, guid
from tests.ledger.ledgers import intent, recorded, write_run

RUNS = ("20230105T120000Z-000001", "20230920T120000Z-000002", "20230930T120000Z-000003")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number, run in enumerate(RUNS, start=1):
        when = at(f"{run[:4]}-{run[4:6]}-{run[6:8]}T12:00:00Z")
        entries = [
            entry for each in (number, number + 10) for entry in (intent(each, at=when), recorded(each, at=when))
        ]
        write_run(tmp_path / "ledger", run, *entries)
    return tmp_path / "ledger"


def written(*arguments: str) -> dict[str, str]:
    with pytest.raises(SystemExit) as left:
        main(["report", "--out", "site", *arguments])
    assert left.value.code == 0
    return {path.relative_to("site").as_posix(): path.read_text() for path in Path("site").rglob("*.html")}


def tickets(files: dict[str, str]) -> set[str]:
    return {name.removeprefix("tickets/").removesuffix(".html") for name in files if name.startswith("tickets/")}


def test_the_last_90_days_are_in_full_and_the_rest_has_a_page(ledger: Path) -> None:
    files = written()
    assert tickets(files) == {guid(number) for number in (2, 12, 3, 13)}
    assert "2 earlier receipts about others are on pages of their own" in files["ledger.html"]
    assert re.findall(r'href="(ledger-\d+.html)"', files["ledger.html"]) == ["ledger-1.html"]
    assert all(guid(number)[:8] in files["ledger-1.html"] for number in (1, 11))
    assert f"tickets/{guid(1)}" not in files["ledger-1.html"], "a link to a page that is not there"


def test_more_is_shown_on_request(ledger: Path) -> None:
    files = written("--since", "2023-01-01")
    assert len(tickets(files)) == 6
    assert "earlier receipts" not in files["ledger.html"]


def test_a_ticket_is_told_from_its_beginning_however_old(ledger: Path) -> None:
    when = at("2023-10-01T12:00:00Z")
    write_run(ledger, "20231001T120000Z-000004", intent(1, at=when, operation="f" * 12))
    files = written()
    assert guid(1) in tickets(files)
    assert RUNS[0] in files[f"tickets/{guid(1)}.html"]
    assert re.search(r"Updates without a receipt</dt><dd><span[^>]*bad[^>]*>1<", files["controls.html"])


def test_no_run_is_too_large(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MOST_TICKETS", 1)
    monkeypatch.setattr(report, "_A_PAGE", 2)
    files = written()
    assert tickets(files) == {guid(13)}
    pages = [name for name in files if re.fullmatch(r"ledger-\d+\.html", name)]
    assert len(pages) == 3
    shown = "".join(files[name] for name in pages)
    assert all(guid(number)[:8] in shown for number in (1, 11, 2, 12, 3))
