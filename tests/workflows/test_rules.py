"""A rule decides the tickets that the reviewers of its own pull request saw, and no others."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.github.repository import git
from tests.workflows.job import apply, job, squash
from tests.workflows.team import NEW, OBJECTS, Team

pytestmark = pytest.mark.slow

SEEN, LATER = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-2222-4222-8222-222222222222"
OLD = datetime(2025, 1, 1, tzinfo=UTC)


def rules() -> str:
    now = datetime.now(UTC)
    before, until = (now - timedelta(days=1)).isoformat(), (now + timedelta(days=7)).isoformat()
    return (
        "version: 1\nkind: rules\nchange: CHG0041236\nrules:\n  - name: lab\n"
        f"    match: {{object: '\\VED\\Policy\\Web\\lab-*', created_before: '{before}'}}\n"
        "    status: Approved\n    explanation: laboratory\n    at_most: 10\n"
        f"    valid_until: '{until}'\n"
    )


def ticket(acme: Team, guid: str, name: str) -> None:
    acme.tpp.world.add_ticket(guid=guid, object=rf"\VED\Policy\Web\{name}", created=OLD)


def plan_of(acme: Team, number: int) -> None:
    """Plan a pull request as its run does, and keep the plan as its artifact."""
    pull = acme.github.world.pulls[number]
    acme.runs += 1
    run = {"id": int(acme.run_id), "event": "pull_request", "head_sha": pull.head, "head_repository": 4242}
    acme.github.world.started.insert(0, run)
    out = acme.artifacts / "plan" / "plan.json"
    out.parent.mkdir(parents=True)
    about = {"head": {"sha": pull.head, "ref": pull.branch, "repo": {"full_name": "acme/approvals"}}}
    base = {"ref": "main", "sha": git(acme.folder, "rev-parse", "HEAD^"), "repo": {"full_name": "acme/approvals"}}
    payload = {"number": number, "pull_request": {"number": number, "user": {"login": "ann"}, **about, "base": base}}
    done = job(acme, "plan", "--out", str(out), payload=payload, name="pull_request")
    assert out.exists(), done.stderr


def decided(acme: Team) -> set[str]:
    return {update.guid for update in acme.tpp.log.updates}


def test_a_ticket_that_appears_after_the_review_is_not_decided_now_nor_at_the_next_merge(acme: Team) -> None:
    acme.merged(12)
    ticket(acme, SEEN, "lab-1")
    squash(acme, 20, "tickets/lab.yaml", rules())
    plan_of(acme, 20)
    ticket(acme, LATER, "lab-2")
    done = apply(acme)
    assert SEEN in decided(acme)
    assert LATER not in decided(acme)
    said = " ".join(done.stdout.split())
    assert "refused/not-reviewed" in said
    assert "the reviewed plan does not change this ticket" in said

    more = f"{{guid: {NEW}, status: Approved, explanation: more, expect: {{object: '{OBJECTS[NEW]}'}}}}"
    path = "tickets/2036/CHG0041234.yaml"
    example = (acme.folder / path).read_text(encoding="utf-8")
    git(acme.folder, "rm", "--quiet", "--cached", path)
    text = example[: example.index(f"  - guid: {NEW}")] + f"  - {more}\n"
    squash(acme, 21, path, text)
    plan_of(acme, 21)
    apply(acme)
    assert NEW in decided(acme)
    assert LATER not in decided(acme)
