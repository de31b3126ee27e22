"""One plan as a page of its own: what it would do, what a reviewer must look at, before → after for each ticket."""

from collections.abc import Iterable
from collections.abc import Set as Guids

from reconciler.model.plan import Control, Plan
from reconciler.model.ticket import Guid
from reconciler.rendering.certificates import soon_words
from reconciler.rendering.escape import html
from reconciler.rendering.groups import urgent_names
from reconciler.rendering.html.page import Frame, badge, facts, moment, page, small_table
from reconciler.rendering.html.plan_rows import plan_table
from reconciler.rendering.html.table import table
from reconciler.rendering.summary import found_by, headline, totals, what_next
from reconciler.rendering.words import counted

_MOST_SEALS = 1_000
_TONES = {"ok": "good", "refused": "bad", "overridden": "care"}


def plan_page(plan: Plan, frame: Frame | None = None, told: Guids[Guid] = frozenset()) -> str:
    """Return the page of one plan: alone in the world, or within a site when a frame is given."""
    frame = frame or alone(plan)
    return page(
        frame,
        f"Plan: {headline(plan)}",
        plan_body(plan, told),
        current="plan.html",
        styles=("table.css",),
        scripts=("table.js",),
    )


def alone(plan: Plan) -> Frame:
    """The frame of a page that belongs to no site."""
    return Frame("Approvals", plan.made_at, subtitle=plan.environment or plan.target, tool=plan.tool, alone=True)


def plan_body(plan: Plan, told: Guids[Guid] = frozenset()) -> str:
    """Return what stands on the page of a plan."""
    return (
        f"<h1>Plan: {html(headline(plan))}</h1>\n<p class=lede>{html(totals(plan))}</p>\n"
        f"<p>{' '.join(html(sentence) for sentence in what_next(plan))}</p>\n"
        + _soon(plan)
        + _urgent(plan)
        + facts(
            (
                ("Server", html(plan.target)),
                ("Environment", html(plan.environment or "")),
                ("Acts as", html(plan.identity or "")),
                ("Commit", f"<code>{html(plan.commit[:12])}</code>" if plan.commit else ""),
                ("Shard", html(plan.shard or "")),
                ("Made", moment(plan.made_at)),
                ("Valid until", moment(plan.expires_at)),
            )
        )
        + notes(plan.notes)
        + steps(plan, told)
        + sealed_table(plan)
        + controls(plan.controls)
        + f"<p class=soft>Digest of the plan's meaning: <code>{html(plan.digest)}</code></p>\n"
    )


def _soon(plan: Plan) -> str:
    soon = soon_words(plan.changes)
    return f"<p><strong>{html(soon)}.</strong></p>\n" if soon else ""


def _urgent(plan: Plan) -> str:
    named = urgent_names(plan)
    return f"<p><strong>Urgent:</strong> {html('; '.join(named), 400)}</p>\n" if named else ""


def steps(plan: Plan, told: Guids[Guid]) -> str:
    """Return the table of all decisions that have a step."""
    if not plan.steps:
        none = "Everything is in sealed manifests." if plan.sealed else "No decision was found."
        return f'<p class="none">{none}</p>\n'
    which = "Every decision outside of sealed manifests" if plan.sealed else "Every decision"
    return table(plan_table(plan.steps, f"{which}, irreversible changes first", told))


def sealed_table(plan: Plan) -> str:
    """Return the table of sealed manifests, nothing when there are none."""
    rows = [
        (f"<code>{html(seal.path, 400)}</code>", f"{seal.decisions:,}", f"<code>{html(seal.content)}</code>")
        for seal in plan.sealed[:_MOST_SEALS]
    ]
    left_out = len(plan.sealed) - len(rows)
    rest = f"<p>… and {counted(left_out, 'more manifest')}.</p>\n" if left_out else ""
    return small_table("Sealed manifests", ("Manifest", "#Decisions", "Digest of its text"), rows) + rest


def notes(said: Iterable[str]) -> str:
    """Return the notes that a reviewer must look at."""
    items = "".join(f"<li>{html(note, 1_000)}</li>" for note in said)
    return f'<div class="note"><strong>Please check</strong><ul>{items}</ul></div>\n' if items else ""


def controls(found: Iterable[Control]) -> str:
    """Return the table of controls, nothing when there are none."""
    rows = [
        (html(control.name), badge(control.result, _TONES.get(control.result, "calm")), html(found_by(control)))
        for control in found
    ]
    return small_table("Controls", ("Control", "Result", "Found"), rows)
