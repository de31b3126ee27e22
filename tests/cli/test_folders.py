"""Teams in one repository: rules of folders, and bounds of overrides, by the real commands over HTTP."""

import json
import os

import pytest

from reconciler.manifests.config import load_settings
from reconciler.model.policy import Reviewers
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

WEB = r"\VED\Policy\Web\**"
FOLDERS = "policy:\n  folders:\n    tickets/web:\n"


def approve(guid: str, more: str = "") -> str:
    return f"{{guid: {guid}, status: Approved, explanation: ok{more}}}"


def reasons(repo: Repo, *arguments: str) -> dict[str, str]:
    said = repo.run("plan", *arguments, "--format", "json")
    assert said.out, said.err
    return {step["guid"]: step["reason"] for step in json.loads(said.out)["steps"]}


@pytest.fixture
def teams(repo: Repo) -> Repo:
    """The team of tickets/web owns nothing that there is; another folder may decide anything."""
    repo.configure(FOLDERS + "      owns: ['\\VED\\Policy\\Shop\\**']\n")
    repo.decide(approve(FIRST), name="tickets/web/a.yaml")
    repo.decide(approve(SECOND), name="tickets/pay/b.yaml")
    return repo


def test_a_folder_decides_on_its_own_objects_only(teams: Repo) -> None:
    said = teams.run("apply", "--yes")
    assert said.code == 3
    assert r"is outside \VED\Policy\Shop\** of folder tickets/web" in " ".join(said.out.split())
    assert [write["GUID"].strip("{}") for write in teams.writes()] == [SECOND]
    assert teams.run("apply", "--yes").code == 3
    assert len(teams.writes()) == 1


@pytest.mark.parametrize(
    "path",
    ["tickets/web/a.yaml", "./tickets/web", "tickets/pay/../web/a.yaml", "tickets//web/./a.yaml", "ABSOLUTE"],
)
def test_no_other_spelling_of_a_path_leads_around_a_rule(teams: Repo, path: str) -> None:
    asked = str(teams.folder / "tickets/web/a.yaml") if path == "ABSOLUTE" else path
    assert reasons(teams, asked) == {FIRST: "refused/ownership"}


def test_a_link_to_a_folder_leads_around_no_rule(teams: Repo) -> None:
    (teams.folder / "elsewhere").symlink_to("tickets/web")
    assert reasons(teams, "elsewhere") == {FIRST: "refused/ownership"}


def test_a_folder_whose_name_differs_in_case_has_the_same_rules(teams: Repo) -> None:
    (teams.folder / "tickets/web").rename(teams.folder / "tickets/WEB")
    assert reasons(teams)[FIRST] == "refused/ownership"


def test_a_folder_whose_name_only_begins_alike_has_none(teams: Repo) -> None:
    (teams.folder / "tickets/web").rename(teams.folder / "tickets/website")
    assert reasons(teams)[FIRST] == "approve/wanted"


def test_rules_hold_from_another_working_folder(teams: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    (teams.folder / ".git").mkdir()
    monkeypatch.chdir(teams.folder / "tickets" / "pay")
    assert reasons(teams, "../web") == {FIRST: "refused/ownership"}
    said = teams.run("-C", str(teams.folder), "plan")
    assert said.code == 3
    assert "of folder tickets/web" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("../elsewhere", "this folder is outside of the repository"),
        ("/etc", "this folder is outside of the repository"),
        ("tickets/WEB: {limits: {changes: 1}}\n    tickets/./web/", "this is the folder `tickets/WEB` again"),
    ],
)
def test_folders_that_can_not_be_are_faults_at_their_line(repo: Repo, written: str, why: str) -> None:
    (repo.folder / ".git").mkdir()
    repo.configure(f"policy:\n  folders:\n    {written}: {{limits: {{changes: 1}}}}\n")
    repo.decide(approve(FIRST))
    said = repo.run("validate")
    assert said.code == 1
    assert "reconciler.yaml:" in said.out
    assert why in said.out


def test_a_limit_of_a_folder_refuses_that_folder_alone(repo: Repo) -> None:
    repo.configure("policy:\n  limits: {changes: 2}\n  folders: {tickets/web: {limits: {changes: 1}}}\n")
    repo.decide(approve(FIRST), approve(THIRD), name="tickets/web/a.yaml")
    repo.decide(approve(SECOND), name="tickets/pay/b.yaml")
    assert reasons(repo) == {FIRST: "refused/changes", THIRD: "refused/changes", SECOND: "approve/wanted"}
    said = repo.run("apply", "--yes", "--verbose")
    assert said.code == 3
    assert "changes in tickets/web" in said.out
    assert len(repo.writes()) == 1


