"""Seeing tickets and deciding them without an editor: `list` and `decide`. Nothing is sent by either."""

import csv
import io
import json

import pytest

from tests.cli.repo import FIRST, SECOND, THIRD, Repo
from tests.cli.terminals import on_terminal

BLOCK = rf"""# The web tier
version: 1
change: CHG0041234   # of the weekend
tickets:
  # asked for by Joe
  - guid: {FIRST}
    status: Pending
    expect: {{object: \VED\Policy\Web\www.example.com}}

  - guid: {SECOND}
    status: Rejected
    explanation: no
"""


def listed(repo: Repo, *options: str) -> dict[str, dict[str, object]]:
    document = json.loads(repo.run("list", *options, "--format", "json").out)
    return {ticket["guid"]: ticket for ticket in document["tickets"]}


def test_the_list_joins_what_is_there_with_manifests_and_ledger(repo: Repo) -> None:
    repo.write("tickets/web.yaml", BLOCK)
    assert repo.run("apply", "--yes", "--ticket", SECOND).code == 0
    found = listed(repo)
    assert (found[FIRST]["wanted"], found[FIRST]["undecided"]) == ("Pending", True)
    assert found[FIRST]["manifest"] == "tickets/web.yaml:6"
    assert (found[THIRD]["wanted"], found[THIRD]["manifest"]) == (None, None)
    text = repo.run("list").out
    assert "www.example.com" in text
    assert "6ede0e12  Pending           wants Pending" in text
    assert "in no manifest" in text
    assert text.splitlines()[-1].endswith("undecided")


def test_filters_narrow_the_list(repo: Repo) -> None:
    repo.write("tickets/web.yaml", BLOCK)
    assert SECOND not in listed(repo, "--undecided")
    assert set(listed(repo, "--object", r"\VED\**\www.*")) == {FIRST}
    assert listed(repo, "--older-than", "5000w") == {}
    assert FIRST in listed(repo, "--mine")
    assert listed(repo, "--workflow", r"\VED\Nowhere\**") == {}
    assert repo.run("list", "--older-than", "soon").code == 2


def test_a_table_has_one_row_for_each_ticket_and_no_formula(repo: Repo) -> None:
    repo.write("tickets/web.yaml", BLOCK)
    repo.sandbox.world.add_ticket("6ede0e12-0000-4000-8000-000000000001", object="=1+1", new=True)
    rows = list(csv.DictReader(io.StringIO(repo.run("list", "--format", "csv").out)))
    assert {row["guid"] for row in rows} >= {FIRST, THIRD}
    assert not [row for row in rows if row["object"].startswith("=")]


def test_an_entry_is_changed_and_every_other_byte_stays(repo: Repo) -> None:
    path = repo.write("tickets/web.yaml", BLOCK)
    said = repo.run("decide", "www.example.com", "--status", "approved", "--explanation", "Joe: it's fine")
    assert said.code == 0, said.err
    assert said.out == "tickets/web.yaml:6: www.example.com 6ede0e12: Pending → Approved\n"
    changed = BLOCK.replace("status: Pending\n", "status: Approved\n    explanation: 'Joe: it''s fine'\n", 1)
    assert path.read_text() == changed
    assert repo.writes() == []
    assert repo.run("validate").code == 0


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_schedule_comes_and_goes(repo: Repo, newline: str) -> None:
    path = repo.write("tickets/web.yaml", "")
    path.write_bytes(BLOCK.replace("\n", newline).encode())
    times = ("--start", "2036-11-28T22:00:00Z", "--stop", "2036-11-29T02:00:00Z")
    assert repo.run("decide", FIRST, "--status", "Approved Between", *times).code == 0
    line = "    schedule: {start: 2036-11-28T22:00:00Z, stop: 2036-11-29T02:00:00Z}"
    assert f"status: Approved Between{newline}{line}{newline}" in path.read_bytes().decode()
    assert repo.run("decide", FIRST, "--status", "Pending").code == 0
    assert path.read_bytes().decode() == BLOCK.replace("\n", newline)


