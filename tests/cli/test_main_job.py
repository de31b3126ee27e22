"""The main job: validate, plan, apply, plan again, with what reaches the server looked at byte for byte."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from reconciler.model.status import Status
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: Ticket was approved by Joe}}"
AFTER = f"{{guid: {SECOND}, status: Approved After, schedule: {{start: 2036-11-25T07:15:00Z}}, explanation: later}}"
BETWEEN = (
    f"{{guid: {THIRD}, status: Approved Between, explanation: at night, "
    "schedule: {start: 2036-11-29T22:00:00+01:00, stop: 2036-11-30T02:00:00Z}}"
)
EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "tickets" / "update-status.yaml"


def _without_tags(bodies: list[dict[str, object]]) -> list[dict[str, object]]:
    plain = [body | {"Explanation": re.sub(r" ?\[op:[0-9a-f]{12}\]$", "", str(body["Explanation"]))} for body in bodies]
    return sorted(plain, key=lambda body: str(body["GUID"]))


def test_the_three_examples_of_the_reference_send_exactly_what_they_say(repo: Repo) -> None:
    repo.write("tickets/examples.yaml", EXAMPLES.read_text(encoding="utf-8"))
    assert repo.run("plan", "--out", "plan.json").code == 0
    assert repo.run("apply", "plan.json", "--yes").code == 0
    assert _without_tags(repo.writes()) == [
        {
            "GUID": THIRD,
            "Status": "Approved Between",
            "Explanation": "Renewal of the interface, in the night to Sunday",
            "ScheduledStart": "2036-11-29T22:00:00.000000Z",
            "ScheduledStop": "2036-11-30T02:00:00.000000Z",
        },
        {"GUID": FIRST, "Status": "Approved", "Explanation": "Ticket was approved by Joe"},
        {
            "GUID": SECOND,
            "Status": "Approved After",
            "Explanation": "Renewal of the shop, from Tuesday morning on",
            "ScheduledStart": "2036-11-25T07:15:00.000000Z",
        },
    ]


def test_every_update_carries_its_operation_tag(repo: Repo) -> None:
    repo.decide(APPROVE, AFTER)
    repo.run("apply", "--yes")
    explanations = [str(body["Explanation"]) for body in repo.writes()]
    assert len(explanations) == 2
    assert all(re.search(r" \[op:[0-9a-f]{12}\]$", text) for text in explanations)


def test_rare_parameters_are_sent_when_and_only_when_they_are_given(repo: Repo) -> None:
    repo.decide(
        f"{{guid: {FIRST}, status: Rejected, parameters: {{reason: off, user_data: 'x,y', "
        "object_dn: '\\VED\\Policy\\Workflows\\Stage 0', approvers: ['AD+CORP:jdoe']}}"
    )
    assert repo.run("apply", "--yes").code == 0
    (body,) = repo.writes()
    del body["Explanation"]
    assert body == {
        "GUID": FIRST,
        "Status": "Rejected",
        "Reason": "off",
        "ObjectDN": "\\VED\\Policy\\Workflows\\Stage 0",
        "UserData": "x,y",
        "Approvers": [{"PrefixedUniversal": "AD+CORP:7d0b9c1e55aa4f40"}],
    }


@pytest.mark.parametrize(
    "arguments",
    [("validate",), ("plan",), ("plan", "--out", "plan.json"), ("apply", "--dry-run"), ("apply", "--dry-run", "--yes")],
)
def test_a_command_that_only_looks_sends_nothing_that_writes(repo: Repo, arguments: tuple[str, ...]) -> None:
    repo.decide(APPROVE, AFTER, BETWEEN)
    assert repo.run(*arguments).code == 0
    assert repo.writes() == []
    assert not any(entry.effect for entry in repo.sandbox.log.entries)
    assert not (repo.folder / "ledger").exists()


def test_apply_needs_yes_where_nobody_can_be_asked(repo: Repo) -> None:
    repo.decide(APPROVE)
    said = repo.run("apply")
    assert said.code == 2
    assert "nobody can be asked here: add --yes to apply without asking" in said.err
    assert repo.writes() == []


def test_a_second_apply_sends_nothing(repo: Repo) -> None:
    repo.decide(APPROVE, AFTER)
    assert repo.run("apply", "--yes").code == 0
    repo.sandbox.world.process()
    again = repo.run("apply", "--yes")
    assert again.code == 0
    assert len(repo.writes()) == 2
    assert "Plan: 0 will change" in again.out


def test_a_saved_plan_that_was_applied_is_not_sent_again(repo: Repo) -> None:
    repo.decide(APPROVE, AFTER)
    repo.run("plan", "--out", "plan.json")
    repo.run("apply", "plan.json", "--yes")
    again = repo.run("apply", "plan.json", "--yes")
    assert again.code == 0
    assert len(repo.writes()) == 2
    assert "steps that an earlier run of this plan applied, and that were not sent again: 2" in " ".join(
        again.out.split()
    )


def test_apply_of_a_saved_plan_opens_no_manifest(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.run("plan", "--out", "plan.json")
    repo.write("tickets/web.yaml", "this: [is, not, a, manifest")
    assert repo.run("apply", "plan.json", "--yes").code == 0
    assert len(repo.writes()) == 1


def test_pending_changes_leave_with_ten_when_asked(repo: Repo) -> None:
    repo.decide(APPROVE)
    assert repo.run("plan", "--exit-code").code == 10
    repo.run("apply", "--yes")
    assert repo.run("plan", "--exit-code").code == 0


def test_a_step_that_needs_a_person_leaves_with_five_and_the_others_are_applied(repo: Repo) -> None:
    repo.sandbox.world.console(SECOND, Status.REJECTED)
    repo.decide(APPROVE, AFTER)
    said = repo.run("apply", "--yes")
    assert said.code == 5
    assert [body["GUID"] for body in repo.writes()] == [FIRST]


def test_the_report_of_a_run_is_saved_as_it_is_printed(repo: Repo) -> None:
    repo.decide(APPROVE)
    said = repo.run("apply", "--yes", "--format", "json", "--out", "run.json")
    report = json.loads(said.out)
    assert report == json.loads((repo.folder / "run.json").read_text(encoding="utf-8"))
    assert report["counts"] == {"applied": 1}
    assert report["receipts"][0]["guid"] == FIRST


def test_a_reviewed_plan_bounds_what_a_later_apply_may_do(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.run("plan", "--out", "reviewed.json")
    repo.decide(APPROVE, AFTER)
    said = repo.run("apply", "--yes", "--reviewed", "reviewed.json")
    assert said.code == 3
    assert [body["GUID"] for body in repo.writes()] == [FIRST]
    assert "the reviewed plan does not change this ticket" in said.out


def test_shards_do_all_the_work_between_them(repo: Repo) -> None:
    repo.decide(APPROVE, AFTER, BETWEEN)
    for number in (1, 2):
        assert repo.run("apply", "--yes", "--shard", f"{number}/2").code == 0
    assert sorted(str(body["GUID"]) for body in repo.writes()) == sorted([FIRST, SECOND, THIRD])
    assert repo.run("ledger", "verify").code == 0


def test_a_plan_away_from_github_says_that_four_eyes_will_refuse_its_apply(repo: Repo) -> None:
    repo.configure("policy: {four_eyes: {reviewers: 1}}\n")
    repo.decide(APPROVE)
    assert "four eyes need a reviewed pull request on GitHub" in " ".join(repo.run("plan").out.split())
    said = repo.run("apply", "--yes")
    assert said.code == 3
    assert "this is no workflow run on GitHub" in " ".join(said.out.split())
    assert repo.writes() == []


def test_a_settled_ticket_is_never_asked_for_again(repo: Repo) -> None:
    repo.decide(APPROVE, f"{{guid: {SECOND}, status: Pending}}")
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    repo.run("apply", "--yes")
    repo.sandbox.log.clear()
    assert "1 settled" in repo.run("plan").out
    assert [entry.guid for entry in repo.sandbox.log.calls("ticketDetails")] == [SECOND]


def test_a_plan_since_a_revision_reads_only_what_changed(repo: Repo) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=repo.folder, check=True, capture_output=True)

    repo.decide(APPROVE, f"{{guid: {SECOND}, status: Pending}}")
    repo.decide(f"{{guid: {THIRD}, status: Pending}}", name="tickets/api.yaml")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    repo.decide("{guid: " + SECOND + ", status: Rejected}", APPROVE)
    repo.sandbox.log.clear()
    assert "Plan: 1 will change (1 reject)" in repo.run("plan", "--since", "HEAD").out
    assert [entry.guid for entry in repo.sandbox.log.calls("ticketDetails")] == [SECOND]


def test_a_plan_since_a_revision_leaves_nothing_out_that_git_does_not_know(repo: Repo) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=repo.folder, check=True, capture_output=True)

    repo.decide(f"{{guid: {THIRD}, status: Pending}}", name="tickets/api.yaml")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    (repo.folder / ".gitignore").write_text("ignored.yaml\nshared.yaml\n")
    repo.decide(APPROVE, name="tickets/untracked.yaml")
    repo.decide(f"{{guid: {SECOND}, status: Rejected}}", name="shared.yaml")
    (repo.folder / "tickets" / "ignored.yaml").symlink_to("../shared.yaml")
    assert "Plan: 2 will change (1 reject, 1 approve)" in repo.run("plan", "--since", "HEAD").out
