"""Two pages of the site that look ahead: every decision with its verdict, and the timeline of windows and freezes."""

from collections.abc import Sequence
from collections.abc import Set as Guids

from reconciler.model.plan import Plan
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group
from reconciler.rendering.certificates import expiries
from reconciler.rendering.escape import html
from reconciler.rendering.html.page import Frame, badge, facts, moment, page, small_table
from reconciler.rendering.html.picture import MOST_BARS, bar_name, picture
from reconciler.rendering.html.plan import notes, sealed_table, steps
from reconciler.rendering.summary import headline, in_group, total
from reconciler.rendering.timeline import Bar, BarKind, bars
from reconciler.rendering.words import counted

_KIND_TONES = {BarKind.CHANGE: "time", BarKind.SET: "good", BarKind.BLOCKED: "bad", BarKind.RECORD: "calm"}
_KIND_WORDS = {
    BarKind.CHANGE: "to be set",
    BarKind.SET: "set already",
    BarKind.BLOCKED: "needs attention",
    BarKind.RECORD: "change record",
}
_MOST_ROWS = 1_000
_BUTTONS = """<div class="controls" aria-label="Move the timeline" role="group">
<button id="zoom-in" type="button">Zoom in</button><button id="zoom-out" type="button">Zoom out</button>
<button id="earlier" type="button">Earlier</button><button id="later" type="button">Later</button>
<button id="fit" type="button">Fit all</button></div>
"""


def open_page(frame: Frame, plan: Plan | None, told: Guids[Guid]) -> str:
    """Return the first page: every decision, those that act or need somebody first."""
    if plan is None or not (plan.steps or plan.sealed):
        body = '<h1>Open</h1>\n<p class="none">No decisions are known: the report was made without a plan.</p>\n'
        return page(frame, "Open", body, current="index.html")
    body = (
        f"<h1>{html(headline(plan)[:1].upper() + headline(plan)[1:])}</h1>\n"
        f"<p class=lede>As seen {moment(plan.made_at)} on {html(plan.target)}.</p>\n"
        + facts(
            (
                ("Will change", f"{len(plan.changes):,}"),
                ("Needs attention", f"{total(in_group(plan, Group.ATTENTION)):,}"),
                ("Unchanged", f"{total(in_group(plan, Group.FINE)):,}"),
                ("Sealed", f"{plan.decisions_sealed:,}" if plan.sealed else ""),
                ("Decisions", f"{len(plan.steps) + plan.decisions_sealed:,}"),
            ),
            big=True,
        )
        + notes(plan.notes)
        + steps(plan, told)
        + sealed_table(plan)
    )
    return page(frame, "Open", body, current="index.html", styles=("table.css",), scripts=("table.js",))


def timeline_page(frame: Frame, plan: Plan | None) -> str:
    """Return the timeline: a picture, and the same as a table."""
    found = bars(plan.steps) if plan else []
    if plan is None or not found:
        body = '<h1>Timeline</h1>\n<p class="none">No decision has a window.</p>\n'
        return page(frame, "Timeline", body, current="timeline.html")
    ends = expiries(plan)
    hidden = (
        f"<p>{counted(len(found) - MOST_BARS, 'window')} are only in the table.</p>" if len(found) > MOST_BARS else ""
    )
    body = (
        f"<h1>Timeline</h1>\n<p class=lede>{counted(len(found), 'window')} of "
        f"{counted(sum(len(bar.steps) for bar in found), 'decision')}, as seen {moment(plan.made_at)}.</p>\n"
        f"{_BUTTONS}{picture(found, plan.freezes, plan.made_at, ends)}{_key(bool(ends))}"
        f"{hidden}{_windows(found)}{_freezes(plan)}"
    )
    return page(
        frame, "Timeline", body, current="timeline.html", styles=("picture.css", "table.css"), scripts=("timeline.js",)
    )


def _sign(shape: str, words: str) -> str:
    return f'<li><svg viewBox="0 0 14 10" aria-hidden="true">{shape}</svg>{words}</li>'


def _key(ends: bool) -> str:
    signs = [_sign(f'<rect class="{kind}" width="14" height="10"/>', words) for kind, words in _KIND_WORDS.items()]
    signs.append(_sign('<rect class="freeze" width="14" height="10"/>', "freeze"))
    signs += [_sign('<rect class="expiry" x="6" width="2" height="10"/>', "a certificate ends")] if ends else []
    signs.append(_sign('<line class="now" x1="7" x2="7" y1="0" y2="10"/>', "now"))
    return f'<ul class="key">{"".join(signs)}</ul>\n'


def _windows(found: Sequence[Bar]) -> str:
    rows = [
        (
            badge(_KIND_WORDS[bar.kind], _KIND_TONES[bar.kind]),
            moment(bar.schedule.start),
            moment(bar.schedule.stop) if bar.schedule.stop else "no end",
            html(bar_name(bar), 160),
            f"{len(bar.steps):,}",
        )
        for bar in found[:_MOST_ROWS]
    ]
    rest = f"<p>… and {len(found) - _MOST_ROWS:,} more windows.</p>\n" if len(found) > _MOST_ROWS else ""
    return small_table("Windows", ("State", "From", "Until", "Tickets", "#Count"), rows) + rest


def _freezes(plan: Plan) -> str:
    rows = [
        (html(freeze.name), moment(freeze.start), moment(freeze.stop), html(", ".join(freeze.objects)))
        for freeze in sorted(plan.freezes, key=lambda freeze: (freeze.start, freeze.name))
    ]
    return small_table("Freezes", ("Name", "From", "Until", "Objects"), rows)
