"""Permissions/Refresh, once a run: it makes tickets visible that are newer than the session."""

from threading import Lock

from reconciler.tpp import wire
from reconciler.tpp.asking import Asker, Failure
from reconciler.tpp.calls import PERMISSIONS_REFRESH
from reconciler.tpp.results import Result


class Permissions:
    """Refreshes the permissions of a run's session once; threads that ask meanwhile wait for the one that does it."""

    def __init__(self, asker: Asker) -> None:
        """Refresh over this channel."""
        self._asker = asker
        self._lock = Lock()
        self.refreshes = 0
        """How often the permissions were refreshed in this run: 0 or 1."""

    def refresh(self) -> Failure | None:
        """Refresh unless it has been done. Return why it could not be done, None when it was."""
        with self._lock:
            if self.refreshes:
                return None
            answer = self._asker.ask(PERMISSIONS_REFRESH, None, wire.result_of)
            if isinstance(answer, Failure):
                return answer
            if answer is not Result.SUCCESS:
                return Failure(f"Permissions/Refresh answered Result {answer.value}")
            self.refreshes += 1
            return None
