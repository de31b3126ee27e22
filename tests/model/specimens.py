"""One value of every kind that is written down: once with everything it can have, once with as little as it can."""

from reconciler.model.decision import (
    Attestation,
    Decision,
    Expectation,
    Override,
    OverrideUse,
    Parameters,
    Seal,
    Source,
    WindowUse,
)
from reconciler.model.plan import Control, Plan, Sibling, Step
from reconciler.model.policy import Freeze, Limits
from reconciler.model.receipt import Outcome, Proof, Receipt, Run
from reconciler.model.record import (
    AcceptedEntry,
    AttentionEntry,
    AttestedEntry,
    Ended,
    Entry,
    Episode,
    Head,
    Intent,
    ObservedEntry,
    Opened,
    Sealed,
)
from reconciler.model.review import Review
from reconciler.model.verdict import Reason, Verdict
from tests.builders import APPROVED, NOW, PENDING, WORKFLOW, altered, at, between, guid, holding
from tests.builders import plan as make_plan
from tests.builders import receipt as make_receipt
from tests.builders import step as make_step
from tests.ledger.ledgers import closed, decided
from tests.ledger.ledgers import intent as make_intent
from tests.ledger.ledgers import recorded as make_recorded

WINDOW = between("2026-11-28T22:00:00.5Z", "2026-11-29T02:00:00Z")
WEEKLY = WindowUse("sat-night", "FREQ=WEEKLY;BYDAY=SA")
ODD_TEXT = 'Grüße "日本" 🔏 \\ \x7f\t\n<a>'
PLACE = Source("tickets/web.yaml", 4, 5)

FULL_STEP: Step = make_step(
    7,
    reason=Reason.RESCHEDULE_WANTED,
    before=WINDOW,
    after=between("2026-12-05T22:00:00Z", "2026-12-06T02:00:00.000001Z"),
    detail=ODD_TEXT,
    approvers=("local:b", "local:a"),
    approval_reason="Stage 0 needs it",
    known_from="ledger",
    siblings=(Sibling(guid(9), WORKFLOW, "Approved"), Sibling(guid(8))),
    expect=Expectation(workflow=WORKFLOW),
    valid_until=NOW,
    parameters=Parameters("because", ("AD+CORP:jdoe",), "\\VED\\Policy\\x", ODD_TEXT),
    window=WEEKLY,
    rule="weekend",
    operation="6a1f09c2d4e7",
    closed=True,
    created=at("2026-11-20T08:00:00.123Z"),
)
BARE_STEP: Step = make_step(before=None, explanation=None, change=None, object="", workflow="", source=Source("x.yaml"))
FULL_PLAN: Plan = make_plan(
    make_step(),
    FULL_STEP,
    version=1,
    environment="production",
    commit="9d2e1f7c0a7f1c9d2e1f7c0a7f1c9d2e1f7c0a7f",
    shard="1/4",
    ledger_head="sha256:" + "a" * 64,
    identity="local:{b6e6a98b-6419-4497-9249-860d136dfba0}",
    overrides=(Override("freeze", frozenset({guid(7), guid(2)}), ODD_TEXT, NOW, PLACE),),
    controls=(Control("freeze", "overridden", "1 overridden"), Control("changes", "ok", "2 of 100")),
    freezes=(Freeze("year-end", NOW, at("2027-01-02T00:00:00Z"), ("\\VED\\**", "**")),),
    limits=Limits(100, 0, None, 50),
    notes=("look at this", ODD_TEXT),
    sealed=(Seal("tickets/old.yaml", decided(3), 12),),
)
BARE_PLAN: Plan = make_plan(version=1)

