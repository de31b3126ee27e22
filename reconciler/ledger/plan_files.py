"""Saved plans: written whole or not at all, and read back strictly."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.atomic import atomic_write
from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source
from reconciler.model.json_text import document_pieces
from reconciler.model.plan import Plan, Step
from reconciler.model.plan_codec import decode_plan, decode_step, decode_verdict_counts, encode_head, plan_pieces
from reconciler.model.verdict import Verdict

_STEPS, _NEXT, _END = ',\n  "steps": [\n    ', ",\n    ", "\n  ]\n}\n"
_MAKE_AGAIN = "make it again with `reconciler plan --out {path}`"


@dataclass(frozen=True, slots=True)
class SavedRows:
    """A saved plan whose steps are still text: all else of it, the counts that it states, and a line for each step."""

    head: Plan
    counts: Mapping[Verdict, int]
    rows: list[str]


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON text, readable for everybody (0644): a reader finds the old file or the whole new one.

    Raises InvalidInput when the file can't be written.
    """
    _save(plan_pieces(plan), path)


def save_rows(head: Plan, counts: Mapping[Verdict, int], rows: Iterable[str], path: Path) -> None:
    """The same for a plan whose steps are spelled already."""
    _save(document_pieces(encode_head(head, counts), "steps", rows), path)


def _save(pieces: Iterable[str], path: Path) -> None:
    try:
        atomic_write(path, (piece.encode("ascii") for piece in pieces))
    except OSError as error:
        message = f"the plan can't be saved: {error.strerror or error}"
        raise _refused("unwritable", Source(str(path)), message, "choose another place with --out") from error


def load_rows(path: Path) -> SavedRows | None:
    """Read a saved plan but for its steps; None when it is not spelled as ours are, of which `load_plan` tells."""
    try:
        head, begun, rest = path.read_bytes().decode("ascii").partition(_STEPS)
        document = json.loads(head + "}", object_pairs_hook=_members)
        counts = decode_verdict_counts(document["counts"], "/counts")
        plan = decode_plan({**document, "counts": {}, "steps": []})
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None
    if "steps" in document or not begun or not rest.endswith(_END):
        return None
    return SavedRows(plan, counts, rest.removesuffix(_END).split(_NEXT))


def decode_row(text: str) -> Step:
    """Read the line of one step strictly. Raises ValueError or RecursionError."""
    return decode_step(json.loads(text, object_pairs_hook=_members), "")


def load_plan(path: Path) -> Plan:
    """Read a saved plan. Raises InvalidInput when it is not there, can't be read or is not what was saved.

    Whether the digest fits the steps is for planning/digest.py to say.
    """
    again = _MAKE_AGAIN.format(path=path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _refused("absent", Source(str(path)), "there is no such plan file", again) from None
    except IsADirectoryError:
        raise _refused("absent", Source(str(path)), "this is a folder, not a plan file", again) from None
    except OSError as error:
        message = f"the plan file can't be read: {error.strerror or error}"
        raise _refused("unreadable", Source(str(path)), message) from error
    return _decode(path, data, again)


def _decode(path: Path, data: bytes, again: str) -> Plan:
    try:
        document = json.loads(data, object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        raise _no_json(path, error, again) from None
    except (ValueError, RecursionError) as error:
        raise _refused("not-json", Source(str(path)), f"this is no plan: {error}", again) from None
    try:
        return decode_plan(document)
    except ValueError as error:
        message = f"this is no plan that this release can apply: {error}"
        raise _refused("invalid", Source(str(path)), message, f"a plan is never edited: {again}") from None


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"the member {twice[0]!r} stands twice in one object")
    return members


def _no_json(path: Path, error: json.JSONDecodeError, again: str) -> InvalidInput:
    rest = error.doc[error.pos :].strip()
    if not error.doc.strip():
        return _refused("truncated", Source(str(path)), "the plan file is empty", again)
    if not rest or error.msg.startswith("Unterminated string"):
        place = Source(str(path), error.lineno)
        return _refused("truncated", place, "the plan file is cut off here", again)
    return _refused("not-json", Source(str(path), error.lineno, error.colno), f"this is no JSON: {error.msg}", again)


def _refused(code: str, source: Source, message: str, hint: str = "") -> InvalidInput:
    return InvalidInput((Problem(f"plan-file/{code}", source, message, hint),))
