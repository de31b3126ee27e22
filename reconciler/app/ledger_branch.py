"""The ledger on its branch: fetched and verified before a run, pushed after it."""

from collections.abc import Mapping
from pathlib import Path

from reconciler.github.branch import fetch_ledger, push_ledger
from reconciler.github.event import read_event
from reconciler.github.provenance import git_from
from reconciler.ledger.chain import verify


def pull_ledger(folder: Path, branch: str, environ: Mapping[str, str]) -> str | None:
    """Fetch the ledger and verify it; return the commit of its branch, None when there is none.

    Raises GitFailure and LedgerBroken.
    """
    head = fetch_ledger(git_from(environ), folder, branch)
    verify(folder)
    return head


def keep_ledger(folder: Path, branch: str, environ: Mapping[str, str]) -> str | None:
    """Add what is in the folder to the branch and return its new head, None when nothing is new.

    Raises LedgerBroken and LedgerUnwritable.
    """
    if not folder.exists():
        return None
    verify(folder)
    git, event = git_from(environ), read_event(environ)
    message = f"Record a run of {git.run('rev-parse', '--short=12', 'HEAD')}\n\n{event.run_url if event else ''}\n"
    return push_ledger(git, folder, branch, message)
