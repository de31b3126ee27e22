"""Which ticket is meant: people name one by its GUID, its first digits, or its object, as every output shows them."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.app.context import Context
from reconciler.errors import InvalidInput, UnclearName
from reconciler.ledger.history import unverified_lines
from reconciler.manifests.load import find, load_desired
from reconciler.model.decision import Decision
from reconciler.model.receipt import Receipt
from reconciler.model.record import Intent
from reconciler.model.ticket import Found, Guid, dn_key, parse_guid
from reconciler.planning.selections import matches_any, pattern_of

_DIGITS = re.compile(r"[0-9a-f]{4,8}|[0-9a-f]{8}-[0-9a-f-]{1,27}")
_MOST = 10

Objects = Mapping[Guid, str]
"""Tickets with the DN of their objects, empty where nobody knows it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets a command is about: names, patterns for objects, changes. All empty means: all tickets."""

    names: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is left out."""
        return bool(self.names or self.objects or self.changes)

    def __str__(self) -> str:
        """Return it as on the command line: `--ticket 6ede0e12 --change CHG0041234`."""
        options = (("--ticket", self.names), ("--object", self.objects), ("--change", self.changes))
        return " ".join(f"{option} {each}" for option, values in options for each in values)


def ticket_of(name: str, *sources: Callable[[], Objects]) -> Guid:
    """Return the ticket that a name means. Sources are asked one after the other, until one knows the name.

    Raises UnclearName when a name fits several tickets, or none.
    """
    try:
        return parse_guid(name)
    except ValueError:
        pass
    known: dict[Guid, str] = {}
    for source in sources:
        known |= source()
        found = _fitting(name, known)
        if len(found) == 1:
            return found[0]
        if found:
            raise UnclearName(f"{name!r} fits {len(found):,} tickets", _candidates(found, known))
    raise UnclearName(f"no ticket is known as {name!r}", _alike(name, known))


def chosen(decisions: Iterable[Decision], wanted: Wanted) -> tuple[Decision, ...]:
    """Return the decisions that are asked for: one must be named, fit a pattern, or belong to a change of each kind.

    Raises UnclearName for a name that fits several decisions or none, and when nothing is left.
    """
    decisions = tuple(decisions)
    known = {decision.guid: decision.expect.object or "" for decision in decisions}
    named = {ticket_of(name, lambda: known) for name in wanted.names}
    patterns = tuple(map(pattern_of, wanted.objects))
    changes = {change.casefold() for change in wanted.changes}
    kept = tuple(
        decision
        for decision in decisions
        if (not named or decision.guid in named)
        and (not patterns or matches_any(patterns, known[decision.guid]) is not None)
        and (not changes or (decision.change or "").casefold() in changes)
    )
    if not kept or named - known.keys():
        raise UnclearName(f"no decision of the manifests fits {wanted}", "`reconciler list` shows what there is")
    return kept


def named_in(context: Context, name: str, *, live: bool = True) -> Guid:
    """Return the ticket that a name means in manifests, ledger and, if `live`, among the caller's own on the server.

    Raises UnclearName, ServerFailure.
    """
    sources = (lambda: _declared(context), lambda: recorded(context.ledger))
    return ticket_of(name, *sources, *([lambda: _waiting(context)] if live else []))


def recorded(ledger: Path) -> Objects:
    """Return the tickets that a ledger names."""
    found: dict[Guid, str] = {}
    for line in unverified_lines(ledger) if ledger.is_dir() else ():
        if isinstance(line.entry, Intent | Receipt):
            found[line.entry.guid] = line.entry.object or found.get(line.entry.guid, "")
    return found


def decisions_of(context: Context) -> Mapping[Guid, Decision]:
    """Return what manifests want of tickets; nothing when there are no manifests yet. Raises InvalidInput."""
    settings = context.settings
    there = [name for name in settings.tickets if Path(name).exists()]
    if not find(there)[0]:
        return {}
    desired = load_desired(there, windows=settings.windows, now=context.clock.now())
    return {decision.guid: decision for decision in desired.decisions}


def _declared(context: Context) -> Objects:
    """Return the tickets that manifests name. What is wrong with manifests is told by those who can't go on."""
    try:
        return {guid: decision.expect.object or "" for guid, decision in decisions_of(context).items()}
    except InvalidInput:
        return {}


def _waiting(context: Context) -> Objects:
    readings = context.backend.reader().read_many(context.backend.find())
    return {guid: reading.ticket.object for guid, reading in readings if isinstance(reading, Found)}


def _fitting(name: str, known: Objects) -> Sequence[Guid]:
    """Return the tickets whose GUID begins so, or whose object is called so, by its whole DN or its last part."""
    text = name.strip().strip("{}").casefold()
    begins = [guid for guid in known if guid.startswith(text)] if _DIGITS.fullmatch(text) else []
    called = [guid for guid, dn in known.items() if dn and dn_key(name) in (dn_key(dn), dn_key(_last(dn)))]
    return sorted({*begins, *called})


def _last(dn: str) -> str:
    return dn.rpartition("\\")[2]


def _candidates(found: Iterable[Guid], known: Objects) -> str:
    lines = [f"{guid}  {known[guid] or 'object not known'}" for guid in found]
    more = [f"and {len(lines) - _MOST:,} more"] if len(lines) > _MOST else []
    return "name one of them by its GUID:\n" + "\n".join([*lines[:_MOST], *more])


def _alike(name: str, known: Objects) -> str:
    names = {_last(dn).casefold(): guid for guid, dn in known.items() if dn}
    alike = difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.7)
    if alike:
        return "did you mean\n" + "\n".join(_spelled(alike, names, known))
    return "write the GUID, its first digits, or the object's name as `list` shows it"


def _spelled(alike: Iterable[str], names: Mapping[str, Guid], known: Objects) -> Iterator[str]:
    for each in alike:
        yield f"{names[each]}  {known[names[each]]}"
