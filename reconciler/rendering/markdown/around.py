"""What a pull request changes besides decisions: rules, removed decisions, and what is new since somebody looked."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from reconciler.model.plan import Look, Plan, Step
from reconciler.model.pull_request import PullRequestContext, Removal, RuleChange
from reconciler.model.status import Status
from reconciler.rendering import times
from reconciler.rendering.escape import code, markdown
from reconciler.rendering.markdown.rows import Page, place, within
from reconciler.rendering.summary import by_risk, last_name, name_of, verb
from reconciler.rendering.words import HEADINGS, REASONS, counted

_NAMED = 4
_MOST_RULES = 40


def added_rules(around: PullRequestContext, plan: Plan, page: Page) -> str:
    """What decides how tickets are judged, old → new; stands above everything else. Empty when nothing changes."""
    if not around.changes_rules:
        return ""
    lines = [
        *(_rule(rule) for rule in around.rules),
        *(f"changes {code(name, 200)}" for name in around.files),
        *_by_base(around, plan),
    ]
    shown, _, left_out = within((f"- {line}\n" for line in lines[:_MOST_RULES]), page.budget // 5)
    left_out += len(lines[_MOST_RULES:])
    rest = f"- **{counted(left_out, 'more rule')}**: see the files\n" if left_out else ""
    return f"⚠️ **Changes the rules**\n{shown}{rest}\n"


def _rule(rule: RuleChange) -> str:
    before = code(rule.before, 200) if rule.before is not None else "not set"
    after = code(rule.after, 200) if rule.after is not None else "not set"
    return f"{code(rule.name, 120)}: {before} → **{after}**"


def _by_base(around: PullRequestContext, plan: Plan) -> Iterator[str]:
    """Return which tickets the present rules would judge otherwise."""
    steps = {step.guid: step for step in plan.steps}
    found = sorted((each for each in around.by_base if each.guid in steps), key=lambda each: each.reason.value)
    for reason, group in groupby(found, key=lambda each: each.reason):
        same = [steps[each.guid] for each in group]
        words = REASONS[reason].cause
        yield f"under the present rules {_names(same)} would be: {HEADINGS[reason.verdict]}, because {words}"


def removals(removed: Sequence[Removal], page: Page, *, lead: bool) -> str:
    """Which decisions git no longer has, and what stays in TPP; `lead` is the one line for the head."""
    if not removed:
        return ""
    armed = [each for each in removed if each.armed]
    if lead:
        still = f": {len(armed):,} will still run; set `Pending` first to take them back" if armed else ""
        return f"**Removes {counted(len(removed), 'decision')}**{still}."
    lines = [_removed(each, page) for each in (*armed, *(each for each in removed if each not in armed))]
    shown, _, left_out = within(lines, page.budget // 5)
    return shown + (f"- **{left_out:,} more**: {page.whole}\n" if left_out else "") + "\n"


def _removed(each: Removal, page: Page) -> str:
    live = each.live
    if each.gone:
        stays = "the ticket is gone"
    elif live is None:
        stays = "what TPP has is not known"
    elif live.schedule is not None:
        stays = f"**stays scheduled in TPP**, {times.local_first_window(live.schedule, page.zone)}"
    elif live.status == Status.PENDING:
        stays = "stays undecided in TPP"
    else:
        stays = f"is {markdown(live.status, 40)} in TPP"
    name = markdown(last_name(each.object) or "unknown object", 80)
    return f"- **{name}**: wanted {markdown(each.wanted.status, 40)}, {stays} · {place(each.guid, each.source, page)}\n"


def changes_since(look: Look, plan: Plan) -> str:
    """What is new since an earlier plan: added, removed, verdict or window changed."""
    before = {step.guid: step for step in look.plan.steps}
    now = {step.guid: step for step in plan.steps}
    added = [step for step in plan.steps if step.guid not in before]
    gone = [step for step in look.plan.steps if step.guid not in now]
    moved = [step for step in plan.steps if step.guid in before and _other(before[step.guid], step)]
    parts = [
        *(f"new: {word} {_names(steps)}" for word, steps in _by_verdict(added)),
        *(f"gone: {word} {_names(steps)}" for word, steps in _by_verdict(gone)),
        *(f"now: {word} {_names(steps)}" for word, steps in _by_verdict(moved)),
    ]
    since = code((look.plan.commit or look.plan.digest)[:7])
    by = f" (last review of {code(look.by, 60)})" if look.by else ""
    return f"**Since {since}{by}:** {'; '.join(parts) or 'no decision changed'}."


def _other(before: Step, step: Step) -> bool:
    return (before.reason, before.after, before.parameters, before.explanation, before.change) != (
        step.reason,
        step.after,
        step.parameters,
        step.explanation,
        step.change,
    )


def _by_verdict(steps: Sequence[Step]) -> Iterator[tuple[str, list[Step]]]:
    for verdict, found in groupby(by_risk(steps), key=lambda step: step.verdict):
        yield verdict.value, list(found)


def _names(steps: Sequence[Step]) -> str:
    shown = ", ".join(markdown(name_of(step), 80) for step in steps[:_NAMED])
    rest = len(steps) - _NAMED
    return f"{shown} and {rest:,} {verb(rest, 'other', 'others')}" if rest > 0 else shown
