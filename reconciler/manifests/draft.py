"""One pass over the text of a manifest, in which tickets are decoded as they stream by to keep memory small."""

from dataclasses import dataclass, field

import yaml

from reconciler.manifests.decode import Header, decode_ticket
from reconciler.manifests.event import LIST_END, LIST_START, MAP_START, Event, source
from reconciler.manifests.fault import Fault
from reconciler.manifests.header import read_header, ticket_gate
from reconciler.manifests.strict_yaml import StrictReader, Unparsable, Value
from reconciler.manifests.syntax import syntax_problem
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Decision, Source

_SHAPES_TICKETS = frozenset({"change", "timezone", "defaults"})


@dataclass(slots=True)
class Kept:
    """A ticket to look at again, with its events so that places can be told.

    The gate refused it when `faults` is None; else it is well-formed and these are wrong with it.
    """

    value: Value
    events: tuple[Event, ...]
    source: Source
    faults: list[Fault] | None


@dataclass(slots=True)
class Draft:
    """What one pass found. `members` are those of the top of the file, with `tickets` left empty.

    `late` says that members which shape tickets stood after them, so that a second pass is needed; `whole` that the
    text could be read to its end; `other` is what the text is instead of a map. `fits` says that somebody has looked at
    the members, and that they are well-formed.
    """

    reader: StrictReader
    windows: Windows
    members: dict[str, Value] = field(default_factory=dict)
    other: Value = None
    header: Header | None = None
    header_faults: list[Fault] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    seen: int = 0
    late: bool = False
    whole: bool = False
    fits: bool = False


def read_draft(file: str, data: bytes, windows: Windows) -> Draft:
    """Read a text once, or twice when what shapes its tickets stands after them. Syntax errors end the pass early."""
    draft = _pass(file, data, windows, {})
    return _pass(file, data, windows, draft.members) if draft.late else draft


def _pass(file: str, data: bytes, windows: Windows, known: dict[str, Value]) -> Draft:
    draft = Draft(StrictReader(file, data), windows)
    try:
        _read_document(draft, known)
        draft.whole = True
    except yaml.YAMLError as error:
        draft.reader.problems.append(syntax_problem(file, error, data))
    except Unparsable as stop:
        draft.reader.problems.append(stop.problem)
    return draft


def _read_document(draft: Draft, known: dict[str, Value]) -> None:
    reader = draft.reader
    first = reader.begin()
    if first is None:
        reader.log.clear()
        return
    if first.__class__ is not MAP_START:
        draft.other = reader.value(first)
    else:
        for name, event in reader.members():
            if name == "tickets" and event.__class__ is LIST_START and not event.tag:
                draft.header = read_header(known or draft.members, draft.windows, draft.header_faults)
                draft.members[name] = []
                _stream_tickets(draft, draft.header, known or draft.members)
            else:
                draft.members[name] = reader.value(event, 1)
                draft.late |= not known and draft.header is not None and name in _SHAPES_TICKETS
    reader.end()


def _stream_tickets(draft: Draft, header: Header, members: dict[str, Value]) -> None:
    reader, log, decisions = draft.reader, draft.reader.log, draft.decisions
    fits = ticket_gate(members.get("defaults"))
    faults: list[Fault] = []
    while (event := reader.next()).__class__ is not LIST_END:
        first = len(log) - 1
        value = reader.value(event, 2)
        draft.seen += 1
        at = source(reader.file, event)
        if isinstance(value, dict) and fits(value):
            decision = decode_ticket(value, header, at, faults)
            if decision is not None:
                decisions.append(decision)
            if faults:
                draft.kept.append(Kept(value, tuple(log[first:]), at, faults))
                faults = []
        else:
            draft.kept.append(Kept(value, tuple(log[first:]), at, None))
        del log[first:]
