"""Lines of saved plans: read as they stand only if that comes to the same as reading them whole."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.ledger.plan_files import decode_row
from reconciler.model.decision import Expectation
from reconciler.model.json_text import row_text
from reconciler.model.plan import Step
from reconciler.model.plan_codec import encode_step
from reconciler.model.verdict import Reason
from reconciler.planning.rows import row_of, usual_row
from tests import builders
from tests.model import strategies

USUAL = builders.step(
    expect=Expectation(builders.OBJECT, builders.WORKFLOW),
    approvers=("local:b", "local:a"),
    approval_reason='Stage "0" \\ needs it',
    detail="so it is",
    explanation="Grüße, 日本 🔏",
    valid_until=builders.NOW,
    created=builders.NOW,
    closed=True,
)


def _line(step: Step) -> str:
    return row_text(encode_step(step))


def _is_as_read_whole(text: str) -> bool:
    """Whether a line that is taken means what the strict reader makes of it, and is spelled as we spell it."""
    row = usual_row(text)
    return row is None or row == row_of(decode_row(text))


@pytest.mark.parametrize(
    "step",
    [
        builders.step(),
        USUAL,
        builders.step(before=None, reason=Reason.SETTLED_RECEIPT),
        builders.step(after=builders.between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00.5Z")),
    ],
)
def test_usual_lines_are_taken(step: Step) -> None:
    assert usual_row(_line(step)) == row_of(step)


@settings(max_examples=300)
@given(strategies.steps)
def test_the_line_of_any_step_is_read_alike(step: Step) -> None:
    assert _is_as_read_whole(_line(step))


PIECES = (
    "",
    " ",
    '"',
    "\\",
    '\\"',
    "\\u0041",
    "\\u000a",
    "\\u007f",
    "\\uD800",
    "\\ud800",
    "\\u00e9",
    "\\/",
    "\x7f",
    "é",
    "{",
    "}",
    "]",
    ",",
)
PIECES += (
    '"closed": true, ',
    ", ",
    '"detail": "x", ',
    "null",
    "0",
    "00",
    "1e5",
    "-",
    "Z",
    "approve",
    "2026-02-30T00:00:00Z",
    "\n",
    "//",
)


@settings(max_examples=1500)
@given(st.data())
def test_an_edited_line_is_read_alike_or_left_to_the_strict_reader(data: st.DataObject) -> None:
    text = _line(USUAL)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 25)))
    edited = text[:start] + data.draw(st.sampled_from(PIECES) | st.text(max_size=2)) + text[end:]
    assert _is_as_read_whole(edited)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "reject"},
        {"reason": "approve/whim"},
        {"created": "2026-13-01T00:00:00Z"},
        {"created": "2026-11-23T13:00:00+01:00"},
        {"after": {"status": "Approved", "stop": "2026-11-28T22:00:00Z"}},
        {"before": {"status": "Approved", "start": "soon"}},
        {"guid": "ABCDEF00-0000-4000-8000-000000000000"},
        {"unknown": 1},
        {"siblings": [{"guid": builders.guid(2), "workflow": "", "wanted": None}]},
    ],
)
def test_unusual_and_faulty_lines_are_left_to_the_strict_reader(change: dict[str, Any]) -> None:
    text = row_text({**json.loads(_line(USUAL)), **change})
    assert usual_row(text) is None
