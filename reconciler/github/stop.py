"""The stop for everybody: a file STOP at the root of the ledger's branch, which every run looks at before it writes.

Anybody who may push to the branch can set it, also by hand in GitHub's editor: any file of that name stops.
"""

from pathlib import Path

from reconciler.codec import decode, json_text
from reconciler.github.branch import STOP, push_onto
from reconciler.github.git import Git
from reconciler.model.record import StopNotice
from reconciler.model.status import format_instant

_LONGEST = 200


def notice_of(text: str) -> StopNotice:
    """Return what a STOP file says; one that was written by hand says what its first line says."""
    try:
        return decode(text.encode(), StopNotice)
    except ValueError:
        first = next((line.strip() for line in text.splitlines() if line.strip()), "no reason is given")
        return StopNotice("somebody", None, first[:_LONGEST])


def local_stop(ledger: Path) -> StopNotice | None:
    """Return the stop that lies in a ledger's folder, None when there is none."""
    try:
        return notice_of((ledger / STOP).read_text(encoding="utf-8", errors="replace"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        return StopNotice("somebody", None, f"the file can't be read: {fault.strerror}")


def set_stop(git: Git, branch: str, notice: StopNotice, remote: str = "origin") -> bool:
    """Put the file on the branch, in the place of an earlier one. False when it says that already.

    Raises LedgerUnwritable and GitFailure.
    """

    def put(_head: str | None, index: Path) -> str:
        blob = git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=_text(notice))
        git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{STOP}", index=index)
        return f"Stop all writes\n\n{notice}\n"

    return push_onto(git, branch, put, remote) is not None


def remove_stop(git: Git, branch: str, by: str, remote: str = "origin") -> StopNotice | None:
    """Take the file from the branch and return what it said, None when there is none.

    Raises LedgerUnwritable and GitFailure.
    """
    look = BranchLook(git, branch, remote)
    found = look()
    if found is None:
        return None

    def take(_head: str | None, index: Path) -> str:
        git.run("update-index", "--force-remove", STOP, index=index)
        return f"Start writing again\n\n{by} ended this: {found}\n"

    push_onto(git, branch, take, remote)
    return found


class BranchLook:
    """Looks at the file on the branch; what has not moved since the last look is not fetched again."""

    def __init__(self, git: Git, branch: str, remote: str = "origin") -> None:
        """Look at nothing yet."""
        self._git, self._branch, self._remote = git, branch, remote
        self._head = ""
        self._found: StopNotice | None = None

    def __call__(self) -> StopNotice | None:
        """Return the stop as the remote has it now, None when there is none. Raises GitFailure."""
        listed = self._git.run("ls-remote", "--heads", self._remote, f"refs/heads/{self._branch}")
        head = listed.split()[0] if listed else ""
        if head != self._head:
            self._found = self._stop_at(head) if head else None
            self._head = head
        return self._found

    def _stop_at(self, head: str) -> StopNotice | None:
        self._git.run("fetch", "--no-tags", "--depth=1", self._remote, head)
        if not self._git.run("ls-tree", head, "--", STOP):
            return None
        return notice_of(self._git.run("show", f"{head}:{STOP}"))


def _text(notice: StopNotice) -> str:
    at = format_instant(notice.at) if notice.at else None
    return json_text({"version": notice.version, "by": notice.by, "at": at, "why": notice.why})
