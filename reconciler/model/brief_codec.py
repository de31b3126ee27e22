"""Receipt lines of the ledger in brief: the few members that the memory needs, read several times faster than all.

Whoever finds a line that can't be read in brief reads it whole (record_codec), which says what is wrong with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from reconciler.model.decision import WindowUse
from reconciler.model.instant import parse_instant
from reconciler.model.receipt import Outcome, Proof
from reconciler.model.record import Remembered
from reconciler.model.status import State

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_PROOFS = {proof.value: proof for proof in Proof}
_TOOK_EFFECT = frozenset({Outcome.APPLIED, Outcome.AWAITING_OTHERS})


@dataclass(frozen=True, slots=True)
class Brief:
    """What a receipt means to the memory: `remembered` is None when the write had no effect, or none that is known."""

    outcome: Outcome
    operation: str | None
    gone: bool
    remembered: Remembered | None


def read_brief(line: Mapping[str, object]) -> Brief:
    """Read the JSON value of a receipt line. Raises ValueError, KeyError, TypeError or AttributeError if it is none."""
    outcome, operation, gone = _OUTCOMES[_text(line["outcome"])], line["operation"], line.get("gone", False) is True
    if operation is not None and not isinstance(operation, str):
        raise ValueError("/operation: text is needed")
    remembered = _remembered(line, outcome, operation, gone) if outcome in _TOOK_EFFECT else None
    return Brief(outcome, operation, gone, remembered)


def _remembered(line: Mapping[str, object], outcome: Outcome, operation: str | None, gone: bool) -> Remembered:
    seen, window = line.get("seen"), line.get("window")
    return Remembered(
        after=_state_in(line["after"]),
        outcome=outcome,
        proof=_PROOFS[_text(line["proof"])],
        at=parse_instant(_text(line["at"])),
        run=_text(line["run"]),
        operation=operation,
        decision=_text(line["decision"]),
        gone=gone,
        seen=None if seen is None else _state_in(seen),
        window=None if window is None else _window_in(window),
        identity=_text_or_none(line.get("identity")),
        commit=_text_or_none(line.get("commit")),
        pull_request=_pull_request_in(line.get("review")),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text is needed")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _members(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("an object is needed")
    return value


def _state_in(value: object) -> State:
    members = _members(value)
    return _state(_text(members["status"]), _text_or_none(members.get("start")), _text_or_none(members.get("stop")))


@lru_cache(maxsize=1024)
def _state(status: str, start: str | None, stop: str | None) -> State:
    """Read a state; the few that there are share one value."""
    if start is None:
        return State(status)
    return State(status, parse_instant(start), None if stop is None else parse_instant(stop))


def _window_in(value: object) -> WindowUse:
    members = _members(value)
    return WindowUse(_text(members["name"]), _text(members.get("rule", "")))


def _pull_request_in(value: object) -> int | None:
    if value is None:
        return None
    number = _members(value)["pull_request"]
    if type(number) is not int:
        raise TypeError("a number is needed")
    return number