def test_an_entry_in_brackets_is_changed_too(repo: Repo) -> None:
    path = repo.write(
        "tickets/web.yaml", f"version: 1\nchange: CHG0041234\ntickets: [{{guid: {FIRST}, status: Pending}}]\n"
    )
    times = ("--start", "2036-11-28T22:00:00Z")
    assert repo.run("decide", FIRST, "--status", "Approved After", *times, "--explanation", "a, b").code == 0
    assert 'status: "Approved After", schedule: {"start": "2036-11-28T22:00:00Z"}' in path.read_text()
    assert repo.run("validate").code == 0
    assert repo.run("decide", FIRST, "--status", "Rejected").code == 0
    assert "schedule" not in path.read_text()


def test_a_ticket_that_no_manifest_names_gets_an_entry_with_what_is_expected(repo: Repo) -> None:
    said = repo.run(
        "decide", "api.example.com", "--status", "Rejected", "--explanation", "gone", "--change", "CHG0000007"
    )
    assert said.code == 0, said.err
    (path,) = (repo.folder / "tickets").rglob("*.yaml")
    text = path.read_text()
    assert "change: CHG0000007\n" in text
    assert r"object: \VED\Policy\Web\api.example.com" in text
    assert (
        repo.run(
            "decide", "shop.example.com", "--status", "Approved", "--explanation", "x", "--change", "CHG0000008"
        ).code
        == 0
    )
    assert "    change: CHG0000008\n" in path.read_text()
    (first, second) = json.loads(repo.run("plan", "--format", "json").out)["steps"]
    assert {first["change"], second["change"]} == {"CHG0000007", "CHG0000008"}
    assert repo.writes() == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--status", "Approved Between"), "`schedule` is missing"),
        (("--status", "Approved After", "--start", "tomorrow"), "tomorrow"),
        (("--status", "Approved After", "--schedule", "no-such-window"), "no-such-window"),
        (("--status", "Approved", "--change", "INC1"), "change_pattern"),
    ],
)
def test_what_validate_would_refuse_is_not_written(repo: Repo, options, why) -> None:
    repo.configure("policy: {change_pattern: '^CHG'}\n")
    path = repo.write("tickets/web.yaml", BLOCK)
    said = repo.run("decide", FIRST, *options)
    assert (said.code, said.out) == (1, "")
    assert why in said.err
    assert path.read_text() == BLOCK
    assert repo.run("decide", THIRD, *options).code == 1
    assert [each.name for each in (repo.folder / "tickets").rglob("*.yaml")] == ["web.yaml"]


def test_the_undecided_are_walked_and_each_answer_is_kept(repo: Repo) -> None:
    repo.write("tickets/web.yaml", BLOCK)
    answers = {"[q]uit": "r", "Explanation": "not needed", "Change": "CHG0000009", "Ticket 2 of": "q"}
    environ = {"TPP_TOKEN": repo.sandbox.token}
    terminal = on_terminal(repo.folder, "decide", "--interactive", environ=environ, answers=answers)
    assert terminal.wait() == 0, terminal.text[-2_000:]
    assert "1 decision written; nothing was sent" in terminal.text
    assert repo.run("validate").code == 0
    assert repo.writes() == []


def test_without_a_terminal_nobody_is_asked(repo: Repo) -> None:
    assert repo.run("decide", "--interactive").code == 2
    assert repo.run("decide", FIRST).code == 2


@pytest.mark.parametrize("name", ["shop.example.com", "SHOP*", r"\VED\Policy\Web\shop.example.com", r"\ved\**\shop*"])
def test_an_object_is_named_as_it_is_printed(repo: Repo, name: str) -> None:
    listed = repo.run("list", "--object", name)
    assert (listed.code, listed.out.splitlines()[-1]) == (0, "1 ticket, 1 undecided")
    shown = repo.run("import", "--dry-run", "--object", name)
    assert "1 new ticket" in shown.out
    assert f"  {SECOND}  \\VED\\Policy\\Web\\shop.example.com\n" in shown.out
    repo.run("import")
    planned = repo.run("plan", "--quiet", "--object", name)
    assert "1 unchanged (1 in-sync) · 2 not looked at (partial plan)" in planned.out
