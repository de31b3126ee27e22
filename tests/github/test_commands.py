"""The commands that the workflows call."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from reconciler.cli.github import command
from reconciler.cli.github_run import Inputs
from reconciler.codec import plan_json, run_json
from reconciler.model.decision import Source
from reconciler.model.plan import Plan
from reconciler.model.receipt import Attention, NotedLedger, Outcome, Run
from reconciler.model.review import Review, ReviewedTickets
from reconciler.model.value import Head, replace
from reconciler.model.verdict import Reason
from reconciler.planning.digest import plan_digest
from tests.builders import NOW, guid, plan, receipt, step
from tests.github.command import run
from tests.github.conftest import TOKEN
from tests.github.fake_github import FakeGitHub
from tests.github.repository import clone, files, git, make_remote
from tests.github.world import READER, Pull
from tests.rendering.hostile import HOSTILE

TARGET = "https://tpp.example.com"


def _run(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return run(folder, "github", *arguments, environ=environ)


def _actions(server: FakeGitHub, folder: Path, **more: str) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": server.api_url,
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/approvals",
        "GITHUB_SHA": "c" * 40,
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_RUN_ID": "4242",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        **more,
    }


def _save(folder: Path, name: str, *numbers: int, shard: str | None = None) -> Plan:
    steps = tuple(map(step, numbers))
    made = plan(*steps, shard=shard, digest=plan_digest(TARGET, steps))
    (folder / name).write_text(plan_json(made))
    return made


def _save_run(folder: Path, name: str, *numbers: int, shard: str | None = None) -> None:
    run = Run("run-1", "sha256:" + "0" * 64, TARGET, NOW, NOW, tuple(map(receipt, numbers)), shard=shard)
    (folder / name).write_text(run_json(run))


def test_every_command_of_the_table_can_be_imported() -> None:
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        assert (found.name, bool(found.help)) == (name, True)
    assert command.get_command(context, "nothing") is None


@pytest.mark.parametrize(
    ("inputs", "arguments"),
    [
        ({"command": "validate"}, ["validate", "--format", "github"]),
        ({"command": "plan"}, ["plan", "--out", "plan.json", "--exit-code"]),
        (
            {"command": "plan", "environment": "prod", "config": "a b.yaml", "shard": "2/3", "plan": "p.json"},
            ["plan", "--out", "p.json", "--exit-code", "--env", "prod", "--config", "a b.yaml", "--shard", "2/3"],
        ),
        (
            {"command": "apply", "reviewed": "reviewed/plan.json", "paths": "tickets/a b\n\n --x \n"},
            [
                *("apply", "--yes", "--lock-timeout", "90s", "--out", "run.json", "--reviewed", "reviewed/plan.json"),
                *("--", "tickets/a b", "--x"),
            ],
        ),
        (
            {"command": "import", "arguments": "--object\n\\VED\\Policy\\$(id)\n"},
            ["import", "--object", "\\VED\\Policy\\$(id)"],
        ),
        (
            {"command": "github ledger pull", "ledger_branch": "audit"},
            ["github", "ledger", "pull", "--branch", "audit"],
        ),
        ({"command": "ledger verify"}, ["ledger", "verify"]),
    ],
)
def test_inputs_become_arguments_and_nothing_else(inputs: dict[str, str], arguments: list[str]) -> None:
    assert Inputs(inputs).arguments() == arguments


def test_a_scheduled_plan_looks_at_settled_tickets_too() -> None:
    assert Inputs({"command": "plan"}, "schedule").arguments() == [
        "plan",
        "--out",
        "plan.json",
        "--exit-code",
        "--recheck",
    ]
    assert Inputs({"command": "apply"}, "schedule").arguments() == Inputs({"command": "apply"}).arguments()


@pytest.mark.parametrize("text", ["", "   ", "apply --dry-run", "--help"])
def test_an_input_command_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError):
        Inputs({"command": text}).arguments()


def test_a_validation_sets_outputs_and_writes_every_fault_to_the_summary(tmp_path: Path, server: FakeGitHub) -> None:
    faulty = "".join(f"  - {{guid: {guid(n)}, status: Aproved}}\n" for n in range(30))
    (tmp_path / "faulty.yaml").write_text(f"version: 1\ntickets:\n{faulty}")
    inputs = {"RECONCILER_INPUT_COMMAND": "validate", "RECONCILER_INPUT_PATHS": "faulty.yaml"}
    done = _run(tmp_path, "run", environ=_actions(server, tmp_path) | inputs)
    assert done.returncode == 1
    assert done.stdout.count("::error ") == 10
    assert (tmp_path / "summary").read_text().count("Aproved") == 30
    assert "exit-code<<" in (tmp_path / "output").read_text()


def test_the_plans_of_all_shards_become_one_file(tmp_path: Path) -> None:
    _save(tmp_path, "a.json", 1, 3, shard="1/2")
    _save(tmp_path, "b.json", 2, shard="2/2")
    whole = _save(tmp_path, "whole.json", 1, 2, 3)
    assert _run(tmp_path, "merge-plans", "--out", "plan.json", "a.json", "b.json").returncode == 0
    assert json.loads((tmp_path / "plan.json").read_text())["digest"] == whole.digest
    absent = _run(tmp_path, "merge-plans", "--out", "other.json", "a.json")
    assert (absent.returncode, (tmp_path / "other.json").exists()) == (3, False)
    assert "the plan of shard 2/2 is absent" in absent.stderr


def test_a_plan_that_was_edited_is_not_merged(tmp_path: Path) -> None:
    made = _save(tmp_path, "a.json", 1, shard="1/1")
    (tmp_path / "a.json").write_text(plan_json(made).replace("www.example.com", "evil.example.com"))
    done = _run(tmp_path, "merge-plans", "--out", "plan.json", "a.json")
    assert (done.returncode, (tmp_path / "plan.json").exists()) == (3, False)


def test_the_reports_of_all_shards_become_one_file(tmp_path: Path) -> None:
    _save_run(tmp_path, "a.json", 1, shard="1/2")
    _save_run(tmp_path, "b.json", 2, shard="2/2")
    assert _run(tmp_path, "merge-runs", "--out", "run.json", "a.json", "b.json").returncode == 0
    assert json.loads((tmp_path / "run.json").read_text())["counts"] == {"applied": 2}
    assert _run(tmp_path, "merge-runs", "--out", "run.json").returncode == 3
    assert _run(tmp_path, "merge-runs", "--out", "run.json", "absent.json").returncode == 1


def test_the_statement_names_its_files_by_digest(tmp_path: Path, server: FakeGitHub) -> None:
    _save(tmp_path, "plan.json", 1)
    _save_run(tmp_path, "run.json", 1)
    environ = _actions(server, tmp_path)
    assert _run(tmp_path, "statement", "--out", "statement.json", "plan.json", environ=environ).returncode == 0
    said = json.loads((tmp_path / "statement.json").read_text())
    assert [subject["name"] for subject in said["subject"]] == ["plan.json", "run.json"]
    assert said["predicate"]["provenance"]["workflow_run"].endswith("/actions/runs/4242")
    assert _run(tmp_path, "statement", "--out", "x.json", "absent.json", environ=environ).returncode == 1


def test_a_comment_that_fails_is_a_warning_and_no_failure(tmp_path: Path, server: FakeGitHub) -> None:
    _save(tmp_path, "plan.json", 1)
    head = {"sha": "a" * 40, "repo": {"full_name": "acme/approvals"}}
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7, "head": head}}))
    server.world.tokens = {TOKEN: dict(READER)}
    environ = _actions(server, tmp_path, GITHUB_EVENT_PATH=str(tmp_path / "event.json"))
    done = _run(tmp_path, "comment", environ=environ)
    assert done.returncode == 0
    assert done.stdout.startswith("::warning title=comment not posted::")
    assert TOKEN not in done.stdout + done.stderr


def test_a_run_that_wrote_nothing_tells_nobody(tmp_path: Path, server: FakeGitHub) -> None:
    _save_run(tmp_path, "run.json")
    assert _run(tmp_path, "outcome", environ=_actions(server, tmp_path)).returncode == 0
    assert server.asked == []


def test_each_attempt_of_a_run_appends_its_own_outcome(tmp_path: Path, server: FakeGitHub) -> None:
    review = Review(12, "ann", reviewers=("bob",))
    run = Run("run-1", "sha256:" + "0" * 64, TARGET, NOW, NOW, (receipt(1),))
    (tmp_path / "run.json").write_text(run_json(replace(run, reviews=(ReviewedTickets(review, (guid(1),)),))))
    server.world.pulls[12] = Pull(12, "ann", "a" * 40, merge_commit="c" * 40, merged_by="max")
    for attempt in ("1", "2", "2"):
        environ = _actions(server, tmp_path, GITHUB_RUN_ATTEMPT=attempt)
        assert _run(tmp_path, "outcome", environ=environ).returncode == 0
    first, second = server.world.comments_on(12)
    assert ("4242-1" in first, "4242-2" in second) == (True, True)


def test_a_verdict_is_binding_unless_it_is_asked_for_advice(tmp_path: Path, server: FakeGitHub) -> None:
    missing = step(1, reason=Reason.MISSING_TICKET)
    made = plan(missing, digest=plan_digest(TARGET, (missing,)))
    (tmp_path / "plan.json").write_text(plan_json(made))
    environ = _actions(server, tmp_path)
    assert _run(tmp_path, "verdict", "--binding", environ=environ).returncode == 5
    assert _run(tmp_path, "verdict", "--advisory", environ=environ).returncode == 0
    assert (tmp_path / "output").read_text().count("persons<<") == 2


def test_new_manifests_are_proposed_once(tmp_path: Path, server: FakeGitHub) -> None:
    remote = make_remote(tmp_path)
    for name in ("one", "two"):
        work = clone(remote, tmp_path / name)
        (work.root / "tickets" / "new.yaml").write_text("version: 1\n# new\n")
        done = _run(work.root, "import-pr", "tickets", environ=_actions(server, tmp_path))
        assert done.returncode == 0, done.stderr
    (pull,) = server.world.pulls.values()
    assert (pull.branch, pull.base) == ("reconciler/import", "main")
    assert "`tickets/new.yaml`" in pull.body
    assert files(remote, "reconciler/import")["tickets/new.yaml"] == "version: 1\n# new"


def test_the_ledger_needs_no_github_at_all(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    assert _run(work.root, "ledger", "pull").returncode == 0
    assert _run(work.root, "ledger", "push").returncode == 0
    assert git(remote, "branch", "--list", "reconciler-ledger") == ""


def test_outside_of_actions_the_others_say_so(tmp_path: Path) -> None:
    _save(tmp_path, "plan.json", 1)
    done = _run(tmp_path, "comment")
    assert (done.returncode, "GITHUB_REPOSITORY" in done.stderr) == (2, True)


PUSH = {"GITHUB_EVENT_NAME": "push"}


def _pushed(server: FakeGitHub, folder: Path, *numbers: int) -> dict[str, str]:
    """A push of one commit for each of these pull requests."""
    commits = [f"{number:040x}" for number in numbers]
    for number, sha in zip(numbers, commits, strict=True):
        server.world.pulls[number] = Pull(number, "ann", "a" * 40, merge_commit=sha, merged_by="max")
        server.world.brought[sha] = [number]
    (folder / "event.json").write_text(json.dumps({"commits": [{"id": sha} for sha in commits]}))
    return _actions(server, folder, **PUSH, GITHUB_EVENT_PATH=str(folder / "event.json"), GITHUB_SHA=commits[-1])


@pytest.mark.parametrize(
    ("without", "says"),
    [("plan", "Nothing applied of `000000000000`"), ("apply", "No report about `000000000000`")],
)
def test_a_job_that_came_to_nothing_is_told_on_each_pull_request_of_the_push(
    tmp_path: Path, server: FakeGitHub, without: str, says: str
) -> None:
    environ = _pushed(server, tmp_path, 12, 13)
    (tmp_path / "parts").mkdir()
    why = {"version": 1, "message": "the token | has expired", "hint": "make another"}
    (tmp_path / "parts" / "failed-run-1.json").write_text(json.dumps(why))
    for _ in range(2):
        done = _run(tmp_path, "outcome", "--without", without, "--failed", "parts", environ=environ)
        assert done.returncode == 0, done.stderr
    for number in (12, 13):
        (told,) = server.world.comments_on(number)
        assert says in told
        assert "has expired" in told
        assert "make another" in told.casefold()


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch", ""])
def test_a_run_that_nobody_pushed_for_tells_no_pull_request(tmp_path: Path, server: FakeGitHub, event: str) -> None:
    environ = _pushed(server, tmp_path, 12) | {"GITHUB_EVENT_NAME": event}
    assert _run(tmp_path, "outcome", "--failed", "parts", environ=environ).returncode == 0
    assert server.asked == []


def test_what_parts_did_is_told_although_another_part_left_no_report(tmp_path: Path, server: FakeGitHub) -> None:
    environ = _pushed(server, tmp_path, 12)
    (tmp_path / "parts").mkdir()
    review = Review(12, "ann", reviewers=("bob",))
    run = Run("run-1", "sha256:" + "0" * 64, TARGET, NOW, NOW, (receipt(1),), shard="1/2")
    text = run_json(replace(run, reviews=(ReviewedTickets(review, (guid(1),)),)))
    (tmp_path / "parts" / "run-1.json").write_text(text)
    assert _run(tmp_path, "outcome", "--failed", "parts", environ=environ).returncode == 0
    part, rest = server.world.comments_on(12)
    assert ("1 applied" in part, "4242-1-1/2" in part) == (True, True)
    assert "the job that applies did not come to an end" in rest


def test_without_a_folder_of_parts_a_report_that_is_not_there_is_a_fault(tmp_path: Path, server: FakeGitHub) -> None:
    assert _run(tmp_path, "outcome", environ=_actions(server, tmp_path)).returncode == 1


def test_the_ledgers_heads_are_noted_in_a_check_run_of_the_commit(tmp_path: Path, server: FakeGitHub) -> None:
    run = Run("run-1", "sha256:" + "0" * 64, TARGET, NOW, NOW, ())
    noted = NotedLedger("reconciler-ledger", (Head("2026/11/a.jsonl", "sha256:" + "1" * 64, 3),))
    (tmp_path / "run.json").write_text(run_json(replace(run, ledger=noted)))
    assert _run(tmp_path, "outcome", environ=_actions(server, tmp_path)).returncode == 0
    (check,) = server.world.checks
    assert (check["head_sha"], check["conclusion"]) == ("c" * 40, "neutral")
    assert "line 3 of `2026/11/a.jsonl`" in check["output"]["summary"]
    del server.world.tokens[TOKEN]["checks"]
    done = _run(tmp_path, "outcome", environ=_actions(server, tmp_path))
    assert (done.returncode, "::warning title=ledger's heads not posted::" in done.stdout) == (0, True)
    assert "checks" in done.stdout


def test_what_a_plan_asks_a_look_for_is_told_at_its_line_unless_it_is_advice(
    tmp_path: Path, server: FakeGitHub
) -> None:
    missing = step(1, reason=Reason.MISSING_TICKET, source=Source("tickets/web.yaml", 9))
    made = plan(missing, step(2), digest=plan_digest(TARGET, (missing, step(2))))
    (tmp_path / "plan.json").write_text(plan_json(made))
    environ = _actions(server, tmp_path)
    told = _run(tmp_path, "verdict", "--binding", environ=environ).stdout
    assert told.startswith("::error file=tickets/web.yaml,title=missing/ticket,line=9,endLine=9::")
    assert told.count("::error") == 1
    assert _run(tmp_path, "verdict", "--advisory", environ=environ).stdout == ""


def test_markdown_that_is_printed_to_a_log_carries_no_command(tmp_path: Path, server: FakeGitHub) -> None:
    texts = [text[:2_000] for text in HOSTILE if text.isprintable()] + [
        "##[group]x",
        "a\n##[error]planted",
        "\n::error::x",
    ]
    steps = tuple(
        step(number, object=text, workflow=text, explanation=text, change=text, detail=text)
        for number, text in enumerate(texts, start=1)
    )
    missing = tuple(replace(one, reason=Reason.MISSING_TICKET) for one in steps)
    left = tuple(Attention(one.guid, Reason.REFUSED_FREEZE, one.object or "", one.source, one.detail) for one in steps)
    receipts = tuple(receipt(number, object=text, detail=text) for number, text in enumerate(texts, start=1))
    run = Run("run-1", "sha256:" + "0" * 64, TARGET, NOW, NOW, receipts, attention=left, notes=tuple(texts))
    (tmp_path / "run.json").write_text(run_json(run))
    for made in (plan(*steps, digest=plan_digest(TARGET, steps)), plan(*missing, digest=plan_digest(TARGET, missing))):
        (tmp_path / "plan.json").write_text(plan_json(made))
        environ = _actions(server, tmp_path)
        del environ["GITHUB_STEP_SUMMARY"]
        done = _run(tmp_path, "summary", "--plan", "plan.json", "--run", "run.json", environ=environ)
        assert (done.returncode, "planted" in done.stdout) == (0, True)
        found = [line for line in done.stdout.splitlines() if "##[" in line or line.lstrip().startswith("::")]
        assert found == []


_CONFIGURATION = "version: 1\nrequests: {wait: 0}\n"
_FAULTY = f"version: 1\ntickets:\n  - {{guid: {guid(1)}, status: Aproved}}\n"


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_what_can_not_be_planned_or_applied_is_told_at_its_line(
    tmp_path: Path, server: FakeGitHub, command: str
) -> None:
    (tmp_path / "reconciler.yaml").write_text(_CONFIGURATION)
    (tmp_path / "faulty.yaml").write_text(_FAULTY)
    inputs = {"RECONCILER_INPUT_COMMAND": command, "RECONCILER_INPUT_PATHS": "faulty.yaml"}
    environ = {**_actions(server, tmp_path), "TPP_URL": "http://127.0.0.1:1", "TPP_TOKEN": "not-a-token"}
    done = _run(tmp_path, "run", environ=environ | inputs)
    assert done.returncode == 1
    assert "::error file=faulty.yaml,title=schema/value,line=3,endLine=3,col=" in done.stdout
    kept = json.loads((tmp_path / f"failed-{'plan' if command == 'plan' else 'run'}.json").read_text())
    assert "Aproved" in kept["problems"][0]["message"]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_failure_without_a_line_is_an_annotation_of_the_run(tmp_path: Path, server: FakeGitHub, command: str) -> None:
    (tmp_path / "reconciler.yaml").write_text(_CONFIGURATION)
    (tmp_path / "fine.yaml").write_text(_FAULTY.replace("Aproved", "Pending"))
    inputs = {"RECONCILER_INPUT_COMMAND": command, "RECONCILER_INPUT_PATHS": "fine.yaml"}
    environ = {**_actions(server, tmp_path), "TPP_URL": "http://127.0.0.1:1", "TPP_TOKEN": "not-a-token"}
    done = _run(tmp_path, "run", environ=environ | inputs)
    assert done.returncode == 4
    assert f"::error title={command} failed::" in done.stdout


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"COMMAND": "plans"}, "::error title=plans failed::No such command 'plans'. Did you mean 'plan'"),
        ({"COMMAND": "plan", "ARGUMENTS": "--nonsense"}, "::error title=plan failed::No such option"),
        ({"COMMAND": "apply", "SHARD": "4/3"}, "::error title=apply failed::Invalid value for '--shard'"),
        ({"COMMAND": "validate", "REVIEWED": "plan.json"}, "::error title=validate failed::No such option"),
    ],
)
def test_inputs_that_do_not_exist_are_errors_that_the_run_shows(
    tmp_path: Path, server: FakeGitHub, inputs: dict[str, str], says: str
) -> None:
    given = {f"RECONCILER_INPUT_{name}": value for name, value in inputs.items()}
    done = _run(tmp_path, "run", environ=_actions(server, tmp_path) | given)
    assert (done.returncode, says in done.stdout) == (2, True), done.stdout + done.stderr


@pytest.mark.parametrize("listed", ["99", "three", "3,5", "-1"])
def test_an_exit_code_that_does_not_exist_is_refused_before_anything_runs(
    tmp_path: Path, server: FakeGitHub, listed: str
) -> None:
    inputs = {"RECONCILER_INPUT_COMMAND": "apply", "RECONCILER_INPUT_TOLERATE": listed}
    done = _run(tmp_path, "run", environ=_actions(server, tmp_path) | inputs)
    assert (done.returncode, "`tolerate` takes exit codes" in done.stderr) == (2, True)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in (Outcome.APPLIED, Outcome.AWAITING_OTHERS)])
def test_what_an_apply_did_not_bring_about_is_told_at_its_line(
    tmp_path: Path, server: FakeGitHub, outcome: Outcome
) -> None:
    failed = receipt(1, outcome=outcome, source=Source("tickets/web.yaml", 7), detail="the server says ##[no]")
    run = Run("run-1", "sha256:" + "0" * 64, TARGET, NOW, NOW, (failed, receipt(2)))
    (tmp_path / "run.json").write_text(run_json(run))
    done = _run(tmp_path, "outcome", environ=_actions(server, tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"::error file=tickets/web.yaml,title={outcome.value},line=7,endLine=7::")
    assert ("the server says ## [no]" in done.stdout, done.stdout.count("::error")) == (True, 1)


def test_what_an_apply_left_alone_is_told_at_its_line(tmp_path: Path, server: FakeGitHub) -> None:
    left = Attention(
        guid(1), Reason.REFUSED_FREEZE, r"\VED\Policy\x", Source("tickets/web.yaml", 7), "it is ##[frozen]"
    )
    run = Run("run-1", "sha256:" + "0" * 64, TARGET, NOW, NOW, (), attention=(left,))
    (tmp_path / "run.json").write_text(run_json(run))
    done = _run(tmp_path, "outcome", environ=_actions(server, tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("::error file=tickets/web.yaml,title=refused/freeze,line=7,endLine=7::")
    assert ("it is ## [frozen]" in done.stdout, "##[" in done.stdout) == (True, False)
