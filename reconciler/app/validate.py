"""Check configuration and manifests offline: their form, their meaning, and what the policy refuses.

Forks and laptops can do it: nothing is asked of a server, and no credential is needed. What the ledger proves done is
left alone, as a plan does. What only a live ticket can show (its object where none is expected, reviews, what a change
record says) is checked by a plan.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.app.acting import placed
from reconciler.ledger.files import ledger_files
from reconciler.ledger.index import read_index
from reconciler.manifests.config import check_settings
from reconciler.manifests.load import check
from reconciler.manifests.problems import Code
from reconciler.manifests.text import repository_of
from reconciler.manifests.windows import freezes_ahead
from reconciler.model.decision import Decision, Desired, Expectation, Problem, Selection, Severity
from reconciler.model.plan import Step
from reconciler.model.record import NO_HISTORY, TicketHistory
from reconciler.model.review import Emergency
from reconciler.model.settings import Settings
from reconciler.model.status import Status
from reconciler.model.ticket import Guid
from reconciler.model.value import quote, replace
from reconciler.model.verdict import Reason, Verdict
from reconciler.planning.change_records import rule_for
from reconciler.planning.folders import why_no_override
from reconciler.planning.guards import STEP_GUARDS, Circumstances, exemptions
from reconciler.planning.limits import hold_limits, limiting_folder
from reconciler.planning.selections import too_open

_REASONS: Mapping[str, Reason] = {Status.APPROVED: Reason.APPROVE_WANTED, Status.REJECTED: Reason.REJECT_WANTED}
_OF_ATTESTATIONS = frozenset({"ownership"})
"""The rules that judge also what was decided outside, as far as they need no server."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What was read, and what is wrong with it: errors and warnings in order of place."""

    settings: Settings
    desired: Desired
    errors: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Errors and warnings."""
        return tuple(sorted((*self.errors, *self.desired.warnings), key=lambda problem: problem.source))


def validate(
    paths: Sequence[str],
    *,
    config: str | os.PathLike[str] | None,
    environment: str | None,
    environ: Mapping[str, str],
    now: datetime,
) -> Validation:
    """Check the configuration and the manifests below `paths`, else those that the configuration names.

    Raises LedgerBroken.
    """
    checked = validate_files(paths, config=config, environment=environment, environ=environ, now=now)
    desired = checked.desired
    done = _done(checked.settings, desired.decisions)
    open_ = replace(desired, decisions=tuple(each for each in desired.decisions if each.guid not in done))
    refused = policy_problems(open_, checked.settings, now)
    spared = {problem.source for problem in refused}
    changes = tuple(each for each in open_.decisions if _is_change(each) and each.source not in spared)
    within = replace(desired, decisions=changes)
    beyond = tuple(_limits(within, checked.settings, now, len(desired.decisions) - len(changes)))
    if paths:  # some of the decisions are no measure for what part of them may change
        beyond = tuple(problem for problem in beyond if problem.code != "policy/percent")
    if beyond and _is_ledger_elsewhere(checked.settings):
        desired = replace(desired, warnings=(*desired.warnings, *map(_not_certain, beyond)))
        beyond = ()
    bounded = _overrides_beyond(desired, checked.settings, now)
    return replace(checked, desired=desired, errors=(*checked.errors, *refused, *beyond, *bounded))


def validate_files(
    paths: Sequence[str],
    *,
    config: str | os.PathLike[str] | None,
    environment: str | None,
    environ: Mapping[str, str],
    now: datetime,
) -> Validation:
    """Check the configuration and the manifests below `paths`, else those that the configuration names."""
    settings, faults = check_settings(config, environment, environ)
    root = repository_of(settings.path)
    desired, problems = check(paths or settings.tickets, windows=settings.windows, now=now, root=root)
    if faults:  # a window may be unknown only because its definition is faulty
        problems = tuple(problem for problem in problems if problem.code != Code.WINDOW_UNKNOWN)
    return Validation(settings, desired, (*faults, *problems))


def _done(settings: Settings, decisions: Sequence[Decision]) -> frozenset[Guid]:
    """Return the tickets of which the ledger proves that they are as wanted, or gone: a plan changes none of them."""
    folder = Path(settings.ledger)
    if not ledger_files(folder):
        return frozenset()
    histories = read_index(folder, (each.guid for each in decisions), settings.targets or None).histories
    return frozenset(each.guid for each in decisions if _is_done(each, histories.get(each.guid, NO_HISTORY)))


def _is_done(decision: Decision, history: TicketHistory) -> bool:
    last = history.last
    return last is not None and (last.gone or last.after == decision.wanted)


def _is_ledger_elsewhere(settings: Settings) -> bool:
    """Whether there is a ledger that is not here, so that nobody can tell what is done."""
    if Path(settings.ledger).exists():
        return False
    return settings.ledger_branch is not None


def _not_certain(problem: Problem) -> Problem:
    hint = f"the ledger is not here, so decisions that are done may be among them; else {problem.hint}"
    return replace(problem, hint=hint, severity=Severity.WARNING)


def _is_change(decision: Decision) -> bool:
    """Whether a plan would change the ticket if it is as the reviewer saw it."""
    seen = decision.expect.state
    return decision.wanted.status != Status.PENDING and decision.decided is None and seen != decision.wanted


def policy_problems(
    desired: Desired, settings: Settings, now: datetime, emergency: Emergency | None = None
) -> tuple[Problem, ...]:
    """Return what the policy refuses of decisions and rules, whatever the live tickets are. Overrides spare theirs."""
    policy = settings.policy
    seen = _seen(desired, settings, now, emergency)
    exempt = exemptions(desired.overrides, seen)
    found = [
        problem
        for decision in desired.decisions
        if decision.wanted.status != Status.PENDING
        for problem in _refusals(decision, seen)
        if exempt.of(problem.code.removeprefix("policy/"), decision.guid, decision.source.path) is None
    ]
    found += [problem for each in desired.selections for problem in _refusals(_of_rule(each), seen)]
    found += too_open(desired.selections, now, timedelta(seconds=policy.rules.longest))
    return tuple(found)


def _seen(desired: Desired, settings: Settings, now: datetime, emergency: Emergency | None = None) -> Circumstances:
    policy = settings.policy
    seen = Circumstances(policy, now, recurring=freezes_ahead(policy, now), emergency=emergency)
    paths = [each.source.path for each in desired.decisions] + [each.source.path for each in desired.selections]
    return placed(seen, settings, paths, desired.overrides, desired.sealed)


def _overrides_beyond(desired: Desired, settings: Settings, now: datetime) -> Iterator[Problem]:
    """Find the overrides that do not count, whatever they are for."""
    seen = _seen(desired, settings, now)
    for each in desired.overrides:
        why = why_no_override(each, seen.policy, now, seen.below.get(each.source.path, ()))
        if why is not None and each.until > now:
            hint = "correct it, or change the bounds in policy.overrides"
            yield Problem("policy/override", each.source, f"this override does not count: {why}", hint)


def _refusals(decision: Decision, seen: Circumstances) -> Iterator[Problem]:
    step = _step(decision)
    for rule, message in _words(decision, step, seen):
        if decision.decided is not None and rule not in _OF_ATTESTATIONS:
            continue
        refusal = STEP_GUARDS[rule](step, seen)
        if refusal is not None:
            why, _, hint = refusal.detail.rpartition("; ")
            yield Problem(f"policy/{rule}", decision.source, message or why, hint)


def _words(decision: Decision, step: Step, seen: Circumstances) -> Iterator[tuple[str, str]]:
    """Yield the rules that can be held without a server, with what to say where that is other than the guard's."""
    yield "required", ""
    yield "change-pattern", f"change {quote(decision.change)} does not match the `change_pattern` of the policy"
    if decision.expect.object is not None:
        if decision.rule is None:  # what a pattern takes is known to the server alone
            yield "ownership", f"object {quote(decision.expect.object)} is none that the policy `owns`"
        needs_record = decision.change is None and "change" not in seen.policy.require
        if needs_record and rule_for(seen.policy.change_record, step) is not None:
            yield "change-record", "the policy asks for a change record, and the decision names none"
    if step.after.schedule is not None and step.after.schedule.start > seen.now:
        yield "freeze", ""