def test_the_limit_of_the_repository_refuses_all(repo: Repo) -> None:
    repo.configure("policy:\n  limits: {changes: 1}\n  folders: {tickets/web: {limits: {changes: 9}}}\n")
    repo.decide(approve(FIRST), name="tickets/web/a.yaml")
    repo.decide(approve(SECOND), name="tickets/pay/b.yaml")
    assert set(reasons(repo).values()) == {"refused/changes"}


def test_limits_of_folders_hold_against_the_plans_of_all_shards_together(repo: Repo) -> None:
    repo.configure("policy:\n  folders: {tickets/web: {limits: {changes: 1}}}\n")
    repo.decide(approve(FIRST), approve(SECOND), approve(THIRD), name="tickets/web/a.yaml")
    for part in ("1/8", "2/8", "3/8", "4/8", "5/8", "6/8", "7/8", "8/8"):
        repo.run("plan", "--shard", part, "--out", f"plan-{part[0]}.json")
    said = repo.run("github", "merge-plans", "--out", "whole.json", *(f"plan-{number}.json" for number in range(1, 9)))
    assert said.code == 0, said.err
    shown = repo.run("show", "whole.json")
    assert "folder tickets/web: 3 changes, the limit is 1" in " ".join(shown.out.split())


def test_a_freeze_of_a_folder_may_recur(repo: Repo) -> None:
    freeze = "{name: always, rule: FREQ=DAILY, start: '00:00', duration: 24h, timezone: UTC}"
    repo.configure(f"policy:\n  folders: {{tickets/web: {{freezes: [{freeze}]}}}}\n")
    repo.decide(approve(FIRST), name="tickets/web/a.yaml")
    repo.decide(approve(SECOND), name="tickets/pay/b.yaml")
    assert reasons(repo) == {FIRST: "refused/freeze", SECOND: "approve/wanted"}


def test_an_override_until_2099_no_longer_passes(repo: Repo) -> None:
    override = f"overrides: [{{rule: ownership, tickets: [{FIRST}], reason: urgent, until: 2099-01-01T00:00:00Z}}]\n"
    repo.configure("policy:\n  owns: ['\\VED\\Policy\\Shop\\**']\n")
    repo.decide(approve(FIRST), header=f"change: CHG0041234\n{override}")
    said = repo.run("apply", "--yes")
    assert (said.code, repo.writes()) == (3, [])
    told = " ".join(said.out.split())
    assert "the override at tickets/web.yaml:3:13 does not count: it lasts until 2099-01-01T00:00:00Z" in told
    checked = repo.run("validate")
    assert checked.code == 1
    assert "tickets/web.yaml:3:13: error: this override does not count" in checked.out
    assert "[policy/override]" in checked.out
    assert "policy.overrides" in checked.out
    assert repo.run("plan", "--format", "json").out.count('"overrides": [') == 0


def test_a_saved_plan_does_not_carry_an_override_that_does_not_count(repo: Repo) -> None:
    repo.configure("policy:\n  limits: {changes: 0}\n  overrides: {rules: [freeze]}\n")
    override = f"overrides: [{{rule: changes, tickets: [{FIRST}], reason: urgent, until: 2036-01-01T00:00:00Z}}]\n"
    repo.decide(approve(FIRST), header=f"change: CHG0041234\n{override}")
    assert repo.run("plan", "--shard", "1/1", "--out", "part.json").code == 3
    assert repo.run("github", "merge-plans", "--out", "whole.json", "part.json").code == 0
    assert repo.run("apply", "whole.json", "--yes").code == 3
    assert repo.writes() == []


def test_each_environment_may_have_folders_of_its_own(repo: Repo) -> None:
    repo.configure(
        "policy:\n  folders: {tickets/web: {limits: {changes: 9}}}\n"
        "environments:\n  prod: {policy: {folders: {tickets/web: {limits: {changes: 0}}}}}\n"
        "  test: {tickets: [elsewhere]}\n"
    )
    repo.decide(approve(FIRST), name="tickets/web/a.yaml")
    repo.decide(approve(SECOND), name="elsewhere/b.yaml")
    assert reasons(repo) == {FIRST: "approve/wanted"}
    assert reasons(repo, "--env", "prod") == {FIRST: "refused/changes"}
    assert reasons(repo, "--env", "test") == {SECOND: "approve/wanted"}


def test_ownership_of_a_folder_is_told_offline_at_its_line(teams: Repo) -> None:
    expected = r", expect: {object: '\VED\Policy\Web\www.example.com'}"
    teams.decide(approve(FIRST, expected), name="tickets/web/a.yaml")
    said = teams.run("validate")
    assert said.code == 1
    assert f"tickets{os.sep}web{os.sep}a.yaml:4:5: error:" in said.out
    assert "[policy/ownership]" in said.out


