"""The action in the root, as one step in a workflow of somebody else's."""

from tests.workflows.act import OURS
from tests.workflows.team import Team

_PIN = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_WORKFLOW = f"""\
on: push
permissions: {{}}
jobs:
  mine:
    runs-on: ubuntu-24.04
    outputs:
      changes: ${{{{ steps.plan.outputs.changes }}}}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: plan
        uses: {OURS}@{_PIN} # v1.0.0
        env:
          TPP_URL: ${{{{ vars.TPP_URL }}}}
        with:
          command: plan
      - run: echo "changes ${{{{ steps.plan.outputs.changes }}}}, plan ${{{{ steps.plan.outputs.plan }}}}"
"""


def test_one_step_plans(acme: Team) -> None:
    acme.merged(12)
    acme.commit(".github/workflows/mine.yml", _WORKFLOW)
    acme.merged(12)
    result = acme.run("mine.yml", "push", {"ref": "refs/heads/main", "after": acme.head})
    assert result.code == 0, result.log
    assert any("changes 2, plan plan.json" in line for line in result.lines), result.lines