FULL_RECEIPT: Receipt = make_receipt(
    7,
    outcome=Outcome.AWAITING_OTHERS,
    gone=False,
    seen=PENDING,
    after=WINDOW,
    result=-1,
    proof=Proof.TAGGED,
    detail=ODD_TEXT,
    verdict=Verdict.RESCHEDULE,
    source=PLACE,
)
BARE_RECEIPT: Receipt = holding(Receipt, guid=guid(8), digest="", outcome=Outcome.NOT_ATTEMPTED, at=NOW, after=APPROVED)
FULL_RUN: Run = Run(
    run="20261123T120000Z-00000c",
    digest=decided(4),
    target="https://tpp.example.com",
    started_at=NOW,
    ended_at=at("2026-11-23T12:00:01.5Z"),
    receipts=(FULL_RECEIPT, make_receipt(), BARE_RECEIPT),
    environment="production",
    shard="2/4",
    stopped="interrupted",
    notes=(ODD_TEXT,),
)
BARE_RUN: Run = Run("r", decided(1), "https://tpp.example.com", NOW, NOW, ())

FULL_INTENT: Intent = make_intent(
    7,
    before=WINDOW,
    updated=NOW,
    created=at("2026-11-20T08:00:00Z"),
    explanation=ODD_TEXT,
    window=WEEKLY,
    source=PLACE,
    attempt=2,
)
OUTSIDE = Attestation("AD+CORP:jdoe", at("2026-11-22T02:00:00Z"), "console", ODD_TEXT)
HEAD = Head("2026/11/20261120T120000Z-000001.jsonl", decided(5), 12)
ENTRIES: tuple[Entry, ...] = (
    Opened(NOW, decided(4), (HEAD, HEAD), "2/4", ("freeze: a until b: c (x.yaml:1)",), version=1),
    FULL_INTENT,
    make_intent(1, object="", workflow="", change=None),
    altered(FULL_RECEIPT, digest=decided(7), change="CHG0041234", window=WEEKLY),
    make_recorded(1),
    altered(BARE_RECEIPT, digest=decided(8)),
    closed(1),
    Sealed(NOW, Seal("tickets/old.yaml", decided(3), 12)),
    Ended(NOW, {Outcome.APPLIED: 2, Outcome.UNKNOWN: 1}, "interrupted"),
    Ended(NOW, {}),
    Opened(NOW, decided(4), version=1),
)
SECOND_ENTRIES: tuple[Entry, ...] = (
    Opened(NOW, decided(4), (HEAD,)),
    AcceptedEntry(
        Decision(guid(7), WINDOW, PLACE, change="CHG0041234"), decided(7), NOW, PENDING, "\\VED\\Policy\\x", WORKFLOW
    ),
    AcceptedEntry(Decision(guid(8), APPROVED), decided(8), NOW),
    Opened(
        NOW,
        decided(4),
        (HEAD,),
        config=decided(1),
        config_commit="b" * 40,
        config_review=Review(7, "ann", reviewers=("bob",), reviewed_at=(NOW,), merged_at=NOW),
        plan=decided(2),
        reviewed=(decided(3),),
    ),
    make_intent(9, overrides=(OverrideUse("freeze", ODD_TEXT, NOW, PLACE),)),
    AttentionEntry(
        NOW,
        "conflict/console",
        Episode.BEGIN,
        guid(7),
        decided(7),
        "\\VED\\Policy\\x",
        WORKFLOW,
        "CHG0041234",
        PLACE,
        ODD_TEXT,
    ),
    AttentionEntry(NOW, "manual/lock-taken-over", Episode.END),
    AcceptedEntry(Decision(guid(9), APPROVED), decided(9), NOW, by="AD+CORP:jdoe"),
    AttestedEntry(
        Decision(guid(7), WINDOW, PLACE, change="CHG0041234", decided=OUTSIDE),
        decided(7),
        NOW,
        True,
        "\\VED\\Policy\\x",
        WORKFLOW,
    ),
    AttestedEntry(Decision(guid(8), APPROVED, decided=OUTSIDE), decided(8), NOW),
    ObservedEntry(NOW, guid(7), decided(7), NOW, at("2026-11-23T11:00:00Z")),
    ObservedEntry(NOW, guid(8), decided(8), NOW),
    make_intent(1, rule="weekend"),
    altered(BARE_RECEIPT, digest=decided(8), rule="weekend"),
)
"""What came with version 2 of the ledger."""