def test_a_limit_of_a_folder_is_told_offline_at_its_line(repo: Repo) -> None:
    repo.configure("policy:\n  folders: {tickets/web: {limits: {changes: 1}}}\n")
    repo.decide(approve(FIRST), approve(THIRD), name="tickets/web/a.yaml")
    repo.decide(approve(SECOND), name="tickets/pay/b.yaml")
    said = repo.run("validate")
    assert said.code == 1
    assert "tickets/web/a.yaml:5:5: error: folder tickets/web: 2 changes, the limit is 1" in said.out
    assert said.out.count(" error: ") == 1


def test_the_ledger_knows_the_rules_of_folders(teams: Repo) -> None:
    assert teams.run("apply", "--yes").code == 3
    teams.configure("policy:\n  folders: {tickets/web: {limits: {changes: 7}}}\n")
    assert teams.run("apply", "--yes").code == 0
    said = teams.run("ledger", "policy", "--at", "2099-01-01T00:00:00Z")
    assert "folders: {tickets/web: {limits: {changes: 7}}}" in said.out, said.err
    assert len(json.loads(teams.run("ledger", "policy", "--format", "json").out)["changes"]) == 2


# A folder more


def test_init_adds_a_folder_with_its_rule_and_its_owner(repo: Repo) -> None:
    said = repo.run("init", "repo", "--server", repo.sandbox.url, "--owns", r"\VED\Policy\**", "--team", "@acme/pki")
    assert said.code == 0, said.err
    for name, pattern, team in (
        ("tickets/web", r"\VED\Policy\Web\**", "@acme/web-tier"),
        ("tickets/web/shop/", r"\VED\Policy\Web\Shop\**", "@ann"),
        ("tickets/pay", r"\VED\Policy\Pay\**", "@acme/payments"),
    ):
        said = repo.run("init", "repo", "--folder", name, "--owns", pattern, "--team", team)
        assert said.code == 0, said.err
    folders = load_settings("repo/reconciler.yaml", None, {}).policy.folders
    assert {name: (rules.owns, rules.reviewers) for name, rules in folders.items()} == {
        "tickets/pay": (("\\VED\\Policy\\Pay\\**",), Reviewers(1, ("payments",))),
        "tickets/web/shop": (("\\VED\\Policy\\Web\\Shop\\**",), Reviewers(1)),
        "tickets/web": (("\\VED\\Policy\\Web\\**",), Reviewers(1, ("web-tier",))),
    }
    owners = [
        line.split() for line in (repo.folder / "repo/.github/CODEOWNERS").read_text().splitlines() if line[:1] == "/"
    ]
    places = [pattern for pattern, _ in owners]
    assert places.index("/tickets/") < places.index("/tickets/web/") < places.index("/tickets/web/shop/")
    assert ["/tickets/pay/", "@acme/payments"] in owners
    again = repo.run("init", "repo", "--folder", "tickets/WEB", "--owns", r"\VED\**", "--team", "@acme/x")
    assert again.code == 2
    assert "has rules of tickets/WEB already" in again.err
    assert repo.run("-C", "repo", "validate").code == 0


@pytest.mark.parametrize(
    ("name", "more", "why"),
    [
        ("../elsewhere", (), "name a folder of the repository"),
        ("/etc", (), "name a folder of the repository"),
        ("tickets/web: {x", (), "name a folder of the repository"),
        ("tickets/web", ("--team", "nobody"), "no owner of code"),
    ],
)
def test_init_refuses_a_folder_that_can_not_be(repo: Repo, name: str, more: tuple[str, ...], why: str) -> None:
    repo.configure("policy:\n  limits: {changes: 1}\n")
    before = (repo.folder / "reconciler.yaml").read_text()
    said = repo.run("init", ".", "--folder", name, "--owns", r"\VED\**", "--team", "@acme/x", *more)
    assert said.code == 2
    assert why in " ".join(said.err.split())
    assert (repo.folder / "reconciler.yaml").read_text() == before


def test_init_leaves_a_policy_in_one_line_to_a_person(repo: Repo) -> None:
    repo.configure("policy: {limits: {changes: 1}}\n")
    before = (repo.folder / "reconciler.yaml").read_text()
    said = repo.run("init", ".", "--folder", "tickets/web", "--owns", r"\VED\**", "--team", "@acme/x")
    assert said.code == 2
    assert "add `folders: {tickets/web: {owns: ['\\VED\\**'], reviewers: {teams: [x]}}}` by hand" in " ".join(
        said.err.split()
    )
    assert (repo.folder / "reconciler.yaml").read_text() == before
    assert not (repo.folder / ".github").exists()
