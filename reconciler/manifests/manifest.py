"""Reads one manifest: what it declares, and every fault in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from reconciler.manifests.decode import FileHeader, decode_override, decode_rule, decode_ticket
from reconciler.manifests.problems import Code, InvalidValue, Path
from reconciler.manifests.schema import (
    Validator,
    member_validator,
    newer_version,
    schema_problems,
    ticket_validator,
    validator,
)
from reconciler.manifests.times import zone_of
from reconciler.manifests.windows import Windows
from reconciler.manifests.yaml import Document, Value, read_document
from reconciler.model.decision import (
    Attestation,
    Decision,
    Expectation,
    Override,
    Parameters,
    Problem,
    Selection,
    Severity,
    Source,
)
from reconciler.model.declared import Form, declared
from reconciler.model.value import quote

_DECLARED = {"expect": Expectation, "decided": Attestation, "parameters": Parameters}
_FORMS = {(outer, name): each.form for outer, kind in _DECLARED.items() for name, each in declared(kind).items()}
_NAMED = tuple(path for path, form in _FORMS.items() if form is Form.NAME)
_TEXTS = (("explanation",), ("change",), *(path for path, form in _FORMS.items() if form is Form.TEXT))
_KEYS = "|".join(sorted({path[-1] for path in _TEXTS}))
_CUT = re.compile(rf"\\[^\n]*[ \t]#|(?:{_KEYS}):[^\n]*[ \t]#[^\s#]".encode())
_VALID_TICKET: Value = {"guid": "00000000-0000-0000-0000-000000000000", "status": "Pending"}


@dataclass(slots=True)
class Manifest:
    """What one file says. With problems among it, the rest is incomplete."""

    decisions: list[Decision] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_manifest(file: str, data: bytes, windows: Windows) -> Manifest:
    """Return what the text of one manifest says, and every fault in it. Never raises for anything in the text."""
    document = read_document(file, data)
    manifest = Manifest(problems=document.problems)
    if document.empty or document.value == {}:
        hint = "fill the file, or remove it"
        manifest.problems.append(Problem(Code.FILE_EMPTY, Source(file), "there is nothing in this file", hint))
        return manifest
    if (newer := newer_version(document.value, document.places)) is not None:
        return Manifest(problems=[newer])
    members = document.value if isinstance(document.value, dict) else {}
    stated = members.get("tickets")
    tickets: list[Value] = stated if isinstance(stated, list) else []
    fits = ticket_validator(members.get("defaults"))
    refused = [index for index, ticket in enumerate(tickets) if not fits(ticket)]
    if not document.whole and refused and refused[-1] == len(tickets) - 1:
        refused.pop()  # most likely the victim of the syntax error, and not faulty by itself
        tickets.pop()
    header_faults: list[InvalidValue] = []
    header = _header(members, windows, header_faults)
    _decode_tickets(document, tickets, frozenset(refused), header, manifest)
    accepted = _check_shape(document, members, refused, manifest)
    _decode_members(document, members, header, manifest, accepted=accepted)
    manifest.problems += [fault.at(document.places.value(fault.path)) for fault in header_faults]
    if (b" #" in data or b"\t#" in data) and _CUT.search(data):
        manifest.problems += _cut(document, members, tickets)
    return manifest


def _cut(document: Document, members: dict[str, Value], tickets: list[Value]) -> Iterator[Problem]:
    """Warn of names that end before a ` #`, which begins a comment where they have no quotes.

    Texts are warned of where what follows looks like a part of them, such as `ticket #42`.
    """
    entries: list[tuple[Path, Value]] = [(("tickets", index), ticket) for index, ticket in enumerate(tickets)]
    for outer, entry in [((), members), (("defaults",), members.get("defaults")), *entries]:
        for inner in _NAMED + _TEXTS:
            value: Value = entry
            for name in inner:
                value = value.get(name) if isinstance(value, dict) else None
            path = (*outer, *inner)
            if isinstance(value, str) and re.match(
                re.escape(value) + (r"[ \t]+#" if inner in _NAMED else r"[ \t]+#[^\s#]"), document.places.line(path)
            ):
                hint = "put the text into quotes if `#` belongs to it, else the comment on a line of its own"
                message = f"{quote(value)} ends before ` #`, which begins a comment"
                yield Problem(Code.YAML_CUT, document.places.value(path), message, hint, Severity.WARNING)


def _header(members: dict[str, Value], windows: Windows, faults: list[InvalidValue]) -> FileHeader:
    """Return what is usable of the members of a file, and gather what is wrong with them beyond the schema."""
    change, zone_name, defaults = members.get("change"), members.get("timezone"), members.get("defaults", {})
    zone = None
    if isinstance(zone_name, str) and validator("decisions", "timezone")(zone_name):
        try:
            zone = zone_of(zone_name)
        except InvalidValue as fault:
            faults.append(fault.under("timezone"))
    fits = isinstance(defaults, dict) and (not defaults or member_validator("decisions", "defaults")(defaults))
    return FileHeader(
        windows=windows,
        change=change if isinstance(change, str) else None,
        zone=zone,
        zone_broken=zone is None and "timezone" in members,
        defaults=defaults if isinstance(defaults, dict) and fits else None,
    )


def _decode_tickets(
    document: Document, tickets: list[Value], refused: frozenset[int], header: FileHeader, manifest: Manifest
) -> None:
    """Decode the valid tickets. What a ticket has from the defaults is wrong there."""
    places, decisions = document.places, manifest.decisions
    found: list[InvalidValue] = []
    for index, ticket in enumerate(tickets):
        if index in refused or not isinstance(ticket, dict):
            continue
        decision = decode_ticket(ticket, header, places.entry(index), found)
        if decision is not None:
            decisions.append(decision)
        for fault in found:
            path = fault.path
            from_defaults = path and path[0] not in ticket and ("defaults", path[0]) in places
            outer: Path = ("defaults",) if from_defaults else ("tickets", index)
            manifest.problems.append(fault.under(*outer).at(places.value((*outer, *path))))
        found.clear()


def _check_shape(document: Document, members: dict[str, Value], refused: list[int], manifest: Manifest) -> bool:
    """Check the members of the file by the schema, and of the tickets those that are not valid. True if all is well."""
    rules = members.get("kind") == "rules" or ("rules" in members and "tickets" not in members)
    kind = "rules" if rules else "decisions"
    value = document.value if document.whole or document.value is not None else {}
    tickets = members.get("tickets")
    if isinstance(tickets, list) and (tickets or not document.whole):
        # valid tickets are left out: there may be many, and most of a file's faults are in few of them
        value = {**members, "tickets": [tickets[index] for index in refused] or [_VALID_TICKET]}
    if validator(kind)(value):
        return True
    problems = schema_problems(
        kind,
        value,
        document.places,
        lambda path: (
            (path[0], refused[int(path[1])], *path[2:]) if refused and path[1:] and path[0] == "tickets" else path
        ),
    )
    reported = {problem.source for problem in manifest.problems}
    top = document.places.value(())
    manifest.problems += [
        problem
        for problem in problems
        if problem.source not in reported  # a tag or alias that was refused is no text, either
        # what seems to be missing may stand behind the place where reading had to stop
        and (document.whole or problem.code != Code.SCHEMA_MISSING or problem.source != top)
    ]
    return not problems


def _decode_members(
    document: Document, members: dict[str, Value], header: FileHeader, manifest: Manifest, *, accepted: bool
) -> None:
    """Decode what stands at the top of the file beside the tickets: all of it, or what is valid of it."""
    places = document.places
    found: list[InvalidValue] = []
    fits_override = _anything if accepted else validator("decisions", "override")
    for index, entry in _valid(members.get("overrides"), fits_override):
        override = decode_override(entry, header, places.value(("overrides", index)), found)
        manifest.overrides += [override] if override else []
        manifest.problems += [fault.at(places.value(("overrides", index, *fault.path))) for fault in found]
        found.clear()
    for index, entry in _valid(members.get("rules"), _anything if accepted else validator("rules", "rule")):
        selection = decode_rule(entry, header, places.value(("rules", index)), found)
        manifest.selections += [selection] if selection else []
        manifest.problems += [fault.at(places.value(("rules", index, *fault.path))) for fault in found]
        found.clear()


def _anything(_: object) -> bool:
    return True


def _valid(entries: Value, fits: Validator) -> Iterator[tuple[int, dict[str, Value]]]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and fits(entry):
            yield index, entry
