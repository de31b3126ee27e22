"""Reading fault rules from the plain values of a file or of the control endpoint."""

import base64
import binascii
from collections.abc import Callable, Mapping
from types import MappingProxyType

from reconciler.model.canonical import Json
from reconciler.sandbox import wrong_answers
from reconciler.sandbox.faults import Drop, Fault, Hang, Raw, Rule, Trickle, Truncate, Verdict
from reconciler.sandbox.plain import Reader
from reconciler.sandbox.routes import OPERATIONS

_CONDITIONS = ("operation", "guid", "nth", "after", "times", "name", "kind")


def decode_rules(value: Json, path: str) -> tuple[Rule, ...]:
    """Return the rules of `{"rules": [{"kind": "drop", "operation": "ticketUpdateStatus", "times": 1}]}`.

    `path` is named in problems. Raises InvalidInput with all of them.
    """
    reader = Reader(path, "sandbox/faults")
    top = reader.mapping(value, "rules file", ("rules",))
    rules = tuple(_rule(reader, item, place) for place, item in reader.items(top.get("rules"), "rules"))
    reader.check()
    return rules


def _rule(reader: Reader, item: Json, place: str) -> Rule:
    values = reader.mapping(item, place, ())
    kind = reader.text(values, "kind", place)
    fault: Fault = Drop()
    if kind in _KINDS:
        members, make = _KINDS[kind]
        reader.mapping(values, place, _CONDITIONS + members)
        fault = make(reader, values, place)
    elif kind:
        reader.fault(f"{place}.kind", f"{kind!r} is no kind of fault", f"known are: {', '.join(_KINDS)}")
    operation = reader.text(values, "operation", place) if values.get("operation") is not None else None
    if operation is not None and operation not in OPERATIONS:
        reader.fault(
            f"{place}.operation", f"{operation!r} is no operation", f"known are: {', '.join(sorted(OPERATIONS))}"
        )
    return Rule(
        fault,
        operation=operation,
        guid=reader.text(values, "guid", place) if values.get("guid") is not None else None,
        nth=int(reader.number(values, "nth", place)) if values.get("nth") is not None else None,
        after=int(reader.number(values, "after", place, 0)),
        times=int(reader.number(values, "times", place)) if values.get("times") is not None else None,
        name=reader.text(values, "name", place, kind),
    )


Make = Callable[[Reader, Mapping[str, Json], str], Fault]


def _drop(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return Drop(reader.flag(values, "effect", place), reader.flag(values, "reset", place))


def _hang(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return Hang(reader.number(values, "seconds", place), reader.flag(values, "effect", place))


def _trickle(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return Trickle(reader.number(values, "seconds", place))


def _truncate(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    keep = int(reader.number(values, "keep", place, 12))
    return Truncate(keep, reader.flag(values, "effect", place), reader.flag(values, "cut", place))


def _result(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return Verdict(values.get("value"), missing="value" not in values, effect=reader.flag(values, "effect", place))


def _raw(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    try:
        data = base64.b64decode(reader.text(values, "base64", place), validate=True)
    except (binascii.Error, ValueError):
        reader.fault(f"{place}.base64", "must be base64")
        data = b""
    return Raw(data, reader.flag(values, "effect", place))


def _deadlock(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return wrong_answers.deadlock(effect=reader.flag(values, "effect", place))


def _gateway(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return wrong_answers.gateway(_status(reader, values, place, 502), effect=reader.flag(values, "effect", place))


def _push_back(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    retry_after = reader.text(values, "retry_after", place) if values.get("retry_after") is not None else None
    effect = reader.flag(values, "effect", place)
    return wrong_answers.push_back(_status(reader, values, place, 429), retry_after, effect=effect)


def _html(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return wrong_answers.html(
        reader.text(values, "title", place, "Sign in"), effect=reader.flag(values, "effect", place)
    )


def _empty(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return wrong_answers.empty(effect=reader.flag(values, "effect", place))


def _redirect(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    return wrong_answers.redirect(reader.text(values, "location", place), _status(reader, values, place, 302))


def _says(reader: Reader, values: Mapping[str, Json], place: str) -> Fault:
    effect = reader.flag(values, "effect", place)
    return wrong_answers.says(reader.text(values, "body", place), _status(reader, values, place, 200), effect=effect)


def _status(reader: Reader, values: Mapping[str, Json], place: str, default: int) -> int:
    status = int(reader.number(values, "status", place, default))
    if not 200 <= status <= 599:
        reader.fault(f"{place}.status", "must be an HTTP status from 200 to 599")
        return default
    return status


_KINDS: Mapping[str, tuple[tuple[str, ...], Make]] = MappingProxyType(
    {
        "drop": (("effect", "reset"), _drop),
        "hang": (("effect", "seconds"), _hang),
        "trickle": (("seconds",), _trickle),
        "truncate": (("effect", "keep", "cut"), _truncate),
        "result": (("effect", "value"), _result),
        "raw": (("effect", "base64"), _raw),
        "deadlock": (("effect",), _deadlock),
        "gateway": (("effect", "status"), _gateway),
        "push-back": (("effect", "status", "retry_after"), _push_back),
        "html": (("effect", "title"), _html),
        "empty": (("effect",), _empty),
        "redirect": (("location", "status"), _redirect),
        "unauthorized": ((), lambda *_: wrong_answers.unauthorized()),
        "forbidden": ((), lambda *_: wrong_answers.forbidden()),
        "says": (("effect", "status", "body"), _says),
    }
)
