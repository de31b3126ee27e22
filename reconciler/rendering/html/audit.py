"""The summary of an audit pack: one page that prints well, without scripts, and the same for the same records."""

from collections import Counter

from reconciler.model.record import RECORD_OUTCOMES, Audit
from reconciler.rendering.html.assets import policy, style
from reconciler.rendering.html.templates import render

_SHEETS = ("base.css",)
_TONES = {"applied": "good", "awaiting-others": "time", "stale": "care", "not-attempted": "calm", "closed": "calm"}


def audit_page(audit: Audit) -> str:
    """Return the summary as a whole document."""
    counts = Counter(record.outcome for record in audit.records)
    return render(
        "audit.html",
        audit=audit,
        told=", ".join(f"{counts[outcome]:,} {outcome}" for outcome in RECORD_OUTCOMES if counts[outcome])
        or "no records",
        runs=sorted({record.line.run: record.line.provenance for record in audit.records}.items()),
        tones=_TONES,
        policy=policy(_SHEETS, ()),
        style=style(*_SHEETS),
    )
