"""Ledger lines for tests of the report: runs over some weeks, with reviews, a missed window and an unknown outcome."""

from datetime import timedelta

from reconciler.model.decision import Source
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import ClosedEntry, Ended, Entry, Head, Intent, Line, Opened
from reconciler.model.review import Provenance, Review
from reconciler.model.value import replace
from reconciler.model.verdict import Verdict
from reconciler.rendering.html.site import Checked
from tests import builders

REVIEW = Review(
    12,
    "jdoe",
    url="https://github.example/team/approvals/pull/12",
    last_pusher="jdoe",
    reviewers=("asmith", "mkim"),
    merged_by="asmith",
    approvals=("ops-lead",),
)
PROVENANCE = Provenance(
    "tpp-reconciler 1.0.0",
    "https://tpp.example.com",
    environment="prod",
    identity="local:svc-approver",
    commit="9d2e1f7aa0b1c2d3e4f5061728394a5b6c7d8e9f",
    repository="team/approvals",
    review=REVIEW,
    workflow_run="https://github.example/team/approvals/actions/runs/4242",
)
_KINDS = (
    (Verdict.APPROVE, builders.APPROVED),
    (Verdict.SCHEDULE, builders.after("2026-12-01T22:00:00Z")),
    (Verdict.REJECT, builders.REJECTED),
    (Verdict.APPROVE, builders.APPROVED),
    (Verdict.RESCHEDULE, builders.between("2026-12-05T22:00:00Z", "2026-12-06T02:00:00Z")),
)


def line(number: int, entry: Entry, run: str = "20261123T120000Z-000001", **provenance: object) -> Line:
    """One line with made-up hashes."""
    return Line(
        entry,
        run,
        replace(PROVENANCE, **provenance),  # type: ignore[arg-type]
        Source(f"ledger/2026/11/{run}.jsonl", number),
        f"sha256:{number:064x}",
        f"sha256:{number + 1:064x}",
    )


def lines(decisions: int = 40) -> list[Line]:
    """Intents and receipts of as many decisions, spread over eight weeks, four of them in trouble."""
    found: list[Line] = []
    for number in range(decisions):
        at = builders.NOW - timedelta(days=56 * (decisions - number) / decisions)
        verdict, after = _KINDS[number % len(_KINDS)]
        dn = rf"\VED\Policy\Web\host-{number:05d}.example.com"
        run = f"{at:%Y%m%d}T120000Z-{number // 10:06d}"
        intent = builders.holding(
            Intent,
            at=at,
            operation=f"{number:012x}",
            guid=builders.guid(number),
            digest=f"sha256:{number:064x}",
            before=builders.PENDING,
            after=after,
            object=dn,
            workflow=builders.WORKFLOW,
            updated=at - timedelta(hours=1),
            created=at - timedelta(hours=3 + number % 17),
            change="CHG0041234",
            explanation="reviewed and renewed",
            source=Source("tickets/web.yaml", 10 + number),
        )
        reviewed = None if number % 20 == 7 else REVIEW
        found.append(line(3 * number + 1, intent, run, review=reviewed))
        receipt = builders.receipt(number, at=at + timedelta(seconds=2), after=after, object=dn, verdict=verdict)
        found.append(
            line(3 * number + 2, replace(_troubled(receipt, number), digest=intent.digest), run, review=reviewed)
        )
    first = builders.guid(0)
    found.append(line(900, ClosedEntry(builders.NOW - timedelta(days=3), first, "sha256:" + "0" * 64)))
    found.append(line(0, Opened(builders.NOW - timedelta(days=57), "sha256:" + "0" * 64)))
    found.append(line(901, Ended(builders.NOW, {Outcome.APPLIED: decisions})))
    return found


def _troubled(receipt: Receipt, number: int) -> Receipt:
    match number % 13:
        case 5:
            return replace(receipt, outcome=Outcome.STALE, proof=Proof.NONE, detail="the ticket was rejected meanwhile")
        case 9:
            return replace(receipt, outcome=Outcome.UNKNOWN, proof=Proof.NONE, detail="no answer came", gone=False)
        case _:
            return receipt


CHAIN = Checked(
    files=2,
    lines=181,
    head="sha256:" + "ef" * 32,
    heads=(
        Head("2026/11/20261123T120000Z-000001.jsonl", "sha256:" + "ab" * 32, 120),
        Head("2026/10/20261023T120000Z-000001.jsonl", "sha256:" + "cd" * 32, 61),
    ),
)
