"""Reads one manifest: header and entries, streamed, so that a large file needs little memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from reconciler.manifests.codes import Code
from reconciler.manifests.decode import Header, decode_override, decode_ticket
from reconciler.manifests.event import LIST_END, LIST_START, MAP_START, Event, source
from reconciler.manifests.fault import Fault
from reconciler.manifests.gate import Gate
from reconciler.manifests.header import gate, read_header, schema_of, ticket_gate
from reconciler.manifests.place import Places, locate
from reconciler.manifests.select import decode_rule
from reconciler.manifests.strict_yaml import StrictReader, Unparsable, Value
from reconciler.manifests.syntax import syntax_problem
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Decision, Override, Problem, Selection, Source

_SHAPES_TICKETS = frozenset({"change", "timezone", "defaults"})
_WELL_FORMED: Value = {"guid": "00000000-0000-0000-0000-000000000000", "status": "Pending"}


@dataclass(slots=True)
class Manifest:
    """What one file says. With problems among it, the rest is incomplete."""

    decisions: list[Decision] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Refused:
    """A ticket that the gate refused, kept with its events so that places can be told."""

    value: Value
    events: tuple[Event, ...]
    source: Source


@dataclass(slots=True)
class _Draft:
    """One pass over a file: the manifest so far, and what is to be looked at once the whole file is known.

    `late` says that members which shape tickets stood after them, so that a second pass is needed.
    """

    reader: StrictReader
    windows: Windows
    manifest: Manifest = field(default_factory=Manifest)
    members: dict[str, Value] = field(default_factory=dict)
    other: Value = None
    header: Header | None = None
    header_faults: list[Fault] = field(default_factory=list)
    refused: list[_Refused] = field(default_factory=list)
    late: bool = False
    whole: bool = False


def read_manifest(file: str, data: bytes, windows: Windows) -> Manifest:
    """Return what the text of one manifest says, and every fault in it. Never raises for anything in the text."""
    draft = _read(file, data, windows, {})
    if draft.late:
        draft = _read(file, data, windows, draft.members)
    draft.manifest.problems += draft.reader.problems
    if draft.reader.log:
        _look_again(draft)
    else:
        hint = "fill the file, or remove it"
        draft.manifest.problems.append(Problem(Code.FILE_EMPTY, Source(file), "there is nothing in this file", hint))
    return draft.manifest


def _read(file: str, data: bytes, windows: Windows, known: dict[str, Value]) -> _Draft:
    draft = _Draft(StrictReader(file, data), windows)
    try:
        _read_document(draft, known)
        draft.whole = True
    except yaml.YAMLError as error:
        draft.reader.problems.append(syntax_problem(file, error, data))
    except Unparsable as stop:
        draft.reader.problems.append(stop.problem)
    return draft


def _read_document(draft: _Draft, known: dict[str, Value]) -> None:
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


def _stream_tickets(draft: _Draft, header: Header, members: dict[str, Value]) -> None:
    reader, log, decisions = draft.reader, draft.reader.log, draft.manifest.decisions
    fits = ticket_gate(members.get("defaults"))
    faults: list[Fault] = []
    while (event := reader.next()).__class__ is not LIST_END:
        first = len(log) - 1
        value = reader.value(event, 2)
        at = source(reader.file, event)
        if isinstance(value, dict) and fits(value):
            decision = decode_ticket(value, header, at, faults)
            if decision is not None:
                decisions.append(decision)
            if faults:
                _report(draft, faults, locate(reader.file, log[first:]))
                faults.clear()
        else:
            draft.refused.append(_Refused(value, tuple(log[first:]), at))
        del log[first:]


def _report(draft: _Draft, faults: list[Fault], places: Places) -> None:
    draft.manifest.problems += [fault.problem(places) for fault in faults]


def _look_again(draft: _Draft) -> None:
    """Check header, refused tickets and everything that is not a ticket, now that the whole file is known."""
    manifest, members = draft.manifest, draft.members
    header = draft.header or read_header(members, draft.windows, draft.header_faults)
    places = locate(draft.reader.file, draft.reader.log)
    faults = draft.header_faults
    _check_shape(draft, header, places)
    for index, entry in _well_formed(members.get("overrides"), gate("decisions", "override")):
        found: list[Fault] = []
        override = decode_override(entry, header, places.value(("overrides", index)), found)
        manifest.overrides += [override] if override else []
        faults += [fault.under("overrides", index) for fault in found]
    for index, entry in _well_formed(members.get("rules"), gate("rules", "rule")):
        found = []
        selection = decode_rule(entry, header, places.value(("rules", index)), found)
        manifest.selections += [selection] if selection else []
        faults += [fault.under("rules", index) for fault in found]
    _report(draft, faults, places)


def _well_formed(entries: Value, fits: Gate) -> Iterator[tuple[int, dict[str, Value]]]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and fits(entry):
            yield index, entry


def _check_shape(draft: _Draft, header: Header, places: Places) -> None:
    """Show jsonschema what the gate refuses: the members around the tickets, and the refused tickets alone."""
    kind = "rules" if draft.members.get("kind") == "rules" else "decisions"
    instance = draft.other
    if draft.members or instance is None:
        instance = dict(draft.members)
        if isinstance(instance.get("tickets"), list):
            accepted = [_WELL_FORMED] if draft.manifest.decisions else []
            instance["tickets"] = [refused.value for refused in draft.refused] or accepted
    if gate(kind)(instance):
        return
    for index, refused in enumerate(draft.refused):
        places.add(locate(draft.reader.file, refused.events, ("tickets", index)))
    from reconciler.manifests.schema_faults import schema_problems

    problems = schema_problems(schema_of(kind), instance, places)
    if not draft.whole:  # what seems to be missing may stand behind the place where reading had to stop
        problems = [problem for problem in problems if problem.code != Code.SCHEMA_MISSING]
    draft.manifest.problems += problems
    if not problems:
        _decode_refused(draft, header, places)


def _decode_refused(draft: _Draft, header: Header, places: Places) -> None:
    """Take tickets that the gate refused and the schema accepts."""
    faults: list[Fault] = []
    for index, refused in enumerate(draft.refused):
        found: list[Fault] = []
        if isinstance(refused.value, dict):
            decision = decode_ticket(refused.value, header, refused.source, found)
            draft.manifest.decisions += [decision] if decision else []
        faults += [fault.under("tickets", index) for fault in found]
    _report(draft, faults, places)
