"""The outcome of a run as markdown, appended to the pull request that it applied."""

import base64
from itertools import groupby

from reconciler.codec import canonical
from reconciler.model.decision import Source
from reconciler.model.receipt import Outcome, Receipt, Run
from reconciler.model.review import Review
from reconciler.rendering import times
from reconciler.rendering.escape import code, html_comment, markdown, shorten, url, url_path
from reconciler.rendering.markdown.rows import Page, place, within
from reconciler.rendering.summary import TROUBLE, by_urgency, last_name, listed, name_of_receipt, short, what_next_after
from reconciler.rendering.words import HEADINGS, OUTCOMES, PROOFS, REASONS, counted, whose

_PAGE = Page()
_MOST_PULLS = 20
_MOST_HEADS = 5
_HEAD = "| Ticket | Before → Wanted | Outcome | Proof |\n|--|--|--|--|\n"


def run_markdown(run: Run, page: Page = _PAGE) -> str:
    """Return what a run did, from its receipts: what went wrong first, whole rows only, within the page's budget."""
    trouble = sum(number for outcome, number in run.counts.items() if outcome in TROUBLE)
    sign = "🔴" if trouble or run.stopped or any(one.own for one in run.attention) else "🟢"
    head = (
        f"<!-- tpp-run:v1 run={html_comment(run.run, 100)} digest={html_comment(run.digest, 80)} -->\n"
        f"## {sign} TPP apply: {_title(run)}\n\n"
        f"{' '.join(markdown(sentence, 400) for sentence in what_next_after(run))}\n\n"
        f"Run {code(run.run, 100)} on {code(run.target, 200)}"
        f"{f' ({markdown(run.environment, 80)})' if run.environment else ''} · "
        f"began {times.both(run.started_at, page.zone)} · took {times.span(run.ended_at - run.started_at)}"
        f"{f' · [workflow run]({url(page.run_url)})' if page.run_url else ''}\n\n"
        f"{_decided_by(run)}"
    )
    remedies = "".join(
        f"- **{outcome.value}**: {OUTCOMES[outcome].cause}. To do: {OUTCOMES[outcome].remedy}.\n"
        for outcome in Outcome
        if run.counts.get(outcome) and OUTCOMES[outcome].remedy
    )
    notes, _, _ = within((f"- {markdown(note, 400)}\n" for note in run.notes), page.budget // 10)
    tail = "".join(f"{part}\n" for part in (_left_alone(run, page), remedies, notes) if part) + ledger_note(run)
    room = page.budget - len((head + tail).encode("utf-8")) - 500
    return head + _table(by_urgency(run.receipts), page, room) + tail


def ledger_note(run: Run) -> str:
    """Note where the ledger stood, for a later run: whoever rewrites its branch does not rewrite this."""
    if run.ledger is None or not run.ledger.heads:
        return ""
    listed = ", ".join(f"line {head.lines} of {code(head.path, 100)}" for head in run.ledger.heads[:_MOST_HEADS])
    note = base64.b64encode(canonical(run.ledger)).decode("ascii")
    return f"The ledger on {code(run.ledger.branch, 100)} had come to {listed}.\n\n<!-- tpp-ledger:v1 {note} -->\n"


def _decided_by(run: Run) -> str:
    """Name the people behind the decisions: of the first pull requests, when there are many."""
    listed = [
        f"- {_pull(own.review)}: {counted(len(own.tickets), 'decision')} "
        f"by {markdown(own.review.author, 80)}, approved by "
        f"{', '.join(markdown(name, 80) for name in own.review.reviewers) or 'nobody'}\n"
        for own in run.reviews[:_MOST_PULLS]
    ]
    if (more := len(run.reviews) - _MOST_PULLS) > 0:
        listed.append(f"- and {counted(more, 'more pull request')}\n")
    return "".join(listed) + "\n" if listed else ""


def _pull(review: Review) -> str:
    where = url(review.url)
    return f"[PR {review.pull_request}]({where})" if where else f"PR {review.pull_request}"


def _title(run: Run) -> str:
    number = sum(one.own for one in run.attention)
    left = f", {number:,} not done" if number else ""
    return (listed(run.counts) or "nothing to apply") + left


def _left_alone(run: Run, page: Page) -> str:
    """Name the decisions that nothing was sent for, once for each reason, with whose job it is."""
    text = ""
    own = (each for each in run.attention if each.own)
    for reason, found in groupby(sorted(own, key=lambda each: each.reason.value), key=lambda e: e.reason):
        same = list(found)
        lines = (
            f"- **{markdown(last_name(each.object) or 'unknown object', 80)}**"
            f"{': ' + markdown(each.detail, 300) if each.detail else ''}"
            f"{' · ' + place(each.guid, each.source, page) if each.source else ''}\n"
            for each in same
        )
        shown, _, left_out = within(lines, page.budget // 8)
        more = f"- {left_out:,} more\n" if left_out else ""
        title, words = HEADINGS[reason.verdict], REASONS[reason]
        text += (
            f"**Not done, {title} {len(same):,}**: {words.cause}. "
            f"For {whose(reason)}: {words.remedy} ({code(reason.value)})\n{shown}{more}\n"
        )
    return text


def _table(receipts: list[Receipt], page: Page, room: int) -> str:
    if not receipts:
        return ""
    rows, count, _ = within((_row(receipt, page) for receipt in receipts[: room // 40 + 1]), room)
    summary = f"All {counted(count, 'receipt')} shown."
    if count < len(receipts):
        hidden = receipts[count:]
        groups = groupby(hidden, key=lambda receipt: receipt.outcome)
        rest = ", ".join(f"{len(list(group)):,} {outcome.value}" for outcome, group in groups)
        summary = f"**{count:,} of {len(receipts):,} receipts shown**; not shown: {rest}. The ledger has all of them."
    return f"{_HEAD}{rows}\n{summary}\n\n"


def _row(receipt: Receipt, page: Page) -> str:
    before = markdown(receipt.before.status, 40) if receipt.before else "?"
    detail = f": {markdown(receipt.detail, 300)}" if receipt.detail else ""
    operation = f" {code('op:' + receipt.operation, 40)}" if receipt.operation else ""
    return (
        f"| {_ticket(receipt, page)} | {before} → {markdown(receipt.after.status, 40)} "
        f"| **{receipt.outcome.value}**{detail} | {PROOFS[receipt.proof]}{operation} |\n"
    )


def _ticket(receipt: Receipt, page: Page) -> str:
    named = f"**{markdown(name_of_receipt(receipt), 80)}** {code(shorten(receipt.object, 48))} {short(receipt.guid)}"
    return f"{named} {_place(receipt.source, page)}".rstrip()


def _place(source: Source | None, page: Page) -> str:
    if not source:
        return ""
    place = code(shorten(f"{source.path}:{source.line}", 48))
    if not page.source_url:
        return place
    return f"[{place}]({url(page.source_url).rstrip('/')}/{url_path(source.path)}#L{source.line})"
