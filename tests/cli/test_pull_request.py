"""The comment on a pull request, by the real commands: what it changes besides, what is new, why there is no plan."""

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
from tests.cli.desk import FIRST, SECOND, THIRD, Desk
from tests.github.conftest import TOKEN
from tests.github.conftest import server as server
from tests.github.fake_github import FakeGitHub
from tests.github.repository import git
from tests.github.world import Pull

POLICY = "timezone: Europe/Berlin\npolicy:\n  owns: ['\\VED\\Policy\\Web\\**']\n  limits: {changes: 100}\n"
LATER = "2036-11-29T22:00:00Z"


def approve(guid: str) -> str:
    return f"{{guid: {guid}, status: Approved, explanation: ok}}"


def armed(guid: str) -> str:
    return f"{{guid: {guid}, status: Approved After, schedule: {{start: {LATER}}}, explanation: ok}}"


class Team:
    """A repository with a pull request, TPP, and GitHub."""

    def __init__(self, desk: Desk, github: FakeGitHub) -> None:
        self.desk, self.github = desk, github
        desk.write(".gitignore", "*.json\nledger/\nfailed/\nartifacts/\n")
        git(desk.folder, "init", "--quiet", "--initial-branch=main")
        github.world.artifacts = desk.folder / "artifacts"
        github.world.permission = {"bob": "write"}
        self.base = ""

    def commit(self, message: str = "A change") -> str:
        git(self.desk.folder, "add", "--all")
        git(self.desk.folder, "commit", "--quiet", "--allow-empty", "-m", message)
        return git(self.desk.folder, "rev-parse", "HEAD")

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
        self.desk.write("event.json", json.dumps({"pull_request": pull}))
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
            "GITHUB_EVENT_PATH": str(self.desk.folder / "event.json"),
            "RECONCILER_INPUT_COMMAND": "plan",
            "RECONCILER_INPUT_TOLERATE": "3 5",
        }.items():
            self.desk.environ(name, value)
        return head

    def comment(self, *options: str) -> str:
        """Plan and comment as the workflow does; return the text of the comment as people read it."""
        Path("plan.json").unlink(missing_ok=True)
        self.desk.run("github", "run")
        said = self.desk.run("github", "comment", "--failed", ".", *options)
        assert said.code == 0, said.err
        (body,) = self.github.world.comments_on(7)
        self.body = body
        return rendered(body)

    def keep(self, run: int, head: str) -> None:
        """Keep the plan of a commit as its run's artifact does."""
        folder = self.desk.folder / "artifacts" / str(run) / "plan"
        folder.mkdir(parents=True)
        shutil.copy("plan.json", folder / "plan.json")
        made = {"id": run, "event": "pull_request", "head_sha": head, "head_repository": 4242}
        self.github.world.started.insert(0, made)


def rendered(body: str) -> str:
    text = cmarkgfm.github_flavored_markdown_to_html(body, options=Options.CMARK_OPT_UNSAFE)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<!--.*?-->|<[^>]*>", "", text, flags=re.DOTALL))).strip()


@pytest.fixture
def team(desk: Desk, server: FakeGitHub) -> Team:
    """The base: one approval to come, and one that is armed in TPP."""
    desk.configure(POLICY)
    found = Team(desk, server)
    desk.decide(armed(SECOND))
    assert desk.run("apply", "--yes").code == 0
    desk.decide(armed(SECOND), approve(FIRST))
    found.base = found.commit("base")
    return found


def test_a_pull_request_that_changes_the_rules_alone_is_red_and_says_so_first(team: Team) -> None:
    team.desk.configure(POLICY.replace("\\VED\\Policy\\Web\\**", "**").replace("100", "5000"))
    team.desk.write(".github/CODEOWNERS", "* @eve\n")
    team.push()
    text = team.comment()
    assert text.startswith("🔴 Approve 1 certificate request and change the rules?")
    assert "policy.limits.changes: 100 → 5000" in text
    assert r"policy.owns: \VED\Policy\Web\** → **" in text
    assert "changes .github/CODEOWNERS" in text
    assert text.index("policy.owns") < text.index("Merging sends")
    assert "policy.limits.changes: 100 → 5000" in team.desk.run("plan").out.partition("server")[0]
    assert "<strong>Changes the rules:</strong>" in team.desk.run("plan", "--format", "html").out


