"""How often a run asks GitHub: GITHUB_TOKEN has 1,000 calls an hour and repository."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler.codec import decode_plan
from reconciler.ledger.plan_files import save_plan
from reconciler.model.value import replace
from tests.github.repository import git
from tests.github.world import Pull
from tests.workflows.job import LEDGER, job
from tests.workflows.team import Team

pytestmark = pytest.mark.slow

FEW = 15
HOURLY = 1_000
_REQUIRED = "  four_eyes: {reviewers: 1}\n  reviewed_plan: required\n"


def _merge(acme: Team, pull: int, files: Sequence[int]) -> None:
    """Bring one decision a file to main, by a pull request that bob reviewed."""
    for number in files:
        guid, dn = f"{number:08x}-0000-4000-8000-000000000000", rf"\VED\Policy\Web\{number}.example.com"
        acme.tpp.world.add_ticket(guid=guid, object=dn)
        entry = f"  - {{guid: {guid}, status: Approved, explanation: more web, expect: {{object: '{dn}'}}}}\n"
        path = acme.folder / "tickets" / f"{number}.yaml"
        path.write_text(f"version: 1\nchange: CHG0041239\ntickets:\n{entry}", encoding="utf-8")
    text = (acme.folder / "reconciler.yaml").read_text(encoding="utf-8")
    if "reviewed_plan" not in text:
        text = text.replace("  four_eyes: {reviewers: 1}\n", _REQUIRED).replace(": 100", ": 600")
    merge = acme.commit("reconciler.yaml", text)
    head = git(acme.folder, "commit-tree", f"{merge}^{{tree}}", "-p", f"{merge}^", "-m", f"Head of {pull}")
    said = [("bob", "APPROVED", head)]
    world = acme.github.world
    world.pulls[pull] = Pull(
        pull, "ann", head, branch=f"change-{pull}", merge_commit=merge, merged_by="max", reviews=said
    )
    world.brought[merge] = [pull]
    world.pushes.append((f"refs/heads/change-{pull}", head, "ann"))


def _keep_plans(acme: Team) -> None:
    """Keep a plan for each pull request, as its own run did."""
    saved = acme.scratch / "whole.json"
    assert job(acme, "plan", "--out", str(saved)).returncode == 0
    whole = decode_plan(saved.read_bytes())
    for pull in acme.github.world.pulls.values():
        acme.runs += 1
        started = {"event": "pull_request", "head_sha": pull.head, "head_repository": 4242}
        acme.github.world.started.insert(0, {"id": int(acme.run_id), **started})
        acme.artifacts.joinpath("plan").mkdir(parents=True)
        save_plan(replace(whole, commit=pull.head), acme.artifacts / "plan" / "plan.json")


def _life(acme: Team, run: Path) -> dict[str, int]:
    """Run the three jobs of an apply, and count what each asks of GitHub."""
    commands = {
        "plan": ("plan", "--out", str(acme.scratch / "plan.json")),
        "apply": ("apply", "--yes", "--out", str(run)),
        "report": ("github", "outcome", "--run", str(run)),
    }
    counted = {}
    acme.runs += 1
    for name, arguments in commands.items():
        acme.github.asked.clear()
        assert job(acme, "github", "ledger", "pull").returncode == 0
        done = job(acme, *arguments, **(LEDGER if name == "apply" else {}))
        assert done.returncode == 0, done.stdout + done.stderr
        counted[name] = len([asked for asked in acme.github.asked if "/oidc/" not in asked.path])
    return counted


@pytest.mark.parametrize(
    ("pulls", "files", "most"),
    [
        (1, 40, FEW),
        pytest.param(1, 500, FEW, marks=pytest.mark.release),
        pytest.param(50, 500, 450, marks=pytest.mark.release),
    ],
)
def test_facts_are_asked_once_a_run_and_stay_under_the_hourly_limit(
    acme: Team, pulls: int, files: int, most: int
) -> None:
    # What the example decides came with the first pull request, too, and is gone again.
    acme.github.world.brought[acme.head] = [100]
    (acme.folder / "tickets" / "2036" / "CHG0041234.yaml").unlink()
    each = files // pulls
    for pull in range(pulls):
        _merge(acme, 100 + pull, range(pull * each, (pull + 1) * each))
    _keep_plans(acme)
    counted = _life(acme, acme.scratch / "run.json")
    assert len(acme.tpp.log.updates) == files
    assert min(counted.values()) >= pulls  # each is asked for what it needs
    assert max(counted.values()) <= most
    assert sum(counted.values()) < HOURLY
