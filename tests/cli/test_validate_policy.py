"""`validate` refuses what the policy refuses without a server, at the line of the decision."""

from pathlib import Path

import pytest

from reconciler.cli.main import main
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

POLICY = r"""
policy:
  require: [expect, explanation, change]
  change_pattern: '^CHG[0-9]{7}$'
  owns: ['\VED\Policy\Web\**']
  freezes: [{name: year-end, start: 2096-12-20T00:00:00Z, stop: 2097-01-06T00:00:00Z}]
  overrides: {longest: 9999d}
"""
GOOD = r"explanation: renewal, change: CHG0041234, expect: {object: '\VED\Policy\Web\www'}"


@pytest.fixture
def validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    Path("reconciler.yaml").write_text("version: 1\nserver: https://tpp.example.com\n" + POLICY)
    Path("tickets").mkdir()

    def validated(*entries: str, more: str = "", policy: str = "") -> tuple[int, str]:
        if policy:
            Path("reconciler.yaml").write_text(f"version: 1\nserver: https://tpp.example.com\npolicy:\n{policy}")
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
        f"  - {{rule: required, tickets: [{FIRST}], reason: night, until: '2036-01-01T00:00:00Z'}}\n"
        f"  - {{rule: required, tickets: [{SECOND}], reason: night, until: '2020-01-01T00:00:00Z'}}\n"
    )
    code, said = validate(f"guid: {FIRST}, status: Approved", f"guid: {SECOND}, status: Approved", more=more)
    assert (code, "web.yaml:3:5" in said, "web.yaml:4:5" in said) == (1, False, True)


def test_attested_entries_answer_for_ownership_alone(validate) -> None:
    decided = "decided: {by: 'AD+CORP:jdoe', at: 2026-01-01T00:00:00Z, where: console, reason: incident}"
    elsewhere = r"expect: {object: '\VED\Policy\Mail\mx'}"
    code, said = validate(f"guid: {FIRST}, status: Approved, {decided}, {elsewhere}")
    assert (code, "[policy/ownership]" in said, said.count(" error: ")) == (1, True, 1)


def test_more_than_a_limit_allows_is_refused_at_the_first_beyond_it(validate) -> None:
    approved = [f"guid: {guid}, status: Approved" for guid in (FIRST, SECOND)]
    code, said = validate(
        *approved, f"guid: {THIRD}, status: Rejected", policy="  limits: {approvals: 1, rejections: 1}\n"
    )
    assert (code, said) == (
        1,
        "tickets/web.yaml:4:5: error: 2 approvals, the limit is 1: this one is the first beyond it"
        " [policy/approvals]\n"
        "    help: split the change into waves or raise the limit\n"
        "1 error found\n",
    )


def test_a_limit_in_percent_is_of_all_decisions_and_not_of_the_paths_given(validate, capsys) -> None:
    pending = f"guid: {THIRD}, status: Pending"
    approved = [f"guid: {guid}, status: Approved" for guid in (FIRST, SECOND)]
    code, said = validate(*approved, pending, policy="  limits: {percent: 50}\n")
    assert (code, "web.yaml:4:5" in said, "67 percent of the decisions, the limit is 50" in said) == (1, True, True)
    with pytest.raises(SystemExit) as left:
        main(["validate", "tickets/web.yaml"])
    assert left.value.code == 0


def test_an_override_lifts_a_limit_for_its_tickets(validate) -> None:
    more = f"overrides:\n  - {{rule: approvals, tickets: [{FIRST}], reason: agreed, until: '2036-01-01T00:00:00Z'}}\n"
    approved = [f"guid: {guid}, status: Approved" for guid in (FIRST, SECOND)]
    assert validate(*approved, more=more, policy="  limits: {approvals: 1}\n  overrides: {longest: 9999d}\n")[0] == 0


def test_an_approval_without_a_change_record_is_refused_where_one_is_asked_for(validate) -> None:
    policy = "  change_record: {state: [scheduled], objects: ['\\VED\\Policy\\Web\\**']}\n"
    records = "change_records: {kind: servicenow, url: 'https://records.example.com'}\n"
    entries = [
        rf"guid: {FIRST}, status: Approved, expect: {{object: '\VED\Policy\Web\www'}}",
        rf"guid: {SECOND}, status: Rejected, expect: {{object: '\VED\Policy\Web\www'}}",
        rf"guid: {THIRD}, status: Approved, expect: {{object: '\VED\Policy\Mail\mx'}}",
    ]
    code, said = validate(*entries, policy=policy + records)
    assert (code, said.count(" error: "), "web.yaml:3:5" in said) == (1, 1, True)
    assert "the policy asks for a change record, and the decision names none [policy/change-record]" in said
    assert "help: add `change` to the entry" in said


def test_a_rule_is_held_to_the_policy_at_its_line(validate) -> None:
    rules = (
        "version: 1\nkind: rules\nrules:\n"
        "  - name: lab\n    match: {object: '\\VED\\Policy\\Web\\**', created_before: 2020-01-01T00:00:00Z}\n"
        "    status: Approved\n    at_most: 3\n    valid_until: 2096-01-01T00:00:00Z\n    change: CHG1\n"
    )
    Path("tickets/rules.yaml").write_text(rules)
    code, said = validate(f"guid: {FIRST}, status: Approved, {GOOD}")
    assert code == 1
    assert "rules.yaml:4:5: error: the policy requires explanation [policy/required]" in said
    assert "rules.yaml:4:5: error: change `CHG1` does not match" in said
    assert (
        "rules.yaml:4:5: error: rule 'lab': valid_until 2096-01-01T00:00:00Z is too far ahead [rule-too-long]" in said
    )
    assert said.count(" error: ") == 3


def test_what_the_ledger_proves_done_is_left_alone(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}", f"{{guid: {SECOND}, status: Approved}}")
    assert repo.run("apply", "--yes").code == 0
    repo.decide(
        f"{{guid: {FIRST}, status: Approved}}",
        f"{{guid: {SECOND}, status: Approved}}",
        f"{{guid: {THIRD}, status: Rejected}}",
    )
    repo.configure("policy: {require: [explanation], limits: {changes: 1, approvals: 1}}\n")
    repo.environ("TPP_TOKEN", "")
    said = repo.run("validate")
    assert (said.code, said.out.count(" error: ")) == (1, 1)
    assert "tickets/web.yaml:6:5: error: the policy requires explanation [policy/required]" in said.out


def test_a_schedule_that_began_is_no_matter_of_todays_freeze(validate) -> None:
    freeze = "  freezes: [{name: now, start: 2020-01-01T00:00:00Z, stop: 2096-01-01T00:00:00Z}]\n"
    began = f"guid: {FIRST}, status: Approved After, schedule: {{start: 2019-01-01T00:00:00Z}}"
    assert validate(began, policy=freeze)[0] == 0


def test_without_the_ledger_of_a_branch_a_limit_only_warns(validate) -> None:
    policy = "  limits: {approvals: 1}\nledger: {path: ledger, branch: reconciler-ledger}\n"
    approved = [f"guid: {guid}, status: Approved" for guid in (FIRST, SECOND)]
    code, said = validate(*approved, policy=policy)
    assert (code, " warning: 2 approvals, the limit is 1" in said) == (0, True)
    assert "the ledger is not here, so decisions that are done may be among them" in said


def test_a_broken_ledger_is_told_and_not_believed(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    assert repo.run("apply", "--yes").code == 0
    (file,) = (repo.folder / "ledger").rglob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b"Approved", b"Rejected"))
    said = repo.run("validate")
    assert (said.code, file.name in said.err) == (4, True)
