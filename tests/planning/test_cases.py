"""Every folder of tests/cases is a situation with the plan that must come out."""

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
