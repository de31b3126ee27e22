"""The plans and runs of all shards as one, and a refusal when a shard is absent."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from reconciler.errors import GuardRefused
from reconciler.model.plan import Control, FolderLimits, Plan, parse_shard
from reconciler.model.policy import Limits
from reconciler.model.pull_request import PullRequestContext
from reconciler.model.receipt import NotedLedger, Outcome, Run
from reconciler.model.review import Review, ReviewedTickets
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.planning.digest import plan_digest
from reconciler.planning.enforcement import enforce_limits

T = TypeVar("T")
_WORST_FIRST = ("refused", "overridden", "ok", "off")


def merge_plans(plans: Sequence[Plan]) -> Plan:
    """Return the plan of all shards: their steps together, the earliest times, the worst of each control.

    Limits bound a whole plan, and each shard saw only its part: they are held against the whole again.
    Raises GuardRefused when a shard is absent, twice there, or was made of something else than the others.
    """
    whole = _agreed(plans)
    parts = tuple(sorted((step for plan in plans for step in plan.steps), key=lambda step: step.guid))
    _once("ticket", [step.guid for step in parts])
    _once("manifest", [seal.path for seal in whole.sealed])
    folders, settled = whole.folder_limits, whole.decisions_sealed
    steps, limits = enforce_limits(parts, whole.overrides, whole.limits, whole.made_at, settled, folders)
    digest = plan_digest(whole.target, steps, whole.overrides, whole.sealed)
    return replace(whole, steps=steps, digest=digest, controls=_controls(plans, limits))


def _agreed(plans: Sequence[Plan]) -> Plan:
    """Return what the plans of all shards say together of the whole, but for its steps."""
    _complete([plan.shard for plan in plans], "plan")
    first = plans[0]
    _agree("target", [plan.target for plan in plans])
    _agree("environment", [plan.environment for plan in plans])
    _agree("commit", [plan.commit for plan in plans])
    _agree("ledger head", [plan.ledger_head for plan in plans])
    _agree("limits", [plan.limits for plan in plans])
    return replace(
        first,
        shard=None,
        made_at=min(plan.made_at for plan in plans),
        expires_at=min(plan.expires_at for plan in plans),
        overrides=_distinct(override for plan in plans for override in plan.overrides),
        sealed=tuple(sorted(seal for plan in plans for seal in plan.sealed)),
        freezes=_distinct(freeze for plan in plans for freeze in plan.freezes),
        folder_limits=_folder_limits(plans),
        notes=_distinct(note for plan in plans for note in plan.notes),
        pull_request=_beside([plan.pull_request for plan in plans]),
    )


def _folder_limits(plans: Sequence[Plan]) -> tuple[FolderLimits, ...]:
    """Return the limits of folders with the manifests of all shards."""
    files: dict[str, set[str]] = defaultdict(set)
    limits: dict[str, Limits] = {}
    for each in (each for plan in plans for each in plan.folder_limits):
        files[each.name].update(each.files)
        limits[each.name] = each.limits
    return tuple(FolderLimits(name, limits[name], tuple(sorted(files[name]))) for name in sorted(files))


def _beside(parts: Sequence[PullRequestContext]) -> PullRequestContext:
    """Return what the pull request changes besides: the rules are those of all shards, tickets those of each."""
    return PullRequestContext(
        rules=_distinct(rule for part in parts for rule in part.rules),
        files=_distinct(name for part in parts for name in part.files),
        removed=tuple(sorted((each for part in parts for each in part.removed), key=lambda each: each.guid)),
        by_base=tuple(sorted((each for part in parts for each in part.by_base), key=lambda each: each.guid)),
        base=parts[0].base,
    )


def _controls(plans: Sequence[Plan], limits: tuple[Control, ...]) -> tuple[Control, ...]:
    return tuple({control.name: control for control in (*_worst(plans), *limits)}.values())


def merge_runs(runs: Sequence[Run]) -> Run:
    """Return the report of all shards: every receipt, from the first start to the last end.

    `digest` and `run` name those of the shards when they differ. Raises GuardRefused as `merge_plans` does.
    """
    _complete([run.shard for run in runs], "run")
    _agree("target", [run.target for run in runs])
    _agree("environment", [run.environment for run in runs])
    receipts = tuple(sorted((receipt for run in runs for receipt in run.receipts), key=lambda receipt: receipt.guid))
    _once("receipt", [receipt.guid for receipt in receipts])
    return replace(
        runs[0],
        run="+".join(_distinct(run.run for run in runs)),
        digest="+".join(_distinct(run.digest for run in runs)),
        shard=None,
        started_at=min(run.started_at for run in runs),
        ended_at=max(run.ended_at for run in runs),
        receipts=receipts,
        stopped="; ".join(_distinct(run.stopped for run in runs if run.stopped)) or None,
        notes=_distinct(note for run in runs for note in run.notes),
        attention=tuple(sorted((each for run in runs for each in run.attention), key=lambda each: each.guid)),
        reviews=_reviews(runs),
        ledger=_noted([run.ledger for run in runs if run.ledger is not None]),
        resolved=_added(run.resolved for run in runs),
    )


def part_of(run: Run, own: ReviewedTickets) -> Run:
    """Return what a run did of the decisions of one pull request."""
    tickets = frozenset(own.tickets)
    return replace(
        run,
        receipts=tuple(receipt for receipt in run.receipts if receipt.guid in tickets),
        attention=tuple(one for one in run.attention if one.guid in tickets),
        reviews=(own,),
        resolved={},
    )


def _added(counts: Iterable[Mapping[Outcome, int]]) -> dict[Outcome, int]:
    total = sum(map(Counter, counts), Counter[Outcome]())
    return {outcome: total[outcome] for outcome in Outcome if total[outcome]}


def _reviews(runs: Sequence[Run]) -> tuple[ReviewedTickets, ...]:
    tickets: dict[Review, list[Guid]] = defaultdict(list)
    for each in (each for run in runs for each in run.reviews):
        tickets[each.review] += each.tickets
    return tuple(ReviewedTickets(review, tuple(sorted(guids))) for review, guids in tickets.items())


def _noted(ledgers: Sequence[NotedLedger]) -> NotedLedger | None:
    """Return where the ledger stood at the end of every part: each adds to it while others are at work."""
    if not ledgers:
        return None
    heads = sorted({head for ledger in ledgers for head in ledger.heads}, key=lambda head: (head.path, head.lines))
    return NotedLedger(
        ledgers[0].branch, tuple(heads), _distinct(commit for ledger in ledgers for commit in ledger.commits)
    )


def _complete(shards: Sequence[str | None], kind: str) -> None:
    """Refuse anything but every part of one division, each once. A single file without a shard is complete."""
    if not shards:
        raise GuardRefused(f"no {kind} of any shard is here", "check that the shards ran and their files were fetched")
    if list(shards) == [None]:
        return
    parts = [parse_shard(shard) for shard in shards if shard is not None]
    if len(parts) != len(shards):
        raise GuardRefused(f"a {kind} without a shard is among those of shards", "hand over files of one run only")
    _agree("number of shards", [part.of for part in parts])
    _once("shard", [str(part) for part in parts])
    absent = sorted(set(range(1, parts[0].of + 1)) - {part.number for part in parts})
    if absent:
        names = ", ".join(f"{number}/{parts[0].of}" for number in absent)
        raise GuardRefused(f"the {kind} of shard {names} is absent", "run that shard again, then merge")


def _agree(what: str, values: Sequence[object]) -> None:
    if len(set(values)) > 1:
        found = ", ".join(sorted(str(value) for value in set(values)))
        raise GuardRefused(f"the shards differ in {what}: {found}", "hand over files of one run only")


def _once(what: str, values: Sequence[str]) -> None:
    if twice := sorted(value for value, count in Counter(values).items() if count > 1):
        raise GuardRefused(
            f"{what} {', '.join(twice)} is in more than one file", "hand over each shard's file once, of one run only"
        )


def _distinct(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


def _worst(plans: Sequence[Plan]) -> tuple[Control, ...]:
    """Return each control once: the worst result, with every finding that led to it."""
    names = _distinct(control.name for plan in plans for control in plan.controls)
    merged = []
    for name in names:
        found = [control for plan in plans for control in plan.controls if control.name == name]
        result = next((word for word in _WORST_FIRST if any(control.result == word for control in found)), "off")
        details = _distinct(control.detail for control in found if control.result == result)
        merged.append(
            Control(
                name,
                result,
                "; ".join(details),
                "; ".join(_distinct(control.value for control in found if control.value)),
            )
        )
    return tuple(merged)
