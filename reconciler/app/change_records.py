"""Change records of a run: asked for once, for the approvals of a plan that need one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from reconciler.app.context import Context
from reconciler.changes.backends import open_change_records
from reconciler.changes.service import Purpose
from reconciler.errors import CredentialsRefused, InvalidInput
from reconciler.model.change_record import (
    ChangeDecision,
    ChangeQuestion,
    ChangeRecord,
    LookupFailure,
    NoChangeRecord,
)
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import Step
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.planning.change_records import asks_for_record
from reconciler.planning.guards import Circumstances

Records = Mapping[str, ChangeRecord | NoChangeRecord]


def with_change_records(context: Context, seen: Circumstances, steps: Iterable[Step], purpose: str) -> Circumstances:
    """Return the circumstances with the records that the changes among these steps need."""
    rule = seen.policy.change_record
    asked = [step for step in steps if step.group is Group.CHANGE and step.change and asks_for_record(rule, step)]
    return replace(seen, changes=look_up(context, _questions(asked), purpose)) if asked else seen


def look_up(context: Context, questions: Sequence[ChangeQuestion], purpose: str) -> Records:
    """Ask the configured system. Whatever goes wrong is a value; a lack of credentials too. Raises InvalidInput."""
    system = context.settings.change_records
    if system is None:
        hint = "add `change_records: {kind: …, url: …}`"
        source = Source(context.settings.path or "reconciler.yaml")
        raise InvalidInput((Problem("config/value", source, "no system of change records is configured", hint),))
    about = Purpose(purpose, purpose, context.settings.server or "")
    try:
        return open_change_records(system, context.clock, about, context.environ).lookup(questions)
    except CredentialsRefused as error:
        return {
            each.id: NoChangeRecord(each.id, LookupFailure.UNAVAILABLE, error.message, error.hint) for each in questions
        }


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
