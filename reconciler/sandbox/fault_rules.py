"""Fault rules from the plain values of a file or of the control endpoint."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct
from msgspec.structs import asdict

from reconciler.codec import Json
from reconciler.sandbox import wrong_answers
from reconciler.sandbox.conversion import Conversion
from reconciler.sandbox.fault_injection import Drop, Fault, Hang, Raw, Rule, Trickle, Truncate, WrongResult
from reconciler.sandbox.routes import OPERATIONS

_Count = Annotated[int, Meta(ge=0, description="a whole number, 0 or more")]
_Seconds = Annotated[float, Meta(ge=0, description="a number, 0 or more")]
_Status = Annotated[int, Meta(ge=200, le=599, description="an HTTP status from 200 to 599")]
_EFFECT = ("effect", bool, False)


class _Conditions(Struct, frozen=True, kw_only=True):
    """When a fault hits, as in Rule."""

    operation: str | None = None
    guid: str | None = None
    nth: _Count | None = None
    after: _Count = 0
    times: _Count | None = None
    late: _Seconds = 0
    name: str = ""


def _result(value: Json | UnsetType, effect: bool) -> Fault:
    return WrongResult(missing=True, effect=effect) if value is UNSET else WrongResult(value, effect=effect)


def _raw(base64: bytes, effect: bool) -> Fault:
    return Raw(base64, effect)


def _members(*fields: tuple[Any, ...]) -> type[Struct]:
    return defstruct("Rule", fields, bases=(_Conditions,), frozen=True, kw_only=True)


_KINDS: Mapping[str, tuple[Callable[..., Fault], type[Struct]]] = MappingProxyType(
    {
        "drop": (Drop, _members(_EFFECT, ("reset", bool, False))),
        "hang": (Hang, _members(_EFFECT, ("seconds", _Seconds))),
        "trickle": (Trickle, _members(("seconds", _Seconds))),
        "truncate": (Truncate, _members(_EFFECT, ("keep", _Count, 12), ("cut", bool, False))),
        "result": (_result, _members(_EFFECT, ("value", Any, UNSET))),
        "raw": (_raw, _members(_EFFECT, ("base64", bytes))),
        "deadlock": (wrong_answers.deadlock, _members(_EFFECT)),
        "gateway": (wrong_answers.gateway, _members(_EFFECT, ("status", _Status, 502))),
        "push-back": (
            wrong_answers.push_back,
            _members(_EFFECT, ("status", _Status, 429), ("retry_after", str | None, None)),
        ),
        "html": (wrong_answers.html, _members(_EFFECT, ("title", str, "Sign in"))),
        "empty": (wrong_answers.empty, _members(_EFFECT)),
        "redirect": (wrong_answers.redirect, _members(("location", str), ("status", _Status, 302))),
        "unauthorized": (wrong_answers.unauthorized, _members()),
        "forbidden": (wrong_answers.forbidden, _members()),
        "says": (wrong_answers.says, _members(_EFFECT, ("body", str), ("status", _Status, 200))),
    }
)
"""What makes a fault of each kind, and what a rule of that kind may say."""


def decode_rules(value: Json, path: str) -> tuple[Rule, ...]:
    """Return the rules of `{"rules": [{"kind": "drop", "operation": "ticketUpdateStatus", "times": 1}]}`.

    `path` is named in problems. Raises InvalidInput with all of them.
    """
    conversion = Conversion(path, "sandbox/faults")
    top = conversion.members({} if value is None else value, "", {"rules": ""})
    items = conversion.read(top.get("rules") or [], tuple[Any, ...], "rules")
    rules = [
        _rule(conversion, item, f"rules[{number}]")
        for number, item in enumerate(items if isinstance(items, tuple) else ())
    ]
    conversion.check()
    return tuple(rule for rule in rules if rule is not None)


def _rule(conversion: Conversion, item: Json, place: str) -> Rule | None:
    if not isinstance(item, Mapping):
        conversion.fault(place, "must be a mapping")
        return None
    kind = item.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        message = f"{kind!r} is no kind of fault" if isinstance(kind, str) else "is required and must be text"
        conversion.fault(f"{place}.kind", message, f"known are: {', '.join(_KINDS)}")
        return None
    make, members = _KINDS[kind]
    read = conversion.read({name: value for name, value in item.items() if name != "kind"}, members, place)
    operation = item.get("operation")
    if isinstance(operation, str) and operation not in OPERATIONS:
        hint = f"known are: {', '.join(sorted(OPERATIONS))}"
        conversion.fault(f"{place}.operation", f"{operation!r} is no operation", hint)
    if not isinstance(read, _Conditions):
        return None
    conditions = {name: getattr(read, name) for name in _Conditions.__struct_fields__}
    fault = make(**{name: value for name, value in asdict(read).items() if name not in conditions})
    return Rule(fault, **(conditions | {"name": read.name or kind}))
