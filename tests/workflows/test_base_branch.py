"""What a pull request can't move, whoever pushed its branch."""

import json
from typing import Any

import pytest

from reconciler.sandbox.running import running_sandbox
from tests.workflows.team import Team

pytestmark = pytest.mark.slow


def _changed(acme: Team, *pairs: tuple[str, str]) -> None:
    text = (acme.folder / "reconciler.yaml").read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    acme.commit("reconciler.yaml", text)


def _planned(acme: Team) -> dict[str, Any]:
    assert acme.run("pull-request.yml", "pull_request", acme.pull_request()).code == 0
    plan: dict[str, Any] = json.loads((acme.artifacts / "plan" / "plan.json").read_text())
    return plan


def _rules(plan: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(rule["name"], rule.get("before"), rule.get("after")) for rule in plan["pull_request"]["rules"]]


def test_another_server_gets_no_credential_and_no_other_method_is_tried(acme: Team) -> None:
    with running_sandbox() as evil:
        _changed(acme, ("https://tpp.example.com\n", f"{evil.url}\n"), ("method: github-oidc", "method: password"))
        plan = _planned(acme)
        assert evil.log.entries == ()
    assert plan["target"] == acme.tpp.url
    assert ("auth.method", "github-oidc", "password") in _rules(plan)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  four_eyes: {reviewers: 1}\n", "", ("policy.four_eyes.reviewers", "1", None)),
        (
            "{reviewers: 1}",
            "{reviewers: 1, allow_direct_push: true}",
            ("policy.four_eyes.allow_direct_push", "false", "true"),
        ),
        ("changes: 100", "changes: 5000", ("policy.limits.changes", "100", "5000")),
        (r"owns: ['\VED\Policy\Web\**']", "owns: ['**']", ("policy.owns", r"\VED\Policy\Web\**", "**")),
    ],
)
def test_a_change_of_the_policy_is_told_above_everything_that_asks_for_a_look(
    acme: Team, old: str, new: str, said: tuple[str, str | None, str | None]
) -> None:
    _changed(acme, (old, new))
    assert said in _rules(_planned(acme))
    (comment,) = acme.github.world.comments_on(7)
    assert "and change the rules?" in comment
    assert comment.index("Changes the rules") < comment.index("Merging sends")


def test_the_ledger_and_the_authorities_are_those_of_the_base(acme: Team) -> None:
    _changed(acme, ("ledger: ledger", "ledger: elsewhere\ntls: {ca_bundle: evil.pem}"))
    acme.commit("evil.pem", "no certificate at all\n")
    plan = _planned(acme)
    assert ("tls.ca_bundle", None, "evil.pem") in _rules(plan)
    assert ("ledger", "ledger", "elsewhere") in _rules(plan)


def test_a_workflow_without_a_server_of_its_own_asks_for_one(acme: Team) -> None:
    acme.server = ""
    result = acme.run("pull-request.yml", "pull_request", acme.pull_request())
    assert result.code == 1
    assert acme.tpp.log.entries == ()
    assert any(title == "TPP_URL" for _, title, _ in result.annotations)


def test_a_program_of_the_checkout_is_never_run(acme: Team) -> None:
    _changed(
        acme,
        ("method: github-oidc", "method: jwt"),
        ("  audience: https://tpp.example.com/vedauth\n", "  jwt_command: [./jwt.sh]\n"),
    )
    (acme.folder / "jwt.sh").write_text(f"#!/bin/sh\ntouch {acme.scratch}/ran\n")
    (acme.folder / "jwt.sh").chmod(0o755)
    assert _planned(acme)["target"] == acme.tpp.url
    assert not (acme.scratch / "ran").exists()
