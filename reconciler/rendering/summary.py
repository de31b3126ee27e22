"""What every view says of a plan or a run as a whole: names, order, counts, the verdict in one line, what is next."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from reconciler.model.decision import NOWHERE, Parameters, Problem
from reconciler.model.declared import stated
from reconciler.model.plan import Control, EntryEdit, Plan, Step
from reconciler.model.receipt import Attention, Outcome, Receipt, Run
from reconciler.model.status import State, Status, format_instant
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.words import HEADINGS, IRREVERSIBLE, OUTCOMES, REASONS, counted

_ORDER = (
    Verdict.REJECT,
    Verdict.APPROVE,
    Verdict.SCHEDULE,
    Verdict.RESCHEDULE,
    Verdict.REOPEN,
    Verdict.CONFLICT,
    Verdict.UNCLEAR,
    Verdict.MISMATCH,
    Verdict.REFUSED,
    Verdict.MISSED,
    Verdict.EXPIRED,
    Verdict.MISSING,
    Verdict.INVISIBLE,
    Verdict.ERROR,
    Verdict.AWAITING_OTHERS,
    Verdict.ELSEWHERE,
    Verdict.IN_SYNC,
    Verdict.SETTLED,
)
"""Verdicts by risk. One that is not named here comes last in its group."""
_GROUP_ORDER = (Group.CHANGE, Group.ATTENTION, Group.FINE)


def rank(verdict: Verdict) -> tuple[int, int]:
    """Sort key of a verdict: irreversible changes first, then other changes, attention, the rest."""
    place = _ORDER.index(verdict) if verdict in _ORDER else len(_ORDER)
    return _GROUP_ORDER.index(verdict.group), place


_RANKS = {verdict: rank(verdict) for verdict in Verdict}
_URGENCY = {
    outcome: rank
    for rank, outcome in enumerate(
        (
            Outcome.UNKNOWN,
            Outcome.REJECTED_BY_SERVER,
            Outcome.FAILED,
            Outcome.STALE,
            Outcome.NOT_ATTEMPTED,
            Outcome.AWAITING_OTHERS,
            Outcome.APPLIED,
        )
    )
}
_NO_TIME = datetime.min.replace(tzinfo=UTC)
TROUBLE = (Outcome.UNKNOWN, Outcome.REJECTED_BY_SERVER, Outcome.FAILED, Outcome.STALE, Outcome.NOT_ATTEMPTED)
"""Outcomes that somebody has to look at."""


def short(guid: Guid) -> str:
    """The first eight digits of a GUID, which never stand alone."""
    return guid[:8]


def last_name(dn: str) -> str:
    """The last component of a DN, as it came."""
    return dn.rstrip("\\").rpartition("\\")[2] or dn


def folder_name(dn: str) -> str:
    """Everything before the last component of a DN, as it came."""
    return dn.rpartition("\\")[0]


def name_of(step: Step) -> str:
    """What people call the ticket: its object's name, also when only the manifest knows it. Not neutral."""
    return last_name(step.object or step.expect.object or "") or "unknown object"


def name_of_receipt(receipt: Receipt) -> str:
    """What people call the ticket of a receipt. Not neutral."""
    return last_name(receipt.object) or "unknown object"


def parameters_of(step: Step) -> list[tuple[str, str]]:
    """Every further parameter that an update of this step sends, by the name that manifests use. Not neutral."""
    return parameters_in(step.parameters)


def parameters_in(parameters: Parameters) -> list[tuple[str, str]]:
    """Every parameter that there is, by the name that manifests use. Not neutral."""
    sent = stated(parameters)
    return [(name, ", ".join(value) if isinstance(value, tuple) else value) for name, _, value in sent]


def to_merge(edit: EntryEdit | None) -> str:
    """The members that an entry has to have so that its trouble ends, as YAML; empty when no edit does that."""
    if edit is None:
        return ""
    wanted = _members(edit.wanted) if edit.wanted is not None else ""
    seen = f"expect: {{{_members(edit.seen)}}}" if edit.seen is not None else ""
    gone = "no `decided`" if edit.undecided else ""
    return ", ".join(part for part in (wanted, seen, gone) if part)


def _members(state: State) -> str:
    if state.schedule is None:
        return f"status: {state.status}"
    start, stop = state.schedule.start, state.schedule.stop
    times = f"start: {format_instant(start)}" + (f", stop: {format_instant(stop)}" if stop is not None else "")
    return f"status: {state.status}, schedule: {{{times}}}"


def by_risk(steps: Iterable[Step]) -> list[Step]:
    """Irreversible steps first, then other changes by their time, then what needs attention, then the rest."""
    return sorted(steps, key=_risk)


def _risk(step: Step) -> tuple[tuple[int, int], datetime, str, str]:
    schedule = step.after.schedule
    return (_RANKS[step.verdict], schedule.start if schedule else _NO_TIME, step.object.casefold(), step.guid)


def by_urgency(receipts: Iterable[Receipt]) -> list[Receipt]:
    """Receipts that somebody has to look at first."""
    return sorted(receipts, key=lambda receipt: (_URGENCY[receipt.outcome], receipt.object.casefold(), receipt.guid))


