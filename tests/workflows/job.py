"""One command as a job of a team's workflow runs it, without act: the variables of the runner and nothing else."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tests.forking.program import forked
from tests.github.issuer import REQUEST_TOKEN
from tests.github.repository import git
from tests.github.world import Pull
from tests.workflows.act import ROOT
from tests.workflows.team import TOKEN, Team

LEDGER = {"RECONCILER_LEDGER_BRANCH": "reconciler-ledger"}


def job(
    acme: Team,
    *arguments: str,
    payload: Mapping[str, Any] | None = None,
    name: str = "push",
    program: Sequence[str] = (),
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Run one command, or another program, in the clone of main, or of a pull request's head."""
    (acme.scratch / "event.json").write_text(json.dumps(payload or {}))
    return subprocess.run(
        [*(program or (*forked(), "-m", "reconciler")), *arguments],
        cwd=acme.folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(acme.scratch),
            "PYTHONPATH": str(ROOT),
            "GIT_CONFIG_NOSYSTEM": "1",
            "TPP_URL": acme.tpp.url,
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": acme.github.api_url,
            "GITHUB_SERVER_URL": acme.github.url,
            "GITHUB_REPOSITORY": "acme/approvals",
            "GITHUB_RUN_ID": acme.run_id,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(acme.scratch / "event.json"),
            **({} if "GITHUB_SHA" in more else {"GITHUB_SHA": acme.head}),
            "GITHUB_REF": "refs/heads/main" if name != "pull_request" else "refs/pull/1/merge",
            "GITHUB_TOKEN": TOKEN,
            "ACTIONS_ID_TOKEN_REQUEST_URL": acme.github.issuer.request_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
            **more,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def apply(acme: Team, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Apply main, with the ledger on its branch, as the action does."""
    assert job(acme, "github", "ledger", "pull").returncode == 0
    done = job(acme, "apply", "--yes", "--out", str(acme.scratch / "run.json"), *arguments, **{**LEDGER, **more})
    assert job(acme, "github", "ledger", "push").returncode == 0
    return done


def squash(acme: Team, number: int, path: str, text: str, *, author: str = "ann", reviewer: str = "bob") -> Pull:
    """Bring one file to main by a pull request of its own, planned and reviewed."""
    sha = acme.commit(path, text)
    head = git(acme.folder, "commit-tree", f"{sha}^{{tree}}", "-p", f"{sha}^", "-m", f"Head of {number}")
    pull = Pull(
        number,
        author,
        head,
        branch=f"change-{number}",
        merge_commit=sha,
        merged_by="max",
        reviews=[(reviewer, "APPROVED", head)],
    )
    acme.github.world.pulls[number] = pull
    acme.github.world.brought[sha] = [number]
    acme.github.world.pushes.append((f"refs/heads/change-{number}", head, author))
    return pull
