"""The documented JWT mappings let in the jobs that were reviewed, and nobody else: tried against the sandbox.

The form of the subject: GitHub documentation, "OpenID Connect reference", "Customizing the token claims".
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.app.context import open_context
from reconciler.errors import CredentialsRefused
from reconciler.github.setup import APPLYING, PLANNING, subject_pattern
from reconciler.sandbox.grants import JwtMapping
from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import APPROVER, JOE, OFFERED_SCOPE, Seed
from tests.docs.console import blocks
from tests.github.fake_github import FakeGitHub
from tests.github.issuer import REQUEST_TOKEN

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "github.md"
COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
OURS = "acme/tpp-reconciler/.github/workflows"


def _documented(title: str) -> dict[str, str]:
    (found,) = [block.body for block in blocks(GUIDE) if block.options.get("title") == title]
    said: dict[str, str] = json.loads(found)
    return said


def _subject(
    environment: str, workflow: str, *, repository: str = "123456789", ref: str = COMMIT, called: str = OURS
) -> str:
    return f"repository_id:{repository}:environment:{environment}:job_workflow_ref:{called}/{workflow}@{ref}"


@pytest.fixture
def tpp(server: FakeGitHub) -> Iterator[Sandbox]:
    """A TPP with both mappings of the guide; the one for applies lets in who may approve, the other one Joe."""
    mappings = tuple(
        JwtMapping(
            server.url, who.universal, said["PurposeMatch"], said["PurposeField"], said["IdField"], said["IdMatch"]
        )
        for title, who in (("mapping", APPROVER), ("reading mapping", JOE))
        for said in (_documented(title),)
    )
    applications = {"reconciler": OFFERED_SCOPE, "reconciler-read": "certificate"}
    with running_sandbox(Seed(applications=applications, issuers=mappings)) as sandbox:
        yield sandbox


@pytest.fixture
def log_in(
    tpp: Sandbox, server: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], str]:
    """Say who a job with a subject is let in as, with the documented configuration; empty when it is not."""
    (configured,) = [block.body for block in blocks(GUIDE) if block.options.get("title") == "reconciler.yaml"]
    config = tmp_path / "reconciler.yaml"
    config.write_text(configured.replace("https://tpp.example.com\n", f"{tpp.url}\n", 1))
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", server.issuer.request_url)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)

    def tried(subject: str, purpose: str) -> str:
        server.issuer.claims = {"sub": subject}
        try:
            with open_context(config, environ={}, applying=purpose == "apply") as context:
                return context.backend.caller().identity
        except CredentialsRefused:
            return ""

    return tried


LogIn = Callable[[str, str], str]


def test_the_jobs_that_were_reviewed_are_let_in_each_as_its_own(log_in: LogIn) -> None:
    assert log_in(_subject("venafi-apply", "apply.yml"), "apply") == APPROVER.universal
    for workflow in ("plan.yml", "import.yml"):
        assert log_in(_subject("venafi-plan", workflow), "plan") == JOE.universal


STRANGERS = {
    "plan in the environment of apply": _subject("venafi-apply", "plan.yml"),
    "apply in the environment of plan": _subject("venafi-plan", "apply.yml"),
    "a fork": _subject("venafi-apply", "apply.yml", repository="987654321"),
    "a longer number": _subject("venafi-apply", "apply.yml", repository="1234567890"),
    "another branch of the reconciler": _subject("venafi-apply", "apply.yml", ref="refs/heads/evil"),
    "a tag of the reconciler": _subject("venafi-apply", "apply.yml", ref="refs/tags/v1.0.0"),
    "another commit of the reconciler": _subject("venafi-apply", "apply.yml", ref="0" * 40),
    "a fork of the reconciler": _subject("venafi-apply", "apply.yml", called="eve/tpp-reconciler/.github/workflows"),
    "a workflow of the branch": _subject("venafi-apply", "apply.yml", called="acme/approvals/.github/workflows"),
    "another workflow": _subject("venafi-apply", "evil.yml"),
    "a dot that is a letter": _subject("venafi-apply", "applyXyml"),
    "another environment": _subject("venafi-apply-2", "apply.yml"),
    "no environment": f"repository_id:123456789:job_workflow_ref:{OURS}/apply.yml@{COMMIT}",
    "the default form": "repo:acme/approvals:environment:venafi-apply",
    "the default form of a pull request": "repo:acme/approvals:pull_request",
    "more behind it": _subject("venafi-apply", "apply.yml") + "x",
    "more before it": "x" + _subject("venafi-apply", "apply.yml"),
}


def test_nobody_else_is_let_in(log_in: LogIn) -> None:
    let_in = {name: log_in(subject, "apply") for name, subject in STRANGERS.items()}
    assert {name: who for name, who in let_in.items() if who} == {}


def test_the_expressions_of_the_guide_are_those_that_the_script_prints() -> None:
    for title, environment, workflows in (
        ("mapping", "venafi-apply", APPLYING),
        ("reading mapping", "venafi-plan", PLANNING),
    ):
        printed = subject_pattern("123456789", environment, "acme/tpp-reconciler", workflows, COMMIT)
        assert _documented(title)["IdMatch"] == printed
