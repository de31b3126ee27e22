"""The codec writes what the code before it wrote, byte for byte, and reads it as that did."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import codec
from reconciler.model import json_text, plan_codec, provenance_codec, record_codec, run_codec
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.model.record import Entry
from reconciler.model.review import Provenance
from reconciler.model.wellformed import well_formed
from tests.model import strategies

odd = st.text(st.characters(exclude_categories=[]), max_size=8)


@settings(max_examples=400)
@given(strategies.plans)
def test_plans(plan: Plan) -> None:
    text = json_text.json_text(plan_codec.encode_plan(plan))
    assert "".join(codec.plan_pieces(plan)) == text
    assert codec.decode_plan(text.encode()) == plan_codec.decode_plan(json.loads(text)) == plan


@settings(max_examples=300)
@given(strategies.runs)
def test_runs(run: Run) -> None:
    text = json_text.json_text(run_codec.encode_run(run))
    assert codec.run_text(run) == text
    assert codec.decode_run(text.encode()) == run


@settings(max_examples=1500)
@given(strategies.entries, st.integers(1, 10**6), odd, strategies.provenances, strategies.digests)
def test_lines(entry: Entry, number: int, run: str, provenance: Provenance, previous: str) -> None:
    old = well_formed(
        record_codec.encode_line(entry, number, run, provenance_codec.encode_provenance(provenance), previous)
    )
    assert codec.encode_line(entry, number, run, provenance, previous) == old
    assert codec.decode_line(old).entry == record_codec.decode_line(json.loads(old)).entry


@settings(max_examples=500)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | odd,
        lambda inner: st.lists(inner) | st.dictionaries(strategies.words, inner),
    )
)
def test_values(value: codec.Json) -> None:
    assert codec.canonical({"value": value}) == well_formed({"value": value})