def _step(decision: Decision) -> Step:
    """Return the step that a plan would make of a decision whose ticket is as it is expected to be."""
    return Step(
        decision,
        "",
        _REASONS.get(decision.wanted.status, Reason.SCHEDULE_WANTED),
        object=decision.expect.object or "",
        workflow=decision.expect.workflow or "",
    )


def _of_rule(rule: Selection) -> Decision:
    """Return what a rule decides of each ticket that it takes."""
    return Decision(
        guid=Guid(""),
        wanted=rule.wanted,
        source=rule.source,
        explanation=rule.explanation,
        change=rule.change,
        expect=Expectation(rule.object, rule.workflow),
        valid_until=rule.valid_until,
        rule=rule.name,
    )


def _limits(desired: Desired, settings: Settings, now: datetime, others: int) -> Iterator[Problem]:
    """Hold the limits against these decisions, at the first beyond each; `others` are decisions that change nothing."""
    steps = tuple(_step(decision) for decision in desired.decisions)
    seen = _seen(desired, settings, now)
    exempt = exemptions(desired.overrides, seen)
    _, controls = hold_limits(steps, seen, exempt, others)
    for control in controls:
        if control.result == "refused":
            rule, _, folder = control.name.partition(" in ")
            most = int(control.value)
            own = [each for each in steps if not folder or limiting_folder(seen, each.source.path) == folder]
            every = len(own) if folder else len(steps) + others
            allowed = most * every // 100 if rule == "percent" else most
            counted = [
                each for each in own if _counts(rule, each) and exempt.of(rule, each.guid, each.source.path) is None
            ]
            message, _, hint = control.detail.partition("; ")
            place = counted[min(allowed, len(counted) - 1)].source
            yield Problem(f"policy/{rule}", place, f"{message}: this one is the first beyond it", hint)


def _counts(limit: str, step: Step) -> bool:
    rejects = step.verdict is Verdict.REJECT
    return {"approvals": not rejects, "rejections": rejects}.get(limit, True)
