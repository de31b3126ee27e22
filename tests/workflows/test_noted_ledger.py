"""A ledger that was rolled back: the last apply noted it in its artifact and on the pull request."""

import shutil

import pytest

from tests.github.repository import git
from tests.workflows.job import apply, job
from tests.workflows.team import Team

_FILE = "tickets/2036/CHG0041234.yaml"


@pytest.fixture
def applied(acme: Team) -> Team:
    """A team whose merge was applied, recorded and told; the checkout of the next run has no ledger yet."""
    acme.runs += 1
    acme.github.world.started.insert(
        0, {"id": int(acme.run_id), "event": "push", "head_sha": acme.head, "head_repository": 4242}
    )
    acme.merged(12)
    assert apply(acme).returncode == 0
    assert job(acme, "github", "outcome", "--run", str(acme.scratch / "run.json")).returncode == 0
    (acme.artifacts / "run").mkdir(parents=True)
    shutil.copy(acme.scratch / "run.json", acme.artifacts / "run" / "run.json")
    shutil.rmtree(acme.folder / "ledger")
    return acme


def _pulls(acme: Team) -> tuple[int, str]:
    done = job(acme, "github", "ledger", "pull")
    return done.returncode, " ".join(done.stderr.split())


@pytest.mark.parametrize("expired", [False, True])
def test_a_branch_that_is_gone_cut_or_forked_stops_the_next_run(applied: Team, expired: bool) -> None:
    applied.github.world.expired = expired  # then the comment on the pull request tells
    assert _pulls(applied)[0] == 0
    head = git(applied.remote, "rev-parse", "reconciler-ledger")
    git(applied.remote, "update-ref", "-d", "refs/heads/reconciler-ledger")
    shutil.rmtree(applied.folder / "ledger")
    code, said = _pulls(applied)
    assert code == 4
    assert "is gone: it has not line" in said
    assert f"gh api repos/acme/approvals/git/refs -f ref=refs/heads/reconciler-ledger -f sha={head}" in said
    assert ("issuecomment" in said) == expired
    git(applied.remote, "update-ref", "refs/heads/reconciler-ledger", f"{head}^")
    code, said = _pulls(applied)
    assert (code, "was cut or forked" in said, f"-X PATCH -f sha={head}" in said) == (4, True, True)
    git(applied.remote, "update-ref", "refs/heads/reconciler-ledger", head)
    assert _pulls(applied)[0] == 0


def test_what_forks_and_other_branches_note_counts_for_nothing(applied: Team) -> None:
    git(applied.remote, "update-ref", "-d", "refs/heads/reconciler-ledger")
    for comment in applied.github.world.comments.values():
        comment.author = "eve"
    applied.github.world.started[0]["head_repository"] = 6666
    assert _pulls(applied)[0] == 0
    applied.github.world.started[0] |= {"head_repository": 4242, "event": "pull_request"}
    assert _pulls(applied)[0] == 0


def test_later_runs_begin_where_everything_was_reviewed(applied: Team) -> None:
    applied.github.world.brought.clear()
    text = (applied.folder / _FILE).read_text()
    direct = applied.commit(_FILE, text.replace("status: Pending", "status: Approved"))
    applied.github.asked.clear()
    done = apply(applied)
    assert (done.returncode, f"commit {direct[:12]} came to main without" in " ".join(done.stdout.split())) == (3, True)
    asked = [asked.path.split("?")[0] for asked in applied.github.asked]
    assert [path for path in asked if path.endswith("/pulls")] == [f"commits/{direct}/pulls"]
    assert len(asked) <= 15
