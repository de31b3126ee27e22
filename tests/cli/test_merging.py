"""The plans of shards come to the plan of the whole, or to a refusal that says why."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.app.saved_plan import merge_files
from reconciler.codec import decode_plan
from reconciler.errors import ReconcilerError
from reconciler.ledger.plan_files import save_plan
from reconciler.model.decision import Seal
from reconciler.model.plan import Plan, Step
from reconciler.model.policy import Limits
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.digest import plan_digest
from tests import builders
from tests.model import strategies

SEALED = Seal("tickets/old.yaml", "sha256:" + "1" * 64, 3)


def _save(
    folder: Path, *parts: tuple[Step, ...], limits: Limits = Limits(), sealed: tuple[Seal, ...] = ()
) -> list[Path]:
    paths = []
    for number, steps in enumerate(parts, 1):
        plan = builders.plan(*steps, shard=f"{number}/{len(parts)}", limits=limits)
        own = sealed if number == 1 else ()
        plan = replace(plan, sealed=own, digest=plan_digest(plan.target, plan.steps, plan.overrides, own))
        paths.append(folder / f"{number}.json")
        save_plan(plan, paths[-1])
    return paths


def _merged(paths: list[Path], out: Path) -> bytes | str:
    try:
        merge_files(tuple(paths), out)
    except ReconcilerError as error:
        return str(error)
    return out.read_bytes()


def test_the_plans_of_shards_are_one_plan(tmp_path: Path) -> None:
    steps = [builders.step(number) for number in (1, 2, 3, 4)]
    paths = _save(tmp_path, (steps[0], steps[3]), (steps[2], steps[1]), sealed=(SEALED,))
    whole = builders.plan(*steps, sealed=(SEALED,))
    digest = plan_digest(whole.target, whole.steps, (), whole.sealed)
    save_plan(replace(whole, digest=digest), tmp_path / "whole.json")
    merged = load_plan_of(_merged(paths, tmp_path / "out.json"))
    assert replace(merged, controls=()) == replace(whole, digest=digest)


def load_plan_of(merged: bytes | str) -> Plan:
    assert isinstance(merged, bytes), merged
    return decode_plan(merged)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(strategies.steps, max_size=5, unique_by=lambda step: step.guid),
    st.integers(1, 3),
    st.builds(Limits, *[st.none() | st.integers(0, 3)] * 3, st.none() | st.integers(0, 100)),
)
def test_any_plans_are_merged_whatever_the_division(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], shards: int, limits: Limits
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    parts = [tuple(sorted(steps[index::shards], key=lambda step: step.guid)) for index in range(shards)]
    merged = load_plan_of(_merged(_save(folder, *parts, limits=limits), folder / "out.json"))
    alone = load_plan_of(_merged(_save(folder, tuple(steps), limits=limits), folder / "out.json"))
    assert (merged.steps, merged.digest) == (alone.steps, alone.digest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"change": "CHG0041234"', '"change": "CHG0041235"'),
        ('"approve": 1', '"approve": 2'),
        ('"approve": 1', '"approve": true'),
        ('  "steps": [', '  "steps": [],\n  "steps": ['),
        ('"tool": ', '"tool": "x", "tool": '),
        ('"\n}\n', '"\n}\n{}'),
        ('"\n}\n', '"'),
        ('"verdict": "approve"', '"verdict": "reject"'),
        ('{"guid": ', '{"guid": "0", "guid": '),
        ('"shard": "1/2"', '"shard": "2/2"'),
        ('"target": "https://tpp', '"target": "https://other'),
        ("CHG", "\xff"),
    ],
)
def test_a_faulty_plan_is_refused(old: str, new: str, tmp_path: Path) -> None:
    paths = _save(tmp_path, (builders.step(1),), (builders.step(2),))
    text = paths[0].read_text("ascii")
    assert old in text
    paths[0].write_text(text.replace(old, new, 1), "latin-1")
    assert isinstance(_merged(paths, tmp_path / "out.json"), str)


def test_a_limit_that_the_whole_exceeds_refuses_its_changes(tmp_path: Path) -> None:
    paths = _save(tmp_path, (builders.step(1),), (builders.step(2),), limits=Limits(changes=1))
    merged = load_plan_of(_merged(paths, tmp_path / "out.json"))
    assert {step.reason for step in merged.steps} == {Reason.REFUSED_CHANGES}
