"""The only JSON of ours: plans, reports of runs and ledger lines to bytes and back, canonical bytes, digests.

The members of a format are the fields of the model, under their names (`msgspec.field(name=…)` where they differ).
What is declared below for a format is only which values lie flat in one object, and which members always stand there.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter, itemgetter
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, Union, get_args

import msgspec
from msgspec import NODEFAULT, Meta, Struct, ValidationError, structs

from reconciler.model.decision import Decision, Seal
from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import Outcome, Receipt, Run
from reconciler.model.record import (
    AcceptedEntry,
    AttentionEntry,
    AttestedEntry,
    ClosedEntry,
    Ended,
    Entry,
    Intent,
    LedgerVersion,
    Line,
    ObservedEntry,
    Opened,
    Record,
    Sealed,
    Written,
)
from reconciler.model.review import Provenance
from reconciler.model.status import require_utc
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Verdict

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
T = TypeVar("T")

PLAN_VERSIONS = (1, 2)
RUN_VERSION = 1
LEDGER_VERSIONS: tuple[int, ...] = get_args(LedgerVersion)
_LOG = logging.getLogger(__name__)


# Bytes


def canonical(value: object) -> bytes:
    """Return the one spelling of a value: sorted keys, no blanks, ASCII; U+FFFD stands for every lone surrogate."""
    return _ascii(_encode(value, "sorted"))


def sha256(data: bytes) -> str:
    """Return the digest of bytes as `sha256:<64 hex digits>`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def json_text(document: Mapping[str, object]) -> str:
    """Return a document as people and diffs like it: one member a line, and lists of objects with one object a line."""
    return "".join(json_pieces(document))


def json_pieces(document: Mapping[str, object]) -> Iterator[str]:
    """Yield the text of `json_text` piece by piece; the rows of an iterator are never in memory together."""
    return _pieces(document.items())


def json_line(value: object) -> str:
    """Return a value in one line of ASCII, with a blank after each colon and comma."""
    order = "deterministic" if isinstance(value, Struct) else None  # sets have no order of their own
    return _ascii(msgspec.json.format(_encode(value, order), indent=0)).decode("ascii")


def compact(value: object) -> str:
    """Return a value without blanks, its text as it is."""
    return _encode(value).decode()


def plain(value: object) -> Any:  # noqa: ANN401
    """Return a value as dictionaries, lists, text and numbers, for documents that it is a part of."""
    shape = _SHAPES.get(type(value))
    return msgspec.json.decode(_encode(shape.flat(value) if shape else value, "deterministic"))


_BEYOND_ASCII = re.compile("[^\x00-\x7e]+")


