"""Plans, runs and ledger lines survive the way to JSON and back, fit their schemas, and refuse everything else."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from reconciler import codec
from reconciler.codec import canonical, decode_line, decode_plan, decode_run, encode_line, plan_json, run_json, sha256
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.model.record import Entry, Written
from reconciler.model.review import Provenance
from tests import builders
from tests.ledger.ledgers import PROVENANCE, recorded
from tests.model import strategies

SCHEMAS = Path(__file__).parents[2] / "schemas"


KINDS = ("plan", "receipt", "ledger")


@cache
def schema(kind: str) -> Any:
    return json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))


@cache
def fitting(kind: str) -> Draft202012Validator:
    return Draft202012Validator(schema(kind), format_checker=FormatChecker())


def plan_text(plan: Plan) -> str:
    return plan_json(plan)


@given(strategies.plans)
def test_a_plan_survives_and_fits_its_schema(plan: Plan) -> None:
    text = plan_text(plan)
    assert decode_plan(text.encode()) == plan
    fitting("plan").validate(json.loads(text))


@given(strategies.runs)
def test_a_run_survives_and_fits_its_schema(run: Run) -> None:
    text = run_json(run)
    assert decode_run(text.encode()) == run
    fitting("receipt").validate(json.loads(text))


@given(strategies.entries, st.integers(1, 10**6), strategies.words, strategies.provenances, strategies.digests)
def test_a_line_survives_and_fits_its_schema(
    entry: Entry, number: int, run: str, provenance: Provenance, previous: str
) -> None:
    line = encode_line(entry, number, run, provenance, previous)
    assert decode_line(line) == Written(entry, number, run, provenance, previous)
    assert canonical(json.loads(line)) == line == spelled_by_the_standard_library(json.loads(line))
    fitting("ledger").validate(json.loads(line))


def spelled_by_the_standard_library(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_canonical_bytes_are_those_of_the_standard_library(value: Any) -> None:
    assert canonical(value) == spelled_by_the_standard_library(value)


def test_a_plan_looks_like_this() -> None:
    plan = builders.plan(builders.step(before=None, after=builders.after("2026-11-28T22:00:00Z")))
    *_, checksum, brace = plan_text(plan).splitlines()
    assert plan_text(plan) == (
        "{\n"
        '  "version": 2,\n'
        '  "tool": "tpp-reconciler 1.0.0",\n'
        '  "target": "https://tpp.example.com",\n'
        '  "environment": null,\n'
        '  "commit": null,\n'
        '  "made_at": "2026-11-23T12:00:00Z",\n'
        '  "expires_at": "2026-11-24T12:00:00Z",\n'
        f'  "digest": "sha256:{"0" * 64}",\n'
        '  "counts": {"approve": 1},\n'
        '  "ledger_heads": [],\n'
        '  "steps": [\n'
        '    {"guid": "00000001-0000-4000-8000-000000000000", "verdict": "approve", "reason": "approve/wanted", '
        '"before": null, "after": {"status": "Approved After", "start": "2026-11-28T22:00:00Z"}, '
        '"known_from": "server", "object": "\\\\VED\\\\Policy\\\\Web\\\\www.example.com", '
        '"workflow": "\\\\VED\\\\Policy\\\\Workflows\\\\Stage 0", '
        '"source": {"path": "tickets/web.yaml", "line": 4, "column": 5}, "siblings": [], '
        f'"decision": "sha256:{1:064x}", "explanation": "reviewed", "change": "CHG0041234"}}\n'
        "  ],\n"
        f"{checksum}\n{brace}\n"
    )
    whole = "".join(line + "\n" for line in plan_text(plan).splitlines()[:-2])
    assert checksum == f'  "checksum": "{sha256(whole.encode())}"'


@pytest.mark.parametrize("version", [1, 2])
def test_a_plan_of_either_version_is_read(version: int) -> None:
    plan = builders.plan(builders.step(), version=version)
    assert decode_plan(plan_text(plan).encode()) == plan


def test_every_byte_of_a_plan_counts() -> None:
    text = plan_text(builders.plan(builders.step())).encode()
    assert decode_plan(text)
    for place in range(len(text)):
        for byte in (b" ", b"1", b"", b"\n", b"x"):
            edited = text[:place] + byte + text[place + 1 :]
            if edited != text:
                with pytest.raises(ValueError, match=r"^/|^the checksum|."):
                    decode_plan(edited)


def test_members_of_a_newer_release_are_kept_where_the_checksum_covers_them(caplog: pytest.LogCaptureFixture) -> None:
    plan = builders.plan(builders.step())
    lines = plan_text(plan).splitlines()[:-2]
    lines.insert(1, '  "mood": "good",')
    whole = "".join(line + "\n" for line in lines)
    codec._tell_of_newer.cache_clear()
    for _ in range(2):
        assert decode_plan(f'{whole}  "checksum": "{sha256(whole.encode())}"\n}}\n'.encode()) == plan
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["a newer release wrote this plan"]


def good_plan() -> Any:
    return json.loads(plan_text(builders.plan(builders.step(), builders.step(2), version=1)))


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for name, item in items for inner in paths_of(item, (*path, name)))]


WRONG_TYPE = st.sampled_from([1.5, True, [], {}, None, -1, ["x"], {"x": 1}])


@settings(max_examples=300)
@given(st.data())
def test_a_plan_with_a_member_of_another_type_is_refused_as_the_schema_refuses_it(data: st.DataObject) -> None:
    document = good_plan()
    *parents, last = data.draw(st.sampled_from([path for path in paths_of(document) if path]))
    holder = document
    for name in parents:
        holder = holder[name]
    old, new = holder[last], data.draw(WRONG_TYPE)
    holder[last] = new
    if last == "version":
        return
    if (
        fitting("plan").is_valid(document)
        and document["counts"] == good_plan()["counts"]
        and len(document["steps"]) == 2
    ):
        assert json.loads(plan_text(decode_plan(json.dumps(document).encode()))) == document
    elif type(old) is not type(new) and new is not None:  # null stands for what is absent
        with pytest.raises(ValueError, match=r"^/"):
            decode_plan(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plan: plan.pop("digest"), '/: the member "digest" is missing'),
        (
            lambda plan: plan.update(version=3),
            "written by a newer release (tpp-reconciler 1.0.0): plan version 3 is not supported, this release reads",
        ),
        (
            lambda plan: plan.update(version=True),
            "/version: plan version True is not supported, this release reads ver",
        ),
        (lambda plan: plan.update(x=1, a=2), '/: unknown member "x"'),
        (lambda plan: plan["steps"][1].update(x=1), '/steps/1: unknown member "x"'),
        (lambda plan: plan["steps"][0].pop("guid"), '/steps/0: the member "guid" is missing'),
        (lambda plan: plan["steps"][0].update(guid="{A}"), "/steps/0/guid: this is not a GUID in lower case without"),
        (
            lambda plan: plan["steps"][0].update(reason="approve/x"),
            "/steps/0/reason: 'approve/x' is no word that this release",
        ),
        (
            lambda plan: plan["steps"][0].update(verdict="reject"),
            "/steps/0/verdict: 'reject' does not go with the reason",
        ),
        (
            lambda plan: plan["steps"][0]["before"].update(status=1),
            "/steps/0/before/status: text is needed, this is a nu",
        ),
        (
            lambda plan: plan["steps"][0]["before"].update(stop="2026-01-01T00:00:00Z"),
            '/steps/0/before: "stop" needs a "start"',
        ),
        (
            lambda plan: plan["steps"][0]["before"].update(start="2026-01-01T00:00:00"),
            "/steps/0/before: 2026-01-01T00:00:00 has no offset",
        ),
        (
            lambda plan: plan.update(made_at="0001-01-01T00:00:00+23:59"),
            "/: 0001-01-01T00:00:00+23:59 is not a time in UTC",
        ),
        (lambda plan: plan["steps"][0]["source"].update(line=-1), "/steps/0/source/line: a number from 0 on is needed"),
        (lambda plan: plan["steps"].pop(), "/counts: the counts do not fit the steps"),
        (lambda plan: plan.update(steps={}), "/steps: an array is needed, this is an object"),
        (lambda plan: plan.update(commit=False), "/commit: text or null is needed, this is a boolean"),
    ],
)
def test_a_wrong_plan_is_refused_with_its_place(change: Any, message: str) -> None:
    document = good_plan()
    change(document)
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        decode_plan(json.dumps(document).encode())


@pytest.mark.parametrize("document", [None, [], "plan", 1])
def test_what_is_no_object_is_no_plan(document: Any) -> None:
    with pytest.raises(ValueError, match=r"^/: an object is needed"):
        decode_plan(json.dumps(document).encode())


def test_a_line_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^written by a newer release: /entry: 'erased' is no word that this release knows$"
    ):
        decode_line(b'{"entry": "erased"}')


def test_every_member_of_the_schemas_is_described_and_nothing_else_is_allowed() -> None:
    for whole in map(schema, KINDS):
        definitions = [whole, *whole["$defs"].values()]
        for definition in definitions:
            assert definition["description"]
            if definition.get("type") == "object" and "properties" in definition:
                assert definition["additionalProperties"] is False
                for name, member in definition["properties"].items():
                    assert "description" in member or "$ref" in member or "const" in member, name


def members_of(schema: Any) -> set[str]:
    """Every member name that a schema allows, at any depth."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    own = set(schema.get("properties", {})) if isinstance(schema, dict) else set()
    return own.union(*(members_of(part) for part in inner))


