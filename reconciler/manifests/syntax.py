"""Says in our words what libyaml finds wrong with a text."""

import re

import yaml

from reconciler.manifests.problems import Code
from reconciler.model.decision import Problem, Source
from reconciler.model.value import quote

_UNCLOSED = re.compile("unexpected end|expected `,`|end of stream")
_COMMENT_IN_BRACKETS = re.compile(r"[\[{].*\s#.*[\]}]")
_CONFLICT = re.compile(rb"^(?:<{7}|>{7})(?:[ \t]|$)", re.MULTILINE)


def conflict_problem(file: str, data: bytes) -> Problem | None:
    """Return the problem that a text still has the markers of a merge, None when it has none."""
    found = _CONFLICT.search(data) if b"<<<<<<<" in data or b">>>>>>>" in data else None
    if found is None:
        return None
    line = data.count(b"\n", 0, found.start()) + 1
    hint = "decide which lines stay, and remove those that begin with <<<<<<<, ======= and >>>>>>>"
    return Problem(Code.YAML_CONFLICT, Source(file, line, 1), "a merge conflict is not resolved here", hint)


def syntax_problem(file: str, error: yaml.YAMLError, data: bytes, *, quoting: bool) -> Problem:
    """Return the problem that a syntax error of the parser is, with a remedy where the usual cause is known.

    Without `quoting` nothing of the text is shown: it may be anything.
    """
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        reason = str(error).splitlines()[0] if str(error) else "no reason given"
        return Problem(Code.YAML_SYNTAX, Source(file), f"not YAML: {reason}", "correct the file")
    mark = error.problem_mark
    place = Source(file, mark.line + 1, mark.column + 1)
    lines = data.decode("utf-8", "replace").splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    before, tab, _ = line[: mark.column + 1].partition("\t")
    if tab and not before.strip(" -?:"):
        at = Source(file, mark.line + 1, len(before) + 1)
        return Problem(Code.YAML_TAB, at, "a tab is used for indentation", "use spaces")
    if "cannot start any token" in (error.problem or "") and mark.column < len(line):
        character = quote(line[mark.column]) if quoting else "this character"
        message = f"not YAML: {character} can't start a value"
        return Problem(Code.YAML_SYNTAX, place, message, "put the value into quotes")
    reason = (error.problem or "it can't be understood").replace("'", "`")
    where = error.context or ""
    begun = error.context_mark
    since = f" (begun at line {begun.line + 1})" if begun is not None and begun.line != mark.line else ""
    message = f"not YAML: {reason}{f' {where}' if where else ''}{since}"
    opened = lines[begun.line] if begun is not None and begun.line < len(lines) else ""
    if _UNCLOSED.search(reason) and _COMMENT_IN_BRACKETS.search(opened):
        hint = "a ` #` begins a comment, and what closes the bracket is in it: put the value into quotes"
        return Problem(Code.YAML_SYNTAX, place, message, hint)
    return Problem(Code.YAML_SYNTAX, place, message, _remedy(reason))


def _remedy(reason: str) -> str:
    if "mapping values are not allowed" in reason:
        return "a value that contains `: ` needs quotes; otherwise check the indentation"
    if "did not find expected alphabetic" in reason:
        return "a value that starts with & or * needs quotes"
    if "Unicode character escape" in reason:
        return "write the character itself: YAML has no pairs of \\ud… escapes, as JSON has"
    if "escape" in reason:
        return "write backslashes in single quotes or without quotes, for example '\\VED\\Policy'"
    if "expected key" in reason or "indicator" in reason or "block end" in reason:
        return "check the indentation of this line and of the one before it"
    if _UNCLOSED.search(reason):
        return "look for a quote or bracket that is not closed"
    if "incompatible" in reason:
        return "remove the %YAML line, or make it `%YAML 1.2`"
    return "correct the line"