def in_group(plan: Plan, group: Group) -> Mapping[Verdict, int]:
    """The counts of the verdicts of one group, in the order of risk."""
    counts = {verdict: number for verdict, number in plan.counts.items() if verdict.group is group}
    return dict(sorted(counts.items(), key=lambda item: _RANKS[item[0]]))


def total(counts: Mapping[Verdict, int]) -> int:
    """How many steps the counts cover."""
    return sum(counts.values())


def listed(counts: Mapping[Verdict, int] | Mapping[Outcome, int]) -> str:
    """Return the counts: `2 approve, 1 schedule`."""
    return ", ".join(f"{number:,} {word.value}" for word, number in counts.items())


def headline(plan: Plan) -> str:
    """The plan's verdict in a few words."""
    persons = in_group(plan, Group.ATTENTION)
    changes = len(plan.changes)
    if not plan.steps and not plan.sealed:
        return "nothing is decided"
    if persons and changes:
        return f"{counted(changes, 'change')} ready, {_attention(total(persons))}"
    if persons:
        return f"nothing can be applied, {_attention(total(persons))}"
    return f"{counted(changes, 'change')} ready to apply" if changes else "nothing to do"


def _attention(number: int) -> str:
    return f"{number:,} {'needs' if number == 1 else 'need'} attention"


def as_before(plan: Plan) -> str:
    """Return what the run is not judged by: `as on main: 3 need attention`; empty when there is nothing."""
    others = plan.others
    if not others:
        return ""
    changes = sum(step.group is Group.CHANGE for step in others)
    persons = len(others) - changes
    parts = [_attention(persons)] if persons else []
    parts += [f"{counted(changes, 'update')} {verb(changes, 'is', 'are')} due"] if changes else []
    return f"as {f'on {plan.pull_request.base}' if plan.pull_request.base else 'before'}: {', '.join(parts)}"


def totals(plan: Plan) -> str:
    """All steps in one line: `4 will change (2 approve, 2 schedule) · 1 needs attention (1 refused) · 3 unchanged`."""
    parts: list[str] = []
    for group, words in (
        (Group.CHANGE, ("will change", "will change")),
        (Group.ATTENTION, ("needs attention", "need attention")),
        (Group.FINE, ("unchanged", "unchanged")),
    ):
        counts = in_group(plan, group)
        number = total(counts)
        detail = f" ({listed(counts)})" if counts else ""
        if number or group is Group.CHANGE:
            parts.append(f"{number:,} {words[number != 1]}{detail}")
    if plan.sealed:
        parts.append(sealed(plan))
    if plan.part is not None:
        parts.append(f"{plan.left_out:,} not looked at (partial plan)")
    return " · ".join(parts)


def sealed(plan: Plan) -> str:
    """Return how much is in manifests that the ledger has a seal for: `1,000 settled in 2 sealed manifests`."""
    return f"{plan.decisions_sealed:,} settled in {counted(len(plan.sealed), 'sealed manifest')}"


def undoable(verdict: Verdict) -> str:
    """Return a warning where a change can't be taken back."""
    return "can't be undone" if verdict in IRREVERSIBLE else ""


def heading(verdict: Verdict, number: int) -> str:
    """The heading over the steps of one verdict: `approve at once (2), can't be undone`."""
    words = f"{HEADINGS[verdict]} ({number:,})"
    return f"{words}, {undoable(verdict)}" if verdict in IRREVERSIBLE else words


def verb(number: int, one: str, many: str) -> str:
    """Choose the form of a verb that goes with a number."""
    return one if number == 1 else many


def what_next(plan: Plan) -> tuple[str, ...]:
    """What will happen, in plain sentences."""
    changes = plan.changes
    sentences: list[str] = []
    if changes:
        sentences.append(f"An apply of this plan sends {counted(len(changes), 'update')} to {plan.target}.")
        sentences += effects(plan)
    elif plan.steps or plan.sealed:
        sentences.append("There is nothing to apply: no update will be sent.")
    else:
        sentences.append("No decision was found, so there is nothing to apply.")
    if persons := total(in_group(plan, Group.ATTENTION)):
        verb = "is" if persons == 1 else "are"
        sentences.append(f"{counted(persons, 'ticket')} {verb} left alone until somebody has acted.")
    return tuple(sentences)


def effects(plan: Plan) -> tuple[str, ...]:
    """What the updates of a plan bring about, and what of it can be undone.

    TPP goes on with an object once all approvers of its ticket have approved; one rejection is enough to reject.
    """
    changes = plan.changes
    shared = sum(step.verdict is Verdict.APPROVE and len(step.approvers) > 1 for step in changes)
    final = sum(step.verdict in IRREVERSIBLE for step in changes) - shared
    timed = sum(step.after.schedule is not None for step in changes)
    back = sum(step.verdict is Verdict.REOPEN for step in changes)
    sentences = (
        (final, f"{final:,} of them {verb(final, 'takes', 'take')} effect at once and can't be undone."),
        (shared, f"{shared:,} can't be taken back, and {verb(shared, 'waits', 'wait')} for other approvers."),
        (timed, f"{timed:,} {verb(timed, 'waits', 'wait')} in TPP for the scheduled time; until then the manifest can "
         "change it."),
        (back, f"{back:,} {verb(back, 'takes', 'take')} an earlier decision back."),
    )  # fmt: skip
    return tuple(sentence for number, sentence in sentences if number)


