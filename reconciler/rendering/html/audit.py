"""The summary of an audit pack: one page that prints well, without scripts, and the same for the same records."""

from collections.abc import Iterator

from reconciler.model.record import RECORD_OUTCOMES, Audit
from reconciler.rendering.html.assets import policy, style
from reconciler.rendering.html.templates import pieces

_SHEETS = ("base.css",)
_TONES = {"applied": "good", "awaiting-others": "time", "stale": "care", "not-attempted": "calm", "closed": "calm"}


def audit_page(audit: Audit) -> Iterator[str]:
    """Yield the summary, a whole document, piece by piece."""
    counts = audit.outcomes
    return pieces(
        "audit.html",
        audit=audit,
        told=", ".join(f"{counts[outcome]:,} {outcome}" for outcome in RECORD_OUTCOMES if outcome in counts)
        or "no records",
        runs=sorted(audit.runs.items()),
        tones=_TONES,
        policy=policy(_SHEETS, ()),
        style=style(*_SHEETS),
    )
