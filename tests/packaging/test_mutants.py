"""What judges a run of `make mutate`: names, reasons, and the bound."""

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mutants() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", ROOT / ".ci" / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("reconciler.applying.engine.x__wait__mutmut_7", "reconciler.applying.engine._wait"),
        ("reconciler.applying.step.x_perform__mutmut_12", "reconciler.applying.step.perform"),
        ("reconciler.ledger.journal.xǁJournalǁ_write__mutmut_1", "reconciler.ledger.journal.Journal._write"),
    ],
)
def test_a_mutant_is_told_by_the_function_that_it_is_in(mutants: ModuleType, name: str, function: str) -> None:
    assert mutants.function_of(name) == function


def test_a_reason_is_for_its_function_and_its_line(mutants: ModuleType) -> None:
    reason = mutants.MayLive("a.b", "x = 1", "why")
    assert reason.fits("a.b", "    x = 1")
    assert not reason.fits("a.c", "    x = 1")
    assert not reason.fits("a.b", "    x = 2")
    assert mutants.MayLive("*", "x = 1", "why").fits("a.c", "x = 1")


@pytest.mark.parametrize(("surviving", "code"), [(3, 0), (4, 1)])
def test_more_than_the_bound_fails(
    mutants: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], surviving: int, code: int
) -> None:
    monkeypatch.chdir(ROOT)
    lines = [f"a.x_f__mutmut_{number}: {'survived' if number <= surviving else 'killed'}" for number in range(1, 101)]
    monkeypatch.setattr(mutants, "run", lambda *said: "\n".join(lines) if said[0] == "results" else "+    x = 1")
    assert mutants.main() == code
    assert f"{surviving} survive beside those that may: {surviving}.0 %, at most 3.0 %" in capsys.readouterr().out


def test_a_run_without_any_mutant_fails(mutants: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(mutants, "run", lambda *said: "")
    assert mutants.main() == 1


def test_each_mutant_that_may_live_has_a_reason() -> None:
    listed = tomllib.loads((ROOT / ".ci" / "mutants-that-may-live.toml").read_text("utf-8")).get("may_live", [])
    assert [entry for entry in listed if set(entry) != {"function", "line", "why"} or not entry["why"]] == []
