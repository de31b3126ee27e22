"""Decide: write what should become of one ticket into the manifests. Nothing is sent anywhere."""

from dataclasses import dataclass
from pathlib import Path

from reconciler.app.certificates import certificates_of
from reconciler.app.context import Context
from reconciler.app.import_tickets import default_pattern, entry_of
from reconciler.app.outputs import changing
from reconciler.app.tickets import decisions_of
from reconciler.app.validate import policy_problems
from reconciler.atomic import atomic_write
from reconciler.errors import InvalidInput, UnclearName
from reconciler.manifests.amend import set_members
from reconciler.manifests.edit import append_entries, value_of
from reconciler.manifests.load import load_desired
from reconciler.manifests.write import Member, file_for, new_manifest
from reconciler.model.decision import Attestation, Decision, Problem, Source
from reconciler.model.declared import stated
from reconciler.model.review import Emergency
from reconciler.model.status import Status, format_instant
from reconciler.model.ticket import Found, Guid
from reconciler.model.value import replace

_SCHEDULED = (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)


@dataclass(frozen=True, slots=True)
class Choice:
    """What should become of a ticket. `schedule` is the name of a window or a map of times."""

    status: str
    schedule: Member | None = None
    explanation: str | None = None
    change: str | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was written: the ticket, its object, where its entry stands, and what it wanted before (empty: new)."""

    guid: Guid
    object: str
    source: Source
    before: str
    after: str


def decide(context: Context, guid: Guid, choice: Choice, emergency: Emergency | None = None) -> Chosen:
    """Write or change the entry of a ticket, every other byte left as it was. An `emergency` waives what it may.

    Raises InvalidInput, with nothing written, when the manifests or the policy would refuse it, UnclearName when there
    is no such ticket, ServerFailure.
    """
    known = decisions_of(context).get(guid)
    if known is not None:
        path = Path(known.source.path)
        text = path.read_bytes().decode("utf-8")
        edited = set_members(str(path), text, guid, _members(choice))
        return _written(context, path, (text, edited), guid, known, emergency)
    path, before, edited = _with_new_entry(context, guid, choice)
    return _written(context, path, (before, edited), guid, None, emergency)


def say_who_decided(context: Context, guid: Guid, decided: Attestation) -> Path:
    """Note in the entry of a ticket that it was decided outside, and return its file. Raises InvalidInput."""
    path = Path(decisions_of(context)[guid].source.path)
    members = {name: said if isinstance(said, str) else format_instant(said) for name, _, said in stated(decided)}
    edited = set_members(str(path), path.read_bytes().decode("utf-8"), guid, {"decided": members})
    with changing(path):
        atomic_write(path, edited.encode("utf-8"))
    return path


def _members(choice: Choice) -> dict[str, Member | None]:
    """Return what an entry that is there gets. A schedule that no longer fits goes; what nobody said stays."""
    members: dict[str, Member | None] = {"status": choice.status}
    if choice.status not in _SCHEDULED or choice.schedule is not None:
        members["schedule"] = choice.schedule if choice.status in _SCHEDULED else None
    stated = {"explanation": choice.explanation, "change": choice.change}
    return members | {name: value for name, value in stated.items() if value is not None}


def _with_new_entry(context: Context, guid: Guid, choice: Choice) -> tuple[Path, str | None, str]:
    """Return the file for a ticket that no manifest names yet, its text before (None: no file), and the new one."""
    reading = context.backend.reader().read(guid)
    if not isinstance(reading, Found):
        raise UnclearName(f"the ticket {guid} is not there, or can't be read", "`reconciler list` shows those that are")
    found = certificates_of(context, [reading.ticket]).get(reading.ticket.object)
    entry = entry_of(reading.ticket, found.certificate if found else None)
    path = Path(file_for(default_pattern(context.settings.tickets), reading.ticket.object, context.clock.now()))
    text = path.read_bytes().decode("utf-8") if path.exists() else None
    of_file = value_of(str(path), text).get("change") if text is not None else choice.change
    entry = replace(
        entry,
        status=Status(choice.status),
        schedule=choice.schedule,
        explanation=choice.explanation,
        change=None if choice.change == of_file else choice.change,
    )
    if text is None:
        return path, None, new_manifest([entry], change=choice.change)
    return path, text, append_entries(str(path), text, [entry])


def _written(
    context: Context,
    path: Path,
    texts: tuple[str | None, str],
    guid: Guid,
    known: Decision | None,
    emergency: Emergency | None,
) -> Chosen:
    """Write a manifest, from its text before (None: no file) to the new one; what `validate` would refuse is put back.

    Raises InvalidInput.
    """
    before, after = texts
    with changing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, after.encode("utf-8"))
        try:
            decision = _checked(context, path, guid, emergency)
        except InvalidInput:
            if before is None:
                path.unlink()
            else:
                atomic_write(path, before.encode("utf-8"))
            raise
    was = known.wanted.status if known is not None else ""
    return Chosen(guid, decision.expect.object or "", decision.source, was, decision.wanted.status)


def _checked(context: Context, path: Path, guid: Guid, emergency: Emergency | None) -> Decision:
    """Return the decision as it stands now. Raises InvalidInput with what `validate` would say of it."""
    settings, now = context.settings, context.clock.now()
    desired = load_desired([str(path)], windows=settings.windows, now=now)
    mine = tuple(decision for decision in desired.decisions if decision.guid == guid)
    problems: tuple[Problem, ...] = policy_problems(
        replace(desired, decisions=mine, selections=()), settings, now, emergency
    )
    if problems:
        raise InvalidInput(problems)
    return mine[0]
