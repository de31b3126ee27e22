"""What runs and judges `make mutate`: what becomes of a mutant, names, reasons, and the bound."""

import importlib.util
import json
import subprocess
import sys
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
    monkeypatch.setattr(mutants, "changed_line", lambda _: "x = 1")
    tried = {f"a.x_f__mutmut_{number}": "survived" if number <= surviving else "killed" for number in range(1, 101)}
    assert mutants.judged(tried) == code
    said = capsys.readouterr().out
    assert "a.x_f__mutmut_1 (survived): x = 1" in said
    assert f"{surviving} survive beside those that may: {surviving}.0 %, at most 3.0 %" in said


def test_a_run_without_any_mutant_fails(mutants: ModuleType) -> None:
    assert mutants.judged({}) == 1


def test_a_mutant_that_was_not_tried_survives(mutants: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "changed_line", lambda _: "")
    assert mutants.judged({"a.x_f__mutmut_1": "not tried"}) == 1


TESTED = """
import os, signal
from mutmut.mutation import trampoline

def changed(number):
    trampoline.record_trampoline_hit("a.x_f")
    return os.environ.get("MUTANT_UNDER_TEST") == f"a.x_f__mutmut_{number}"

def test_each_change():
    assert not changed(1)
    while changed(2):
        pass
    if changed(3):
        os.kill(os.getpid(), signal.SIGKILL)

def test_another():
    assert FAILS is False
"""
RUN = """
import importlib.util, pathlib, sys, types
names = ("mutmut", "mutmut.mutation", "mutmut.mutation.trampoline")
sys.modules |= {name: types.ModuleType(name) for name in names}
trampoline = sys.modules[names[1]].trampoline = sys.modules[names[2]]
def under_test(name):
    import os
    os.environ["MUTANT_UNDER_TEST"] = name
trampoline.set_mutant_under_test = under_test
spec = importlib.util.spec_from_file_location("runner", sys.argv[1])
runner = sys.modules["runner"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)
here = runner.COPY = pathlib.Path.cwd()
runner.MEASURED, runner.RESULTS, runner.SPARE_CPU = here / "measured", here / "results", 0.2
mutants = [f"a.x_f__mutmut_{number}" for number in (1, 2, 3, 4)] + ["a.x_g__mutmut_1"]
options = {"timeout_multiplier": 1.0, "pytest_add_cli_args": ["-p", "no:cacheprovider"]}
options["pytest_add_cli_args_test_selection"] = ["test_tested.py"]
sys.exit(not runner.Runner(mutants, 2, options).run())
"""


def test_what_becomes_of_each_change_is_written_down_and_nothing_is_tried_if_a_test_fails_without(
    tmp_path: Path,
) -> None:
    """No file has these mutants: the name of the one that is tried is all that a test sees."""
    for fails in (True, False):
        (tmp_path / "test_tested.py").write_text(TESTED.replace("FAILS", str(fails)), "utf-8")
        command = [sys.executable, "-c", RUN, str(ROOT / ".ci" / "mutants.py")]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == fails, done.stderr
        assert ("fails without a change (1): test_tested.py::test_another" in done.stdout) == fails
        assert (tmp_path / "results").exists() == (not fails)
    entries = map(json.loads, (tmp_path / "results").read_text("utf-8").splitlines())
    test = "test_tested.py::test_each_change"
    assert {entry["mutant"]: (entry["status"], entry["test"]) for entry in entries} == {
        "a.x_f__mutmut_1": ("killed", test),
        "a.x_f__mutmut_2": ("timeout", test),
        "a.x_f__mutmut_3": ("crashed", test),
        "a.x_f__mutmut_4": ("survived", test),
        "a.x_g__mutmut_1": ("survived", ""),
    }


def test_each_mutant_that_may_live_has_a_reason() -> None:
    listed = tomllib.loads((ROOT / ".ci" / "mutants-that-may-live.toml").read_text("utf-8")).get("may_live", [])
    assert [entry for entry in listed if set(entry) != {"function", "line", "why"} or not entry["why"]] == []
