"""Change records of a run: asked for once, for the approvals of a plan that need one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from reconciler.app.acting import with_folders
from reconciler.app.context import Context, stored_secret
from reconciler.changes.backends import open_change_notes, open_change_records
from reconciler.changes.client import NAMES, PREFIX
from reconciler.changes.service import RunInfo
from reconciler.errors import CredentialsRefused, InvalidInput
from reconciler.model.change_record import (
    ChangeDecision,
    ChangeNote,
    ChangeQuestion,
    ChangeRecord,
    ChangeSystem,
    LookupFailure,
    NoChangeRecord,
    SeenChange,
)
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import Plan, Step
from reconciler.model.review import Emergency
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.planning.change_records import moved, remember, rule_for, why_not
from reconciler.planning.guards import Circumstances, exemptions
from reconciler.planning.selections import Since

Records = Mapping[str, ChangeRecord | NoChangeRecord]


def with_change_records(
    context: Context, seen: Circumstances, steps: tuple[Step, ...], purpose: str
) -> tuple[tuple[Step, ...], Circumstances]:
    """Look up the records that the changes among these steps need; the steps keep what was seen."""
    rules = seen.policy.change_record
    asked = [s for s in steps if s.group is Group.CHANGE and s.change and rule_for(rules, s) is not None]
    if not asked:
        return steps, seen
    questions = _questions(asked)
    # The policy of a pull request may be the first that asks, while the system to ask is that of its base.
    found = look_up(context, questions, purpose) if context.settings.change_records else _not_yet(questions)
    return remember(rules, steps, found, seen.now), replace(seen, changes=found)


def _not_yet(questions: Sequence[ChangeQuestion]) -> Records:
    why = "this pull request names the system of change records, which is asked only once it is merged"
    hint = "merge the configuration first, in a pull request of its own"
    return {each.id: NoChangeRecord(each.id, LookupFailure.UNAVAILABLE, why, hint) for each in questions}


def before_first_write(
    context: Context, plan: Plan, emergency: Emergency | None = None
) -> tuple[Plan, Mapping[Guid, Since]]:
    """Look the records up once more, and say which changes are not sent because theirs is not as it was.

    The plan that is returned has the records as they are now, for the ledger.
    """
    seen = Circumstances(context.settings.policy, context.clock.now(), emergency=emergency)
    seen = with_folders(seen, context.settings, plan)
    steps, seen = with_change_records(context, seen, plan.changes, "apply")
    if not seen.changes:
        return plan, {}
    exempt = exemptions(plan.overrides, seen)
    planned = {step.guid: step.change_record for step in plan.changes}
    since = {
        step.guid: overtaken
        for step in steps
        if exempt.of("change-record", step.guid, step.source.path) is None
        and (overtaken := _overtaken(step, planned[step.guid], seen)) is not None
    }
    now = {step.guid: step for step in steps}
    return replace(plan, steps=tuple(now.get(step.guid, step) for step in plan.steps)), since


def _overtaken(step: Step, planned: SeenChange | None, seen: Circumstances) -> Since | None:
    rule = rule_for(seen.policy.change_record, step)
    if rule is None:
        return None
    found = seen.changes.get(step.change or "")
    if (why := why_not(rule, step, found, seen.now)) is not None:
        away = isinstance(found, NoChangeRecord) and found.failure is LookupFailure.UNAVAILABLE
        return Since(done=False, why=f"its change record does not allow it now: {why}", passing=away)
    if (why := moved(planned, step.change_record)) is not None:
        return Since(done=False, why=f"its change record has changed: {why}")
    return None


def look_up(context: Context, questions: Sequence[ChangeQuestion], purpose: str) -> Records:
    """Ask the configured system. Whatever goes wrong is a value; a lack of credentials too. Raises InvalidInput."""
    system = context.settings.change_records
    if system is None:
        hint = "add `change_records: {kind: …, url: …}`"
        source = Source(context.settings.path or "reconciler.yaml")
        raise InvalidInput((Problem("config/value", source, "no system of change records is configured", hint),))
    about = RunInfo(purpose, purpose, context.settings.server or "")
    try:
        environ, rules = _environ(context, system), context.settings.policy.change_record
        affected = any(rule.affected or (rule.emergency is not None and rule.emergency.affected) for rule in rules)
        return open_change_records(system, context.clock, about, environ, affected=affected).lookup(questions)
    except CredentialsRefused as error:
        return {
            each.id: NoChangeRecord(each.id, LookupFailure.UNAVAILABLE, error.message, error.hint) for each in questions
        }


def _environ(context: Context, system: ChangeSystem) -> Mapping[str, str]:
    """Return the environment, and below it what the system's keyring has. Raises CredentialsRefused."""
    if system.keyring is None:
        return context.environ
    names = [PREFIX + name for name in NAMES]
    stored = {name: stored_secret(system.keyring, name) for name in names if not context.environ.get(name)}
    return {name: secret for name, secret in stored.items() if secret is not None} | dict(context.environ)


def leave_notes(context: Context, notes: Sequence[ChangeNote]) -> Mapping[str, str]:
    """Leave what a run did on its change records, where the configuration asks; return why not, by id."""
    system = context.settings.change_records
    if system is None or not system.comment or not notes:
        return {}
    if context.deadline.left() <= 0:
        return {note.id: "the run was told to end, and no time is left" for note in notes}
    about = RunInfo(notes[0].run, "report", context.settings.server or "")
    try:
        return open_change_notes(system, context.clock, about, _environ(context, system)).tell(notes)
    except CredentialsRefused as error:
        return {note.id: error.message for note in notes}


def _questions(steps: Iterable[Step]) -> list[ChangeQuestion]:
    by_change: dict[str, list[ChangeDecision]] = defaultdict(list)
    for step in steps:
        schedule = step.after.schedule
        by_change[step.change or ""].append(
            ChangeDecision(
                guid=step.guid,
                object=step.object,
                workflow=step.workflow,
                status=str(step.after.status),
                start=schedule.start if schedule else None,
                stop=schedule.stop if schedule else None,
                explanation=step.explanation or "",
            )
        )
    return [ChangeQuestion(each, tuple(decisions)) for each, decisions in sorted(by_change.items())]
