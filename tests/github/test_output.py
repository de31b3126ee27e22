"""Job summary and outputs."""

from pathlib import Path

import pytest

from reconciler.github.actions import append_summary, set_outputs


def _outputs(text: str) -> dict[str, str]:
    """Read the file as the runner does: name<<END, lines, END."""
    lines, found = text.splitlines(), {}
    while lines:
        name, end = lines.pop(0).split("<<")
        place = lines.index(end)
        found[name], lines = "\n".join(lines[:place]), lines[place + 1 :]
    return found


def test_summaries_are_added_to_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    for text in ("# Plan", "# Outcome\n"):
        assert append_summary({"GITHUB_STEP_SUMMARY": str(file)}, text)
    assert file.read_text() == "# Plan\n\n# Outcome\n\n"


def test_a_summary_stays_below_what_github_takes(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    for _ in range(3):
        append_summary({"GITHUB_STEP_SUMMARY": str(file)}, "ä row\n" * 150_000)
    text = file.read_text(encoding="utf-8")
    assert 1_000_000 < file.stat().st_size < 1024 * 1024
    assert text.count("was cut here") == 1
    assert set(text.splitlines()[:-3]) == {"ä row"}


def test_no_value_can_set_another_output(tmp_path: Path) -> None:
    file = tmp_path / "output"
    hostile = "a\nEOF\nchanges<<EOF\n0\nEOF\n::set-output name=x::y"
    assert set_outputs({"GITHUB_OUTPUT": str(file)}, {"changes": "3", "title": hostile})
    assert _outputs(file.read_text()) == {"changes": "3", "title": hostile}


def test_an_output_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plan"):
        set_outputs({"GITHUB_OUTPUT": str(tmp_path / "output")}, {"plan": "x" * 100_000})


def test_outside_of_actions_nothing_is_written() -> None:
    assert not append_summary({}, "text")
    assert not set_outputs({}, {"a": "b"})
