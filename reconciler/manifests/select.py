"""Turns the rules of a campaign, well-formed by their schema, into selections."""

from reconciler.manifests.decode import Entry, Header, attempt, drop_follow_ups, wanted_when
from reconciler.manifests.fault import Fault
from reconciler.manifests.times import instant
from reconciler.model.decision import Selection, Source
from reconciler.model.status import Approved, Pending, Rejected, Status, Wanted

_PLAIN: dict[str, Wanted] = {
    Status.PENDING: Pending(),
    Status.APPROVED: Approved(),
    Status.REJECTED: Rejected(),
}


def decode_rule(entry: Entry, header: Header, source: Source, faults: list[Fault]) -> Selection | None:
    """Return the selection of one rule; None when `faults` got what is wrong with it."""
    before = len(faults)
    match, status = entry["match"], entry["status"]
    times = {
        name: attempt(lambda text=text: instant(text, header.zone), faults, *path)  # type: ignore[misc]
        for name, text, path in (
            ("created_before", match.get("created_before"), ("match", "created_before")),
            ("valid_until", entry.get("valid_until"), ("valid_until",)),
        )
        if text
    }
    wanted, window = (
        (_PLAIN[status], None) if status in _PLAIN else wanted_when(status, entry["schedule"], header, faults)
    )
    drop_follow_ups(faults, before, header)
    if wanted is None or len(faults) > before:
        return None
    return Selection(
        name=entry["name"],
        wanted=wanted,
        at_most=int(entry["at_most"]),
        source=source,
        object=match["object"],
        workflow=match.get("workflow"),
        reason=match.get("reason"),
        created_before=times.get("created_before"),
        explanation=entry.get("explanation"),
        change=entry.get("change") or header.change,
        valid_until=times.get("valid_until"),
        window=window,
    )
