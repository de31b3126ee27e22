"""The comment on a pull request, by the real commands: what it changes besides, what is new, why there is no plan."""

import gzip
import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from reconciler.model.ticket import Guid
from reconciler.sandbox.fault_injection import Say
from tests.cli.repo import FIRST, SECOND, THIRD, Repo
from tests.github.answers import number_of
from tests.github.conftest import TOKEN
from tests.github.conftest import server as server
from tests.github.fake_github import FakeGitHub
from tests.github.repository import git
from tests.github.world import Pull

POLICY = (
    "timezone: Europe/Berlin\npolicy:\n  owns: ['\\VED\\Policy\\Web\\**']\n  limits: {changes: 100}\n"
    "  overrides: {longest: 9999d}\n"
)
LATER = "2036-11-29T22:00:00Z"


def approve(guid: str) -> str:
    return f"{{guid: {guid}, status: Approved, explanation: ok}}"


def armed(guid: str) -> str:
    return f"{{guid: {guid}, status: Approved After, schedule: {{start: {LATER}}}, explanation: ok}}"


class Team:
    """A repository with a pull request, TPP, and GitHub."""

    def __init__(self, repo: Repo, github: FakeGitHub) -> None:
        self.repo, self.github = repo, github
        repo.write(".gitignore", "*.json\nledger/\nfailed/\nartifacts/\n")
        git(repo.folder, "init", "--quiet", "--initial-branch=main")
        github.world.artifacts = repo.folder / "artifacts"
        github.world.permission = {"bob": "write"}
        self.base = ""

    def commit(self, message: str = "A change") -> str:
        git(self.repo.folder, "add", "--all")
        git(self.repo.folder, "commit", "--quiet", "--allow-empty", "-m", message)
        return git(self.repo.folder, "rev-parse", "HEAD")

    def push(self) -> str:
        """Commit what is there to the pull request's branch, and set the job up for it."""
        head = self.commit()
        self.github.world.pulls.setdefault(7, Pull(7, "ann", head)).head = head
        pull = {
            "number": 7,
            "user": {"login": "ann"},
            "head": {"sha": head, "ref": "change", "repo": {"full_name": "acme/approvals"}},
            "base": {"ref": "main", "sha": self.base, "repo": {"full_name": "acme/approvals"}},
        }
        self.repo.write("event.json", json.dumps({"pull_request": pull}))
        for name, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "acme/approvals",
            "GITHUB_SHA": head,
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_RUN_ID": "4242",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(self.repo.folder / "event.json"),
            "RECONCILER_INPUT_COMMAND": "plan",
            "RECONCILER_INPUT_TOLERATE": "3 5",
        }.items():
            self.repo.environ(name, value)
        return head

    def comment(self, *options: str) -> str:
        """Plan and comment as the workflow does; return the text of the comment as people read it."""
        Path("plan.json").unlink(missing_ok=True)
        self.repo.run("github", "run")
        said = self.repo.run("github", "comment", "--failed", ".", *options)
        assert said.code == 0, said.err
        (body,) = self.github.world.comments_on(7)
        self.body = body
        return rendered(body)

    def keep(self, run: int, head: str) -> None:
        """Keep the plan of a commit as its run's artifact does."""
        folder = self.repo.folder / "artifacts" / str(run) / "plan"
        folder.mkdir(parents=True)
        shutil.copy("plan.json", folder / "plan.json")
        made = {"id": run, "event": "pull_request", "head_sha": head, "head_repository": 4242}
        self.github.world.started.insert(0, made)


def rendered(body: str) -> str:
    text = cmarkgfm.github_flavored_markdown_to_html(body, options=Options.CMARK_OPT_UNSAFE)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<!--.*?-->|<[^>]*>", "", text, flags=re.DOTALL))).strip()


@pytest.fixture
def team(repo: Repo, server: FakeGitHub) -> Team:
    """The base: one approval to come, and one that is armed in TPP."""
    repo.configure(POLICY)
    found = Team(repo, server)
    repo.decide(armed(SECOND))
    assert repo.run("apply", "--yes").code == 0
    repo.decide(armed(SECOND), approve(FIRST))
    found.base = found.commit("base")
    return found


