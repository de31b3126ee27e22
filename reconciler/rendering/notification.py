"""One short message for a chat, as the JSON that Slack's and Teams' incoming webhooks take.

Sources: Slack, "Sending messages using incoming webhooks" and "Formatting text for app surfaces";
Microsoft Teams, "Create incoming webhooks" with an Adaptive Card 1.4.
"""

from enum import StrEnum

from reconciler.codec import compact
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.model.verdict import Group
from reconciler.rendering.escape import cut, url, visible
from reconciler.rendering.summary import (
    TROUBLE,
    by_risk,
    by_urgency,
    headline,
    listed,
    name_of,
    name_of_receipt,
    totals,
    what_next_after,
)
from reconciler.rendering.text.step import MARKS

_FEW = 8
_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_TEAMS = str.maketrans({character: f"\\{character}" for character in "\\`*_[]()#~|>"})


class Chat(StrEnum):
    """Who is told."""

    SLACK = "slack"
    TEAMS = "teams"


def plan_notification(plan: Plan, chat: Chat, *, link: str = "") -> str:
    """Return the message about a plan: headline, totals, the first few tickets that act or need somebody."""
    steps = [step for step in by_risk(plan.steps) if step.group is not Group.FINE]
    rows = [f"{MARKS.get(step.verdict, ('!',))[0]} {step.verdict.value}: {name_of(step)}" for step in steps[:_FEW]]
    title = f"{plan.environment or plan.target}: {headline(plan)}"
    return _message(chat, title, [totals(plan), *rows, *_rest(len(steps))], link)


def run_notification(run: Run, chat: Chat, *, link: str = "") -> str:
    """Return the message about a finished run: its totals, what went wrong first, and what to do."""
    trouble = [receipt for receipt in by_urgency(run.receipts) if receipt.outcome in TROUBLE]
    rows = [f"! {receipt.outcome.value}: {name_of_receipt(receipt)}" for receipt in trouble[:_FEW]]
    title = f"{run.environment or run.target}: {listed(run.counts) or 'nothing to apply'}"
    return _message(chat, title, [*rows, *_rest(len(trouble)), *what_next_after(run)], link)


def state_of(plan: Plan | None, run: Run | None = None) -> str:
    """Return a text that is the same while nothing changed, so that a chat is told of changes of state only.

    It names the tickets that act or need somebody and their reasons, never times or digests.
    """
    steps = [] if plan is None else [f"{s.guid} {s.reason.value}" for s in plan.steps if s.group is not Group.FINE]
    receipts = [] if run is None else [f"{r.guid} {r.outcome.value}" for r in run.receipts]
    return "\n".join((*sorted(steps), *sorted(receipts)))


def _rest(number: int) -> list[str]:
    return [f"… and {number - _FEW:,} more"] if number > _FEW else []


def _message(chat: Chat, title: str, lines: list[str], link: str) -> str:
    address = url(link)
    shown = [cut(visible(line, 300), 300) for line in lines if line]
    match chat:
        case Chat.SLACK:
            text = "\n".join(
                (f"*{visible(title, 200).translate(_SLACK)}*", *(line.translate(_SLACK) for line in shown))
            )
            document: dict[str, object] = {"text": f"{text}\n<{address}|Details>" if address else text}
        case Chat.TEAMS:
            document = _card(visible(title, 200).translate(_TEAMS), [line.translate(_TEAMS) for line in shown], address)
    return compact(document)


def _card(title: str, lines: list[str], address: str) -> dict[str, object]:
    body: list[dict[str, object]] = [{"type": "TextBlock", "text": title, "weight": "Bolder", "wrap": True}]
    body.extend({"type": "TextBlock", "text": line, "wrap": True, "spacing": "Small"} for line in lines)
    card: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if address:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Details", "url": address}]
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }
