"""The summary of an audit pack: one page that prints well, without scripts, and the same for the same records."""

from collections import Counter
from collections.abc import Iterator

from reconciler.model.record import RECORD_OUTCOMES, Audit, Record
from reconciler.model.review import Review
from reconciler.model.status import State
from reconciler.rendering import times
from reconciler.rendering.escape import html
from reconciler.rendering.html.assets import policy, style
from reconciler.rendering.html.page import badge, facts, link, moment, small_table
from reconciler.rendering.summary import parameters_in

_SHEETS = ("base.css",)
_TONES = {"applied": "good", "awaiting-others": "time", "stale": "care", "not-attempted": "calm", "closed": "calm"}


def audit_page(audit: Audit) -> str:
    """Return the summary as a whole document."""
    counts = Counter(record.outcome for record in audit.records)
    told = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in RECORD_OUTCOMES if counts[outcome]) or "no records"
    asked = [(html(name).capitalize(), f"<code>{html(value)}</code>") for name, value in audit.asked]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(_SHEETS, ())}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Decisions on approval tickets</title>\n<style>{style(*_SHEETS)}</style>\n</head>\n<body>\n"
        '<main><div class="wrap">\n<h1>Decisions on approval tickets</h1>\n'
        f'<p class="lede">{told}. All times are UTC. VERIFY.md says how to check everything here.</p>\n'
        + facts([*asked, ("Ledger", f"<code>{html(audit.head)}</code>")])
        + small_table("Runs", ("Run", "Server", "Acted as", "Commit", "Workflow run"), _runs(audit))
        + small_table(
            "Records",
            ("When", "Outcome", "Object and ticket", "Before → wanted", "Change", "Who decided", "Ledger line"),
            map(_row, audit.records),
        )
        + small_table("Not in this pack", ("What", "Why"), ((html(a.what), html(a.why)) for a in audit.absent))
        + "</div></main>\n</body>\n</html>\n"
    )


def _runs(audit: Audit) -> Iterator[tuple[str, ...]]:
    runs = {record.line.run: record.line.provenance for record in audit.records}
    for run in sorted(runs):
        origin = runs[run]
        server = html(origin.target) + (f"<br>{html(origin.environment)}" if origin.environment else "")
        acting = html(origin.identity or "") or "not known"
        commit = f"<code>{html((origin.commit or '')[:12])}</code>"
        yield html(run), server, acting, commit, link(origin.workflow_run or "", origin.workflow_run or "")


def _who(review: Review | None) -> str:
    """Name who decided, and when they reviewed and merged."""
    if review is None:
        return "not known"
    reviewers = html(", ".join(review.reviewers)) or "nobody"
    number = link(review.url, f"#{review.pull_request}")
    reviewed = f" {moment(max(review.reviewed_at))}" if review.reviewed_at else ""
    merged = f"<br>merged {moment(review.merged_at)}" if review.merged_at else ""
    return f"{number} by {html(review.author)}<br>reviewed by {reviewers}{reviewed}{merged}"


def _exception(record: Record) -> str:
    said = f": {html(record.detail, 400)}" if record.detail else ""
    return f"<code>{html(record.reason)}</code>{said}" if record.reason else ""


def _change(record: Record) -> str:
    """Name the change record, and what was sent besides status and explanation."""
    sent = parameters_in(record.intent.parameters) if record.intent else []
    return "<br>".join([html(record.change or ""), *(f"sends {name}: {html(value, 400)}" for name, value in sent)])


def _row(record: Record) -> tuple[str, ...]:
    name = f"{html(record.object)}<br>" if record.object else ""
    place = f"{html(record.line.source.path)}:{record.line.source.line}"
    return (
        moment(record.at),
        badge(record.outcome, _TONES.get(record.outcome, "bad")),
        f"{name}<code>{record.guid}</code>" if record.guid else "the run",
        f"{_state(record.before)} → {_state(record.after)}" if record.after else _exception(record),
        _change(record),
        _who(record.review),
        f"{place}<br><code>{html(record.line.hash[:19])}</code>",
    )


def _state(state: State | None) -> str:
    if state is None:
        return "?"
    window = f"<br>{html(times.window(state.schedule))}" if state.schedule else ""
    return html(state.status) + window