def test_no_member_of_plan_run_or_ledger_takes_a_secret() -> None:
    secret = re.compile("(?i)token|secret|password|authorization|credential|cookie|private|jwt|bearer|api.?key")
    for whole in map(schema, KINDS):
        names = members_of(whole)
        assert {"guid", "after", "outcome"} & names
        assert [name for name in names if secret.search(name)] == []


def test_a_line_and_a_report_of_a_newer_release_are_read_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    codec._tell_of_newer.cache_clear()
    line = encode_line(recorded(1), 2, "run", PROVENANCE, "sha256:" + "0" * 64)
    newer = canonical(json.loads(line) | {"mood": "good"})
    report = run_json(Run("r", "d", "https://tpp.example.com", builders.NOW, builders.NOW, ()))
    for _ in "ab":
        assert decode_line(newer) == decode_line(line)
        assert decode_run(report.replace("{", '{"mood": "good",', 1).encode()) == decode_run(report.encode())
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "a newer release wrote this ledger",
        "a newer release wrote this report",
    ]


def test_a_word_of_a_newer_release_is_refused() -> None:
    line = encode_line(recorded(1), 2, "run", PROVENANCE, "sha256:" + "0" * 64)
    with pytest.raises(ValueError, match=r"\): /outcome: 'perhaps' is no word that this release knows$"):
        decode_line(canonical(json.loads(line) | {"outcome": "perhaps", "mood": "good"}))
