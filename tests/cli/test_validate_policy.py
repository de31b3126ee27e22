"""`validate` refuses what the policy refuses without a server, at the line of the decision."""

from pathlib import Path

import pytest

from reconciler.cli.main import main
from tests.cli.desk import FIRST, SECOND, THIRD

POLICY = r"""
policy:
  require: [expect, explanation, change]
  change_pattern: '^CHG[0-9]{7}$'
  owns: ['\VED\Policy\Web\**']
  freezes: [{name: year-end, start: 2096-12-20T00:00:00Z, stop: 2097-01-06T00:00:00Z}]
"""
GOOD = r"explanation: renewal, change: CHG0041234, expect: {object: '\VED\Policy\Web\www'}"


@pytest.fixture
def validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    Path("reconciler.yaml").write_text("version: 1\nserver: https://tpp.example.com\n" + POLICY)
    Path("tickets").mkdir()

    def validated(*entries: str, more: str = "") -> tuple[int, str]:
        body = "".join(f"  - {{{entry}}}\n" for entry in entries)
        Path("tickets/web.yaml").write_text(f"version: 1\ntickets:\n{body}{more}")
        with pytest.raises(SystemExit) as left:
            main(["validate"])
        assert isinstance(left.value.code, int)
        return left.value.code, capsys.readouterr().out

    return validated


def test_what_the_policy_allows_is_valid(validate) -> None:
    assert validate(f"guid: {FIRST}, status: Approved, {GOOD}") == (0, "valid: 1 decision in 1 file\n")


def test_everything_that_the_policy_refuses_is_told_at_its_line(validate) -> None:
    schedule = "schedule: {start: 2096-12-24T22:00:00Z, stop: 2096-12-25T02:00:00Z}"
    elsewhere = r"explanation: renewal, change: CHG42, expect: {object: '\VED\Policy\Mail\mx'}"
    assert validate(
        f"guid: {FIRST}, status: Approved",
        f"guid: {SECOND}, status: Rejected, {elsewhere}",
        f"guid: {THIRD}, status: Approved Between, {schedule}, {GOOD}",
    ) == (
        1,
        "tickets/web.yaml:3:5: error: the policy requires change, expect, explanation [policy/required]\n"
        "    help: add it to the entry\n"
        "tickets/web.yaml:4:5: error: change `CHG42` does not match the `change_pattern` of the policy"
        " [policy/change-pattern]\n"
        "    help: name a change record that does\n"
        "tickets/web.yaml:4:5: error: object `\\VED\\Policy\\Mail\\mx` is none that the policy `owns`"
        " [policy/ownership]\n"
        "    help: decide it where it is owned\n"
        "tickets/web.yaml:5:5: error: the approval may take effect in freeze year-end"
        " (2096-12-20T00:00:00Z to 2097-01-06T00:00:00Z) [policy/freeze]\n"
        "    help: move it out of the freeze\n"
        "4 errors found\n",
    )


def test_pending_entries_decide_nothing_and_are_left_alone(validate) -> None:
    assert validate(f"guid: {FIRST}, status: Pending") == (0, "valid: 1 decision in 1 file\n")


def test_an_override_spares_its_tickets_until_it_ends(validate) -> None:
    more = (
        "overrides:\n"
        f"  - {{rule: required, tickets: [{FIRST}], reason: night, until: '2096-01-01T00:00:00Z'}}\n"
        f"  - {{rule: required, tickets: [{SECOND}], reason: night, until: '2020-01-01T00:00:00Z'}}\n"
    )
    code, said = validate(f"guid: {FIRST}, status: Approved", f"guid: {SECOND}, status: Approved", more=more)
    assert (code, "web.yaml:3:5" in said, "web.yaml:4:5" in said) == (1, False, True)
