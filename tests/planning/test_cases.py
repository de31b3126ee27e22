"""Every folder of tests/cases is a situation with the plan that must come out."""

import re
from pathlib import Path

import pytest

from tests.planning.cases import expected_of, plan_of

CASES = sorted(path.parent for path in (Path(__file__).parent.parent / "cases").glob("*/case.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_case_leads_to_its_plan(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    plan, expected = plan_of(case), expected_of(case)
    assert {step.guid: [step.reason.value, step.detail] for step in plan.steps} == expected["steps"]
    assert list(plan.notes) == expected["notes"]
    if expected["controls"] is not None:
        assert {each.name: each.result for each in plan.controls if each.result != "off"} == expected["controls"]


def test_every_folder_is_a_case() -> None:
    folders = {path for path in (Path(__file__).parent.parent / "cases").iterdir() if path.is_dir()}
    assert folders == set(CASES)


def test_every_code_of_a_change_record_has_a_case_that_ends_with_it() -> None:
    root = Path(__file__).parent.parent.parent
    told = (root / "docs" / "guides" / "change-records.md").read_text(encoding="utf-8")
    codes = re.findall(r"^\| `([a-z-]+)` \|", told.partition("| Code |")[2].partition("\n\n")[0], re.MULTILINE)
    said = re.findall(r'f?"([a-z-]+): ', (root / "reconciler" / "planning" / "change_records.py").read_text("utf-8"))
    assert set(codes) == set(said)
    for code in codes:
        details = [detail for _, detail in expected_of(root / f"tests/cases/change-record-{code}")["steps"].values()]
        assert any(detail.startswith(f"{code}: ") for detail in details), code
