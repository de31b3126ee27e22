"""Steps of saved plans that stay text: what a merge has to know of them is read from the line as it stands.

A line is read here only if it is spelled as a plan is saved, character for character, and can mean but one thing.
All texts in it are canonical JSON then, so that they can be put into the step's meaning as they are.
"""

import json
import re
from functools import lru_cache
from typing import NamedTuple

from reconciler.model.decision import Parameters
from reconciler.model.guid import Guid
from reconciler.model.instant import format_instant, parse_instant
from reconciler.model.json_text import row_text
from reconciler.model.plan import Step
from reconciler.model.plan_codec import encode_step
from reconciler.model.state_codec import decode_state
from reconciler.model.verdict import Reason, Verdict
from reconciler.planning.digest import Meaning, spell_meaning, spelled_approvers, spelled_parameters, spelled_state

_PLAIN = r"[ !#-\[\]-~]*+"
_TEXT = rf'"{_PLAIN}(?:\\(?:["\\nrtbf]|u(?!00[0-7])[0-9a-f]{{4}}){_PLAIN})*+"'
_STATE = r'\{"status": "[A-Za-z ]{1,40}"(?:, "st(?:art|op)": "[0-9TZ:.-]{1,40}"){0,2}\}'
_WHOLE = r"(?:0|[1-9][0-9]{0,8})"
_ROW = re.compile(
    r'\{"guid": "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", '
    r'"verdict": "([a-z-]{1,30})", "reason": "([a-z/-]{1,40})", '
    rf'"before": (null|{_STATE}), "after": ({_STATE}), "known_from": "(?:server|ledger)", '
    rf'"object": ({_TEXT}), "workflow": ({_TEXT}), '
    rf'"source": \{{"path": {_TEXT}, "line": {_WHOLE}, "column": {_WHOLE}\}}, "siblings": \[\], '
    rf'"decision": ({_TEXT})(?:, "detail": {_TEXT})?'
    rf'(?:, "approvers": (\[{_TEXT}(?:, {_TEXT})*\]))?'
    rf'(?:, "approval_reason": ({_TEXT}))?(?:, "explanation": ({_TEXT}))?'
    rf'(?:, "change": ({_TEXT}))?'
    rf'(?:, "expect": \{{"object": ({_TEXT}), "workflow": ({_TEXT})\}})?'
    r'(?:, "valid_until": ("[0-9TZ:.-]{1,40}"))?(?:, "closed": true)?'
    r'(?:, "created": ("[0-9TZ:.-]{1,40}"))?\}'
)
_VERDICTS = {(reason.verdict.value, reason.value): reason.verdict for reason in Reason}
_NOTHING = '""'
_NO_PARAMETERS = spelled_parameters(Parameters())


class Row(NamedTuple):
    """One step of a saved plan: which ticket, what verdict, what it means (canonical JSON), and its line."""

    guid: Guid
    verdict: Verdict
    meaning: bytes
    text: str


def row_of(step: Step) -> Row:
    """Return the row of a step."""
    return Row(step.guid, step.verdict, spell_meaning(step), row_text(encode_step(step)))


def usual_row(text: str) -> Row | None:
    """Return the row that a line spells; None when somebody else has to read it."""
    found = _ROW.fullmatch(text)
    if found is None:
        return None
    guid, word, reason, before, after, dn, workflow, decision, approvers, asked, explanation, change, *rest = (
        found.groups("null")
    )
    expected_dn, expected_workflow, valid_until, created = rest
    verdict, was, wanted = _VERDICTS.get((word, reason)), _state(before), _state(after)
    if verdict is None or was is None or wanted is None or not _is_sound(valid_until) or not _is_sound(created):
        return None
    meaning = Meaning(
        after=wanted,
        approval_reason=_NOTHING if asked == "null" else asked,
        approvers=_approvers(approvers),
        before=was,
        change=change,
        decision=decision,
        expected=(expected_dn, expected_workflow),
        explanation=explanation,
        guid=f'"{guid}"',
        dn=dn,
        parameters=_NO_PARAMETERS,
        valid_until=valid_until,
        verdict=f'"{word}"',
        window="null",
        workflow=workflow,
    )
    return Row(Guid(guid), verdict, meaning.spelled(), text)


@lru_cache(maxsize=1024)
def _state(text: str) -> str | None:
    """Return the canonical spelling of a state, or of none; None for what is no sound one."""
    try:
        state = decode_state(json.loads(text), "") if text != "null" else None
    except ValueError:
        return None
    return spelled_state(state)


@lru_cache(maxsize=1024)
def _approvers(text: str) -> str:
    return spelled_approvers(() if text == "null" else tuple(json.loads(text)))


@lru_cache(maxsize=1024)
def _is_sound(time: str) -> bool:
    """Say whether there is no time, or one that is spelled as we spell it."""
    try:
        return time == "null" or f'"{format_instant(parse_instant(time[1:-1]))}"' == time
    except ValueError:
        return False
