"""A plan carried out: lock, ledger, writer, signals, engine. The only place where a writer is made."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click

from reconciler.applying.brake import Brake
from reconciler.applying.engine import apply_plan
from reconciler.applying.tools import Tools
from reconciler.cli.deciding import origin_of_changes
from reconciler.cli.logs import name_run
from reconciler.cli.origin import provenance
from reconciler.cli.preflight import may_write
from reconciler.cli.progress import progress_bar
from reconciler.cli.stopping import watched_signals
from reconciler.cli.wiring import House
from reconciler.ledger.files import new_run_id
from reconciler.ledger.heads import ledger_head
from reconciler.ledger.index import read_index
from reconciler.ledger.journal import open_journal
from reconciler.ledger.lock import Owner, hold_lock, this_process
from reconciler.model.guid import Guid
from reconciler.model.instant import format_instant
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.model.record import NO_STORY, Opened, Story
from reconciler.model.shard import parse_shard
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Verdict
from reconciler.planning.sealing import seals
from reconciler.rendering.words import counted
from reconciler.tpp.session import ticket_reader
from reconciler.tpp.writer import ticket_writer


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its report, the signal that interrupted it, whether something systemic or a bug stopped it."""

    run: Run
    signal: int | None = None
    systemic: bool = False
    bug: bool = False


def carry_out(plan: Plan, house: House, *, fail_fast: bool = False) -> Ended:
    """Apply the changes of a plan and return how that ended.

    Raises CredentialsRefused, LockHeld, LedgerBroken and LedgerUnwritable, all before anything is sent.
    """
    ledger, clock, settings = Path(house.settings.ledger), house.clock, house.settings
    shard = parse_shard(plan.shard) if plan.shard else None
    identity = may_write(house, plan) if plan.changes else plan.identity
    origin = provenance(settings, origin_of_changes(clock, plan), house.session.target, identity)
    name = new_run_id(clock.now(), shard)
    owner = this_process(name, clock.now(), origin.workflow_run)
    name_run(name)
    with hold_lock(ledger, owner) as lock, watched_signals(settings.stop_file) as stopping:
        stories = read_index(ledger, (step.guid for step in plan.steps)).stories
        if not _has_work(plan, stories) and not seals(house.desired.sealable, plan.steps):
            return Ended(_idle(plan, house, name))
        opened = Opened(clock.now(), plan.digest, shard=plan.shard, overrides=_overrides(plan))
        with closing(open_journal(lock, name, origin, opened)) as journal, progress_bar("Applying") as progress:
            brake = Brake(stopping, 0 if fail_fast else settings.policy.failure_budget)
            tools = Tools(
                reader=ticket_reader(house.session),
                writer=ticket_writer(house.session),
                ledger=journal,
                clock=clock,
                brake=brake,
                run=name,
                origin=origin,
                settle=settings.requests.settle,
                patience=settings.requests.patience,
            )
            _announce_waiting(stories, clock.now(), settings.requests.patience)
            advance = progress(len(plan.changes))
            run = apply_plan(
                plan,
                stories,
                tools,
                workers=settings.requests.writes,
                progress=advance,
                sealable=house.desired.sealable,
            )
        notes = (*_taken_over(lock.dead, clock.now()), *run.notes, *house.session.notes(), _anchor(ledger))
        return Ended(replace(run, notes=notes), stopping.signal, brake.systemic, brake.bug)


def _announce_waiting(stories: Mapping[Guid, Story], now: datetime, patience: float) -> None:
    """Tell a person why nothing may happen for a while: the server may still be at work for a run that died."""
    sent = [story.open.intent.at for story in stories.values() if story.open is not None]
    until = (max(sent, default=now) + timedelta(seconds=patience + 1)).replace(microsecond=0)
    if not sent or until <= now:
        return
    updates = counted(len(sent), "update")
    click.echo(
        f"an earlier run left {updates} without an answer; tickets that look untouched are judged by "
        f"{format_instant(until)}, when the server has to be done with them",
        err=True,
    )


def _taken_over(dead: Owner | None, now: datetime) -> tuple[str, ...]:
    return (f"took over the lock that was left by {dead.described(now)}",) if dead else ()


def _anchor(ledger: Path) -> str:
    head = ledger_head(ledger)
    return f"the ledger's head is {head}; kept elsewhere, it lets `ledger verify --head` prove that nothing was cut"


def _has_work(plan: Plan, stories: Mapping[Guid, Story]) -> bool:
    """Say whether there is anything to write down: a change, an intent without a receipt, a ticket gone for good."""
    return any(
        step.verdict.group is Group.CHANGE
        or (step.verdict is Verdict.SETTLED and not step.closed)
        or stories.get(step.guid, NO_STORY).open is not None
        for step in plan.steps
    )


def _idle(plan: Plan, house: House, name: str) -> Run:
    now = house.clock.now()
    return Run(name, plan.digest, plan.target, now, now, (), environment=plan.environment, shard=plan.shard)


def _overrides(plan: Plan) -> tuple[str, ...]:
    """Spell the exemptions that were in force, for the ledger."""
    return tuple(
        f"{override.rule}: {', '.join(sorted(override.tickets))} until {format_instant(override.until)}: "
        f"{override.reason} ({override.source})"
        for override in plan.overrides
    )
