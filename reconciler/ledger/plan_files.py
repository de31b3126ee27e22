"""Saved plans: written whole or not at all, and read back strictly."""

from pathlib import Path

from reconciler.atomic import atomic_write
from reconciler.codec import Edited, Malformed, Newer, decode_plan, plan_pieces
from reconciler.errors import GuardRefused, InvalidInput
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import Plan

_MAKE_AGAIN = "make it again with `reconciler plan --out {path}`"


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON text, readable for everybody (0644): a reader finds the old file or the whole new one.

    Raises InvalidInput when the file can't be written.
    """
    try:
        atomic_write(path, (piece.encode("ascii") for piece in plan_pieces(plan)))
    except OSError as error:
        message = f"the plan can't be saved: {error.strerror or error}"
        raise _refused("unwritable", Source(str(path)), message, "choose another place with --out") from error


def load_plan(path: Path) -> Plan:
    """Read a saved plan. Raises InvalidInput when it is not there or is no plan, GuardRefused when it was edited.

    Whether the digest fits the steps is for planning/digest.py to say.
    """
    return load_plan_with_bytes(path)[0]


def load_plan_with_bytes(path: Path) -> tuple[Plan, bytes]:
    """Return a saved plan and the bytes it was read from, which may say more than this release knows.

    Raises as `load_plan` does.
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
    try:
        return decode_plan(data), data
    except Malformed as error:
        raise _no_json(path, data, error, again) from None
    except Edited as error:
        raise GuardRefused(f"{path}: {error}", "make a new plan, have it reviewed, and apply that one") from None
    except Newer as newer:
        raise _refused("newer", Source(str(path)), str(newer), newer.hint) from None
    except ValueError as error:
        message = f"this is no plan that this release can apply: {error}"
        raise _refused("invalid", Source(str(path)), message, f"a plan is never edited: {again}") from None


def _no_json(path: Path, data: bytes, error: Malformed, again: str) -> InvalidInput:
    place = Source(str(path), error.line, error.column)
    if not data.strip():
        return _refused("truncated", Source(str(path)), "the plan file is empty", again)
    if error.cut_off:
        return _refused("truncated", place, "the plan file is cut off here", again)
    return _refused("not-json", place, f"this is no JSON: {error}", again)


def _refused(code: str, source: Source, message: str, hint: str = "") -> InvalidInput:
    return InvalidInput((Problem(f"plan-file/{code}", source, message, hint),))