def _encode(value: object, order: Any = None) -> bytes:  # noqa: ANN401
    try:
        return msgspec.json.encode(value, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(_well_formed(msgspec.to_builtins(value)), order=order)


def _well_formed(value: Json) -> Json:
    """Replace lone surrogates, which JSON can spell and which jq and many other readers refuse."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {str(_well_formed(name)): _well_formed(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_well_formed(item) for item in value]
    return value


def _ascii(data: bytes) -> bytes:
    if data.isascii() and b"\x7f" not in data:
        return data
    return _BEYOND_ASCII.sub(_escaped, data.decode()).encode("ascii")


def _escaped(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be").hex()
    return "".join("\\u" + units[start : start + 4] for start in range(0, len(units), 4))


def _pieces(members: Iterable[tuple[str, object]], closing: str = "\n}\n") -> Iterator[str]:
    """Yield the text of a document piece by piece, so that a large one need not be in memory twice."""
    opening = "{\n  "
    for name, value in members:
        yield f"{opening}{json_line(name)}: "
        rows = _as_rows(value)
        if rows is not None:
            yield from _rows(rows)
        else:
            yield json_line(value)
        opening = ",\n  "
    yield closing


def _as_rows(value: object) -> Iterable[object] | None:
    """Return the objects of a list that has a line for each of them; None for any other value."""
    if isinstance(value, Iterator):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, Mapping | Struct) for item in value):
        return value
    return None


def _rows(rows: Iterable[object]) -> Iterator[str]:
    opening = "["
    for row in rows:
        yield f"{opening}\n    {json_line(row)}"
        opening = ","
    yield "\n  ]" if opening == "," else "[]"


# Shapes: how the values of the model lie in flat JSON objects


class _Derived(NamedTuple):
    """A member that follows from the value: its type, what it has to be, and what to say of anything else."""

    type: object
    of: Callable[[Any], object]
    refusal: Callable[[object], str]


class _Shape(Generic[T]):
    """One flat JSON object for a value and those that it holds.

    `first` are members that always stand there, in this order; the others follow, those of `then` before the rest, left
    out when they have their default. `held` maps a field (dotted for inner ones) to the type of the value whose members
    lie beside the others; `rows` maps a field to the shape of the values in its list, which comes last. `without` are
    fields (dotted for inner ones) that the format does not have, `beside` members that are of the text and not of the
    value.
    """

    def __init__(  # noqa: PLR0913 - the words of a table
        self,
        kind: type[T],
        first: tuple[str, ...] = (),
        then: tuple[str, ...] = (),
        *,
        held: Mapping[str, type[Struct]] | None = None,
        derived: Mapping[str, _Derived] | None = None,
        rows: "Mapping[str, _Shape[Any]] | None" = None,
        tag: str | None = None,
        without: tuple[str, ...] = (),
        beside: tuple[str, ...] = (),
    ) -> None:
        self._derived, self._rows, self._without = derived or {}, rows or {}, without
        self._leaves: list[tuple[str, str, object, object]] = []
        self._build = self._builder(kind, "", held or {})
        members = {name: (type_of, default) for _, name, type_of, default in self._leaves}
        members |= {name: (member.type, NODEFAULT) for name, member in self._derived.items()}
        order = list(dict.fromkeys((*first, *then, *members)))
        order.sort(key=lambda name: name in self._rows)
        order += beside
        members |= dict.fromkeys(beside, (str, ""))
        always = {*first, *(name for name, (_, default) in members.items() if default is NODEFAULT)}
        fields = [(name, *members[name][: 1 if name in always else 2]) for name in order]
        self.strict = self._struct(kind.__name__, fields, tag, strict=True)
        self.lenient = self._struct(kind.__name__, fields, tag, strict=False)
        self._take = attrgetter(*(path for path, *_ in self._leaves))
        self._names = tuple(name for _, name, *_ in self._leaves)
        self._give = attrgetter(*self._names)
        self._defaults = {name: default for _, name, _, default in self._leaves if isinstance(default, Struct)}

    def flat(self, value: T, **instead: object) -> Struct:
        """Return a value as the one flat struct that is spelled, with other members `instead` of its own."""
        members: dict[str, Any] = dict(zip(self._names, self._take(value), strict=True)) | instead
        for name, default in self._defaults.items():
            if members[name] == default:
                members[name] = default  # msgspec leaves out what is the default itself
        for name, member in self._derived.items():
            members[name] = member.of(value)
        for name, rows in self._rows.items():
            members[name] = tuple(map(rows.flat, members[name]))
        return self.strict(**members)

    def value(self, flat: object) -> T:
        """Return the value that a flat struct spells. Raises ValueError when a member does not follow from it."""
        value: T = self._build(self._give(flat))
        for name, member in self._derived.items():
            if (found := getattr(flat, name)) != member.of(value):
                raise ValueError(f"/{name}: {member.refusal(found)}")
        return value

    def _builder(self, kind: type[Any], path: str, held: Mapping[str, type[Struct]]) -> Callable[[Any], Any]:
        """Note the leaves of a type in their order, and return what makes a value of theirs."""
        makers: list[Callable[[Any], Any]] = []
        for field in structs.fields(kind):
            place, number = f"{path}{field.name}", len(self._leaves)
            if place in self._without:
                makers.append(_always("" if field.default is NODEFAULT else field.default))
                continue
            if place in held:
                makers.append(self._builder(held[place], f"{place}.", held))
                continue
            rows = self._rows.get(field.encode_name)
            makers.append(itemgetter(number) if rows is None else _row_builder(number, field.encode_name, rows))
            type_of = _SPELLED_GUID if field.type is Guid else rows or field.type
            empty = field.default_factory
            default = field.default if empty is NODEFAULT else msgspec.field(default_factory=empty)
            self._leaves.append((place, field.encode_name, type_of, default))
        return lambda values: kind(*[make(values) for make in makers])

    @staticmethod
    def _struct(name: str, fields: list[Any], tag: str | None, *, strict: bool) -> type[Struct]:
        instants = [member for member, type_of, *_ in fields if type_of is datetime or datetime in get_args(type_of)]
        typed = [(member, _listed(type_of, strict=strict), *rest) for member, type_of, *rest in fields]

        def refuse_local_times(flat: Struct) -> None:
            require_utc(*[getattr(flat, instant) for instant in instants])

        return msgspec.defstruct(
            name,
            typed,
            namespace={"__post_init__": refuse_local_times} if instants else {},
            frozen=True,
            kw_only=True,
            omit_defaults=True,
            forbid_unknown_fields=strict,
            tag_field="entry" if tag else None,
            tag=tag,
        )


def _listed(type_of: object, *, strict: bool) -> object:
    """Return the type of a member, which for the values in its list is their shape so far."""
    if not isinstance(type_of, _Shape):
        return type_of
    row: Any = type_of.strict if strict else type_of.lenient
    return tuple[row, ...]


def _always(value: object) -> Callable[[Any], Any]:
    return lambda _: value


def _row_builder(number: int, name: str, rows: _Shape[Any]) -> Callable[[Any], Any]:
    def build(values: Sequence[Any]) -> tuple[Any, ...]:
        found = []
        for index, flat in enumerate(values[number]):
            try:
                found.append(rows.value(flat))
            except ValueError as error:
                raise ValueError(f"/{name}/{index}{error}") from None
        return tuple(found)

    return build


_SPELLED_GUID = Annotated[str, Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]


def _version(number: int, kind: str) -> _Derived:
    return _Derived(int, lambda _: number, lambda found: _unsupported(kind, found, (number,)))


_STEP = _Shape(
    Step,
    (
        "guid",
        "verdict",
        "reason",
        "before",
        "after",
        "known_from",
        "object",
        "workflow",
        "source",
        "siblings",
        "decision",
    ),
    ("detail", "approvers", "approval_reason"),
    held={"decision": Decision},
    derived={"verdict": _Derived(Verdict, attrgetter("verdict"), "'{}' does not go with the reason".format)},
)


def _all_of_a_decision_but(*kept: str) -> tuple[str, ...]:
    """Return the fields of a decision that a format does not have, which keeps these beside ticket, wish and place."""
    always = ("guid", "wanted", "source")
    return tuple(f"decision.{field.name}" for field in structs.fields(Decision) if field.name not in (*always, *kept))


_OF_PLAN = ("version", "tool", "target", "environment", "commit", "made_at", "expires_at", "digest", "counts")
_COUNTS = _Derived(dict[Verdict, int], attrgetter("counts"), lambda _: "the counts do not fit the steps")
_FIRST_PLAN = _Shape(Plan, _OF_PLAN, derived={"counts": _COUNTS}, rows={"steps": _STEP}, without=("ledger_heads",))
_PLAN = _Shape(
    Plan, (*_OF_PLAN, "ledger_heads"), derived={"counts": _COUNTS}, rows={"steps": _STEP}, beside=("checksum",)
)
_OF_RECEIPT = ("guid", "outcome", "before", "after", "result", "operation", "proof", "at", "detail")
_RECEIPT = _Shape(
    Receipt,
    _OF_RECEIPT,
    ("seen", "gone", "verdict", "object", "workflow"),
    held={"decision": Decision},
    without=("digest", *_all_of_a_decision_but()),
)
_RUN = _Shape(
    Run,
    ("version", "run", "digest", "target", "environment", "started_at", "ended_at", "counts"),
    derived={
        "version": _version(RUN_VERSION, "report"),
        "counts": _Derived(dict[Outcome, int], attrgetter("counts"), lambda _: "the counts do not fit the receipts"),
    },
    rows={"receipts": _RECEIPT},
)


class _Kind(NamedTuple):
    """A kind of ledger line: its word, and what its shape needs to know."""

    word: str
    first: tuple[str, ...] = ()
    held: Mapping[str, type[Struct]] = {}
    without: tuple[str, ...] = ()


def _of_decision(word: str, first: tuple[str, ...], *kept: str) -> _Kind:
    return _Kind(word, first, held={"decision": Decision}, without=_all_of_a_decision_but(*kept))


_KINDS: Mapping[type[Entry], _Kind] = {
    Opened: _Kind("opened", ("version", "heads")),
    Intent: _of_decision("intent", ("object", "workflow", "attempt"), "change", "window", "parameters", "rule"),
    Receipt: _of_decision("receipt", _OF_RECEIPT, "change", "window", "rule"),
    ClosedEntry: _Kind("closed"),
    AcceptedEntry: _of_decision("accepted", (), "change"),
    AttentionEntry: _Kind("attention"),
    AttestedEntry: _of_decision("attested", (), "change", "decided"),
    ObservedEntry: _Kind("observed"),
    Sealed: _Kind("sealed", held={"seal": Seal}),
    Ended: _Kind("ended"),
}


def _line_shape(entry: type[Entry], kind: _Kind) -> _Shape[Written]:
    inner = {f"entry.{name}": type_of for name, type_of in kind.held.items()}
    held = {"entry": entry, "provenance": Provenance, **inner}
    without = tuple(f"entry.{name}" for name in kind.without)
    return _Shape(Written, kind.first, held=held, tag=kind.word, without=without)


_ENTRIES = {
    entry: _Shape(entry, kind.first, held=kind.held, tag=kind.word, without=kind.without)
    for entry, kind in _KINDS.items()
}
_LINES = {entry: _line_shape(entry, kind) for entry, kind in _KINDS.items()}
_SHAPES: Mapping[type[Any], _Shape[Any]] = {Step: _STEP, **_ENTRIES}


# Formats


def plan_pieces(plan: Plan) -> Iterator[str]:
    """Yield the text of a plan piece by piece (schemas/plan.schema.json): what is saved, and what is printed."""
    shape = _FIRST_PLAN if plan.version == 1 else _PLAN
    members = dict(_members(shape.flat(plan, steps=()))) | {"steps": map(_STEP.flat, plan.steps)}
    if plan.version == 1:
        yield from _pieces(members.items())
        return
    checksum = hashlib.sha256()
    for piece in _pieces(members.items(), closing=",\n"):
        checksum.update(piece.encode("ascii"))
        yield piece
    yield _CHECKSUM.format(f"sha256:{checksum.hexdigest()}")


def plan_json(plan: Plan) -> str:
    """Return the text of a plan, byte for byte as it is saved."""
    return "".join(plan_pieces(plan))


_CHECKSUM = '  "checksum": "{}"\n}}\n'
"""The last two lines of a plan: the SHA-256 of every byte before them (`head -n -2 plan.json | sha256sum`)."""


def decode_plan(data: bytes) -> Plan:
    """Read a plan. Raises Malformed for what is no JSON, Edited for what is not as it was saved, else ValueError.

    The digest is read as it stands; whether it fits the steps is for planning/digest.py to say.
    """
    version = _require_version(data, "plan", PLAN_VERSIONS)
    if version == 1:
        return _decoded(data, _FIRST_PLAN)
    try:
        plan = _decoded(data, _PLAN)
    except UnknownMember:
        _require_checksum(data)
        plan = _decoded(data, _PLAN, strict=False)
        _tell_of_newer("plan")
    except UnknownWord as error:
        _require_checksum(data)
        raise Newer(str(error), data) from None
    _require_checksum(data)
    return plan


def _require_checksum(data: bytes) -> None:
    """Refuse every byte that is not as it was saved."""
    lines = data.rsplit(b"\n", 3)
    whole = b"\n".join(lines[:-3]) + b"\n"
    if data != whole + _CHECKSUM.format(sha256(whole)).encode("ascii"):
        raise Edited("the checksum does not fit: it was edited after it was made, or damaged")


def run_json(run: Run) -> str:
    """Return the report of a run as text (schemas/receipt.schema.json)."""
    return "".join(_pieces(_members(_RUN.flat(run))))


def decode_run(data: bytes) -> Run:
    """Read the report of a run. Raises Malformed for what is no JSON, ValueError with the place of the first fault."""
    _require_version(data, "report", (RUN_VERSION,))
    try:
        return _decoded(data, _RUN)
    except UnknownMember:
        run = _decoded(data, _RUN, strict=False)
        _tell_of_newer("report")
        return run
    except UnknownWord as error:
        raise Newer(str(error), data) from None


def encode_line(entry: Entry, number: int, run: str, provenance: Provenance, previous: str) -> bytes:
    """Return a ledger line without its newline (schemas/ledger.schema.json).

    A line does not carry its own hash: that is the SHA-256 of its bytes, so `sha256sum` is enough to check a chain.
    """
    return canonical(_LINES[type(entry)].flat(Written(entry, number, run, provenance, previous)))


def decode_line(data: bytes) -> Written:
    """Read a ledger line. Raises Newer for what this release does not know, ValueError with the place of a fault."""
    try:
        flat = _STRICT_LINE.decode(data)
    except ValidationError as error:
        _require_version(data, "ledger", LEDGER_VERSIONS)
        fault = _fault(error)
        flat = _newer_line(data) if isinstance(fault, UnknownMember) else _refused(fault, data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(data, error) from None
    return _SHAPE_OF_LINE[type(flat)].value(flat)


def _newer_line(data: bytes) -> object:
    """Read a line with members that this release does not know: the chain of hashes protects them."""
    try:
        flat = _LENIENT_LINE.decode(data)
    except ValidationError as error:
        return _refused(_fault(error), data)
    _tell_of_newer("ledger")
    return flat


def _refused(fault: ValueError, data: bytes) -> object:
    raise (Newer(str(fault), data) if isinstance(fault, UnknownWord) else fault) from None


def record_members(record: Record) -> dict[str, Json]:
    """Return a record of the ledger's history with the same members for every kind, null where nothing is known."""
    receipt = record.entry if isinstance(record.entry, Receipt) else None
    intent = record.intent
    return {
        "at": plain(record.at),
        "outcome": record.outcome,
        "guid": record.guid or None,
        "reason": record.reason or None,
        "object": record.object or None,
        "workflow": record.workflow or None,
        "change": record.change,
        "change_record": plain(intent.change_record) if intent else None,
        "before": plain(record.before),
        "after": plain(record.after),
        "seen": plain(receipt.seen) if receipt else None,
        "gone": receipt.gone if receipt else isinstance(record.entry, ClosedEntry),
        "result": receipt.result if receipt else None,
        "proof": receipt.proof.value if receipt else None,
        "detail": record.detail,
        "explanation": intent.explanation if intent else None,
        "parameters": plain(intent.parameters) if intent else {},
        "operation": receipt.operation if receipt else intent.operation if intent else None,
        "decision": record.digest or None,
        "overrides": plain(record.overrides),
        "review": plain(record.review),
        "decided": _place(record.decided) if record.decided else None,
        "source": plain(record.source or None),
        "run": record.line.run,
        "provenance": plain(record.line.provenance),
        "ledger": _place(record.line),
    }


def _place(line: Line) -> dict[str, Json]:
    return {"path": line.source.path, "line": line.source.line, "hash": line.hash}


def decode(data: bytes, kind: type[T]) -> T:
    """Read a value of the model or of a caller. Raises Malformed for what is no JSON, ValueError with its place."""
    try:
        return msgspec.json.decode(data, type=kind)
    except ValidationError as error:
        raise _fault(error) from None
    except (ValueError, RecursionError) as error:
        raise _malformed(data, error) from None


def decode_document(data: bytes, kind: type[T], named: str) -> T:
    """Read a document whose format has the version 1; that it has members which are not known is said once.

    Raises Newer for a higher version or an unknown word, Malformed for what is no JSON, ValueError with its place.
    """
    _require_version(data, named, (1,))
    try:
        found = decode(data, kind)
    except UnknownWord as error:
        raise Newer(str(error), data) from None
    if isinstance(found, Struct) and decode(data, dict).keys() - {"version", *found.__struct_fields__}:
        _tell_of_newer(named)
    return found


def parse(data: bytes) -> Json:
    """Read any JSON, lone surrogates as well. Raises ValueError or RecursionError for what is none."""
    value: Json = json.loads(data)
    return value


def members_of(text: str) -> Json:
    """Read what a server says: names in lower case, whatever its release, and none of them twice in one object.

    Raises Unsound, or another ValueError for what is no JSON.
    """
    value: Json = _SERVERS.decode(text)
    return value


# Faults of what is read


class Unsound(ValueError):
    """JSON that two readers may read as two things: a member stands twice in one object, or a number is none."""


class Malformed(ValueError):
    """What was read is no JSON. `line` and `column` count from 1; `cut_off` when it ends too early."""

    def __init__(self, message: str, line: int = 0, column: int = 0, *, cut_off: bool = False) -> None:
        """Keep the place."""
        super().__init__(message)
        self.line, self.column, self.cut_off = line, column, cut_off


class Edited(ValueError):
    """What was read is not as it was saved."""


class UnknownMember(ValueError):
    """What was read has a member that this release does not know, and no other fault so far."""


class UnknownWord(ValueError):
    """What was read has a word that this release does not know, and no other fault so far."""


class Newer(ValueError):
    """Only a newer release reads this: its version is higher, or it has a kind or a word that came later."""

    def __init__(self, what: str, data: bytes) -> None:
        """Say what is not known, and which release wrote `data` where that tells; `hint` says what to upgrade to."""
        try:
            tool = decode(data, _Written).tool
        except ValueError:
            tool = ""
        by = tool if _TOOL.fullmatch(tool) else ""
        super().__init__(f"written by a newer release{f' ({by})' if by else ''}: {what}")
        self.hint = f"upgrade to {f'{by} or later' if by else 'a release that reads it'}"


class _Written(Struct):
    tool: str = ""


_TOOL = re.compile(r"[a-z-]{1,30} [0-9A-Za-z.+]{1,60}")


def _members(flat: Struct) -> Iterator[tuple[str, object]]:
    """Yield the members of a flat struct that have something to say."""
    for field in structs.fields(flat):
        value = getattr(flat, field.name)
        if value is not field.default and (value or field.default_factory is NODEFAULT):
            yield field.encode_name, value


def _decoded(data: bytes, shape: _Shape[T], *, strict: bool = True) -> T:
    try:
        return shape.value(msgspec.json.decode(data, type=shape.strict if strict else shape.lenient))
    except ValidationError as error:
        raise _fault(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(data, error) from None


class _Versioned(Struct):
    version: object = None


def _require_version(data: bytes, kind: str, supported: tuple[int, ...]) -> object:
    """Check the version first: what else is wrong with a document of another one follows from it."""
    version = decode(data, _Versioned).version
    if type(version) is int and version > max(supported):
        raise Newer(_unsupported(kind, version, supported), data)
    if version is not None and (type(version) is not int or version not in supported):
        raise ValueError(f"/version: {_unsupported(kind, version, supported)}")
    return version


def _unsupported(kind: str, version: object, supported: tuple[int, ...]) -> str:
    read = f"version{'s' if len(supported) > 1 else ''} {' and '.join(map(str, supported))}"
    return f"{kind} version {version!r} is not supported, this release reads {read}"


@cache
def _tell_of_newer(kind: str) -> None:
    """Warn once that there is more than this release understands."""
    _LOG.warning("a newer release wrote this %s: what this release does not know of it is not shown", kind)


_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "a boolean",
    "object": "an object",
    "array": "an array",
    "datetime": "a time with an offset",
    "null": "null",
}
_FAULT = re.compile(r"(?P<what>.*?)(?: - at `(?:key` in `)?\$(?P<path>.*)`)?", re.DOTALL)
_STEPS_OF_PATH = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Object missing required field `(.*)`", 'the member "{0}" is missing'),
        (r"Object contains unknown field `(.*)`", 'unknown member "{0}"'),
        (r"Invalid RFC3339 encoded datetime", "this is not a time with an offset"),
        (r"Invalid (?:enum )?value (.*)", "{0} is no word that this release knows"),
        (r"Expected `str` matching regex .*", "this is not a GUID in lower case without braces"),
        (r"Expected `int` >= (\d+)", "a number from {0} on is needed"),
    )
)


