"""Every value that the codecs carry, drawn at random."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from reconciler.model.decision import (
    NOWHERE,
    Attestation,
    Decision,
    Expectation,
    ExpectedCertificate,
    Override,
    Parameters,
    Seal,
    Source,
    WindowUse,
)
from reconciler.model.plan import Control, EntryEdit, Plan, Sibling, Step
from reconciler.model.policy import Freeze, Limits
from reconciler.model.receipt import Outcome, Proof, Receipt, Run
from reconciler.model.record import (
    AcceptedEntry,
    AttestedEntry,
    ClosedEntry,
    Ended,
    Entry,
    Head,
    Intent,
    ObservedEntry,
    Opened,
    Sealed,
)
from reconciler.model.review import Provenance, Review
from reconciler.model.status import Schedule, State, Status
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Reason, Verdict
from tests.builders import altered, holding

words = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["", "=1+1", "\x1b[2J", '"guid":"', "\n", "ü"]
)
some = st.none() | words
many = st.lists(words, max_size=3).map(tuple)
guids = st.uuids().map(lambda value: Guid(str(value)))
instants = st.datetimes(
    min_value=datetime.fromisoformat("2000-01-01"),
    max_value=datetime.fromisoformat("2100-01-01"),
    timezones=st.just(UTC),
)
digests = st.binary(min_size=32, max_size=32).map(lambda raw: "sha256:" + raw.hex())
numbers = st.integers(min_value=0, max_value=10**6)
schedules = st.builds(Schedule, instants, st.none() | instants)
states = st.builds(
    lambda status, times: State(status, times.start, times.stop) if times else State(status),
    st.sampled_from([*(status.value for status in Status), "Odd"]),
    st.none() | schedules,
)
sources = st.builds(Source, words, numbers, numbers)
windows = st.builds(WindowUse, words, words)
attestations = st.builds(Attestation, words, instants, words, words)
expectations = st.builds(
    Expectation, some, some, st.none() | st.builds(ExpectedCertificate, some, some), st.none() | states
)
parameters = st.builds(Parameters, some, st.none() | many, some, some)
overrides = st.builds(Override, words, st.frozensets(guids, max_size=3), words, instants, sources)
reasons = st.sampled_from(Reason)
siblings = st.builds(Sibling, guids, words, some)
controls = st.builds(Control, words, st.sampled_from(["ok", "refused", "overridden", "off"]), words)
freezes = st.builds(Freeze, words, instants, instants, many)
_bounds = st.none() | st.integers(0, 1000)
limits = st.builds(Limits, _bounds, _bounds, _bounds, _bounds)
steps = st.builds(
    holding,
    st.just(Step),
    guid=guids,
    reason=reasons,
    after=states,
    source=sources,
    digest=digests,
    before=st.none() | states,
    detail=words,
    object=words,
    workflow=words,
    approvers=many,
    approval_reason=words,
    known_from=st.sampled_from(["server", "ledger"]),
    siblings=st.lists(siblings, max_size=2).map(tuple),
    explanation=some,
    change=some,
    expect=expectations,
    valid_until=st.none() | instants,
    parameters=parameters,
    window=st.none() | windows,
    rule=some,
    operation=some,
    closed=st.booleans(),
    created=st.none() | instants,
    decided=st.none() | attestations,
    edit=st.none() | st.builds(EntryEdit, st.none() | states, st.none() | states, st.booleans()),
    named=st.booleans(),
)
heads = st.builds(Head, words, digests, st.integers(1, 10**6))
seals = st.builds(Seal, words, digests, st.integers(1, 10**6))
plans = st.builds(
    Plan,
    tool=words,
    target=words,
    made_at=instants,
    expires_at=instants,
    digest=digests,
    steps=st.lists(steps, max_size=3).map(tuple),
    environment=some,
    commit=some,
    shard=st.none() | st.just("1/4"),
    ledger_head=st.none() | digests,
    identity=some,
    overrides=st.lists(overrides, max_size=2).map(tuple),
    controls=st.lists(controls, max_size=2).map(tuple),
    freezes=st.lists(freezes, max_size=2).map(tuple),
    limits=limits,
    notes=many,
    sealed=st.lists(seals, max_size=2).map(tuple),
    ledger_heads=st.lists(heads, max_size=2).map(tuple),
)
receipts = st.builds(
    holding,
    st.just(Receipt),
    guid=guids,
    digest=st.just(""),
    outcome=st.sampled_from(Outcome),
    at=instants,
    after=states,
    before=st.none() | states,
    seen=st.none() | states,
    gone=st.booleans(),
    result=st.none() | st.integers(-9, 99),
    operation=some,
    proof=st.sampled_from(Proof),
    detail=words,
    verdict=st.none() | st.sampled_from(Verdict),
    object=words,
    workflow=words,
    source=st.just(NOWHERE) | sources,
)
runs = st.builds(
    Run,
    run=words,
    digest=digests,
    target=words,
    started_at=instants,
    ended_at=instants,
    receipts=st.lists(receipts, max_size=3).map(tuple),
    environment=some,
    shard=st.none() | st.just("2/4"),
    stopped=some,
    notes=many,
    resolved=st.dictionaries(st.sampled_from(Outcome), st.integers(1, 100_000)),
)
reviews = st.builds(Review, numbers, words, words, some, many, some, many)
provenances = st.builds(Provenance, words, words, some, some, some, some, st.none() | reviews, some)
intents = st.builds(
    holding,
    st.just(Intent),
    at=instants,
    operation=words,
    guid=guids,
    digest=digests,
    before=states,
    after=states,
    object=words,
    workflow=words,
    updated=st.none() | instants,
    created=st.none() | instants,
    explanation=some,
    change=some,
    window=st.none() | windows,
    source=st.just(NOWHERE) | sources,
    attempt=st.integers(1, 9),
    parameters=parameters,
    rule=some,
)
entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Opened, instants, digests, st.lists(heads, max_size=2).map(tuple), some, many),
    intents,
    st.builds(altered, receipts, digest=digests, change=some, window=st.none() | windows, rule=some),
    st.builds(ClosedEntry, instants, guids, digests),
    st.builds(
        AcceptedEntry,
        st.builds(Decision, guids, states, sources, change=some),
        digests,
        instants,
        st.none() | states,
        words,
        words,
        some,
    ),
    st.builds(
        AttestedEntry,
        st.builds(Decision, guids, states, sources, change=some, decided=attestations),
        digests,
        instants,
        st.booleans(),
        words,
        words,
    ),
    st.builds(ObservedEntry, instants, guids, digests, instants, st.none() | instants),
    st.builds(Sealed, instants, seals),
    st.builds(Ended, instants, st.dictionaries(st.sampled_from(Outcome), st.integers(1, 99)), some),
)