def test_a_ticket_that_the_present_rules_would_judge_otherwise_says_so(team: Team) -> None:
    team.desk.sandbox.world.console(Guid(FIRST), "Pending")
    team.desk.configure(POLICY.replace("limits: {changes: 100}", "limits: {approvals: 0}"))
    team.base = team.commit("nothing may be approved")
    team.desk.configure(POLICY)
    team.push()
    text = team.comment()
    assert "under the present rules www.example.com would be: refused by a guard" in text


def test_an_override_that_is_added_is_a_change_of_the_rules(team: Team) -> None:
    override = f"overrides: [{{rule: changes, tickets: [{FIRST}], reason: Outage, until: 2036-01-01T00:00:00Z}}]\n"
    team.desk.decide(armed(SECOND), approve(FIRST), header=f"change: CHG0041234\n{override}")
    team.push()
    text = team.comment()
    assert text.startswith("🔴")
    assert "override of changes in tickets/web.yaml: not set → 1 tickets until 2036-01-01T00:00:00Z: Outage" in text


def test_a_removal_says_what_still_runs(team: Team) -> None:
    team.desk.decide(approve(FIRST))
    team.push()
    text = team.comment()
    assert text.startswith("🔴 Approve 1 certificate request?")
    assert "Removes 1 decision: 1 will still run; set Pending first to take them back." in text
    assert "shop.example.com: wanted Approved After, stays scheduled in TPP" in text


def test_a_decision_that_moves_to_another_file_is_not_removed(team: Team) -> None:
    team.desk.decide(approve(FIRST))
    team.desk.decide(armed(SECOND), name="tickets/moved.yaml")
    team.push()
    assert "Removes" not in team.comment()


def test_nothing_besides_says_nothing_besides_and_times_are_those_of_the_team(team: Team) -> None:
    team.desk.decide(armed(SECOND), approve(FIRST), armed(THIRD))
    team.push()
    text = team.comment("--plan-url", "https://github.example/acme/approvals/actions/runs/1/artifacts/2")
    assert text.startswith("🟢 Approve 2 certificate requests?")
    assert "Sat 2036-11-29 23:00 Europe/Berlin (22:00 UTC)" in text
    assert "Changes the rules" not in text
    assert "[full plan](https://github.example/acme/approvals/actions/runs/1/artifacts/2)" in team.body


def test_a_second_push_says_what_is_new_since_the_commit_and_since_the_review(team: Team) -> None:
    first = team.push()
    team.comment()
    team.keep(1, first)
    team.github.world.pulls[7].reviews = [("bob", "APPROVED", first)]
    team.desk.decide(armed(SECOND), approve(FIRST), approve(THIRD))
    second = team.push()
    text = team.comment()
    assert f"Since {first[:7]}: new: approve api.example.com." in text
    assert f"Since {first[:7]} (last review of bob): new: approve api.example.com." in text
    team.keep(2, second)
    assert f"Since {first[:7]}: new: approve api.example.com." in team.comment(), "another attempt for the same commit"
    team.desk.decide(armed(SECOND), approve(THIRD))
    team.push()
    text = team.comment()
    assert f"Since {second[:7]}: gone: approve www.example.com." in text


@pytest.mark.parametrize("fault", ["token", "manifest", "away"])
def test_a_plan_that_failed_says_why(team: Team, fault: str) -> None:
    match fault:
        case "token":
            team.desk.environ("TPP_TOKEN", "expired")
        case "manifest":
            team.desk.decide(f"{{guid: {FIRST}, status: Aproved}}")
        case "away":
            team.desk.environ("TPP_URL", "http://127.0.0.1:1")
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