def _left_alone(run: Run) -> Iterator[str]:
    if own := [each for each in run.attention if each.own]:
        verdicts = Counter(each.reason.verdict for each in own)
        sentences = listed(dict(sorted(verdicts.items(), key=lambda item: _RANKS[item[0]])))
        number = len(own)
        yield (
            f"{counted(number, 'decision')} {verb(number, 'needs', 'need')} attention, nothing was sent: {sentences}; "
            "`reconciler plan --quiet` says why, and who has to act."
        )
    if others := len(run.attention) - len(own):
        yield (f"As before this merge, {_attention(others)}: the issue about drift has all of them.")


def what_next_after(run: Run) -> tuple[str, ...]:
    """What a reader of a finished run does now, in plain sentences."""
    counts = run.counts
    sentences: list[str] = []
    if run.stopped:
        sentences.append(f"The run stopped early: {run.stopped}.")
    if number := sum(run.resolved.values()):
        sentences.append(
            f"Reading showed what became of {counted(number, 'update')} that an earlier run had left open: "
            f"{listed(run.resolved)}."
        )
    if counts.get(Outcome.UNKNOWN):
        sentences.append("Run a plan now: it reads the unknown tickets and finds out what happened to them.")
    if counts.get(Outcome.STALE):
        sentences.append("Stale tickets changed after the plan: make a new plan and have the difference reviewed.")
    if counts.get(Outcome.REJECTED_BY_SERVER) or counts.get(Outcome.FAILED):
        sentences.append("Fix what is named above and apply again; what is done is not done twice.")
    if counts.get(Outcome.NOT_ATTEMPTED) and not run.stopped:
        sentences.append("Apply again for those that were not attempted.")
    sentences += _left_alone(run)
    if waiting := counts.get(Outcome.AWAITING_OTHERS):
        sentences.append(
            f"{counted(waiting, 'ticket')} {verb(waiting, 'waits', 'wait')} for other approvers: remind them; "
            "`reconciler explain TICKET` names them."
        )
    if timed := sum(each.outcome is Outcome.APPLIED and each.after.schedule is not None for each in run.receipts):
        sentences.append(
            f"{counted(timed, 'approval')} {verb(timed, 'waits', 'wait')} in TPP for the scheduled time; "
            "a later `reconciler plan` says when it is settled."
        )
    if not sentences:
        sentences.append("Nothing is left to do." if run.receipts else "There was nothing to apply.")
    return tuple(sentences)


def is_scheduled(state: State) -> bool:
    """Return whether a state waits for a time."""
    return state.status in (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)


def found_by(control: Control) -> str:
    """What a guard found, and what the policy says."""
    return f"{control.detail}; {control.value}" if control.value else control.detail


_MOST_RULES = 20


def beside(plan: Plan) -> list[tuple[str, str]]:
    """Name what a pull request changes besides decisions, each with its heading. Not neutral."""
    around = plan.pull_request
    rules = [f"{each.name}: {each.before or 'not set'} → {each.after or 'not set'}" for each in around.rules]
    rules += [f"changes {name}" for name in around.files]
    if len(rules) > _MOST_RULES:
        rules = [*rules[:_MOST_RULES], f"and {len(rules) - _MOST_RULES:,} more"]
    armed = sum(each.armed for each in around.removed)
    still = f", {armed:,} will still run: set Pending first to take them back" if armed else ""
    removed = f"{counted(len(around.removed), 'decision')}{still}" if around.removed else ""
    return [(name, words) for name, words in (("rules", "; ".join(rules)), ("removes", removed)) if words]


def faults_of_plan(plan: Plan) -> list[Problem]:
    """Return what needs attention of what a plan is judged by, each as a fault of the line that decides it."""
    return [_left(step) for step in plan.own.steps if step.group is Group.ATTENTION]


def faults_of_run(run: Run) -> list[Problem]:
    """Return what a run did not bring about as faults of the lines that decide it: what was sent first."""
    sent = [receipt for receipt in by_urgency(run.receipts) if receipt.outcome in TROUBLE]
    return [_unsettled(receipt) for receipt in sent] + [_left(one) for one in run.attention if one.own]


def _unsettled(receipt: Receipt) -> Problem:
    words = OUTCOMES[receipt.outcome]
    message = f"{receipt.object or receipt.guid}: {receipt.detail or words.cause}"
    return Problem(receipt.outcome.value, receipt.source or NOWHERE, message, words.remedy)


def _left(one: Attention | Step) -> Problem:
    """Return what a plan or run leaves alone as a fault of the line that decides it."""
    words = REASONS[one.reason]
    return Problem(one.reason.value, one.source, f"{one.object or one.guid}: {one.detail or words.cause}", words.remedy)