def _fault(error: ValidationError) -> ValueError:
    """Return a fault in our words, of the class that says what kind of fault it is."""
    what = str(error)
    if "unknown field" in what:
        return UnknownMember(_words(error))
    return (UnknownWord if re.match("Invalid (enum )?value ", what) else ValueError)(_words(error))


def _words(error: ValidationError) -> str:
    """Return a fault in our words, with its place as a JSON pointer (RFC 6901); the whole document is "/"."""
    found = _FAULT.fullmatch(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    place = "/" + "/".join(name or index for name, index in _STEPS_OF_PATH.findall(path))
    for pattern, words in _WORDS:
        if match := pattern.fullmatch(what):
            return f"{place}: {words.format(*match.groups())}"
    if match := re.fullmatch(r"Expected `(.*?)`(?:, got `(.*)`)?", what):
        needed = " or ".join(_TYPES.get(word, word) for word in match[1].split(" | "))
        got = f", this is {_TYPES.get(match[2], match[2]).replace('whole ', '')}" if match[2] else ""
        return f"{place}: {needed} is needed{got}"
    return f"{place}: {what}"


def _malformed(data: bytes, error: Exception) -> Malformed:
    place = re.search(r"\(byte (\d+)\)$", str(error))
    if place is None:
        cut_off = str(error).endswith("truncated")
        return Malformed(str(error), data.count(b"\n") + 1 if cut_off else 0, cut_off=cut_off)
    before = data[: int(place[1])]
    message = str(error).removeprefix("JSON is malformed: ").removesuffix(f" {place[0]}")
    return Malformed(message, before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))


def _lower(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = {name.lower(): value for name, value in pairs}
    if len(members) != len(pairs):
        raise Unsound("a member stands twice in one object")
    return members


def _no_constant(name: str) -> Json:
    raise Unsound(f"{name} is not JSON")


_SERVERS = json.JSONDecoder(object_pairs_hook=_lower, parse_constant=_no_constant)
_STRICT_LINE = msgspec.json.Decoder(Union[tuple(shape.strict for shape in _LINES.values())])  # noqa: UP007
_LENIENT_LINE = msgspec.json.Decoder(Union[tuple(shape.lenient for shape in _LINES.values())])  # noqa: UP007
_SHAPE_OF_LINE = {kind: shape for shape in _LINES.values() for kind in (shape.strict, shape.lenient)}
