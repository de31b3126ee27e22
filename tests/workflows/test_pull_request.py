"""What a pull request shows, from branches of the repository and from forks.

act runs nothing after a called workflow that failed, so the gate's refusals have tests of their own.
"""

import pytest

from tests.github.world import Comment
from tests.workflows.team import OBJECTS, SHOP, WWW, Team

BROKEN = f"""\
version: 1
change: CHG0041235
tickets:
  - guid: {WWW}
    status: Aproved
    explanation: a slip
"""


def _jobs(results: dict[str, str]) -> dict[str, str]:
    return {name.rpartition("/")[2].strip(): result for name, result in results.items()}


def test_a_branch_of_the_repository_gets_one_comment_that_follows_it(acme: Team) -> None:
    first = acme.run("pull-request.yml", "pull_request", acme.pull_request())
    assert (first.code, _jobs(dict(first.jobs))) == (
        0,
        {
            "Validate manifests": "success",
            "Divide the work": "success",
            "Plan part 1": "success",
            "Report the plan": "success",
            "Gate": "success",
        },
    )
    (comment,) = acme.github.world.comments_on(7)
    assert comment.startswith("<!-- tpp-reconciler:plan default -->\n")
    assert "Approve 2 certificate requests?" in comment
    assert acme.head[:12] in comment
    assert any("Approve 2 certificate requests?" in summary for summary in first.summaries)
    assert any("Manifests are valid" in summary for summary in first.summaries)

    manifest = acme.folder / "tickets" / "2036" / "CHG0041234.yaml"
    acme.commit("tickets/2036/CHG0041234.yaml", manifest.read_text().replace("status: Pending", "status: Rejected"))
    assert acme.run("pull-request.yml", "pull_request", acme.pull_request()).code == 0
    (comment,) = acme.github.world.comments_on(7)
    assert "Reject 1 and approve 2 certificate requests?" in comment
    assert acme.tpp.log.updates == ()


def test_a_fork_is_validated_without_any_credential(acme: Team) -> None:
    result = acme.run("pull-request.yml", "pull_request", acme.pull_request(fork=True), fork=True)
    assert (result.code, _jobs(dict(result.jobs))) == (
        0,
        {"Validate manifests": "success", "Divide the work": "success", "Gate": "success"},
    )
    assert acme.tpp.log.entries == ()
    assert acme.github.asked == []
    assert acme.github.world.comments == {}


def test_faults_are_annotated_on_their_lines_and_stop_everything(acme: Team) -> None:
    acme.commit("tickets/2036/CHG0041235.yaml", BROKEN)
    result = acme.run("pull-request.yml", "pull_request", acme.pull_request())
    jobs = _jobs(dict(result.jobs))
    assert (result.code, jobs) == (1, {"Validate manifests": "failure"})
    commands = [line for line in result.raw if line.startswith("::error ")]
    assert any("file=tickets/2036/CHG0041235.yaml" in line and "line=5" in line for line in commands)
    assert any("Aproved" in summary for summary in result.summaries)
    assert acme.tpp.log.entries == ()


@pytest.mark.slow
def test_a_ticket_that_needs_a_person_is_shown_and_fails_the_check(acme: Team) -> None:
    acme.tpp.world.delete(SHOP)
    result = acme.run("pull-request.yml", "pull_request", acme.pull_request())
    assert result.code == 1
    assert _jobs(dict(result.jobs))["Plan part 1"] == "success"
    assert _jobs(dict(result.jobs))["Report the plan"] == "failure"
    (comment,) = acme.github.world.comments_on(7)
    assert "1 more is blocked" in comment
    assert OBJECTS[SHOP].rpartition("\\")[2] in comment


@pytest.mark.slow
def test_what_is_stuck_on_main_does_not_fail_the_check_of_another_pull_request(acme: Team) -> None:
    acme.tpp.world.delete(SHOP)
    acme.merged(12)
    base = acme.head
    example = acme.folder / "tickets/2036/CHG0041234.yaml"
    acme.commit("tickets/2036/CHG0041234.yaml", example.read_text() + "# a remark\n")
    payload = acme.pull_request()
    payload["pull_request"]["base"] |= {"sha": base, "ref": "main"}
    result = acme.run("pull-request.yml", "pull_request", payload)
    assert result.code == 0, result
    (comment,) = acme.github.world.comments_on(7)
    assert "<summary>As on main: 1 needs attention, " in comment


@pytest.mark.slow
def test_a_plan_that_cannot_be_made_is_said_instead_of_an_older_one(acme: Team) -> None:
    older = "<!-- tpp-reconciler:plan default -->\n2 changes ready to apply"
    acme.github.world.comments[101] = Comment(101, 7, older)
    acme.github.issuer.claims = {"repository_id": "9999"}
    result = acme.run("pull-request.yml", "pull_request", acme.pull_request())
    jobs = _jobs(dict(result.jobs))
    assert (result.code, jobs["Plan part 1"], jobs["Report the plan"]) == (1, "failure", "failure")
    (comment,) = acme.github.world.comments_on(7)
    assert "🔴 No plan for" in comment
    assert "ready to apply" not in comment
