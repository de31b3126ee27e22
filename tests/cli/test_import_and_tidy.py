"""From a new ticket to a file that a person reviews, and from a finished decision to the history."""

import json
from pathlib import Path

import pytest

from reconciler.model.status import Status
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

STRANGER = "d41d8cd9-8f00-4204-a980-0998ecf8427e"


def _imported(repo: Repo) -> Path:
    (path,) = (repo.folder / "tickets").rglob("*.yaml")
    return path


def test_new_tickets_become_pending_entries_that_a_first_plan_leaves_alone(repo: Repo) -> None:
    said = repo.run("import")
    assert said.code == 0
    assert "3 new tickets; all of them Pending" in said.out
    text = _imported(repo).read_text(encoding="utf-8")
    assert text.count("status: Pending") == 3
    assert r"object: \VED\Policy\Web\www.example.com" in text
    assert "# An approval is needed" in text
    plan = repo.run("plan", "--exit-code")
    assert plan.code == 0
    assert "Plan: 0 will change" in plan.out


def test_a_dry_run_writes_nothing(repo: Repo) -> None:
    said = repo.run("import", "--dry-run", "--format", "json")
    assert sum(len(guids) for guids in json.loads(said.out)["written"].values()) == 3
    assert not (repo.folder / "tickets").exists()


def test_what_manifests_name_is_left_alone_with_every_byte(repo: Repo) -> None:
    before = f"# mine\nversion: 1\ntickets:\n  - guid: {{{FIRST.upper()}}}   # odd, but mine\n    status: Pending\n"
    repo.write("tickets/mine.yaml", before.replace(f"{{{FIRST.upper()}}}", f"'{{{FIRST.upper()}}}'"))
    kept = (repo.folder / "tickets/mine.yaml").read_bytes()
    assert "2 new tickets, 1 known already" in repo.run("import").out
    assert (repo.folder / "tickets/mine.yaml").read_bytes() == kept


def test_a_second_import_adds_only_what_is_new(repo: Repo) -> None:
    repo.run("import")
    first = _imported(repo).read_text(encoding="utf-8")
    assert "0 new tickets, 3 known already" in repo.run("import").out
    assert _imported(repo).read_text(encoding="utf-8") == first
    repo.sandbox.world.add_ticket(STRANGER, object=r"\VED\Policy\Web\new.example.com", new=True)
    repo.run("import")
    grown = _imported(repo).read_text(encoding="utf-8")
    assert grown.startswith(first)
    assert STRANGER in grown


