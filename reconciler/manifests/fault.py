"""What is wrong with a value, before anybody has worked out where it stands."""

from collections.abc import Iterable
from functools import lru_cache

from reconciler.manifests.codes import Code
from reconciler.manifests.place import Path, Places
from reconciler.model.decision import Problem, Severity

_LONGEST = 80


class Fault(Exception):
    """One fault at a path inside the value that is being read; raised or gathered."""

    def __init__(
        self, code: Code, message: str, hint: str = "", path: Path = (), severity: Severity = Severity.ERROR
    ) -> None:
        """Say what is wrong (`message`), what to do (`hint`), and at which path."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.path = path
        self.severity = severity

    def under(self, *path: str | int) -> "Fault":
        """Return the fault as seen from further out."""
        self.path = (*path, *self.path)
        return self

    def problem(self, places: Places) -> Problem:
        """Return the fault with its place."""
        return Problem(self.code, places.value(self.path), self.message, self.hint, self.severity)


def shown(value: object) -> str:
    """Return a value of a file as a message shows it: on one line, not too long, nothing invisible."""
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[: _LONGEST + 1])
    return f"`{text}`" if len(text) <= _LONGEST else f"`{text[: _LONGEST - 1]}…`"


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return a question that names the nearest of the words, or all of them when none is near."""
    return _did_you_mean(word, tuple(sorted(words)))


@lru_cache(maxsize=256)
def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """The same for sorted words. Whoever mistypes a word has often copied it."""
    import difflib

    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(word.casefold(), list(by_folded), n=1)
    if near:
        return f"did you mean `{by_folded[near[0]]}`?"
    return f"use one of: {', '.join(f'`{candidate}`' for candidate in known)}" if known else ""
