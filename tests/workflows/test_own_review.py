"""Each decision has its own pull request: its reviewers are named, its plan binds, its comment has only its own."""

import json
from typing import Any

import pytest

from tests.github.repository import git
from tests.workflows.job import apply, job, squash
from tests.workflows.team import NEW, OBJECTS, SHOP, WWW, Team

pytestmark = pytest.mark.slow

_FILE = "tickets/2036/CHG0041234.yaml"
_MORE = f"""\
version: 1
change: CHG0041239
tickets:
  - guid: {NEW}
    status: Approved
    explanation: more
    expect: {{object: '{OBJECTS[NEW]}'}}
"""


@pytest.fixture
def two(acme: Team) -> Team:
    """A team whose main got one pull request by ann and bob, and one by carl and dora."""
    acme.github.world.permission |= {"carl": "write", "dora": "write"}
    acme.merged(12)
    example = (acme.folder / _FILE).read_text()
    squash(acme, 14, _FILE, example[: example.index(f"\n  - guid: {NEW}")], author="carl", reviewer="dora")
    squash(acme, 13, "tickets/2036/more.yaml", _MORE, author="carl", reviewer="dora")
    # All three come in one push; 14 only takes an entry away, so what is left there is still what 12 brought.
    return acme


def _lines(acme: Team) -> list[dict[str, Any]]:
    return [json.loads(line) for text in acme.ledger.values() for line in text.splitlines()]


def test_every_line_and_explanation_names_the_pull_request_of_its_own_decision(two: Team) -> None:
    done = apply(two)
    assert done.returncode == 0, done.stdout + done.stderr
    pulls = {WWW: (12, "ann", ["bob"]), SHOP: (12, "ann", ["bob"]), NEW: (13, "carl", ["dora"])}
    told = [line for line in _lines(two) if "guid" in line]
    assert len(told) >= 6
    for line in told:
        review = line["review"]
        assert (review["pull_request"], review["author"], review["reviewers"]) == pulls[line["guid"]]
    assert all("review" not in line for line in _lines(two) if "guid" not in line)
    for entry in two.tpp.log.updates:
        assert f"PR #{pulls[str(entry.guid)][0]}, commit" in str(entry.json)


def test_each_pull_request_gets_a_comment_with_its_own_decisions_only(two: Team) -> None:
    assert apply(two).returncode == 0
    assert job(two, "github", "outcome", "--run", str(two.scratch / "run.json")).returncode == 0
    (first,), (second,) = two.github.world.comments_on(12), two.github.world.comments_on(13)
    assert ("2 applied" in first, "new.example.com" in first) == (True, False)
    assert ("1 applied" in second, "www.example.com" in second, "new.example.com" in second) == (True, False, True)
    assert two.github.world.comments_on(14) == []
    done = job(
        two, "github", "statement", "--run", str(two.scratch / "run.json"), "--out", str(two.scratch / "statement.json")
    )
    assert done.returncode == 0, done.stderr
    said = json.loads((two.scratch / "statement.json").read_text())["predicate"]
    assert {one["guid"]: one["pullRequest"] for one in said["receipts"]} == {WWW: 12, SHOP: 12, NEW: 13}
    assert [review["reviewers"] for review in said["reviews"]] == [["bob"], ["dora"]]


def _keep_plan(acme: Team, pull: int) -> None:
    """Plan the head of a pull request as its own run did, and keep the plan as its artifact."""
    head = acme.github.world.pulls[pull].head
    acme.runs += 1
    acme.github.world.started.insert(
        0, {"id": int(acme.run_id), "event": "pull_request", "head_sha": head, "head_repository": 4242}
    )
    acme.artifacts.joinpath("plan").mkdir(parents=True)
    git(acme.folder, "checkout", "--quiet", "--detach", head)
    payload = {
        "pull_request": {
            "number": pull,
            "user": {"login": "ann"},
            "head": {"sha": head, "ref": "change", "repo": {"full_name": "acme/approvals"}},
            "base": {"ref": "main", "sha": acme.first, "repo": {"full_name": "acme/approvals"}},
        }
    }
    done = job(acme, "plan", "--out", str(acme.artifacts / "plan" / "plan.json"), payload=payload, name="pull_request")
    assert done.returncode in (0, 5), done.stdout + done.stderr
    git(acme.folder, "checkout", "--quiet", "main")


def test_each_decision_is_held_against_the_plan_of_its_own_pull_request(two: Team) -> None:
    settings = two.folder / "reconciler.yaml"
    required = settings.read_text().replace("  four_eyes:", "  reviewed_plan: required\n  four_eyes:")
    squash(two, 15, "reconciler.yaml", required)
    two.github.world.pulls[12].head = two.first
    two.github.world.pulls[12].reviews = [("bob", "APPROVED", two.first)]
    done = apply(two)
    assert done.returncode == 3
    assert two.tpp.log.updates == ()
    assert "the plan that the reviewers of PR #12 saw is not kept any more" in " ".join(done.stdout.split())
    _keep_plan(two, 13)
    done = apply(two)
    assert {entry.guid for entry in two.tpp.log.updates} == {NEW}, done.stdout
    assert "the plan that the reviewers of PR #12 saw is not kept any more" in " ".join(done.stdout.split())
    assert job(two, "github", "outcome", "--run", str(two.scratch / "run.json")).returncode == 0
    (refused,) = two.github.world.comments_on(12)
    assert ("2 not done" in refused, "refused/not-reviewed" in refused) == (True, True)
    assert "refused" not in two.github.world.comments_on(13)[0]
