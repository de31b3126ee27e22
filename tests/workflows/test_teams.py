"""Reviewers of teams, and more of them for overrides: by the commands of a job, with GitHub over HTTP."""

import subprocess

import pytest

from tests.workflows.job import apply, squash
from tests.workflows.team import NEW, OBJECTS, SHOP, WWW, Team

pytestmark = pytest.mark.slow

TEAMS = "ghp_reads_teams_0123456789"


def _rules(acme: Team, policy: str) -> None:
    """Change the policy by a pull request of its own that carl wrote and dora reviewed."""
    acme.github.world.permission |= {"carl": "write", "dora": "write"}
    text = (acme.folder / "reconciler.yaml").read_text()
    changed = text.replace("policy:\n", f"policy:\n{policy}")
    squash(acme, 20, "reconciler.yaml", changed, author="carl", reviewer="dora")


def _decide(acme: Team, *reviewers: str, header: str = "") -> None:
    text = (
        f"version: 1\nchange: CHG0041239\n{header}tickets:\n  - guid: {NEW}\n    status: Approved\n"
        f"    explanation: more\n    expect: {{object: '{OBJECTS[NEW]}'}}\n"
    )
    example = "tickets/2036/CHG0041234.yaml"
    left = (acme.folder / example).read_text()
    squash(acme, 14, example, left[: left.index(f"\n  - guid: {NEW}")], author="carl", reviewer="dora")
    pull = squash(acme, 13, "tickets/web/more.yaml", text)
    pull.reviews = [(name, "APPROVED", pull.head) for name in reviewers]


def _sent(acme: Team) -> set[str]:
    return {str(entry.guid) for entry in acme.tpp.log.updates}


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def asking(acme: Team) -> Team:
    """A team whose folder tickets/web asks for a reviewer of the team pki."""
    acme.merged(12)
    _rules(acme, "  folders: {tickets/web: {reviewers: {teams: [pki]}}}\n")
    acme.github.world.tokens[TEAMS] = {"members": "read"}
    _decide(acme, "bob")
    return acme


def test_a_member_of_the_team_has_to_have_approved(asking: Team) -> None:
    asking.github.world.teams = {"pki": ["dora"]}
    done = apply(asking, GITHUB_TEAMS_TOKEN=TEAMS)
    assert done.returncode == 3
    assert "PR #13 has 0 of 1 approvals by members of pki (approved by bob); have a member approve" in _said(done)
    assert _sent(asking) == {WWW, SHOP}, "decisions of other folders need no member"
    asking.github.world.teams = {"pki": ["Bob", "dora"]}
    assert apply(asking, GITHUB_TEAMS_TOKEN=TEAMS).returncode == 0
    assert _sent(asking) == {WWW, SHOP, NEW}


@pytest.mark.parametrize(
    ("token", "teams", "why"),
    [
        (None, {"pki": ["bob"]}, "GITHUB_TEAMS_TOKEN is not set; hand over a token that may read members"),
        (TEAMS, {}, "acme has no such team, or GITHUB_TEAMS_TOKEN does not see it"),
        ("ghs_0123456789abcdef", {"pki": ["bob"]}, "Resource not accessible by integration"),
    ],
    ids=["no token", "no team", "no permission"],
)
def test_what_is_not_known_of_a_team_refuses_with_its_cause(
    asking: Team, token: str | None, teams: dict[str, list[str]], why: str
) -> None:
    asking.github.world.teams = teams
    done = apply(asking, **({"GITHUB_TEAMS_TOKEN": token} if token else {}))
    assert done.returncode == 3
    assert "PR #13 needs 1 of pki, and who is in team pki can't be established:" in _said(done)
    assert why in _said(done)
    assert NEW not in _sent(asking)


FROZEN = (
    "  freezes: [{name: x, start: 2020-01-01T00:00:00Z, stop: 2096-01-01T00:00:00Z, objects: ['**new.example.com']}]\n"
    "  overrides: {longest: 9999d, reviewers: 1}\n"
)
OVERRIDE = f"overrides: [{{rule: freeze, tickets: [{NEW}], reason: outage, until: 2036-01-01T00:00:00Z}}]\n"


@pytest.fixture
def frozen(acme: Team) -> Team:
    acme.merged(12)
    _rules(acme, FROZEN)
    _decide(acme, "bob", header=OVERRIDE)
    return acme


def test_an_override_needs_the_reviewers_that_the_policy_asks_for_besides(frozen: Team) -> None:
    done = apply(frozen)
    assert done.returncode == 3
    assert "the override at tickets/web/more.yaml:3:13: PR #13 has 1 of 2 independent approvals" in _said(done)
    assert NEW not in _sent(frozen)
    pull = frozen.github.world.pulls[13]
    pull.reviews.append(("dora", "APPROVED", pull.head))
    assert apply(frozen).returncode == 0
    assert NEW in _sent(frozen)


def test_who_brought_the_override_counts_and_not_who_changed_the_file_later(frozen: Team) -> None:
    path = "tickets/web/more.yaml"
    pull = squash(frozen, 15, path, (frozen.folder / path).read_text() + "# a remark\n", author="carl")
    pull.reviews = [(name, "APPROVED", pull.head) for name in ("bob", "dora")]
    done = apply(frozen)
    assert done.returncode == 3
    assert "PR #13 has 1 of 2 independent approvals" in _said(done)
    assert NEW not in _sent(frozen)