def test_a_pull_request_that_changes_the_rules_alone_is_red_and_says_so_first(team: Team) -> None:
    team.repo.configure(POLICY.replace("\\VED\\Policy\\Web\\**", "**").replace("100", "5000"))
    team.repo.write(".github/CODEOWNERS", "* @eve\n")
    team.push()
    text = team.comment()
    assert text.startswith("🔴 Change the rules? No ticket is changed")
    assert "policy.limits.changes: 100 → 5000" in text
    assert r"policy.owns: \VED\Policy\Web\** → **" in text
    assert "changes .github/CODEOWNERS" in text
    assert text.index("policy.owns") < text.index("Merging sends")
    assert "policy.limits.changes: 100 → 5000" in team.repo.run("plan").out.partition("server")[0]
    assert "<strong>Changes the rules:</strong>" in team.repo.run("plan", "--format", "html").out


def test_a_ticket_that_the_present_rules_would_judge_otherwise_says_so(team: Team) -> None:
    team.repo.sandbox.world.console(Guid(FIRST), "Pending")
    team.repo.configure(POLICY.replace("limits: {changes: 100}", "limits: {approvals: 0}"))
    team.base = team.commit("nothing may be approved")
    team.repo.configure(POLICY)
    team.push()
    text = team.comment()
    assert "under the present rules www.example.com would be: refused by a guard" in text


def test_an_override_that_is_added_is_a_change_of_the_rules(team: Team) -> None:
    override = f"overrides: [{{rule: changes, tickets: [{FIRST}], reason: Outage, until: 2036-01-01T00:00:00Z}}]\n"
    team.repo.decide(armed(SECOND), approve(FIRST), header=f"change: CHG0041234\n{override}")
    team.push()
    text = team.comment()
    assert text.startswith("🔴")
    assert "override of changes in tickets/web.yaml: not set → 1 tickets until 2036-01-01T00:00:00Z: Outage" in text


def test_a_removal_says_what_still_runs(team: Team) -> None:
    team.repo.decide(approve(FIRST))
    team.push()
    text = team.comment()
    assert text.startswith("🔴 Remove 1 certificate decision? 1 is blocked")
    assert "Removes 1 decision: 1 will still run; set Pending first to take them back." in text
    assert "shop.example.com: wanted Approved After, stays scheduled in TPP" in text


def test_a_decision_that_moves_to_another_file_is_not_removed(team: Team) -> None:
    team.repo.decide(approve(FIRST))
    team.repo.decide(armed(SECOND), name="tickets/moved.yaml")
    team.push()
    assert "Removes" not in team.comment()


def test_nothing_besides_says_nothing_besides_and_times_are_those_of_the_team(team: Team) -> None:
    team.repo.decide(armed(SECOND), approve(FIRST), armed(THIRD))
    team.push()
    text = team.comment("--plan-url", "https://github.example/acme/approvals/actions/runs/1/artifacts/2")
    assert text.startswith("🟢 Approve 1 certificate request?")
    assert "Sat 2036-11-29 23:00 Europe/Berlin (22:00 UTC)" in text
    assert "Changes the rules" not in text
    assert "[full plan](https://github.example/acme/approvals/actions/runs/1/artifacts/2)" in team.body


def test_a_second_push_says_what_is_new_since_the_commit_and_since_the_review(team: Team) -> None:
    first = team.push()
    team.comment()
    team.keep(1, first)
    team.github.world.pulls[7].reviews = [("bob", "APPROVED", first)]
    team.repo.decide(armed(SECOND), approve(FIRST), approve(THIRD))
    second = team.push()
    text = team.comment()
    assert f"Since {first[:7]}: new: approve api.example.com." in text
    assert f"Since {first[:7]} (last review of bob): new: approve api.example.com." in text
    team.keep(2, second)
    assert f"Since {first[:7]}: new: approve api.example.com." in team.comment(), "another attempt for the same commit"
    team.repo.decide(armed(SECOND), approve(THIRD))
    team.push()
    text = team.comment()
    assert f"Since {second[:7]}: gone: approve www.example.com." in text


@pytest.mark.parametrize("fault", ["token", "manifest", "away"])
def test_a_plan_that_failed_says_why(team: Team, fault: str) -> None:
    match fault:
        case "token":
            team.repo.environ("TPP_TOKEN", "expired")
        case "manifest":
            team.repo.decide(f"{{guid: {FIRST}, status: Aproved}}")
        case "away":
            team.repo.environ("TPP_URL", "http://127.0.0.1:1")
    head = team.push()
    text = team.comment()
    assert text.startswith(f"🔴 No plan for {head[:12]}: ")
    said: dict[str, Any] = {
        "token": "token",
        "manifest": "tickets/web.yaml:4:58: `status` can't be `Aproved`",
        "away": "127.0.0.1",
    }
    assert said[fault] in text, text
    assert "merging it unseen is not safe" in text
    if fault == "manifest":
        assert text.startswith(f"🔴 No plan for {head[:12]}: 1 fault in the files Nothing is known")


