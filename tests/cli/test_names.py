"""What is printed can be typed back: short GUIDs and names of objects, everywhere; partial plans say that they are."""

import json

import pytest

from tests.cli.repo import FIRST, SECOND, THIRD, Repo

NAMES = ["6ede0e12", "6EDE", "{6ede0e12-f7c0", r"\VED\Policy\Web\www.example.com", "www.example.com", "WWW.example.com"]


def decided(repo: Repo) -> None:
    repo.decide(
        rf"{{guid: {FIRST}, status: Approved, explanation: x, expect: {{object: \VED\Policy\Web\www.example.com}}}}",
        rf"{{guid: {SECOND}, status: Rejected, explanation: x, expect: {{object: \VED\Policy\Web\shop.example.com}}}}",
        name="tickets/a.yaml",
    )
    repo.decide(
        rf"{{guid: {THIRD}, status: Approved, explanation: x, expect: {{object: \VED\Policy\Web\api.example.com}}}}",
        header="change: CHG0000002\n",
        name="tickets/b.yaml",
    )


@pytest.mark.parametrize("name", NAMES)
def test_explain_takes_what_outputs_show(repo: Repo, name: str) -> None:
    decided(repo)
    said = repo.run("explain", name)
    assert said.code == 0
    assert said.out.startswith(f"Ticket {FIRST}\n")


def test_a_ticket_that_no_manifest_names_is_found_on_the_server(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: x}}")
    assert repo.run("explain", "shop.example.com").out.startswith(f"Ticket {SECOND}\n")


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_takes_them_too(repo: Repo, name: str) -> None:
    decided(repo)
    assert repo.run("apply", "--yes").code == 0
    records = json.loads(repo.run("ledger", "log", "--ticket", name, "--format", "json").out)["records"]
    assert {record["guid"] for record in records} == {FIRST}


def test_a_name_of_several_tickets_lists_them(repo: Repo) -> None:
    repo.sandbox.world.add_ticket("6ede0e12-0000-4000-8000-000000000001", object=r"\VED\Policy\Lab\www.example.com")
    said = repo.run("explain", "www.example.com")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "error: 'www.example.com' fits 2 tickets\n"
        "  help: name one of them by its GUID:\n"
        "        6ede0e12-0000-4000-8000-000000000001  \\VED\\Policy\\Lab\\www.example.com\n"
        f"        {FIRST}  \\VED\\Policy\\Web\\www.example.com\n"
    )


def test_a_name_that_nobody_knows_names_those_that_are_alike(repo: Repo) -> None:
    said = repo.run("explain", "ww.example.com")
    assert said.code == 2
    assert "no ticket is known as 'ww.example.com'" in said.err
    assert "did you mean" in said.err
    assert FIRST in said.err


@pytest.mark.parametrize(
    ("options", "guids"),
    [
        (("--ticket", "www.example.com"), {FIRST}),
        (("--ticket", "6ede", "--ticket", "8a83384d"), {FIRST, SECOND}),
        (("--object", r"\VED\**\shop.*"), {SECOND}),
        (("--change", "chg0000002"), {THIRD}),
        (("--object", r"\VED\**", "--change", "CHG0041234"), {FIRST, SECOND}),
    ],
)
def test_a_partial_plan_has_what_was_asked_for_and_says_so(repo: Repo, options, guids) -> None:
    decided(repo)
    plan = json.loads(repo.run("plan", *options, "--format", "json").out)
    assert {step["guid"] for step in plan["steps"]} == guids
    assert plan["part"] == " ".join(options)
    assert plan["left_out"] == 3 - len(guids)
    for view in ("text", "markdown", "html"):
        assert "partial" in repo.run("plan", *options, "--format", view).out
    assert "not looked at (partial plan)" in repo.run("plan", "-q", *options).out


def test_a_partial_apply_sends_only_its_part_and_the_ledger_says_so(repo: Repo) -> None:
    decided(repo)
    assert repo.run("apply", "--yes", "--ticket", "shop.example.com").code == 0
    assert [update["GUID"] for update in repo.writes()] == [SECOND]
    (opened,) = [
        json.loads(line)
        for path in (repo.folder / "ledger").rglob("*.jsonl")
        for line in path.read_text().splitlines()
        if '"entry":"opened"' in line
    ]
    assert opened["part"] == "--ticket shop.example.com"
    assert repo.run("ledger", "verify").code == 0


def test_a_percentage_is_of_all_decisions_also_in_a_partial_plan(repo: Repo) -> None:
    repo.configure("policy: {limits: {percent: 40}}\n")
    decided(repo)
    assert repo.run("plan", "--ticket", FIRST).code == 0
    assert repo.run("plan").code == 3


@pytest.mark.parametrize("options", [("--ticket", "nobody"), ("--change", "CHG9"), ("--object", r"\VED\Nowhere\**")])
def test_a_part_that_is_empty_is_no_plan_that_has_nothing_to_do(repo: Repo, options) -> None:
    decided(repo)
    said = repo.run("plan", *options)
    assert (said.code, said.out) == (2, "")


def test_a_saved_plan_is_not_divided(repo: Repo) -> None:
    decided(repo)
    repo.run("plan", "--out", "plan.json")
    said = repo.run("apply", "plan.json", "--yes", "--ticket", FIRST)
    assert said.code == 2
    assert repo.writes() == []
