"""Steps to a plan: siblings, guards, order, notes and digest. Pure; the same input in any order gives the same plan."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from reconciler.model.decision import Override, Seal, Source
from reconciler.model.plan import Control, FolderLimits, Plan, Sibling, Step
from reconciler.model.receipt import TOOK_EFFECT, Proof, Receipt
from reconciler.model.status import Status
from reconciler.model.ticket import Guid, dn_key
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.change_records import reviewed_by_requester_alone
from reconciler.planning.digest import plan_digest
from reconciler.planning.enforcement import enforce, needs_review
from reconciler.planning.folders import four_eyes_of, stated
from reconciler.planning.guards import Circumstances, counting, exemptions


def seals(candidates: Iterable[Seal], steps: Iterable[Step], gone: Collection[Guid] = ()) -> tuple[Seal, ...]:
    """Return the manifests of which every decision is over. `gone` are tickets that went with what was applied now.

    A decision that has no step counts as open, so a part of a plan seals nothing that it does not show.
    """
    over = Counter(step.source.path for step in steps if is_over(step) or step.guid in gone)
    return tuple(seal for seal in candidates if over[seal.path] == seal.decisions)


def is_over(step: Step) -> bool:
    """Whether a decision is done for good: proven to be applied, or recorded as made outside; no intent is open."""
    recorded = step.reason is Reason.SETTLED_ATTESTED and step.closed
    return (step.reason is Reason.SETTLED_RECEIPT or recorded) and step.operation is None and step.named


def went(receipts: Iterable[Receipt]) -> frozenset[Guid]:
    """Return the tickets that were seen to be gone after what was asked of them had provably taken effect."""
    return frozenset(
        receipt.guid
        for receipt in receipts
        if receipt.gone and receipt.outcome in TOOK_EFFECT and receipt.proof is not Proof.INFERRED
    )


def assemble(empty: Plan, steps: Iterable[Step], seen: Circumstances) -> Plan:
    """Put steps into a plan that has none yet: guards run on each as it comes, sorted by GUID, siblings shown."""
    every = tuple(steps)
    guarded, controls = enforce(every, empty.overrides, seen, empty.without_step)
    overrides = counting(empty.overrides, every, seen)
    ordered = sorted(guarded, key=lambda step: step.guid)
    related = _by_object(ordered)
    shown = tuple(_with_siblings(step, related) for step in ordered)
    return replace(
        empty,
        digest=plan_digest(empty.target, shown, overrides, empty.sealed),
        steps=shown,
        overrides=tuple(sorted(overrides, key=_place)),
        controls=controls,
        freezes=seen.freezes,
        limits=seen.policy.limits,
        folder_limits=_limits_of_folders(every, seen),
        notes=empty.notes
        + _contradictions(related)
        + _stops_beside_after(shown)
        + _unchecked(shown)
        + _attestations(shown),
        sealed=tuple(sorted(empty.sealed)),
    )


def _limits_of_folders(steps: Iterable[Step], seen: Circumstances) -> tuple[FolderLimits, ...]:
    files: dict[str, set[str]] = defaultdict(set)
    for path in {step.source.path for step in steps}:
        if (found := stated(seen.policy, seen.below.get(path, ()), "limits")) is not None:
            files[found[0]].add(path)
    return tuple(
        FolderLimits(name, seen.policy.folders[name].limits, tuple(sorted(paths)))
        for name, paths in sorted(files.items())
    )


def enforce_again(plan: Plan, seen: Circumstances) -> Plan:
    """Run the guards again over a plan that was made earlier, as must be done before its first write.

    Nothing that was refused is allowed now, and no control that refused is fine now.
    """
    steps = (replace(step, overridden=()) for step in plan.steps)
    guarded, controls = enforce(steps, plan.overrides, seen, plan.without_step)
    refused = {control.name: control for control in plan.controls if control.result == "refused"}
    kept = tuple(now if now.result == "refused" else refused.get(now.name, now) for now in controls)
    return replace(plan, steps=guarded, controls=kept)


def enforce_reviews(plan: Plan, seen: Circumstances) -> Plan:
    """Hold four eyes, and that this is the newest commit, against a plan whose other guards have run.

    `seen` has the people, and of the policy only what is about them.
    """
    steps, controls = enforce(plan.steps, (), seen)
    now = {control.name: control for control in controls if control.name in ("four-eyes", "superseded")}
    steps = _not_by_requesters_alone(plan, steps, seen)
    if refused := sum(step.reason is Reason.REFUSED_CHANGE_RECORD for step in steps):
        now["change-record"] = Control("change-record", "refused", f"{refused} refused")
    kept = tuple(now.pop(control.name, control) for control in plan.controls)
    digest = plan_digest(plan.target, steps, plan.overrides, plan.sealed)
    return replace(plan, steps=steps, controls=(*kept, *now.values()), digest=digest)


def _not_by_requesters_alone(plan: Plan, steps: tuple[Step, ...], seen: Circumstances) -> tuple[Step, ...]:
    """Refuse changes that nobody but the requester of their change record has reviewed, where the policy asks."""
    exempt = exemptions(plan.overrides, seen)
    found = []
    for step in steps:
        people = seen.brought_by.get(step.guid, seen.decided_by.get(step.source.path, seen.people))
        asked = step.group is Group.CHANGE and exempt.of("change-record", step.guid, step.source.path) is None
        rule = four_eyes_of(seen.policy, seen.above(step))
        direct = rule is not None and rule.allow_direct_push
        why = reviewed_by_requester_alone(step, people, seen.logins, direct) if asked else None
        found.append(step if why is None else replace(step, reason=Reason.REFUSED_CHANGE_RECORD, detail=why))
    return tuple(found)


def _place(override: Override) -> tuple[Source, str, list[str]]:
    return override.source, override.rule, sorted(override.tickets)


def _by_object(steps: list[Step]) -> Mapping[str, list[Step]]:
    related: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.object and step.before is not None:
            related[dn_key(step.object)].append(step)
    return related


def _with_siblings(step: Step, related: Mapping[str, list[Step]]) -> Step:
    others = related.get(dn_key(step.object)) if step.before is not None else None
    if others is None:
        return step
    siblings = tuple(Sibling(s.guid, s.workflow, str(s.after.status)) for s in others if s.guid != step.guid)
    return replace(step, siblings=siblings)


def _stops_beside_after(steps: Iterable[Step]) -> tuple[str, ...]:
    """Note changes that say `Approved After` with a stop, as an example of the reference does."""
    places = [
        str(step.source)
        for step in steps
        if step.group is Group.CHANGE and step.after.status == Status.APPROVED_AFTER and step.after.stop is not None
    ]
    if not places:
        return ()
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return (
        "`Approved After` with a stop: what TPP does with the stop is not established; "
        f"`Approved Between` says it plainly ({', '.join(places[:3])}{more})",
    )


def _unchecked(steps: Iterable[Step]) -> tuple[str, ...]:
    """Note change records that could not be looked up, and that the policy lets pass with this warning."""
    found: Counter[tuple[str, str]] = Counter(
        (step.change_record.id, step.change_record.unchecked)
        for step in steps
        if step.group is Group.CHANGE and step.change_record is not None and step.change_record.unchecked
    )
    return tuple(
        f"change record {each} could not be checked: {why}; policy.change_record.when_unavailable lets "
        f"{number:,} change{'s' if number > 1 else ''} pass"
        for (each, why), number in sorted(found.items())
    )


_MOST_TOLD = 20


def _attestations(steps: Iterable[Step]) -> tuple[str, ...]:
    """Note what will be recorded as decided outside: nothing but the manifest says so."""
    found = [step for step in steps if step.decided is not None and needs_review(step)]
    notes = [f"recorded as decided outside: {step.guid} {step.after.status}, {step.detail}" for step in found]
    more = [f"and {len(found) - _MOST_TOLD} more that are recorded as decided outside"] if notes[_MOST_TOLD:] else []
    return (*notes[:_MOST_TOLD], *more)


def _contradictions(related: Mapping[str, list[Step]]) -> tuple[str, ...]:
    """Note objects on which one ticket is to be approved and another one of the same stage rejected."""
    notes = []
    for steps in related.values():
        by_stage: dict[str, set[str]] = defaultdict(set)
        for step in steps:
            if step.after.status != Status.PENDING and step.group is not Group.FINE:
                by_stage[dn_key(step.workflow)].add(step.after.status)
        if any(Status.REJECTED in wanted and len(wanted) > 1 for wanted in by_stage.values()):
            places = ", ".join(str(step.source) for step in steps)
            notes.append(f"{steps[0].object}: one ticket is approved and another rejected at the same stage ({places})")
    return tuple(sorted(notes))