OTHER = r"\VED\Policy\Web\other.example.com"
STUCK = f"{{guid: {FIRST}, status: Approved, explanation: ok, expect: {{object: '{OTHER}'}}}}"


@pytest.fixture
def stuck(team: Team) -> Team:
    """The base: one decision that nobody can carry out, and one that is due."""
    team.repo.decide(STUCK, approve(THIRD), name="tickets/web.yaml")
    team.repo.decide(armed(SECOND), name="tickets/shop.yaml")
    team.base = team.commit("base with a stuck ticket")
    return team


def test_what_is_stuck_on_main_makes_no_other_pull_request_red(stuck: Team) -> None:
    stuck.repo.decide(armed(SECOND).replace("22:00", "23:00"), name="tickets/shop.yaml")
    stuck.push()
    text = stuck.comment()
    assert text.startswith("🟢 Move 1 certificate request?")
    assert "As on main: 1 needs attention, 1 update is due" in text
    assert text.index("As on main") < text.index("www.example.com"), "the name stands in the folded part"
    assert "1 more is due without it" in text
    verdict = stuck.repo.run("github", "verdict")
    assert verdict.code == 0, verdict.out
    said = stuck.repo.run("plan")
    assert said.code == 0
    assert "As on main: 1 needs attention, 1 update is due" in said.out
    steps = {step["guid"]: step for step in stuck.repo.plan_json()["steps"]}
    assert [steps[guid].get("own") for guid in (FIRST, SECOND, THIRD)] == [False, None, False]


def test_a_pull_request_is_red_for_the_stuck_decision_that_it_touches(stuck: Team) -> None:
    stuck.repo.decide(STUCK.replace("ok", "please"), approve(THIRD))
    stuck.push()
    text = stuck.comment()
    assert text.startswith("🔴")
    assert "As on main: 1 update is due" in text
    assert stuck.repo.run("github", "verdict").code == 5


def test_a_pull_request_is_red_for_what_its_rules_bring_about_elsewhere(stuck: Team) -> None:
    stuck.repo.configure(POLICY.replace("changes: 100", "changes: 100, approvals: 0"))
    stuck.push()
    text = stuck.comment()
    assert "As on main: 1 needs attention" in text
    assert stuck.repo.run("github", "verdict").code == 3, "the limit refuses the approval that is due on main"


def test_a_pull_request_that_removes_the_stuck_decision_is_green(stuck: Team) -> None:
    stuck.repo.decide(approve(THIRD))
    stuck.push()
    assert "As on main: 1 update is due" in stuck.comment()
    assert stuck.repo.run("github", "verdict").code == 0


def test_a_stuck_decision_that_moves_to_another_file_is_the_pull_requests(stuck: Team) -> None:
    stuck.repo.decide(approve(THIRD))
    stuck.repo.decide(STUCK, name="tickets/moved.yaml")
    stuck.push()
    stuck.comment()
    assert stuck.repo.run("github", "verdict").code == 5


def test_an_orphan_is_the_pull_requests_that_removes_its_entry_and_nobody_elses(stuck: Team) -> None:
    (stuck.repo.folder / "tickets/shop.yaml").unlink()
    head = stuck.push()
    assert "As on main: 1 needs attention, 1 update is due" in stuck.comment()
    assert stuck.repo.run("github", "verdict").code == 5
    stuck.base = head
    stuck.repo.decide(STUCK, approve(THIRD), "{guid: 11111111-1111-4111-8111-111111111111, status: Pending}")
    stuck.push()
    assert "As on main: 2 need attention, 1 update is due" in stuck.comment()


