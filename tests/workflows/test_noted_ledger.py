"""A ledger that was rolled back: the last apply noted it in its artifact and on the pull request."""

import itertools
import re
import shlex
import shutil

import pytest

from tests.github.repository import git
from tests.workflows.job import apply, job
from tests.workflows.team import TOKEN, Team

pytestmark = pytest.mark.slow

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
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("lost", "told_by"), [((), "workflow run"), (("artifact",), "issuecomment"), (("artifact", "comment"), "check run")]
)
def test_a_branch_that_is_gone_cut_or_forked_stops_the_next_run(
    applied: Team, lost: tuple[str, ...], told_by: str
) -> None:
    applied.github.world.expired = "artifact" in lost
    if "comment" in lost:
        applied.github.world.comments.clear()
    assert _pulls(applied)[0] == 0
    head = git(applied.remote, "rev-parse", "reconciler-ledger")
    git(applied.remote, "update-ref", "-d", "refs/heads/reconciler-ledger")
    shutil.rmtree(applied.folder / "ledger")
    code, said = _pulls(applied)
    assert code == 4
    assert "is gone: it has not line" in said
    assert told_by in said
    _do_as_told(applied, said)
    assert (git(applied.remote, "rev-parse", "reconciler-ledger"), _pulls(applied)[0]) == (head, 0)
    git(applied.remote, "update-ref", "refs/heads/reconciler-ledger", f"{head}^")
    code, said = _pulls(applied)
    assert (code, "was cut or forked" in said) == (4, True)
    _do_as_told(applied, said)
    assert (git(applied.remote, "rev-parse", "reconciler-ledger"), _pulls(applied)[0]) == (head, 0)


def _do_as_told(acme: Team, said: str) -> None:
    """Do to the repository what GitHub does for the line that was shown: "Create a reference", "Update a reference"."""
    (line,) = re.findall(r"`gh api (repos/acme/approvals/git/refs[^`]*)`", said)
    path, *options = shlex.split(line)
    fields = dict(option.split("=", 1) for name, option in itertools.pairwise(options) if name in ("-f", "-F"))
    if "-X" in options:
        assert (options[options.index("-X") + 1], fields.get("force")) == ("PATCH", "true")
        ref = path.removeprefix("repos/acme/approvals/git/")
        git(acme.remote, "update-ref", ref, fields["sha"])
    else:
        assert path == "repos/acme/approvals/git/refs"
        git(acme.remote, "update-ref", fields["ref"], fields["sha"], "")


def test_a_ledger_that_is_begun_anew_needs_another_branch(applied: Team) -> None:
    git(applied.remote, "update-ref", "-d", "refs/heads/reconciler-ledger")
    assert _pulls(applied)[0] == 4
    assert job(applied, "github", "ledger", "pull", "--branch", "ledger-2").returncode == 0


def test_what_forks_and_other_branches_note_counts_for_nothing(applied: Team) -> None:
    git(applied.remote, "update-ref", "-d", "refs/heads/reconciler-ledger")
    for comment in applied.github.world.comments.values():
        comment.author = "eve"
    for check in applied.github.world.checks:
        check["app"] = "another-app"
    applied.github.world.started[0]["head_repository"] = 6666
    assert _pulls(applied)[0] == 0
    applied.github.world.started[0] |= {"head_repository": 4242, "event": "pull_request"}
    assert _pulls(applied)[0] == 0


@pytest.mark.parametrize("left", ["comment", "check run"])
def test_whoever_takes_the_newest_note_away_leaves_the_others(applied: Team, left: str) -> None:
    older = git(applied.remote, "rev-parse", "reconciler-ledger")
    text = (applied.folder / _FILE).read_text()
    applied.commit(_FILE, text.replace("status: Pending", "status: Approved"))
    applied.merged(13)
    assert apply(applied).returncode == 0
    assert job(applied, "github", "outcome", "--run", str(applied.scratch / "run.json")).returncode == 0
    # The artifact of the second run was deleted: that of the first says no more than the branch, which was cut to it.
    git(applied.remote, "update-ref", "refs/heads/reconciler-ledger", older)
    world = applied.github.world
    world.comments = {} if left == "check run" else world.comments
    world.checks = [] if left == "comment" else world.checks
    shutil.rmtree(applied.folder / "ledger")
    code, said = _pulls(applied)
    assert (code, "was cut or forked" in said, ("issuecomment" if left == "comment" else left) in said) == (
        4,
        True,
        True,
    )


def test_a_token_that_may_not_read_check_runs_says_so_and_still_hears_the_others(applied: Team) -> None:
    del applied.github.world.tokens[TOKEN]["checks"]
    code, said = _pulls(applied)
    assert (code, "checks=read" in said) == (0, True)
    git(applied.remote, "update-ref", "-d", "refs/heads/reconciler-ledger")
    shutil.rmtree(applied.folder / "ledger")
    assert _pulls(applied)[0] == 4


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
