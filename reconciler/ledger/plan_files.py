"""Saved plans: written whole or not at all, and read back strictly."""

import json
import stat
from pathlib import Path

from reconciler.errors import InvalidInput
from reconciler.ledger.replacing import replace_piece_by_piece
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import Plan
from reconciler.model.plan_codec import decode_plan, plan_pieces

_MAKE_AGAIN = "make it again with `reconciler plan --out {path}`"


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON text, readable for everybody (0644): a reader finds the old file or the whole new one.

    Raises InvalidInput when the file can't be written.
    """
    target = path.resolve()
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise _refused("unwritable", Source(str(path)), "a plan is saved to a file, and this is none")
        replace_piece_by_piece(target, (piece.encode("ascii") for piece in plan_pieces(plan)))
    except OSError as error:
        message = f"the plan can't be saved: {error.strerror or error}"
        raise _refused("unwritable", Source(str(path)), message, "choose another place with --out") from error


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
