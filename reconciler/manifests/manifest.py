"""Reads one manifest: what it declares, and every fault in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reconciler.manifests.branching import Gate
from reconciler.manifests.codes import Code
from reconciler.manifests.decode import Header, decode_override, decode_ticket
from reconciler.manifests.draft import Draft
from reconciler.manifests.fault import Fault
from reconciler.manifests.header import fits_beside_tickets, gate, read_header, schema_of
from reconciler.manifests.place import Places, locate
from reconciler.manifests.quick_draft import read_quickly
from reconciler.manifests.select import decode_rule
from reconciler.manifests.strict_yaml import Value
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Decision, Override, Problem, Selection, Source

ReadDraft = Callable[[str, bytes, Windows], Draft]
"""Reads a text once: read_draft, or read_quickly, which comes to the same."""

_WELL_FORMED: Value = {"guid": "00000000-0000-0000-0000-000000000000", "status": "Pending"}
_BESIDE_TICKETS = frozenset({"version", "kind", "change", "timezone", "defaults", "tickets"})


@dataclass(slots=True)
class Manifest:
    """What one file says. With problems among it, the rest is incomplete."""

    decisions: list[Decision] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_manifest(file: str, data: bytes, windows: Windows, read: ReadDraft = read_quickly) -> Manifest:
    """Return what the text of one manifest says, and every fault in it. Never raises for anything in the text."""
    draft = read(file, data, windows)
    manifest = Manifest(draft.decisions, problems=draft.reader.problems)
    if _is_all_tickets_and_good(draft):
        return manifest
    if draft.whole and not draft.members and draft.other is None:
        hint = "fill the file, or remove it"
        manifest.problems.append(Problem(Code.FILE_EMPTY, Source(file), "there is nothing in this file", hint))
        return manifest
    if not draft.whole and draft.kept and draft.kept[-1].faults is None:
        draft.kept.pop()  # most likely the victim of the syntax error, and not faulty by itself
    header = draft.header or read_header(draft.members, windows, draft.header_faults)
    places = locate(file, draft.reader.log)
    _tell_kept(draft, manifest, places)
    accepted = _check_shape(draft, manifest, places)
    if accepted:
        _decode_refused(draft, manifest, header, places)
        manifest.decisions.sort(key=lambda decision: (decision.source.line, decision.source.column))
    _decode_members(draft, manifest, header, places, accepted=accepted)
    return manifest


def _is_all_tickets_and_good(draft: Draft) -> bool:
    """Say that nothing needs a second look, nor to know where it stands: so it is with nearly every file."""
    members = draft.members
    if not draft.whole or draft.kept or draft.reader.problems or draft.header_faults or not draft.decisions:
        return False
    return draft.fits or (members.keys() <= _BESIDE_TICKETS and fits_beside_tickets(members))


def _tell_kept(draft: Draft, manifest: Manifest, places: Places) -> None:
    """Say what is wrong with well-formed tickets. What a ticket has from the defaults is wrong there."""
    for index, kept in enumerate(draft.kept):
        places.add(locate(draft.reader.file, kept.events, ("tickets", index)))
        for fault in kept.faults or ():
            path = fault.path
            from_defaults = path and isinstance(kept.value, dict) and path[0] not in kept.value
            outer = ("defaults",) if from_defaults and ("defaults", path[0]) in places.values else ("tickets", index)
            manifest.problems.append(fault.under(*outer).problem(places))


def _check_shape(draft: Draft, manifest: Manifest, places: Places) -> bool:
    """Show jsonschema what the gate refuses: members of the file, and refused tickets alone. True if it accepts."""
    members = draft.members
    rules = members.get("kind") == "rules" or ("rules" in members and "tickets" not in members)
    kind = "rules" if rules else "decisions"
    instance = _without_good_tickets(draft) if members or draft.other is None else draft.other
    if gate(kind)(instance):
        return True
    from reconciler.manifests.schema_faults import schema_problems

    problems = schema_problems(schema_of(kind), instance, places)
    told = {problem.source for problem in manifest.problems}
    missing = Code.SCHEMA_MISSING
    manifest.problems += [
        problem
        for problem in problems
        if problem.source not in told  # a tag or alias that was refused is no text, either
        # what seems to be missing may stand behind the place where reading had to stop
        and (draft.whole or problem.code != missing or problem.source != places.value(()))
    ]
    return not problems


def _without_good_tickets(draft: Draft) -> Value:
    instance = dict(draft.members)
    if isinstance(instance.get("tickets"), list):
        refused = {index: kept.value for index, kept in enumerate(draft.kept) if kept.faults is None}
        # well-formed tickets are replaced, so that indices and with them places stay
        shown = [refused.get(index, _WELL_FORMED) for index in range(len(draft.kept))]
        instance["tickets"] = shown if draft.whole and len(draft.kept) == draft.seen else [*shown, _WELL_FORMED]
    return instance


def _decode_refused(draft: Draft, manifest: Manifest, header: Header, places: Places) -> None:
    """Take tickets that the gate refused and the schema accepts."""
    for index, kept in enumerate(draft.kept):
        if kept.faults is None and isinstance(kept.value, dict):
            found: list[Fault] = []
            decision = decode_ticket(kept.value, header, kept.source, found)
            manifest.decisions += [decision] if decision else []
            manifest.problems += [fault.under("tickets", index).problem(places) for fault in found]


def _decode_members(draft: Draft, manifest: Manifest, header: Header, places: Places, *, accepted: bool) -> None:
    """Decode what stands at the top of the file beside the tickets: all of it, or what is well-formed of it."""
    faults = draft.header_faults
    fits_override, fits_rule = (
        (_anything, _anything) if accepted else (gate("decisions", "override"), gate("rules", "rule"))
    )
    for index, entry in _well_formed(draft.members.get("overrides"), fits_override):
        found: list[Fault] = []
        override = decode_override(entry, header, places.value(("overrides", index)), found)
        manifest.overrides += [override] if override else []
        faults += [fault.under("overrides", index) for fault in found]
    for index, entry in _well_formed(draft.members.get("rules"), fits_rule):
        found = []
        selection = decode_rule(entry, header, places.value(("rules", index)), found)
        manifest.selections += [selection] if selection else []
        faults += [fault.under("rules", index) for fault in found]
    manifest.problems += [fault.problem(places) for fault in faults]


def _anything(_: object) -> bool:
    return True


def _well_formed(entries: Value, fits: Gate) -> Iterator[tuple[int, dict[str, Value]]]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and fits(entry):
            yield index, entry
