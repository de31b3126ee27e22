"""What a repository on GitHub must be set to: looked at by `github doctor`, made by the script of `init --github`."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.github.client import GitHub, GitHubFailure
from reconciler.github.setup import Names, SettingState, WantedSetup, examine_repository, setup_script
from tests.github.command import run
from tests.github.conftest import TOKEN
from tests.github.fake_github import FakeGitHub, Fault
from tests.github.repository import CLEAN
from tests.github.settings import ADMINISTRATOR, Settings
from tests.github.world import READER, World

URL = "https://tpp.example.com"
COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
WANTED = WantedSetup(
    "acme/approvals",
    server=URL,
    clients={"venafi-plan": ("reconciler-read", "certificate"), "venafi-apply": ("reconciler", "certificate:approve")},
    called=("acme/tpp-reconciler", COMMIT),
)


@pytest.fixture
def administrated(server: FakeGitHub) -> FakeGitHub:
    server.world.tokens[TOKEN] = dict(ADMINISTRATOR)
    return server


def _run_script(server: FakeGitHub, folder: Path, wanted: WantedSetup = WANTED) -> str:
    gh = folder / "bin" / "gh"
    gh.parent.mkdir(exist_ok=True)
    gh.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{Path(__file__).parent / "gh.py"}" "$@"\n')
    gh.chmod(0o755)
    script = folder / "setup.sh"
    script.write_text(setup_script(wanted))
    environ = {
        **CLEAN,
        "PATH": f"{gh.parent}:{os.environ['PATH']}",
        "GH_TOKEN": TOKEN,
        "GITHUB_API_URL": server.api_url,
        "REVIEWERS": "77",
    }
    done = subprocess.run(["sh", str(script)], env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, str]:
    """What the script makes of a new repository, and what it says."""
    with FakeGitHub(World(tokens={TOKEN: dict(ADMINISTRATOR)})).serve() as server:
        said = _run_script(server, tmp_path_factory.mktemp("scripted"))
    assert server.violations == []
    return server.world.settings, said


@pytest.fixture(scope="module")
def whole(scripted: tuple[Settings, str]) -> Settings:
    """A repository that has everything: what the script makes, and what is done by hand."""
    settings = copy.deepcopy(scripted[0])
    settings.code_owners, settings.admins_bypass = [], False
    return settings


def _states(github: GitHub, wanted: WantedSetup = WANTED, checkout: Path | None = None) -> dict[str, SettingState]:
    return {found.name: found.state for found in examine_repository(github, wanted, checkout)}


def _checkout(folder: Path) -> Path:
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "CODEOWNERS").write_text("* @acme/pki\n")
    uses = f"uses: acme/tpp-reconciler/.github/workflows/apply.yml@{COMMIT} # v1.0.0"
    (folder / ".github" / "workflows" / "apply.yml").write_text(f"jobs:\n  apply:\n    {uses}\n")
    return folder


def test_a_new_repository_lacks_everything_and_the_script_makes_it_whole(
    administrated: FakeGitHub, github: GitHub, tmp_path: Path, scripted: tuple[Settings, str], whole: Settings
) -> None:
    before = [found for found in examine_repository(github, WANTED) if found.state is SettingState.MISSING]
    assert len(before) == 13
    assert all(found.place for found in before)
    administrated.world.settings = copy.deepcopy(whole)
    after = _states(github, checkout=_checkout(tmp_path / "checkout"))
    assert {name: state for name, state in after.items() if state is not SettingState.OK} == {}
    path = r"job_workflow_ref:acme/tpp-reconciler/\.github/workflows/"
    assert scripted[1].splitlines() == [
        rf"^repository_id:4242:environment:venafi-plan:{path}(plan|import)\.yml@{COMMIT}$",
        rf"^repository_id:4242:environment:venafi-apply:{path}apply\.yml@{COMMIT}$",
    ]


def test_the_script_can_be_run_again(administrated: FakeGitHub, tmp_path: Path, scripted: tuple[Settings, str]) -> None:
    administrated.world.settings = copy.deepcopy(scripted[0])
    made = json.dumps(administrated.world.settings.rulesets)
    _run_script(administrated, tmp_path)
    assert json.dumps(administrated.world.settings.rulesets) == made
    assert administrated.world.settings.policies["venafi-plan"] == ["main", "refs/pull/*/merge"]


@pytest.mark.slow
def test_where_two_people_may_decide_at_once_one_environment_waits_for_the_second(
    administrated: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    wanted = replace(WANTED, emergency=True)
    said = _run_script(administrated, tmp_path, wanted)
    made = administrated.world.settings.environments["venafi-emergency"]
    assert (made["prevent_self_review"], made["reviewers"]) == (True, [{"id": 77, "type": "Team"}])
    assert administrated.world.settings.policies["venafi-emergency"] == ["main"]
    administrated.world.settings.admins_bypass = False
    assert _states(github, wanted)["environment venafi-emergency"] is SettingState.OK
    path = r"job_workflow_ref:acme/tpp-reconciler/\.github/workflows/"
    plans, _, urgent = said.splitlines()
    assert plans == rf"^repository_id:4242:environment:venafi-plan:{path}(plan|import|emergency)\.yml@{COMMIT}$"
    assert urgent == rf"^repository_id:4242:environment:venafi-emergency:{path}emergency\.yml@{COMMIT}$"
    for spoilt, says in (({"prevent_self_review": False}, "who starts it may"), ({"reviewers": []}, "nobody has to")):
        administrated.world.settings.environments["venafi-emergency"] = made | spoilt
        (found,) = [each for each in examine_repository(github, wanted) if each.name == "environment venafi-emergency"]
        assert (found.state, says in found.says) == (SettingState.MISSING, True)


SPOILT: dict[str, tuple[Callable[[Settings], object], str]] = {
    "no review": (lambda kept: kept.rulesets[0]["rules"].pop(0), "rules of main"),
    "another check": (
        lambda kept: kept.rulesets[0]["rules"][1]["parameters"].update(required_status_checks=[{"context": "Gate"}]),
        "rules of main",
    ),
    "stale approvals": (
        lambda kept: kept.rulesets[0]["rules"][0]["parameters"].update(dismiss_stale_reviews_on_push=False),
        "rules of main",
    ),
    "own approvals": (
        lambda kept: kept.rulesets[0]["rules"][0]["parameters"].update(require_last_push_approval=False),
        "rules of main",
    ),
    "no code owners": (
        lambda kept: kept.rulesets[0]["rules"][0]["parameters"].update(require_code_owner_review=False),
        "rules of main",
    ),
    "too few approvals": (
        lambda kept: kept.rulesets[0]["rules"][0]["parameters"].update(required_approving_review_count=0),
        "rules of main",
    ),
    "a rule that is off": (lambda kept: kept.rulesets[0].update(enforcement="disabled"), "rules of main"),
    "a ledger that can be rewritten": (lambda kept: kept.rulesets[1]["rules"].pop(0), "rules of reconciler-ledger"),
    "a ledger that can be deleted": (lambda kept: kept.rulesets[1]["rules"].pop(1), "rules of reconciler-ledger"),
    "no environment": (lambda kept: kept.environments.pop("venafi-apply"), "environment venafi-apply"),
    "an environment for every branch": (
        lambda kept: kept.environments.update({"venafi-apply": {"deployment_branch_policy": None}}),
        "environment venafi-apply",
    ),
    "pull requests in the environment that writes": (
        lambda kept: kept.policies["venafi-apply"].append("refs/pull/*/merge"),
        "environment venafi-apply",
    ),
    "no pull requests in the environment that reads": (
        lambda kept: kept.policies["venafi-plan"].pop(),
        "environment venafi-plan",
    ),
    "administrators": (lambda kept: setattr(kept, "admins_bypass", True), "environment venafi-plan"),
    "another server": (
        lambda kept: kept.variables["venafi-plan"].update(TPP_URL="https://evil.example"),
        "TPP_URL in venafi-plan",
    ),
    "no server": (lambda kept: kept.variables["venafi-apply"].pop("TPP_URL"), "TPP_URL in venafi-apply"),
    "a token that writes": (
        lambda kept: kept.workflow.update(default_workflow_permissions="write"),
        "workflow permissions",
    ),
    "no pull requests of Actions": (
        lambda kept: kept.workflow.update(can_approve_pull_request_reviews=False),
        "workflow permissions",
    ),
    "artifacts for a day": (lambda kept: setattr(kept, "days", 1), "artifact retention"),
    "the default subject": (lambda kept: setattr(kept, "subject", {"use_default": True}), "OIDC subject"),
    "a subject of names": (
        lambda kept: kept.subject.update(include_claim_keys=["repo", "environment"]),
        "OIDC subject",
    ),
    "no CODEOWNERS": (lambda kept: setattr(kept, "code_owners", None), "code owners"),
    "a wrong CODEOWNERS": (
        lambda kept: setattr(
            kept,
            "code_owners",
            [{"line": 1, "column": 3, "kind": "Unknown owner", "message": "x", "path": ".github/CODEOWNERS"}],
        ),
        "code owners",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_each_thing_that_is_not_as_it_should_be_is_found(
    case: str, administrated: FakeGitHub, github: GitHub, whole: Settings
) -> None:
    administrated.world.settings = kept = copy.deepcopy(whole)
    spoil, name = SPOILT[case]
    spoil(kept)
    missing = {found: state for found, state in _states(github).items() if state is SettingState.MISSING}
    assert name in missing
    assert len(missing) == (2 if case == "administrators" else 1)


def test_what_a_token_may_not_see_is_said_and_is_no_fault(server: FakeGitHub, github: GitHub) -> None:
    server.world.tokens[TOKEN] = dict(READER)
    states = _states(github)
    assert (
        states["OIDC subject"]
        is states["workflow permissions"]
        is states["environment venafi-plan"]
        is SettingState.UNSEEN
    )
    assert states["rules of main"] is SettingState.MISSING


def test_github_that_has_a_fault_is_no_finding(server: FakeGitHub, github: GitHub) -> None:
    server.faults = [Fault(500)] * 4
    with pytest.raises(GitHubFailure):
        _states(github)


def test_the_files_of_the_checkout_are_looked_at(administrated: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    folder = _checkout(tmp_path)
    assert _states(github, checkout=folder)["called workflows"] is SettingState.OK
    assert _states(github, checkout=folder)["owner of everything"] is SettingState.OK
    (folder / ".github" / "CODEOWNERS").write_text("/tickets/ @acme/pki\n*\n")
    (folder / ".github" / "workflows" / "plan.yaml").write_text(
        "uses: acme/tpp-reconciler/.github/workflows/plan.yml@v1"
    )
    assert _states(github, checkout=folder)["called workflows"] is SettingState.MISSING
    assert _states(github, checkout=folder)["owner of everything"] is SettingState.MISSING
    assert _states(github, checkout=tmp_path / "nothing")["called workflows"] is SettingState.UNSEEN


def test_a_stored_token_needs_no_subject() -> None:
    script = setup_script(replace(WANTED, oidc=False))
    assert "oidc" not in script
    assert "gh secret set TPP_TOKEN" in script


def test_nothing_of_a_name_is_run_by_the_shell(tmp_path: Path) -> None:
    hostile = f"$(touch {tmp_path}/ran)'\"`touch {tmp_path}/ran`"
    script = setup_script(replace(WANTED, names=Names(hostile, hostile, hostile, hostile, hostile), server=hostile))
    done = subprocess.run(
        ["sh"], input=f"gh() {{ cat >/dev/null; }}\n{script}", cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "syntax" not in done.stderr
    assert not (tmp_path / "ran").exists()


def _doctor(server: FakeGitHub, folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    places = {"GITHUB_API_URL": server.api_url, "GITHUB_TOKEN": TOKEN}
    return run(folder, "github", "doctor", *arguments, environ={**places, **environ})


def test_the_command_says_each_setting_with_its_remedy(administrated: FakeGitHub, tmp_path: Path) -> None:
    done = _doctor(administrated, tmp_path, "--repository", "acme/approvals")
    assert done.returncode == 5, done.stderr
    assert (
        "missing        rules of main: no pull request is required; the check 'Gate / Gate' is not required"
        in done.stdout
    )
    assert "  set it in Settings > Rules > Rulesets" in done.stdout
    assert "gh api --silent --method PUT repos/acme/approvals/environments/venafi-apply --input -" in done.stdout
    said = json.loads(_doctor(administrated, tmp_path, "--repository", "acme/approvals", "--format", "json").stdout)
    assert (said["version"], said["complete"]) == (1, False)
    assert {one["state"] for one in said["settings"]} == {"ok", "missing", "cannot be seen"}


def test_the_command_finds_the_repository_of_the_checkout(administrated: FakeGitHub, tmp_path: Path) -> None:
    assert "add --repository OWNER/NAME" in _doctor(administrated, tmp_path).stderr
    for place in ("https://github.com/acme/approvals.git", "git@github.com:acme/approvals.git"):
        subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
        subprocess.run(["git", "remote", "remove", "origin"], cwd=tmp_path, check=False, capture_output=True)
        subprocess.run(["git", "remote", "add", "origin", place], cwd=tmp_path, check=True)
        assert _doctor(administrated, tmp_path).returncode == 5


def test_the_command_needs_a_token_and_a_repository_that_is_there(administrated: FakeGitHub, tmp_path: Path) -> None:
    done = _doctor(administrated, tmp_path, "--repository", "acme/approvals", GITHUB_TOKEN="")
    assert (done.returncode, "gh auth token" in done.stderr) == (4, True)
    done = _doctor(administrated, tmp_path, "--repository", "a b")
    assert (done.returncode, "write OWNER/NAME" in done.stderr) == (1, True)


def test_init_prints_the_script_of_a_repository_that_is_there(tmp_path: Path) -> None:
    none = run(tmp_path, "init", "--github", "acme/approvals")
    assert (none.returncode, "has no reconciler.yaml" in none.stderr) == (2, True)
    source = f"acme/tpp-reconciler@{COMMIT}"
    assert (
        run(tmp_path, "init", "new", "--server", URL, "--owns", r"\VED\Policy\**", "--source", source).returncode == 0
    )
    before = sorted(tmp_path.rglob("*"))
    done = run(tmp_path, "init", "new", "--github", "acme/approvals")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == setup_script(replace(WANTED, clients={}, emergency=True))
    assert sorted(tmp_path.rglob("*")) == before
