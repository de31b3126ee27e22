"""What can be said of action, workflows and example without running them."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from tests.without_grammars import CHECK_JSONSCHEMA
from tests.workflows.act import ENVIRONMENT, ROOT

ACTION = ROOT / ".github" / "actions" / "reconciler"
ROOT_ACTION = ROOT / "action.yml"
OURS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXAMPLES = sorted((ROOT / "examples" / "gitops" / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = [*OURS, *EXAMPLES]
PINNED = re.compile(r"uses: (\$/\S+|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")
_WRITES = re.compile(r"command: (apply|github emergency)$", re.MULTILINE)
HIGHEST = {
    "contents": "write",
    "pull-requests": "write",
    "issues": "write",
    "actions": "read",
    "checks": "write",
    "id-token": "write",
    "pages": "write",
    "attestations": "write",
}


@cache
def _load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": f"{ENVIRONMENT / 'bin'}:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    return subprocess.run(
        [str(ENVIRONMENT / "bin" / command[0]), *command[1:]],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _jobs() -> Iterator[tuple[str, str, Any]]:
    for path in WORKFLOWS:
        for name, job in _load(path)["jobs"].items():
            yield _name(path), name, job


def test_actionlint_finds_nothing() -> None:
    done = _run("actionlint", "-no-color", *map(str, WORKFLOWS))
    assert (done.returncode, done.stdout) == (0, "")


def test_zizmor_finds_nothing_even_as_an_auditor() -> None:
    done = _run(
        "zizmor",
        "--offline",
        "--persona",
        "auditor",
        "--strict-collection",
        "--format",
        "json",
        ".github",
        "examples",
        "action.yml",
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", [path for path in OURS if path.stem not in ("apply", "reconcile")]),
        ("vendor.github-actions", [ACTION / "action.yml", ROOT_ACTION]),
        ("vendor.dependabot", [ROOT / f"{place}.github/dependabot.yml" for place in ("", "examples/gitops/")]),
    ],
)
def test_githubs_own_schemas_accept_the_files(schema: str, files: list[Path]) -> None:
    done = _run(*CHECK_JSONSCHEMA, "--builtin-schema", schema, *map(str, files))
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing_in_the_installer() -> None:
    done = _run("shellcheck", str(ACTION / "install.sh"))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION / "action.yml", ROOT_ACTION], ids=_name)
def test_everything_that_is_used_is_pinned_to_a_commit(path: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if line.startswith("uses:") and not PINNED.match(line)] == []


def test_what_is_used_of_this_repository_exists() -> None:
    used = re.compile(r"uses: (?:\$|example-org/tpp-reconciler)/([^@\s]+)")
    names = {name for path in WORKFLOWS for name in used.findall(path.read_text(encoding="utf-8"))}
    assert names >= {".github/actions/reconciler", ".github/workflows/plan.yml"}
    for name in names:
        found = ROOT / name
        assert found.is_file() or (found / "action.yml").is_file(), name


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_nothing_is_permitted_unless_a_job_says_why(path: Path) -> None:
    assert _load(path)["permissions"] == {}
    for name, job in _load(path)["jobs"].items():
        assert "permissions" in job, name
        for scope, level in (job["permissions"] or {}).items():
            assert level in ("read", HIGHEST[scope]), f"{name}: {scope}"
    reasons = re.findall(r"^ +[a-z-]+: (?:read|write)(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert [reason for reason in reasons if not reason.strip().startswith("# ")] == []


def test_every_job_has_a_time_limit_or_calls_one_that_has() -> None:
    assert [
        f"{path}: {name}" for path, name, job in _jobs() if "uses" not in job and "timeout-minutes" not in job
    ] == []


def test_a_called_workflow_gets_every_permission_that_its_jobs_ask_for() -> None:
    for path, name, job in _jobs():
        if "uses" not in job:
            continue
        called = ROOT / ".github" / "workflows" / Path(job["uses"].partition("@")[0]).name
        granted = job["permissions"]
        for inner, asked in _load(called)["jobs"].items():
            for scope, level in (asked.get("permissions") or {}).items():
                assert granted.get(scope) in (level, "write"), f"{path}: {name} calls {inner}, which needs {scope}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_no_workflow_runs_foreign_code_with_secrets(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "pull_request_target" not in text
    assert "secrets: inherit" not in text
    checkouts = text.count("uses: actions/checkout@")
    assert text.count("persist-credentials: false") == checkouts


def test_only_one_workflow_writes_and_its_runs_wait_in_line() -> None:
    writers = [path.name for path in OURS if _WRITES.search(path.read_text(encoding="utf-8"))]
    assert writers == ["apply.yml", "emergency.yml"]  # one ticket, which must not wait for an apply of an hour
    assert _load(ROOT / ".github/workflows/apply.yml")["concurrency"] == {
        "group": "tpp-reconciler-apply-${{ inputs.environment }}",
        "cancel-in-progress": False,
        "queue": "max",
    }
    for _, name, job in _jobs():
        assert "concurrency" not in job, f"{name}: a group on a matrix cancels its own shards"


def test_an_apply_leaves_a_deployment_record_that_leads_to_its_run() -> None:
    deployed = {(Path(path).stem, name): job["environment"] for path, name, job in _jobs() if "environment" in job}
    assert deployed["apply", "apply"] == {
        "name": "${{ inputs.deployment }}",
        "url": "${{ github.server_url }}/${{ github.repository }}/actions/runs/${{ github.run_id }}",
    }


@pytest.mark.parametrize("workflow", ["plan", "apply", "emergency"])
def test_every_run_leaves_its_plan_its_report_and_its_ledger_whatever_became_of_it(workflow: str) -> None:
    steps = [
        step
        for job in _load(ROOT / f".github/workflows/{workflow}.yml")["jobs"].values()
        for step in job.get("steps", [])
        if step.get("uses", "").startswith("actions/upload-artifact@")
    ]
    assert [step["name"] for step in steps if step.get("if") != "always()"] == []
    assert [step["name"] for step in steps if not step["with"].get("overwrite")] == [], "it can be started again"
    ledgers = [step for step in steps if step["with"]["path"] == "${{ steps.apply.outputs.ledger || 'ledger' }}"]
    assert len(ledgers) == (0 if workflow == "plan" else 1)


def test_the_action_in_the_root_is_the_one_that_the_workflows_use() -> None:
    root, inner = _load(ROOT_ACTION), _load(ACTION / "action.yml")
    assert root["inputs"] == inner["inputs"]
    (step,) = root["runs"]["steps"]
    assert step["uses"] == "$/.github/actions/reconciler"
    assert step["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in inner["inputs"]}
    assert {name: said["description"] for name, said in root["outputs"].items()} == {
        name: said["description"] for name, said in inner["outputs"].items()
    }
    assert {name: said["value"] for name, said in root["outputs"].items()} == {
        name: f"${{{{ steps.reconciler.outputs.{name} }}}}" for name in inner["outputs"]
    }


def test_dependabot_looks_at_every_place_that_pins_something() -> None:
    updates = {
        each["package-ecosystem"]: set(each["directories"])
        for each in _load(ROOT / ".github/dependabot.yml")["updates"]
    }
    assert updates["github-actions"] >= {"/", "/.github/actions/reconciler"}
    assert updates["pip"] >= {"/", "/.github/actions/reconciler"}


def test_validation_needs_no_secret() -> None:
    text = (ROOT / ".github/workflows/validate.yml").read_text(encoding="utf-8")
    assert "secrets" not in text
    assert "environment:" not in "".join(re.findall(r"^    environment:.*$", text, re.MULTILINE))


def test_no_text_of_an_event_or_input_reaches_a_script() -> None:
    scripts = [step["run"] for _, _, job in _jobs() for step in job.get("steps", []) if "run" in step]
    scripts += [step["run"] for step in _load(ACTION / "action.yml")["runs"]["steps"]]
    assert [script for script in scripts if "${{" in script] == []


def test_python_is_the_process_that_the_runner_signals() -> None:
    steps = _load(ACTION / "action.yml")["runs"]["steps"]
    assert all(step["run"].splitlines()[-1].startswith("exec ") for step in steps)
    shared = [job for path, _, job in _jobs() if not path.endswith("/ci.yml")]
    scripts = [step["run"].strip() for job in shared for step in job.get("steps", []) if "run" in step]
    calling = [script.splitlines()[-1] for script in scripts if "$RECONCILER" in script]
    assert len(calling) >= 9
    assert [line for line in calling if not line.startswith('exec "$RECONCILER"')] == []


def test_the_lock_satisfies_the_project_and_is_hashed_throughout() -> None:
    lock = (ACTION / "requirements.txt").read_text(encoding="utf-8")
    pins = {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+) \\$", lock, re.MULTILINE)
    }
    assert len(re.findall(r"^\S+==\S+", lock, re.MULTILINE)) == len(pins)
    assert not re.search(r"https?://|--index|--trusted|--find-links", lock)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for requirement in map(Requirement, wanted):
        pinned = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pinned), f"{requirement} is locked to {pinned}"
