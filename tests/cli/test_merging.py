"""Plans of shards merged line by line come to the same bytes as merged whole, or to the same refusal."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.app import merge as merging
from reconciler.errors import ReconcilerError
from reconciler.ledger.plan_files import save_plan
from reconciler.model.decision import Seal
from reconciler.model.plan import Plan, Step
from reconciler.model.policy import Limits
from reconciler.model.value import replace
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
        merging.merge_files(tuple(paths), out)
    except ReconcilerError as error:
        return str(error)
    return out.read_bytes()


def _both_ways(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> tuple[bytes | str, bytes | str]:
    out = paths[0].with_name("out.json")
    lines = _merged(paths, out)
    with monkeypatch.context() as patched:
        patched.setattr(merging, "_merge_rows", lambda *_: False)
        return lines, _merged(paths, out)


def _read_whole(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Note which plans are read whole."""
    read: list[Path] = []
    plainly = merging.load_plan

    def load_plan(path: Path) -> Plan:
        read.append(path)
        return plainly(path)

    monkeypatch.setattr(merging, "load_plan", load_plan)
    return read


def test_usual_plans_are_merged_without_reading_them_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = _save(
        tmp_path, (builders.step(1), builders.step(4)), (builders.step(3), builders.step(2)), sealed=(SEALED,)
    )
    read = _read_whole(monkeypatch)
    merged = _merged(paths, tmp_path / "out.json")
    assert read == []
    lines, whole = _both_ways(paths, monkeypatch)
    assert merged == lines == whole
    assert re.findall(rb'"guid": "(0000000\d)', whole if isinstance(whole, bytes) else b"") == [
        b"00000001", b"00000002", b"00000003", b"00000004"
    ]  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(strategies.steps, max_size=5, unique_by=lambda step: step.guid),
    st.integers(1, 3),
    st.builds(Limits, *[st.none() | st.integers(0, 3)] * 3, st.none() | st.integers(0, 100)),
)
def test_any_plans_are_merged_to_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[Step],
    shards: int,
    limits: Limits,
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    parts = [tuple(sorted(steps[index::shards], key=lambda step: step.guid)) for index in range(shards)]
    lines, whole = _both_ways(_save(folder, *parts, limits=limits), monkeypatch)
    assert lines == whole


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"change": "CHG0041234"', '"change": "CHG0041235"'),
        ('"approve": 1', '"approve": 2'),
        ('"approve": 1', '"approve": true'),
        ('  "steps": [', '  "steps": [],\n  "steps": ['),
        ('"tool": ', '"tool": "x", "tool": '),
        ("\n  ]\n}\n", "\n  ]\n}\n{}"),
        ("\n  ]\n}\n", "\n  ]"),
        ('"verdict": "approve"', '"verdict": "reject"'),
        ('{"guid": ', '{"guid": "0", "guid": '),
        ('"shard": "1/2"', '"shard": "2/2"'),
        ('"target": "https://tpp', '"target": "https://other'),
        ("CHG", "\xff"),
    ],
)
def test_faulty_plans_are_refused_alike(old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = _save(tmp_path, (builders.step(1),), (builders.step(2),))
    text = paths[0].read_text("ascii")
    assert old in text
    paths[0].write_text(text.replace(old, new, 1), "latin-1")
    lines, whole = _both_ways(paths, monkeypatch)
    assert isinstance(whole, str)
    assert lines == whole


def test_a_limit_that_the_whole_exceeds_refuses_its_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = _save(tmp_path, (builders.step(1),), (builders.step(2),), limits=Limits(changes=1))
    lines, whole = _both_ways(paths, monkeypatch)
    assert lines == whole
    assert b'"refused/changes"' in (whole if isinstance(whole, bytes) else b"")