def test_hostile_text_of_a_ticket_stays_a_comment(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(
        STRANGER, object=r"\VED\Policy\Web\x: &a [1", reason="ok\n  - guid: evil\n\x1b[31m#", new=True
    )
    repo.run("import")
    assert repo.run("validate").code == 0
    assert repo.run("plan", "--exit-code").code == 0


def test_tickets_of_a_file_and_of_a_table(repo: Repo) -> None:
    repo.write("guids.txt", f"{{{FIRST.upper()}}}\n\n{STRANGER}\n")
    said = repo.run("import", "--file", "guids.txt", "--format", "json")
    assert json.loads(said.out)["gone"] == [STRANGER]
    repo.write("table.csv", f"Status,GUID\nApproved,{SECOND}\n")
    repo.run("import", "--csv", "table.csv")
    assert "status: Approved" not in _imported(repo).read_text(encoding="utf-8")


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_a_table_may_have_commas_semicolons_or_tabs_between_its_columns(repo: Repo, between: str) -> None:
    rows = [("Status", "GUID", "Why"), ("Approved", SECOND, '"a, b; c"')]
    repo.write("table.csv", "\ufeff" + "".join(f"{between.join(row)}\n" for row in rows))
    said = repo.run("import", "--csv", "table.csv")
    assert (said.code, SECOND in _imported(repo).read_text(encoding="utf-8")) == (0, True)
    repo.write("table.csv", f"Status{between}Ticket\nApproved{between}{SECOND}\n")
    said = repo.run("import", "--csv", "table.csv")
    assert (said.code, "commas, semicolons or tabs" in said.err) == (1, True)


def test_a_line_that_is_no_guid_is_told_with_its_place(repo: Repo) -> None:
    repo.write("guids.txt", f"{FIRST}\nnot one\n")
    said = repo.run("import", "--file", "guids.txt")
    assert said.code == 1
    assert said.err.startswith("guids.txt:2: error: 'not one' is not a GUID")


def test_an_object_with_wildcards_and_a_layout_of_ones_own(repo: Repo) -> None:
    repo.run("import", "--object", r"\VED\Policy\Web\s*", "--layout", "tickets/{object}.yaml")
    assert [path.name for path in (repo.folder / "tickets").iterdir()] == ["shop.example.com.yaml"]


@pytest.mark.parametrize("pattern", ["../x.yaml", "tickets/{host}.yaml", "tickets/x.txt"])
def test_a_layout_that_leads_nowhere_is_refused(repo: Repo, pattern: str) -> None:
    assert repo.run("import", "--layout", pattern).code == 2
    assert not (repo.folder / "tickets").exists()


def test_tickets_that_are_decided_already_are_named_and_written_as_they_are(repo: Repo) -> None:
    repo.sandbox.world.console(SECOND, Status.APPROVED_AFTER, start="2036-01-01T00:00:00Z")
    repo.write("guids.txt", f"{FIRST}\n{SECOND}\n{THIRD}\n")
    report = json.loads(repo.run("import", "--file", "guids.txt", "--format", "json").out)
    assert report["as_they_are"] == [SECOND]
    assert sorted(guid for guids in report["written"].values() for guid in guids) == sorted([FIRST, SECOND, THIRD])


def test_an_interrupted_import_is_resumed_without_duplicates(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.app import import_tickets as importing

    for number in range(60):
        repo.sandbox.world.add_ticket(f"{number:08x}-0000-4000-8000-000000000000", object=rf"\VED\Policy\Web\h{number}")
    monkeypatch.setattr(importing, "BATCH", 10)
    write = importing.write_entries
    written: list[str] = []

    def interrupted(name: str, entries: object) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(name)
        write(name, entries)  # type: ignore[arg-type]

    monkeypatch.setattr(importing, "write_entries", interrupted)
    assert repo.run("import").code == 130
    monkeypatch.setattr(importing, "write_entries", write)
    assert repo.run("import").code == 0
    assert "valid: 63 decisions" in repo.run("validate").out


def test_settled_entries_move_to_the_history_with_their_proof(repo: Repo) -> None:
    repo.write(
        "tickets/web.yaml",
        "# Our web tier\nversion: 1\nchange: CHG0041234\ntickets:\n"
        f"  # decided on Monday\n  - guid: {FIRST}\n    status: Approved   # by Joe\n"
        f"  - guid: {SECOND}\n    status: Pending\n",
    )
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    shown = repo.run("tidy", "--dry-run")
    assert "would move 1 entry from" in shown.out
    said = repo.run("tidy")
    assert said.code == 0
    assert (repo.folder / "tickets/web.yaml").read_text(encoding="utf-8") == (
        f"# Our web tier\nversion: 1\nchange: CHG0041234\ntickets:\n  - guid: {SECOND}\n    status: Pending\n"
    )
    (history,) = (repo.folder / "history").rglob("*.yaml")
    text = history.read_text(encoding="utf-8")
    assert f"# {FIRST} applied by run " in text
    assert f"  # decided on Monday\n  - guid: {FIRST}\n    status: Approved   # by Joe\n" in text
    assert "receipt sha256:" in text
    assert repo.run("validate", str(history)).code == 0
    assert "Plan: 0 will change · 1 unchanged" in repo.run("plan").out


def test_a_file_whose_entries_are_all_settled_is_gone_from_the_manifests(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    repo.decide(f"{{guid: {SECOND}, status: Pending}}", name="tickets/other.yaml")
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    repo.run("tidy")
    assert not (repo.folder / "tickets/web.yaml").exists()


def test_nothing_moves_without_proof(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}", f"{{guid: {STRANGER}, status: Approved}}")
    before = (repo.folder / "tickets/web.yaml").read_bytes()
    said = repo.run("tidy")
    assert "stays: missing/ticket" in said.out
    assert (repo.folder / "tickets/web.yaml").read_bytes() == before


def test_a_history_inside_the_manifests_is_refused(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    assert repo.run("tidy", "--history", "tickets/old").code == 2


def test_a_whole_life(repo: Repo) -> None:
    repo.run("import")
    path = _imported(repo)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("status: Pending", "status: Approved\n    explanation: reviewed"), encoding="utf-8")
    assert repo.run("validate").code == 0
    assert repo.run("plan", "--out", "plan.json", "--exit-code").code == 10
    assert repo.run("apply", "plan.json", "--yes").code == 0
    repo.sandbox.world.process()
    assert "3 settled" in repo.run("plan").out
    repo.run("apply", "--yes")
    repo.run("tidy")
    assert not list((repo.folder / "tickets").rglob("*.yaml"))
    assert repo.run("ledger", "verify").code == 0


def test_a_scheduled_ticket_lives_until_its_window(repo: Repo) -> None:
    window = "schedule: {start: 2036-01-01T22:00:00Z, stop: 2036-01-02T02:00:00Z}"
    repo.decide(f"{{guid: {FIRST}, status: Approved Between, {window}}}")
    repo.run("apply", "--yes")
    (body,) = repo.writes()
    assert (body["ScheduledStart"], body["ScheduledStop"]) == (
        "2036-01-01T22:00:00.000000Z",
        "2036-01-02T02:00:00.000000Z",
    )
    assert "1 in-sync" in repo.run("plan").out
    assert "1 entry left" in repo.run("tidy").out


def test_line_ends_and_a_byte_order_mark_go_to_the_history_as_they_were(repo: Repo) -> None:
    entries = f"  - guid: {FIRST}\r\n    status: Approved\r\n  - guid: {SECOND}\r\n    status: Pending\r\n"
    before = f"\ufeffversion: 1\r\ntickets:\r\n{entries}"
    path = repo.write("tickets/web.yaml", "")
    path.write_bytes(before.encode())
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    assert repo.run("tidy").code == 0
    left = before.replace(f"  - guid: {FIRST}\r\n    status: Approved\r\n", "")
    assert path.read_bytes().decode() == left
    (history,) = (repo.folder / "history").rglob("*.yaml")
    kept = history.read_bytes().decode()
    assert kept.startswith("\ufeff# Settled, as the ledger proves, or closed elsewhere:\r\n# ")
    assert kept.endswith(f"version: 1\r\ntickets:\r\n  - guid: {FIRST}\r\n    status: Approved\r\n")
    assert repo.run("validate", str(history)).code == 0
