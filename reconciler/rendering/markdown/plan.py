"""A plan as markdown: the pull-request comment, the job summary, the drift issue.

The order is that of a reviewer with ten seconds: what is asked, what changes the rules, what can't be undone, what is
urgent, what is new; then the tickets by action, what is blocked and for whom; everything for operators is folded.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from reconciler.model.decision import Problem
from reconciler.model.findings import JobFailure
from reconciler.model.plan import Plan, Step
from reconciler.model.status import Schedule
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering import groups, times
from reconciler.rendering.certificates import soon_words
from reconciler.rendering.escape import code, html, html_comment, markdown, url
from reconciler.rendering.groups import Alike
from reconciler.rendering.markdown.around import added_rules, changes_since, removals
from reconciler.rendering.markdown.mermaid import gantt
from reconciler.rendering.markdown.rows import (
    Page,
    blocked_line,
    certificate_details,
    change_line,
    change_of,
    fine_line,
    name,
    sent_parameters,
    stage,
    within,
)
from reconciler.rendering.problems import problems_count
from reconciler.rendering.summary import as_before, by_risk, found_by, in_group, listed, sealed, total, verb
from reconciler.rendering.timeline import timeline
from reconciler.rendering.words import CONTROL_RESULTS, HEADINGS, IRREVERSIBLE, REASONS, counted, whose

COMMENT = Page()
"""A pull-request comment in UTC without links."""
LARGEST = 150
"""A group of more tickets is a count and a link, unless they are urgent."""
_OPEN = 10
"""A group of more tickets is folded, but for the urgent ones."""
_NAMED = 3
"""Names in one line of the head."""
_HEADS = 20
"""Heads of the ledger that a comment names: with them a ledger that was written anew is found out."""
_SIGNS = {"ok": "✅", "refused": "⛔", "overridden": "⚠️", "off": "—"}
_MARGIN = 300


@dataclass(frozen=True, slots=True)
class _Ask:
    """How the head asks: its title without the sign, who sends, and when what can't be undone happens."""

    title: str
    sends: str
    moment: str


def plan_markdown(plan: Plan, page: Page = COMMENT) -> str:
    """Return the plan as GitHub-flavoured markdown that fits the page's budget; what is not shown is counted.

    The first line is a marker that no reader sees.
    """
    return _text(plan, page, _Ask(_title(plan.own), "Merging", "merge"), "")


def drift_markdown(plan: Plan, page: Page = COMMENT, *, last_success: datetime | None = None) -> str:
    """Return the body of the drift issue: the plan, and how long ago a reconcile last succeeded."""
    number = len(plan.changes) + total(in_group(plan, Group.ATTENTION))
    words = "TPP is as git wants it" if not number else f"{counted(number, 'decision')} and TPP differ"
    age = "never, as far as the ledger knows"
    if last_success is not None:
        age = f"{times.both(last_success, page.zone)}, {times.span(plan.made_at - last_success)} before this look"
    return _text(
        plan,
        page,
        _Ask(f"TPP drift: {words}", "The next apply", "the next apply"),
        f"Last successful reconcile: {age}.",
    )


