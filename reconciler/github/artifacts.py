"""The plan that the reviewers of a pull request saw: an artifact of the run for the commit that was merged."""

import io
import zipfile

from reconciler.github.client import GitHub, GitHubFailure
from reconciler.github.wire import Wire, member, number, text

MOST_BYTES = 200 * 1024 * 1024
_FILE = "plan.json"


def reviewed_plan(github: GitHub, head: str, name: str) -> bytes | None:
    """Return the newest plan that a run of a pull request made for a commit (`actions: read`), None when none is kept.

    Runs of forks don't count: what they upload is theirs. Raises GitHubFailure.
    """
    for run in github.every("/actions/runs", key="workflow_runs", head_sha=head, event="pull_request"):
        if text(run, "head_sha") != head or not _is_of_this_repository(run):
            continue
        for artifact in github.every(f"/actions/runs/{number(run, 'id')}/artifacts", key="artifacts", name=name):
            if text(artifact, "name") == name and member(artifact, "expired") is False:
                return packed_file(github, number(artifact, "id") or 0, _FILE)
    return None


def _is_of_this_repository(run: Wire) -> bool:
    own = number(run, "repository", "id")
    return own is not None and own == number(run, "head_repository", "id")


def packed_file(github: GitHub, artifact: int, name: str) -> bytes:
    """Return one file of an artifact (`actions: read`). Raises GitHubFailure."""
    data = github.download(f"/actions/artifacts/{artifact}/zip", MOST_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo(name).file_size > MOST_BYTES:
                raise GitHubFailure(f"the artifact's {name} is too large", "run the job again")
            return archive.read(name)
    except (KeyError, zipfile.BadZipFile) as fault:
        raise GitHubFailure(f"the artifact has no {name}: {fault}", "run the job again") from fault
