"""What is wrong with a file or a value: the stable codes, the exception, and how values are quoted."""

import difflib
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from reconciler.model.decision import Problem, Severity, Source

Path = tuple[str | int, ...]


class Code(StrEnum):
    """`<layer>/<fault>`: file (can it be read), yaml (is it strict YAML), schema (is it well-formed), then meaning."""

    FILE_MISSING = "file/missing"
    FILE_NONE = "file/none-found"
    FILE_UNREADABLE = "file/unreadable"
    FILE_NOT_REGULAR = "file/not-regular"
    FILE_LINK = "file/link"
    FILE_EMPTY = "file/empty"
    FILE_TOO_LARGE = "file/too-large"
    FILE_ENCODING = "file/encoding"
    FILE_CONTROL = "file/control-character"
    FILE_BIDI = "file/bidi-character"

    YAML_SYNTAX = "yaml/syntax"
    YAML_TAB = "yaml/tab"
    YAML_DUPLICATE_KEY = "yaml/duplicate-key"
    YAML_KEY = "yaml/key-not-text"
    YAML_TAG = "yaml/tag"
    YAML_MERGE = "yaml/merge-key"
    YAML_ALIAS = "yaml/alias"
    YAML_DEPTH = "yaml/depth"
    YAML_DOCUMENTS = "yaml/documents"
    YAML_CONFLICT = "yaml/merge-conflict"
    YAML_CUT = "yaml/comment-in-text"

    SCHEMA_VERSION = "schema/version"
    SCHEMA_TYPE = "schema/type"
    SCHEMA_MISSING = "schema/missing-key"
    SCHEMA_UNKNOWN = "schema/unknown-key"
    SCHEMA_VALUE = "schema/value"
    SCHEMA_SCHEDULE = "schema/schedule"

    TICKET_TWICE = "ticket/twice"
    TICKET_SCHEDULE = "ticket/schedule"
    TICKET_VALID_UNTIL = "ticket/valid-until"
    TICKET_DECIDED = "ticket/decided"

    TIME_NO_SUCH = "time/no-such-time"
    TIME_NO_OFFSET = "time/no-offset"
    TIME_GAP = "time/gap"
    TIME_FOLD = "time/fold"
    TIME_ORDER = "time/order"
    TIME_TOO_FINE = "time/too-fine"
    TIME_ZONE = "time/unknown-zone"

    WINDOW_UNKNOWN = "window/unknown"
    WINDOW_RULE = "window/rule"
    WINDOW_OVER = "window/over"

    RULE_TWICE = "rule/twice"

    CONFIG_SECRET = "config/secret"
    CONFIG_SERVER = "config/server"
    CONFIG_ENVIRONMENT = "config/environment"
    CONFIG_AUTH = "config/auth"
    CONFIG_PATTERN = "config/pattern"
    CONFIG_VALUE = "config/value"

    EDIT = "edit/not-possible"


class InvalidValue(Exception):
    """A value that can't be meant, at a path inside the value that is being read; raised or gathered."""

    def __init__(
        self, code: Code, message: str, hint: str = "", path: Path = (), severity: Severity = Severity.ERROR
    ) -> None:
        """Return what is wrong (`message`), what to do (`hint`), and at which path."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.path = path
        self.severity = severity

    def under(self, *path: str | int) -> "InvalidValue":
        """Return the same, seen from further out."""
        self.path = (*path, *self.path)
        return self

    def at(self, source: Source) -> Problem:
        """Return the problem that this is at its place in a file."""
        return Problem(self.code, source, self.message, self.hint, self.severity)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return a question that names the nearest of the words, or all of them when none is near."""
    return _did_you_mean(word, tuple(sorted(words)))


@lru_cache(maxsize=256)
def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """The same for sorted words. Whoever mistypes a word has often copied it."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(word.casefold(), list(by_folded), n=1)
    if near:
        return f"did you mean `{by_folded[near[0]]}`?"
    return f"use one of: {', '.join(f'`{candidate}`' for candidate in known)}" if known else ""
