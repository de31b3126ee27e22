"""The one check that branch protection requires."""

import subprocess

import pytest
from ruamel.yaml import YAML

from tests.workflows.act import ROOT
from tests.workflows.team import Team

GATE = ROOT / ".github" / "workflows" / "gate.yml"
CALLER = """\
name: Gate
on: push
permissions: {{}}
jobs:
  gate:
    name: Gate
    uses: example-org/tpp-reconciler/.github/workflows/gate.yml@4b825dc642cb6eb9a060e54bf8d69288fbee4904 # v1.0.0
    with:
      required: 'success'
      optional: '{optional}'
"""


def _script() -> str:
    (step,) = YAML(typ="safe").load(GATE.read_text(encoding="utf-8"))["jobs"]["gate"]["steps"]
    return str(step["run"])


@pytest.mark.parametrize(
    ("required", "optional", "refusal"),
    [
        ("success", "skipped success", None),
        ("success success", "", None),
        ("success", "failure", "a job ended as failure"),
        ("success", "success cancelled", "a job ended as cancelled"),
        ("skipped", "success", "a required job ended as skipped"),
        ("success failure", "success", "a required job ended as failure"),
        ("", "success", "no job is required"),
    ],
)
def test_skipped_is_good_only_where_it_may_happen(required: str, optional: str, refusal: str | None) -> None:
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", _script()],
        env={"PATH": "/usr/bin:/bin", "REQUIRED": required, "OPTIONAL": optional},
        capture_output=True,
        text=True,
        check=False,
    )
    said = "all good" if refusal is None else f"::error title=gate::{refusal}"
    assert (done.returncode, done.stdout) == (0 if refusal is None else 1, f"{said}\n")


@pytest.mark.parametrize(("optional", "code"), [("skipped", 0), ("failure", 1)])
def test_the_gate_ends_as_the_results_say(acme: Team, optional: str, code: int) -> None:
    (acme.folder / ".github" / "workflows" / "gate.yml").write_text(CALLER.format(optional=optional))
    assert acme.run("gate.yml", "push").code == code
