"""Explain: everything that is known of one ticket."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.app.acting import Acting, who_acts
from reconciler.app.certificates import certificate_behind
from reconciler.app.context import Context
from reconciler.app.plan import declared, plan_of
from reconciler.app.request import Request, Seals
from reconciler.github.git import Git, GitFailure
from reconciler.ledger.history import read_lines
from reconciler.model.decision import Source
from reconciler.model.findings import Approver, Declaration, Explanation, Sighted
from reconciler.model.plan import Step
from reconciler.model.receipt import TOOK_EFFECT, Receipt
from reconciler.model.record import Line
from reconciler.model.status import Status
from reconciler.model.ticket import Found, Guid, LiveTicket, identity_key


def explain(context: Context, guid: Guid, paths: tuple[str, ...] = (), *, certificates: bool = True) -> Explanation:
    """Gather where a ticket is declared, its live state, its history, the verdict, and what is on the same object.

    Raises InvalidInput, ServerFailure, LedgerBroken.
    """

    def acting() -> Acting:
        return who_acts(context, final=True)  # no notes: they are about a plan, not about one ticket

    request = Request(paths, only=guid, seals=Seals.IGNORED, certificates=certificates)
    desired = declared(context, request)
    plan = plan_of(context, desired, request, acting)
    history = tuple(read_lines(context.ledger, (guid,)))
    named = {decision.guid: decision.source for decision in desired.decisions}
    step, reading = next(iter(plan.steps), None), context.backend.reader().read(guid)
    certificate = step.context if step else None
    if certificates and step is None and isinstance(reading, Found):
        certificate = certificate_behind(context, reading.ticket)
    return Explanation(
        guid=guid,
        now=plan.made_at,
        reading=reading,
        step=step,
        declaration=_declaration(context, step.source) if step else None,
        archived=tuple(_archived(context, guid)),
        history=history,
        siblings=tuple(_siblings(context, reading.ticket, named)) if isinstance(reading, Found) else (),
        notes=plan.notes,
        certificate=certificate,
        approvers=_approvers(context, reading.ticket, history) if isinstance(reading, Found) else (),
        updated_by=_updated_by(context, guid, step) if isinstance(reading, Found) else "",
    )


def _approvers(context: Context, ticket: LiveTicket, history: Iterable[Line]) -> tuple[Approver, ...]:
    """Return the approvers of a ticket, with the approvals that the ledger has of them: TPP tells of none."""
    approved: dict[str, tuple[str, datetime]] = {}
    for line in history:
        entry, identity = line.entry, line.provenance.identity
        if isinstance(entry, Receipt) and entry.outcome in TOOK_EFFECT and identity:
            if entry.after.status in (Status.PENDING, Status.REJECTED):
                approved.clear()
            else:
                approved[identity_key(identity)] = identity, entry.at
    names = context.backend.names((*ticket.approvers, *(identity for identity, _ in approved.values())))
    listed = tuple(
        Approver(each, names.get(each, ""), approved.pop(identity_key(each), (each, None))[1])
        for each in ticket.approvers
    )
    others = (Approver(each, names.get(each, ""), at, listed=False) for each, at in approved.values())
    return (*listed, *others)


def _updated_by(context: Context, guid: Guid, step: Step | None) -> str:
    """Return who changed the ticket last, where the verdict does not say so already."""
    if step is not None and "last updated by" in step.detail:
        return ""
    update = context.backend.who_decided((guid,)).get(guid)
    return update.by if update else ""


def _siblings(context: Context, ticket: LiveTicket, named: Mapping[Guid, Source]) -> Iterator[Sighted]:
    others = sorted(guid for guid in context.backend.find(ticket.object) if guid != ticket.guid)
    for guid, reading in sorted(context.backend.reader().read_many(others)):
        yield Sighted(guid, named.get(guid), reading.ticket if isinstance(reading, Found) else None)


def _archived(context: Context, guid: Guid) -> Iterator[Source]:
    """Find the places in the history that `tidy` writes by default."""
    base = Path(context.settings.path).parent if context.settings.path else Path()
    for path in sorted((base / "history").rglob("*.yaml")):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if guid in line.lower() and not line.lstrip().startswith("#"):
                yield Source(str(path), number)


def _declaration(context: Context, source: Source) -> Declaration | None:
    """Ask git who wrote the line; None outside of a checkout, and for a file that git does not know."""
    folder, name = Path(source.path).resolve().parent, Path(source.path).name
    try:
        blamed = Git(folder, dict(context.environ)).run(
            "blame", "--line-porcelain", f"-L{source.line},{source.line}", "--", name
        )
    except (GitFailure, OSError):
        return None
    facts = dict(line.split(" ", 1) for line in blamed.splitlines()[1:] if " " in line and not line.startswith("\t"))
    commit = blamed.split(" ", 1)[0]
    if not commit.strip("0"):
        return Declaration(None)
    return Declaration(commit, facts.get("author", ""), datetime.fromtimestamp(int(facts.get("author-time", "0")), UTC))
