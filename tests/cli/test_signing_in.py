"""Planning and applying sign in apart, and a token that was handed over wins."""

import json

import pytest

from reconciler.sandbox.seed import APPROVER
from tests.cli.repo import FIRST, Repo

APART = (
    "auth:\n  method: password\n  username: svc-approver\n"
    "  plan: {client_id: vcert-sdk, scope: certificate}\n"
    "  apply: {scope: 'certificate:approve'}\n"
)


@pytest.fixture
def apart(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repo whose plans sign in with another client and scope than its applies."""
    monkeypatch.delenv("TPP_TOKEN")
    repo.environ("TPP_PASSWORD", "correct horse battery staple")
    repo.configure(APART)
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    return repo


def _asked(repo: Repo) -> list[tuple[object, object]]:
    """The client and the scope of each grant that was asked for, in order."""
    bodies = [entry.json for entry in repo.sandbox.log.calls("authorizePassword")]
    return [(body["client_id"], body["scope"]) for body in bodies if isinstance(body, dict)]


READS, WRITES = ("vcert-sdk", "certificate"), ("reconciler", "certificate:approve")


def test_a_plan_never_asks_for_a_token_that_can_approve(apart: Repo) -> None:
    assert apart.run("plan").code == 0
    assert apart.run("apply", "--dry-run").code == 0
    assert apart.run("explain", FIRST).code == 0
    assert set(_asked(apart)) == {READS}


def test_an_apply_signs_in_for_itself(apart: Repo) -> None:
    assert apart.run("apply", "--yes").code == 0
    assert set(_asked(apart)) == {WRITES}
    assert len(apart.writes()) == 1


def test_the_variables_of_a_job_win_over_both(apart: Repo) -> None:
    apart.environ("TPP_CLIENT_ID", "reconciler")
    apart.environ("TPP_SCOPE", "certificate:manage")
    apart.run("plan")
    assert _asked(apart) == [("reconciler", "certificate:manage")]


def test_a_grant_is_looked_at_for_either(apart: Repo) -> None:
    assert "plan, not apply" in apart.run("auth", "verify").out
    assert "plan and apply" in apart.run("auth", "verify", "--for", "apply").out


def test_a_part_that_can_not_sign_in_is_told_at_its_place(apart: Repo) -> None:
    apart.configure("auth:\n  plan: {method: jwt}\n  apply: {method: password}\n")
    said = apart.run("validate")
    assert said.code == 1
    assert "auth" in said.out + said.err
    assert "reconciler.yaml:7:18" in said.out + said.err


def test_a_method_that_no_part_leaves_over_need_not_be_complete(apart: Repo) -> None:
    apart.configure(
        "auth:\n  method: jwt\n  plan: {method: password, username: svc-approver}\n  apply: {method: password}\n"
    )
    assert apart.run("validate").code == 0


def test_a_token_that_is_handed_over_wins_and_is_told(apart: Repo) -> None:
    apart.configure("auth: {method: github-oidc}\n")
    apart.environ("TPP_TOKEN", apart.sandbox.token)
    said = apart.run("plan")
    assert (said.code, "TPP_TOKEN is set, so auth.method github-oidc was not used" in said.out) == (0, True)
    plan = apart.run("plan", "--format", "json")
    assert "TPP_TOKEN is set, so auth.method github-oidc was not used" in json.loads(plan.out)["notes"]
    assert APPROVER.universal in apart.run("auth", "verify").out
    assert "note      TPP_TOKEN is set" in apart.run("auth", "verify").out


def test_a_method_that_is_used_is_not_told_of(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    assert "TPP_TOKEN" not in repo.run("plan", "--format", "json").out


def test_a_token_is_understood_as_a_header_or_an_editor_spells_it(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: x}}")
    repo.environ("TPP_TOKEN", f"Bearer {repo.sandbox.token}")
    assert repo.run("plan").code == 0
    file = repo.write("token", f"\ufeffbearer {repo.sandbox.token}\n")
    file.chmod(0o600)
    repo.environ("TPP_TOKEN", "")
    repo.environ("TPP_TOKEN_FILE", str(file))
    assert repo.run("plan").code == 0
