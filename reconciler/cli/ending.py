"""What a command leaves to be done once the exit code of the process is known."""

from collections.abc import Callable


class Ending:
    """What is to be done once the exit code of the process is known; the object of click's context."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._callbacks: list[Callable[[int], None]] = []

    def then(self, callback: Callable[[int], None]) -> None:
        """Call this with the exit code."""
        self._callbacks.append(callback)

    def run(self, code: int) -> None:
        """Call everything that was asked for."""
        for callback in self._callbacks:
            callback(code)
