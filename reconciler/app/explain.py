"""Explain: everything that is known of one ticket."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.app.certificates import certificate_behind
from reconciler.app.context import Context
from reconciler.app.plan import Request, Seals, declared, plan_of
from reconciler.app.reviews import Acting, who_acts
from reconciler.github.git import Git, GitFailure
from reconciler.ledger.history import read_lines
from reconciler.model.decision import Source
from reconciler.model.findings import Declaration, Explanation, Sighted
from reconciler.model.ticket import Found, Guid, LiveTicket
from reconciler.model.value import replace


def explain(context: Context, guid: Guid, paths: tuple[str, ...] = ()) -> Explanation:
    """Gather where a ticket is declared, its live state, its history, the verdict, and what is on the same object.

    Raises InvalidInput, ServerFailure, LedgerBroken.
    """

    def acting() -> Acting:
        return replace(who_acts(context, final=False), notes=())  # notes are about a plan, not about one ticket

    request = Request(paths, only=guid, seals=Seals.IGNORED)
    desired = declared(context, request)
    plan = plan_of(context, desired, request, acting)
    named = {decision.guid: decision.source for decision in desired.decisions}
    step, reading = next(iter(plan.steps), None), context.backend.reader().read(guid)
    certificate = step.context if step else None
    if step is None and isinstance(reading, Found):
        certificate = certificate_behind(context, reading.ticket)
    return Explanation(
        guid=guid,
        now=plan.made_at,
        reading=reading,
        step=step,
        declaration=_declaration(context, step.source) if step else None,
        archived=tuple(_archived(context, guid)),
        history=tuple(read_lines(context.ledger, (guid,))),
        siblings=tuple(_siblings(context, reading.ticket, named)) if isinstance(reading, Found) else (),
        notes=plan.notes,
        certificate=certificate,
    )


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
