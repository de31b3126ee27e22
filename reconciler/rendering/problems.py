"""Problems as text, JSON, GitHub annotations and SARIF: values in, text out."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from reconciler.codec import json_text
from reconciler.model.decision import Problem, Severity, Source
from reconciler.rendering.escape import cut, github_data, github_property, log_lines, terminal, url_path, visible

_ANNOTATIONS_OF_A_KIND = 10
_SARIF_RESULTS = 25_000
_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_COLOURS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1"}


def problems_text(problems: Sequence[Problem], *, colour: bool = False) -> str:
    """Return `path:line:column: error: message [code]` for each problem, its help, and the count at the end.

    The first line of each problem has the form that editors and problem matchers know. No problems, no text.
    """
    if not problems:
        return ""
    lines: list[str] = []
    for problem in problems:
        severity = _painted(problem.severity.value, _COLOURS[problem.severity], colour)
        place = terminal(str(problem.source), 1_000)
        lines.append(f"{place}: {severity}: {terminal(problem.message, 2_000)} [{terminal(problem.code)}]")
        if problem.hint:
            lines.append(f"    help: {terminal(problem.hint, 2_000)}")
    lines.append(f"{problems_count(problems)} found")
    return log_lines("\n".join(lines) + "\n")


def problems_count(problems: Sequence[Problem]) -> str:
    """Return how many errors and warnings there are: `2 errors and 1 warning`."""
    counts = Counter(problem.severity for problem in problems)
    words = [
        f"{counts[severity]:,} {severity.value}{'s' if counts[severity] != 1 else ''}"
        for severity in Severity
        if counts[severity]
    ]
    return " and ".join(words) or "no problems"


def problems_json(problems: Sequence[Problem]) -> str:
    """Return `{version, counts, problems: [{code, severity, path, line, column, message, hint}]}`."""
    counts = Counter(problem.severity for problem in problems)
    document = {
        "version": 1,
        "counts": {severity.value: counts[severity] for severity in Severity},
        "problems": [
            {
                "code": problem.code,
                "severity": problem.severity.value,
                "path": problem.source.path,
                "line": problem.source.line,
                "column": problem.source.column,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in problems
        ],
    }
    return json_text(document)


def problems_github(problems: Sequence[Problem], *, root: str = "") -> str:
    """Return workflow commands that annotate the lines of a pull request.

    GitHub shows ten annotations of a kind and step and drops the others silently: from eleven on there are nine and
    a tenth that counts the rest. `root` is the workspace; files below it are named relative to it.
    """
    lines: list[str] = []
    for severity in Severity:
        kind = [problem for problem in problems if problem.severity is severity]
        fits = len(kind) <= _ANNOTATIONS_OF_A_KIND
        shown = kind if fits else kind[: _ANNOTATIONS_OF_A_KIND - 1]
        lines.extend(_annotation(problem, root) for problem in shown)
        if not fits:
            rest = (
                f"… and {len(kind) - len(shown):,} more {severity.value}s; the job's log and summary have all of them"
            )
            lines.append(f"::{severity.value} title={github_property('not shown')}::{github_data(rest)}")
    return "".join(f"{line}\n" for line in lines)


def _annotation(problem: Problem, root: str) -> str:
    source = problem.source
    properties = {"file": _relative(source.path, root)} if source.path else {}
    properties["title"] = problem.code
    if source.line:
        properties["line"] = properties["endLine"] = str(source.line)
        if source.column:
            properties["col"] = str(source.column)
    listed = ",".join(f"{name}={github_property(value)}" for name, value in properties.items())
    message = visible(problem.message, 2_500) + (f"\nhelp: {visible(problem.hint, 1_000)}" if problem.hint else "")
    return f"::{problem.severity.value} {listed}::{github_data(message)}"


def problems_sarif(problems: Sequence[Problem], *, tool: str = "tpp-reconciler", root: str = "") -> str:
    """Return a SARIF 2.1.0 log within GitHub's limits; `tool` is name and version, `root` as in problems_github."""
    name, _, version = tool.partition(" ")
    rules = sorted({problem.code for problem in problems})
    index = {code: number for number, code in enumerate(rules)}
    driver: dict[str, object] = {"name": name, "rules": [{"id": visible(code)} for code in rules]}
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{name}/validate/"},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(problem, index, root) for problem in problems[:_SARIF_RESULTS]],
    }
    return json_text({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _sarif_result(problem: Problem, index: dict[str, int], root: str) -> dict[str, object]:
    text = visible(problem.message, 4_000) + (f"\n{visible(problem.hint, 2_000)}" if problem.hint else "")
    path = _relative(problem.source.path, root)
    fingerprint = "\0".join((problem.code, path, problem.message)).encode("utf-8", "surrogatepass")
    place: dict[str, object] = {"artifactLocation": {"uri": url_path(path)}}
    if region := _sarif_region(problem.source):
        place["region"] = region
    return {
        "ruleId": visible(problem.code),
        "ruleIndex": index[problem.code],
        "level": problem.severity.value,
        "message": {"text": cut(text, 8_000)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"problem/v1": hashlib.sha256(fingerprint).hexdigest()},
    }


def _sarif_region(source: Source) -> dict[str, int]:
    region = {"startLine": source.line, "startColumn": source.column}
    return {name: number for name, number in region.items() if source.line and number}


def _relative(path: str, root: str) -> str:
    prefix = root.rstrip("/") + "/"
    return path.removeprefix(prefix) if root else path.removeprefix("./")


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