def _text(plan: Plan, page: Page, ask: _Ask, lead: str) -> str:
    """Set everything into the budget: with all lines, with names for folded lines, or with counts for groups."""
    whole, plan = plan, plan.own
    urgent = groups.urgent(plan)
    head = _marker(plan, page) + _head(whole, page, ask, lead, urgent) + _please_check(plan, page.budget // 10)
    folded = _others(whole, page, page.budget // 5) + _for_operators(plan, page, page.budget // 4)
    foot = _answers(plan) + _certificates(plan, page.budget // 5) + folded
    room = max(page.budget - len((head + foot).encode("utf-8")) - _MARGIN, 0)
    body = next((text for level in range(3) if (text := _body(plan, page, ask, level, urgent))[1] <= room), None)
    shown = body[0] if body else _cut(plan, page, ask, urgent, room)
    return head + shown + foot


def _marker(plan: Plan, page: Page) -> str:
    """Return a hidden note of what the comment is about; the next one reads from it which commit came before."""
    since = next((look.plan.commit for look in page.looks if look.by is None), None)
    facts = {
        "target": html_comment(plan.target, 200),
        "environment": html_comment(plan.environment or "", 80),
        "commit": html_comment(plan.commit or "", 80),
        "since": html_comment(since or "", 80),
        "digest": html_comment(plan.digest, 80),
    }
    return f"<!-- tpp-plan:v1 {' '.join(f'{name}={value}' for name, value in facts.items() if value)} -->\n"


_ASKED = {
    Verdict.REJECT: "reject",
    Verdict.APPROVE: "approve",
    Verdict.SCHEDULE: "approve",
    Verdict.RESCHEDULE: "move",
    Verdict.REOPEN: "take back",
}


def _title(plan: Plan) -> str:
    """Return what is asked, rejections first: they never stand among approvals."""
    blocked, around = total(in_group(plan, Group.ATTENTION)), plan.pull_request
    asked: dict[str, int] = {}
    for verdict, number in in_group(plan, Group.CHANGE).items():
        word = _ASKED.get(verdict, verdict.value)
        asked[word] = asked.get(word, 0) + number
    parts = [f"{word} {number:,}" for word, number in asked.items()]
    if around.removed and not asked:
        parts = [f"remove {len(around.removed):,}"]
    rest = f" {blocked:,} {'more ' if asked else ''}{verb(blocked, 'is', 'are')} blocked" if blocked else ""
    rules = " and change the rules" if around.changes_rules else ""
    if parts:
        number = sum(asked.values()) or len(around.removed)
        words = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
        noun = "request" if asked else "decision"
        return f"{words[:1].upper()}{words[1:]} certificate {noun if number == 1 else noun + 's'}{rules}?{rest}"
    if around.changes_rules:
        return f"Change the rules? No ticket is changed{';' + rest if rest else ''}"
    return f"No ticket can be changed:{rest}" if rest else "No ticket is changed"


def _head(whole: Plan, page: Page, ask: _Ask, lead: str, urgent: groups.Urgent) -> str:
    plan, around = whole.own, whole.pull_request
    alarming = around.changes_rules or any(each.armed for each in around.removed) or Verdict.REJECT in plan.counts
    sign = "🔴" if alarming or in_group(plan, Group.ATTENTION) else "🟢" if plan.changes else "⚪"
    lines = [
        _sends(whole, page, ask),
        _soon(plan),
        removals(around.removed, page, lead=True),
        _urgent_line(plan, urgent),
        _blocked(plan),
        *(changes_since(look, whole) for look in page.looks),
        lead,
    ]
    return f"## {sign} {ask.title}\n\n{added_rules(around, plan, page)}{_broken(lines)}"


def _broken(lines: Iterable[str]) -> str:
    """Join lines so that each begins anew, in comments and in job summaries alike."""
    return "\\\n".join(line for line in lines if line) + "\n\n"


def _sends(whole: Plan, page: Page, ask: _Ask) -> str:
    """Return what is sent; what is due without the pull request is sent with it."""
    plan, due = whole.own, sum(step.group is Group.CHANGE for step in whole.others)
    place = f" ({markdown(plan.environment, 80)})" if plan.environment else ""
    if not plan.changes:
        words = f", but for {counted(due, 'update')} that {verb(due, 'is', 'are')} due without it" if due else ""
        return f"**{ask.sends} sends nothing to TPP{place}{words}.**"
    final = {verdict: number for verdict, number in in_group(plan, Group.CHANGE).items() if verdict in IRREVERSIBLE}
    number = sum(final.values())
    words = f"{number:,} can't be undone** ({listed(final)})" if final else "Nothing of it takes effect at once**"
    timed = _starts([step.after.schedule for step in plan.changes if step.after.schedule], page)
    back = sum(step.verdict is Verdict.REOPEN for step in plan.changes)
    rest = [
        timed,
        f"{back:,} {verb(back, 'goes', 'go')} back to Pending" if back else "",
        f"{due:,} more {verb(due, 'is', 'are')} due without it" if due else "",
    ]
    tail = "".join(f"; {part}" for part in rest if part)
    return f"**{ask.sends} sends {counted(len(plan.changes), 'update')} to TPP{place} at once. {words}{tail}."


def _starts(found: Sequence[Schedule], page: Page) -> str:
    if not found:
        return ""
    starts = sorted({schedule.start for schedule in found})
    first = times.local_first(starts[0], page.zone)
    if len(starts) == 1:
        return f"{len(found):,} {verb(len(found), 'starts', 'start')} {first}"
    return f"{len(found):,} start between {first} and {times.local_first(starts[-1], page.zone)}"


def _soon(plan: Plan) -> str:
    soon = soon_words(plan.changes)
    return f"🔴 **{soon}.**" if soon else ""


def _certificates(plan: Plan, room: int) -> str:
    """What is known of the certificates, folded."""
    lines = [line for step in by_risk(plan.changes) if (line := certificate_details(step))]
    shown, count, left_out = within(lines, room)
    rest = f"- … and {left_out:,} more\n" if left_out else ""
    return (
        f"<details><summary>{counted(len(lines), 'certificate')}</summary>\n\n{shown}{rest}\n</details>\n"
        if count
        else ""
    )


def _urgent_line(plan: Plan, urgent: groups.Urgent) -> str:
    steps = {step.guid: step for step in plan.changes}
    shown = [f"{name(steps[guid])}: {markdown(', '.join(why), 120)}" for guid, why in urgent.items()][:_NAMED]
    more = f"; and {len(urgent) - _NAMED:,} more" if len(urgent) > _NAMED else ""
    return f"**Urgent:** {'; '.join(shown)}{more}." if shown else ""


def _blocked(plan: Plan) -> str:
    steps = by_risk(step for step in plan.steps if step.group is Group.ATTENTION)
    if not steps:
        return ""
    jobs = dict.fromkeys(whose(step.reason) for step in steps)
    shown = ", ".join(name(step) for step in steps[:_NAMED])
    more = f" and {len(steps) - _NAMED:,} more" if len(steps) > _NAMED else ""
    return f"**{groups.BLOCKED}:** {shown}{more}, for {' and '.join(jobs)}."


def _body(plan: Plan, page: Page, ask: _Ask, level: int, urgent: groups.Urgent) -> tuple[str, int]:
    """Return the sections at one level of detail, and how many bytes they take."""
    text = "".join(f"{title}{''.join(parts)}" for title, parts in _sections(plan, page, ask, level, urgent) if parts)
    return text, len(text.encode("utf-8"))


def _cut(plan: Plan, page: Page, ask: _Ask, urgent: groups.Urgent, room: int) -> str:
    """Show as many heads of groups as fit; what needs attention keeps two fifths of the room."""
    sections = [(title, parts) for title, parts in _sections(plan, page, ask, 2, urgent) if parts]
    text = ""
    for number, (title, parts) in enumerate(sections):
        share = room // 5 * 2 if number < len(sections) - 1 else room
        shown, _, left_out = within(parts, max(share - len(title) - _MARGIN // 2, 0))
        rest = f"**{counted(left_out, 'more group')}**: {page.whole}.\n\n" if left_out else ""
        room -= len((title + shown + rest).encode("utf-8"))
        text += title + shown + rest
    return text


def _sections(plan: Plan, page: Page, ask: _Ask, level: int, urgent: groups.Urgent) -> Iterator[tuple[str, list[str]]]:
    """Yield heading and groups: can't be undone, can be taken back, removed, blocked."""
    final, others = groups.changes_apart(plan.changes)
    yield f"### {groups.FINAL}: at {ask.moment}\n\n", [_group(each, plan, page, level, urgent) for each in final]
    yield f"### {groups.BACK}\n\n", [_group(each, plan, page, level, urgent) for each in others]
    if plan.pull_request.removed:
        yield "### Removed from git\n\n", [removals(plan.pull_request.removed, page, lead=False)]
    yield f"### {groups.BLOCKED}\n\n", list(_attention(plan, page, level))


def _group(group: Alike, plan: Plan, page: Page, level: int, urgent: groups.Urgent) -> str:
    first = group.first
    facts = [
        change_of(first, page),
        f"“{markdown(first.explanation, 300)}”" if first.explanation else "",
        f"window {markdown(first.window.name, 60)}" if first.window else "",
        f"valid until {times.local_first(first.valid_until, page.zone)}" if first.valid_until else "",
        f"by rule {code(first.rule, 80)}" if first.rule else "",
        sent_parameters(first),
        stage(first),
    ]
    head = f"**{groups.action(first.verdict)} {len(group.steps):,}**{_when(first, page)}"
    lines = [(step, change_line(step, page, plan, urgent=step.guid in urgent)) for step in group.steps]
    openly = [line for step, line in lines if step.guid in urgent or len(group.steps) <= _OPEN][:LARGEST]
    folded = [step for step, _ in lines if step.guid not in urgent and len(group.steps) > _OPEN]
    return (
        " · ".join([head, *(fact for fact in facts if fact)])
        + "\n"
        + ("".join(openly) if level < 2 else "")
        + _folded(folded if level < 2 else list(group.steps), page, plan, level, bool(urgent))
        + "\n"
    )


def _folded(steps: Sequence[Step], page: Page, plan: Plan, level: int, some_urgent: bool) -> str:
    """The tickets of a large group that are not urgent: folded lines, folded names, or a count."""
    if not steps:
        return ""
    none = ", none urgent" if some_urgent else ""
    if len(steps) > LARGEST or level > 1:
        return f"- {len(steps):,} tickets{none}: {page.whole}\n"
    if level:
        lines = ", ".join(markdown(step.object.rpartition("\\")[2], 60) for step in steps) + "\n"
    else:
        lines = "".join(change_line(step, page, plan) for step in steps)
    return f"\n<details><summary>{len(steps):,} tickets{none}</summary>\n\n{lines}\n</details>\n"


def _when(step: Step, page: Page) -> str:
    """When a group takes effect, with the earlier time when it moves."""
    schedule = step.after.schedule
    old = step.before.schedule if step.before else None
    learnt = " (known from the ledger)" if old and step.known_from == "ledger" else ""
    if schedule is None:
        return f", it was {times.local_first_window(old, page.zone)}{learnt}" if old else ""
    moved = f" from {times.local_first_window(old, page.zone)}{learnt} to" if old and old != schedule else ","
    return f"{moved} {times.local_first_window(schedule, page.zone)}"


def _attention(plan: Plan, page: Page, level: int) -> Iterator[str]:
    """Yield what is blocked, once for each reason: the cause, whose job it is, what to do, and the tickets."""
    for reason, found in groupby(groups.blocked(plan.steps), key=lambda step: step.reason):
        same, words = list(found), REASONS[reason]
        lines = "".join(blocked_line(step, page) for step in same)
        if len(same) > LARGEST or level > 1:
            lines = f"- {len(same):,} tickets: {page.whole}\n"
        title = HEADINGS[reason.verdict]
        yield (
            f"**{title[:1].upper()}{title[1:]} {len(same):,}**: {words.cause}. "
            f"For {whose(reason)}: {words.remedy} ({code(reason.value)})\n{lines}\n"
        )


def _others(plan: Plan, page: Page, room: int) -> str:
    """What is as on the branch that the pull request is for, folded: it is not judged by it."""
    if not plan.others:
        return ""
    others = replace(plan, steps=plan.others)
    lines = [*_attention(others, page, 0), *(change_line(step, page, plan) for step in by_risk(others.changes))]
    shown, _, left_out = within(lines, room)
    rest = f"{left_out:,} more: {page.whole}\n" if left_out else ""
    words = as_before(plan)
    title = html(words[:1].upper() + words[1:])
    return f"<details><summary>{title}</summary>\n\n{shown}{rest}\n</details>\n"


def _answers(plan: Plan) -> str:
    """Return how to answer, wherever something is asked for."""
    around = plan.pull_request
    records = {step.change for step in plan.changes}
    known = markdown(next(iter(records)) or "", 60) if len(records) == 1 else "its change record"
    belongs = f"each name belongs to {known}" if any(records) else "each decision is right"
    conditions = [
        belongs if plan.changes else "",
        "what is removed may go" if around.removed else "",
        "the rules are to be these" if around.changes_rules else "",
    ]
    words = " and ".join(each for each in conditions if each)
    return f"**Yes:** approve, if {words}. **No:** request changes. **Ask:** reply on a line.\n\n" if words else ""


def _please_check(plan: Plan, room: int) -> str:
    return _bullets("Please check", (markdown(note, 400) for note in plan.notes), room)


def _bullets(title: str, lines: Iterable[str], room: int) -> str:
    shown, count, left_out = within((f"- {line}\n" for line in lines), room)
    if not count and not left_out:
        return ""
    rest = f"- … and {left_out:,} more\n" if left_out else ""
    return f"**{title}**\n\n{shown}{rest}\n"


def _for_operators(plan: Plan, page: Page, room: int) -> str:
    facts = [
        f"Server {code(plan.target, 200)}" + (f" as {code(plan.identity, 100)}" if plan.identity else ""),
        f"commit {code(plan.commit[:12])}" if plan.commit else "",
        f"shard {code(plan.shard, 20)}" if plan.shard else "",
        f"observed {times.both(plan.made_at, page.zone)}",
        f"plan expires {times.both(plan.expires_at, page.zone)}",
        f"digest {code(plan.digest, 80)}",
        f"ledger {code(plan.ledger_head, 80)}" if plan.ledger_head else "",
        *(
            f"ledger line {code(f'{head.path}:{head.lines}', 120)} {code(head.hash, 80)}"
            for head in plan.ledger_heads[:_HEADS]
        ),
        f"reproduce: {code(page.command)}" if page.command else "",
    ]
    links = [
        f"[full plan]({url(page.plan_url)})" if page.plan_url else "",
        f"[workflow run]({url(page.run_url)})" if page.run_url else "",
    ]
    parts = [
        "".join(f"- {fact}\n" for fact in (*facts, *links) if fact),
        _controls(plan, room // 4),
        _diagram(plan, room // 3),
        _unchanged(plan, page, room // 4),
        _sealed(plan, room // 8),
    ]
    body = "\n".join(part for part in parts if part)
    unchanged = total(in_group(plan, Group.FINE)) + plan.decisions_sealed
    names = ["Checks", f"{unchanged:,} unchanged" if unchanged else "", "digest"]
    title = f"{', '.join(part for part in names if part)} (for operators)"
    return f"<details><summary>{title}</summary>\n\n{body}\n</details>\n"


def _controls(plan: Plan, room: int) -> str:
    rows = (
        f"{_SIGNS.get(control.result, '')} {markdown(control.name, 80)} "
        f"{markdown(CONTROL_RESULTS.get(control.result, control.result), 40)}: {markdown(found_by(control), 300)}"
        for control in plan.controls
    )
    return _bullets("Checks", rows, room)


def _unchanged(plan: Plan, page: Page, room: int) -> str:
    counts = in_group(plan, Group.FINE)
    steps = by_risk(step for step in plan.steps if step.group is Group.FINE)[:LARGEST]
    rest = total(counts) - len(steps)
    text = ""
    for reason, found in groupby(steps, key=lambda step: step.reason):
        text += f"**{HEADINGS[reason.verdict].capitalize()}**: {REASONS[reason].cause}\n\n"
        shown, _, left_out = within((fine_line(step, page) for step in found), room)
        room -= len(shown.encode("utf-8"))
        rest += left_out
        text += f"{shown}\n"
    return text + (f"{counted(rest, 'more ticket')} unchanged ({listed(counts)}).\n\n" if rest else "")


def _sealed(plan: Plan, room: int) -> str:
    if not plan.sealed:
        return ""
    lines = (f"{code(seal.path, 200)}: {counted(seal.decisions, 'decision')}" for seal in plan.sealed)
    return _bullets(sealed(plan)[:1].upper() + sealed(plan)[1:], lines, room)


def _diagram(plan: Plan, room: int) -> str:
    """The windows that are not over yet."""
    text, left_out = gantt(timeline(plan, past=False), room)
    if not text:
        return ""
    more = f"\n{counted(left_out, 'more window')} not drawn.\n" if left_out else ""
    return f"```mermaid\n{text}```\n{more}"


FAILURES = {
    "pull request": ("No plan for", "Nothing is known about this commit, and merging it unseen is not safe."),
    "plan": ("Nothing applied of", "The merge has not reached TPP: no plan could be made, so nothing was sent."),
    "apply": ("No report about", "What was sent is in the ledger, and the next run finds out about the rest."),
}
"""What failed, how that begins, and what follows from it."""


def failure_markdown(what: str, commit: str, why: JobFailure, page: Page = COMMENT) -> str:
    """Return the comment about one of FAILURES: the true cause first, every fault with its place, what to do."""
    faults, _, left_out = within(
        (
            f"- {code(str(problem.source), 200)}: {markdown(problem.message, 400)}"
            f"{'. ' + markdown(problem.hint, 400) if problem.hint else ''}\n"
            for problem in why.problems
        ),
        page.budget - 3_000,
    )
    begins, follows = FAILURES[what]
    cause = f"{counted(len(why.problems), 'fault')} in the files" if why.problems else why.message
    rest = f"- … and {left_out:,} more\n" if left_out else ""
    run = f"\n[Workflow run]({url(page.run_url)})\n" if page.run_url else ""
    do = f" {markdown(why.hint[:1].upper() + why.hint[1:].rstrip('.'), 400)}." if why.hint and not why.problems else ""
    return f"## 🔴 {begins} {code(commit[:12])}: {markdown(cause, 200)}\n\n**{follows}**{do}\n\n{faults}{rest}{run}"


def problems_markdown(problems: Sequence[Problem], page: Page = COMMENT) -> str:
    """Return the summary of a validation: every fault with its place and remedy, as many as fit."""
    if not problems:
        return "## 🟢 Manifests are valid\n\nNo problems were found.\n"
    head = f"## 🔴 Manifests: {problems_count(problems)}\n\n"
    rows, _, left_out = within(
        (
            f"- {code(str(problem.source), 200)} {problem.severity.value}: {markdown(problem.message, 400)} "
            f"{code(problem.code)}{'. ' + markdown(problem.hint, 400) if problem.hint else ''}\n"
            for problem in problems
        ),
        page.budget - 1_000,
    )
    rest = f"\n**{counted(left_out, 'more problem')}**: the log has all of them.\n" if left_out else ""
    return head + rows + rest
