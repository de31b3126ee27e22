"""Schedules of ours that are still armed, and that no manifest of any environment names any more."""

from datetime import timedelta
from pathlib import Path

from reconciler.app.context import Context
from reconciler.app.request import Request
from reconciler.errors import InvalidInput
from reconciler.ledger.index import Index
from reconciler.manifests.config import load_settings
from reconciler.manifests.load import find, load_desired
from reconciler.model.decision import Desired, Selection
from reconciler.model.plan import Step
from reconciler.model.policy import Orphans
from reconciler.model.ticket import Guid
from reconciler.planning.orphans import is_of_a_rule, judge_orphan, may_be_armed


def orphans(
    context: Context,
    index: Index,
    named: frozenset[Guid],
    rules: tuple[Selection, ...],
    request: Request,
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the steps of schedules that are armed and in no manifest, and notes about manifests that can't be read.

    `named` are the tickets of the decisions that are planned, `rules` what decided on others. A plan of some tickets
    only looks for none.
    """
    if request.only is not None or request.wanted:
        return (), ()
    now, shard = context.clock.now(), request.shard
    found = {
        guid: history
        for guid, history in index.scheduled.items()
        if guid not in named and may_be_armed(history, now) and not is_of_a_rule(history, rules)
    }
    if not found:
        return (), ()
    elsewhere, notes = _named_elsewhere(context, request.paths)
    left = {guid: history for guid, history in found.items() if guid not in elsewhere}
    take_back = context.settings.policy.orphans is Orphans.TAKE_BACK
    patience = timedelta(seconds=context.settings.requests.patience)
    steps = []
    for guid, reading in context.backend.reader().read_many(tuple(left)):
        step = judge_orphan(guid, reading, left[guid], now, take_back=take_back, patience=patience)
        if step is not None and (shard is None or shard.owns(step.object or guid)):
            steps.append(step)
    return tuple(steps), notes


def _named_elsewhere(context: Context, paths: tuple[str, ...]) -> tuple[frozenset[Guid], tuple[str, ...]]:
    """Return the tickets that manifests name which this plan is not of: other paths, other environments' folders."""
    settings, now, notes = context.settings, context.clock.now(), list[str]()
    found: set[Guid] = set()
    others = [each for each in (None, *settings.environments) if each != settings.environment]
    places = [settings] if paths else []
    try:
        places += [load_settings(settings.path, each, context.environ) for each in others if settings.path]
    except InvalidInput:
        notes.append("the configuration of another environment can't be read: what it names may be shown as orphaned")
    for place in places:
        there = [name for name in place.tickets if Path(name).exists()]
        try:
            desired = load_desired(there, windows=place.windows, now=now) if find(there)[0] else Desired()
        except InvalidInput:
            notes.append(f"{', '.join(place.tickets)} can't be read: what is named there may be shown as orphaned")
            continue
        found.update(decision.guid for decision in desired.decisions)
    return frozenset(found), tuple(notes)
