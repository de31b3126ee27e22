"""True last lines: what is left, for whom, and the command; what can be undone; and no policy without saying so."""

import pytest

from tests.cli.repo import FIRST, SECOND, THIRD, Repo
from tests.cli.terminals import on_terminal

WINDOW = "schedule: {start: 2036-11-29T22:00:00Z, stop: 2036-11-30T02:00:00Z}"


def test_nothing_is_left_only_when_nothing_is(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Rejected, explanation: x}}")
    assert repo.run("apply", "--yes").out.endswith("Nothing is left to do.\n")


def test_what_waits_for_its_time_is_left(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved Between, {WINDOW}, explanation: x}}")
    said = repo.run("apply", "--yes").out
    assert said.endswith(
        "1 approval waits in TPP for the scheduled time; a later `reconciler plan` says when it is settled.\n"
    )


def test_what_needs_attention_is_left_and_the_command_is_named(repo: Repo) -> None:
    repo.decide(
        f"{{guid: {FIRST}, status: Rejected, explanation: x}}",
        "{guid: 00000000-0000-4000-8000-00000000dead, status: Approved, explanation: x}",
    )
    said = " ".join(repo.run("apply", "--yes").out.split())
    assert "Nothing is left to do" not in said
    assert "1 decision needs attention, nothing was sent: 1 missing; `reconciler plan --quiet` says why" in said


def test_a_second_apply_of_a_plan_says_from_the_start_that_it_was_applied(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Rejected, explanation: x}}")
    repo.run("plan", "--out", "plan.json")
    assert repo.run("apply", "plan.json", "--yes").code == 0
    said = repo.run("apply", "plan.json")  # nobody is asked: there is nothing to agree to
    assert said.code == 0
    assert "An earlier run of this plan applied 1 change of it; there is nothing to apply." in said.err
    assert len(repo.writes()) == 1


def test_the_prompt_says_what_can_not_be_undone(repo: Repo) -> None:
    repo.decide(
        f"{{guid: {FIRST}, status: Rejected, explanation: x}}",
        f"{{guid: {SECOND}, status: Approved Between, {WINDOW}, explanation: x}}",
    )
    environ = {"TPP_TOKEN": repo.sandbox.token}
    terminal = on_terminal(repo.folder, "apply", environ=environ, answers={"Apply 2 changes?": "n"})
    assert terminal.wait() == 3
    assert "1 of them takes effect at once and can't be undone." in terminal.text
    assert "1 waits in TPP for the scheduled time; until then the manifest can change it." in terminal.text
    assert repo.writes() == []


def test_approvals_that_others_share_do_not_take_effect_at_once(repo: Repo) -> None:
    shared = "4f1c9ab0-0000-4000-8000-000000000001"
    repo.sandbox.world.add_ticket(
        shared, object=r"\VED\Policy\Web\two.example.com", approvers=[*_approvers(repo), "local:{second}"], new=True
    )
    repo.decide(
        f"{{guid: {shared}, status: Approved, explanation: x}}", f"{{guid: {THIRD}, status: Approved, explanation: x}}"
    )
    said = repo.run("plan").out
    assert "1 of them takes effect at once and can't be undone." in said
    assert "1 can't be taken back, and waits for other approvers." in said


def _approvers(repo: Repo) -> list[str]:
    return list(repo.sandbox.world.tickets[THIRD].approvers)


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_without_a_configuration_a_plan_warns_and_an_apply_is_refused(repo: Repo, quiet) -> None:
    (repo.folder / "reconciler.yaml").unlink()
    repo.environ("TPP_URL", repo.sandbox.url)
    repo.decide(f"{{guid: {FIRST}, status: Rejected, explanation: x}}")
    warning = "warning: no reconciler.yaml was found, so no policy applies"
    planned = repo.run("plan", *quiet)
    assert (planned.code, warning in planned.err) == (0, True)
    refused = repo.run("apply", "--yes", *quiet)
    assert refused.code == 3
    assert "no reconciler.yaml was found, so no policy would hold" in refused.err
    assert repo.writes() == []
    applied = repo.run("apply", "--yes", "--no-policy", *quiet)
    assert (applied.code, warning in applied.err) == (0, True)
    assert len(repo.writes()) == 1
