"""What earlier releases wrote is what this release writes, byte for byte, and can be read back."""

import json
import os
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from reconciler import codec
from reconciler.codec import (
    LEDGER_VERSIONS,
    PLAN_VERSIONS,
    RUN_VERSION,
    decode_line,
    decode_plan,
    decode_run,
    encode_line,
    plan_json,
    run_json,
)
from reconciler.ledger.chain import verify
from reconciler.ledger.history import read_lines
from reconciler.ledger.index import read_index
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.model.record import Entry
from reconciler.model.review import Provenance
from reconciler.planning.digest import decision_digest, plan_digest
from tests.builders import decision, guid
from tests.ledger.ledgers import FIRST, PROVENANCE, SECOND, closed, decided, ended, intent, recorded, write_run
from tests.model.specimens import (
    BARE_PLAN,
    BARE_RUN,
    BARE_STEP,
    ENTRIES,
    FULL_PLAN,
    FULL_RUN,
    FULL_STEP,
    SECOND_ENTRIES,
)

FORMATS = Path(__file__).parents[1] / "data" / "formats"
PLANS = {"plan-full.json": FULL_PLAN, "plan-bare.json": BARE_PLAN}
RUNS = {"run-full.json": FULL_RUN, "run-bare.json": BARE_RUN}
NOWHERE = Provenance("tpp-reconciler 1.0.0", "https://tpp.example.com")


VERSIONS = {"lines.jsonl": ENTRIES, "lines-2.jsonl": SECOND_ENTRIES}


def lines(entries: tuple[Entry, ...]) -> list[bytes]:
    return [
        encode_line(entry, number, FIRST, origin, decided(number))
        for number, entry in enumerate(entries, start=1)
        for origin in (PROVENANCE, NOWHERE)
    ]


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_spelled_as_ever(name: str) -> None:
    plan: Plan = PLANS[name]
    assert plan_json(plan) == (FORMATS / name).read_text(encoding="ascii")
    assert decode_plan((FORMATS / name).read_bytes()) == plan


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_spelled_as_ever(name: str) -> None:
    run: Run = RUNS[name]
    assert run_json(run) == (FORMATS / name).read_text(encoding="ascii")
    assert decode_run((FORMATS / name).read_bytes()) == run


@pytest.mark.parametrize("name", VERSIONS)
def test_every_kind_of_ledger_line_is_spelled_as_ever(name: str) -> None:
    kept, entries = (FORMATS / name).read_bytes().splitlines(), VERSIONS[name]
    assert lines(entries) == kept
    assert [decode_line(line).entry for line in kept] == [entry for entry in entries for _ in "ab"]


def test_every_kind_of_ledger_line_belongs_to_a_version() -> None:
    """A kind that is new needs a line in the newest file; after a release, a version and a file of its own."""
    assert {type(entry) for entries in VERSIONS.values() for entry in entries} == set(get_args(Entry))


def words(*types: Any) -> list[str]:
    """Return every kind and word that a reader of these types takes, in alphabetical order."""
    found: set[str] = set()

    def look(schema: Any) -> None:
        if isinstance(schema, dict):
            found.update(
                str(each) for each in (*schema.get("enum", ()), *[schema[k] for k in ("const",) if k in schema])
            )
        for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
            look(inner)

    for each in types:
        look(msgspec.json.schema(each))
    return sorted(found)


def test_a_new_kind_or_word_comes_with_a_new_version() -> None:
    """A word that is new after a release belongs to a new version: another key in this file, and the old one stays."""
    found = {
        f"plan {max(PLAN_VERSIONS)}": words(codec._PLAN.strict),
        f"report {RUN_VERSION}": words(codec._RUN.strict),
        f"ledger {max(LEDGER_VERSIONS)}": words(*(shape.strict for shape in codec._LINES.values())),
    }
    path = FORMATS / "words.json"
    kept = json.loads(path.read_text(encoding="ascii")) if path.exists() else {}
    if os.environ.get("UPDATE_EXPECTED"):
        kept |= found
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="ascii")
    for format_and_version, every in found.items():
        assert every == kept[format_and_version]


def write_ledger(root: Path) -> None:
    write_run(root, FIRST, *ENTRIES[1:6], intent(3), ended(), version=1)
    write_run(root, SECOND, recorded(3), closed(1), *ENTRIES[7:9], provenance=NOWHERE, version=1)


def test_a_ledger_is_written_as_ever(tmp_path: Path) -> None:
    write_ledger(tmp_path)
    kept = sorted(path for path in (FORMATS / "ledger").rglob("*.jsonl"))
    assert [path.relative_to(FORMATS / "ledger") for path in kept] == sorted(
        path.relative_to(tmp_path) for path in tmp_path.rglob("*.jsonl")
    )
    for path in kept:
        assert (tmp_path / path.relative_to(FORMATS / "ledger")).read_bytes() == path.read_bytes()


def test_a_ledger_of_an_earlier_release_is_intact_and_remembered() -> None:
    root = FORMATS / "ledger"
    assert verify(root).lines == 13
    assert len(list(read_lines(root))) == 13
    assert set(read_index(root, [guid(1), guid(3), guid(7)], [PROVENANCE.target]).histories) == {
        guid(1),
        guid(3),
        guid(7),
    }


def test_digests_stay_what_they_are() -> None:
    target = "https://tpp.example.com"
    overrides, sealed = FULL_PLAN.overrides, FULL_PLAN.sealed
    found = {
        "plan": plan_digest(target, (FULL_STEP, BARE_STEP), overrides, sealed),
        "empty plan": plan_digest(target, ()),
        "decision": decision_digest(decision()),
        "decision with parameters": decision_digest(decision(parameters=FULL_STEP.parameters)),
    }
    assert found == json.loads((FORMATS / "digests.json").read_text(encoding="ascii"))
