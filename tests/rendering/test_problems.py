"""Problems in every format: place, message, remedy, and the limits of those who read them."""

import json
import re

import pytest

from reconciler.model.decision import Problem, Severity, Source
from reconciler.rendering.problems import problems_github, problems_json, problems_sarif, problems_text
from tests.rendering.hostile import HOSTILE

STOP = Problem(
    "schedule/order",
    Source("tickets/web.yaml", 14, 7),
    'approve-between needs "stop" after "start"',
    "swap the two times",
)
EMPTY = Problem("files/empty", Source("tickets"), "no manifest in this folder", severity=Severity.WARNING)


def test_text_has_place_message_help_and_count() -> None:
    assert problems_text((STOP, EMPTY)) == (
        'tickets/web.yaml:14:7: error: approve-between needs "stop" after "start" [schedule/order]\n'
        "    help: swap the two times\n"
        "tickets: warning: no manifest in this folder [files/empty]\n"
        "1 error and 1 warning found\n"
    )


def test_no_problems_are_no_text() -> None:
    assert problems_text(()) == ""
    assert problems_github(()) == ""


def test_colour_marks_the_severity_only() -> None:
    coloured = problems_text((STOP,), colour=True)
    assert ": \x1b[31;1merror\x1b[0m: " in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == problems_text((STOP,))


def test_json_has_every_field() -> None:
    assert json.loads(problems_json((STOP, EMPTY))) == {
        "version": 1,
        "counts": {"error": 1, "warning": 1},
        "problems": [
            {
                "code": "schedule/order",
                "severity": "error",
                "path": "tickets/web.yaml",
                "line": 14,
                "column": 7,
                "message": 'approve-between needs "stop" after "start"',
                "hint": "swap the two times",
            },
            {
                "code": "files/empty",
                "severity": "warning",
                "path": "tickets",
                "line": 0,
                "column": 0,
                "message": "no manifest in this folder",
                "hint": "",
            },
        ],
    }


def test_an_annotation_names_a_file_of_the_workspace_and_its_line() -> None:
    problem = Problem("a/b", Source("/home/runner/work/tickets/web.yaml", 14, 7), "100 % wrong", "mend: it, now")
    assert problems_github((problem,), root="/home/runner/work") == (
        "::error file=tickets/web.yaml,title=a/b,line=14,endLine=14,col=7::100 %25 wrong%0Ahelp: mend: it, now\n"
    )


def test_a_whole_file_has_no_line() -> None:
    assert problems_github((EMPTY,)) == "::warning file=tickets,title=files/empty::no manifest in this folder\n"


@pytest.mark.parametrize(("problems", "lines"), [(9, 9), (10, 10), (11, 10), (5_000, 10)])
def test_no_annotation_is_dropped_silently(problems: int, lines: int) -> None:
    printed = problems_github((STOP,) * problems).splitlines()
    assert len(printed) == lines
    counted = re.search(r"and ([\d,]+) more errors", printed[-1])
    assert (int(counted[1].replace(",", "")) if counted else 0) == (problems - 9 if problems > 10 else 0)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_problems_stay_one_annotation_and_two_lines(text: str) -> None:
    problem = Problem("x/y", Source(text or "f", 1, 1), text, text or "hint")
    command = problems_github((problem,))
    assert len(command.splitlines()) == 1
    assert command.count("::") >= 2
    assert len(problems_text((problem,)).splitlines()) == 3
    assert json.loads(problems_json((problem,)))["problems"][0]["message"] == re.sub(
        "[\ud800-\udfff]", "\ufffd", text
    ), "a lone surrogate is no text that every reader of JSON takes"
    assert problems_sarif((problem,)).encode("utf-8")


def test_sarif_places_each_result_and_names_each_rule_once() -> None:
    log = json.loads(problems_sarif((STOP, STOP, EMPTY), tool="tpp-reconciler 1.2.0"))
    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["version"] == "1.2.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["files/empty", "schedule/order"]
    assert run["results"][0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "tickets/web.yaml"},
        "region": {"startLine": 14, "startColumn": 7},
    }
    assert run["results"][2]["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "tickets"}}
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning"]
    assert run["results"][0]["partialFingerprints"] != run["results"][2]["partialFingerprints"]


def test_sarif_spells_paths_as_uris() -> None:
    result = json.loads(problems_sarif((Problem("a/b", Source("a b/ü#%.yaml", 1), "m"),)))["runs"][0]["results"][0]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20b/%C3%BC%23%25.yaml"