def test_a_window_that_a_pull_request_moves_moves_the_decisions_that_name_it(stuck: Team) -> None:
    window = "windows: {night: {start: 2036-01-01T22:00:00Z, stop: 2036-01-02T02:00:00Z}}\n"
    stuck.repo.configure(POLICY + window)
    stuck.repo.decide(
        f"{{guid: {THIRD}, status: Approved Between, schedule: night, explanation: ok}}", name="tickets/n.yaml"
    )
    stuck.repo.decide(STUCK)
    stuck.base = stuck.commit("named window")
    stuck.repo.configure(POLICY + window.replace("T22", "T21"))
    stuck.push()
    assert stuck.comment().startswith("🔴 Approve 1 certificate request and change the rules?")
    steps = {step["guid"]: step for step in stuck.repo.plan_json()["steps"]}
    assert [steps[guid].get("own") for guid in (FIRST, THIRD)] == [False, None]


def test_a_server_that_is_away_is_never_as_on_main(stuck: Team) -> None:
    stuck.repo.sandbox.faults.add(Say(503), operation="ticketDetails", guid=THIRD)
    stuck.push()
    assert "As on main: 1 needs attention" in stuck.comment()
    assert stuck.repo.run("github", "verdict").code == 7


@pytest.mark.parametrize("people", ["login", "id"])
def test_the_ledger_names_people_as_it_is_configured_to(team: Team, people: str) -> None:
    repo, world = team.repo, team.github.world
    repo.configure(f"{POLICY}  four_eyes: {{reviewers: 1}}\n")
    text = (repo.folder / "reconciler.yaml").read_text()
    repo.write("reconciler.yaml", text.replace("ledger: ledger\n", f"ledger: {{path: ledger, people: {people}}}\n"))
    repo.decide(armed(SECOND), approve(FIRST), approve(THIRD))
    head = team.push()
    git(repo.folder, "checkout", "--quiet", "-B", "main", team.base)
    git(repo.folder, "merge", "--quiet", "--no-ff", "-m", "Merge", head)
    merge = git(repo.folder, "rev-parse", "HEAD")
    git(repo.folder, "clone", "--quiet", "--bare", str(repo.folder), str(repo.folder / ".git/origin.git"))
    git(repo.folder, "remote", "add", "origin", str(repo.folder / ".git/origin.git"))
    world.pulls[6] = Pull(6, "ann", team.base)
    for number, tip, commit in ((6, team.base, team.base), (7, head, merge)):
        pull = world.pulls[number]
        pull.merge_commit, pull.merged_by, pull.reviews = commit, "max", [("bob", "APPROVED", tip)]
        world.brought[commit] = [number]
    world.permission |= {"ann": "write", "max": "admin"}
    world.pushes.append(("refs/heads/change", head, "ann"))
    for name, value in {"GITHUB_SHA": merge, "GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_NAME": "push"}.items():
        repo.environ(name, value)
    said = repo.run("apply", "--yes")
    assert (said.code, len(repo.writes())) == (0, 3), said.out + said.err
    (review,) = {line["review"]["author"]: line["review"] for line in _lines(repo) if "review" in line}.values()
    named = {"ann": f"id:{number_of('ann')}", "bob": f"id:{number_of('bob')}", "max": f"id:{number_of('max')}"}
    names = named if people == "id" else {login: login for login in named}
    assert (review["author"], review["reviewers"], review["merged_by"]) == (names["ann"], [names["bob"]], names["max"])
    there = {login for login in named if re.search(rf"\b{login}\b", _all_of(repo.folder / "ledger"))}
    assert there == (set() if people == "id" else set(named))
    assert team.github.violations == []


def _all_of(ledger: Path) -> str:
    """Everything in a ledger, kept plans and configurations, too."""
    files = [path for path in ledger.rglob("*") if path.is_file()]
    assert any(path.parent.name == "plans" for path in files)
    contents = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files)
    return b"".join(contents).decode()


def _lines(repo: Repo) -> list[dict[str, Any]]:
    newest = max((repo.folder / "ledger").rglob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(line) for line in newest.read_bytes().splitlines()]


def test_rules_of_folders_and_bounds_of_overrides_are_shown_as_changes_of_the_rules(team: Team) -> None:
    folders = "  folders: {tickets/pay: {reviewers: {count: 2, teams: [pki]}}}\n"
    team.repo.configure(POLICY.replace("9999d", "30d") + folders)
    team.push()
    text = team.comment()
    assert text.startswith("🔴 Change the rules? No ticket is changed")
    assert "policy.overrides.longest: 863913600 → 2592000" in text
    assert "policy.folders.tickets/pay.reviewers.count: not set → 2" in text
    assert "policy.folders.tickets/pay.reviewers.teams: not set → pki" in text
