"""The ledger on its branch: fetched and verified before a run, pushed after it; and the stop that lies there."""

import getpass
from collections.abc import Mapping
from pathlib import Path

from reconciler.github.branch import fetch_ledger, push_ledger
from reconciler.github.event import read_event
from reconciler.github.provenance import git_from
from reconciler.github.stop import remove_stop, set_stop
from reconciler.ledger.chain import verify
from reconciler.model.record import StopNotice
from reconciler.ports import Clock


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


def stop_all(branch: str, why: str, environ: Mapping[str, str], clock: Clock) -> StopNotice:
    """Have every run stop writing, and return what they will say. Raises LedgerUnwritable and GitFailure."""
    notice = StopNotice(_who(environ), clock.now().replace(microsecond=0), why)
    set_stop(git_from(environ), branch, notice)
    return notice


def start_again(branch: str, environ: Mapping[str, str]) -> StopNotice | None:
    """End the stop and return what it said, None when there is none. Raises LedgerUnwritable and GitFailure."""
    return remove_stop(git_from(environ), branch, _who(environ))


def _who(environ: Mapping[str, str]) -> str:
    """Name whoever asks: the actor of the workflow run, or who commits in this checkout."""
    configured = git_from(environ).attempt("config", "user.email").stdout.strip()
    return environ.get("GITHUB_ACTOR") or configured or getpass.getuser()
