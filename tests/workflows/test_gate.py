"""The one check that branch protection requires."""

import pytest

from tests.workflows.team import Team

CALLER = """\
name: Gate
on: push
permissions: {{}}
jobs:
  gate:
    name: Gate
    uses: example-org/tpp-reconciler/.github/workflows/gate.yml@4b825dc642cb6eb9a060e54bf8d69288fbee4904 # v1.0.0
    with:
      required: '{required}'
      optional: '{optional}'
"""


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
def test_skipped_is_good_only_where_it_may_happen(
    acme: Team, required: str, optional: str, refusal: str | None
) -> None:
    caller = acme.folder / ".github" / "workflows" / "gate.yml"
    caller.write_text(CALLER.format(required=required, optional=optional))
    result = acme.run("gate.yml", "push")
    assert result.code == (0 if refusal is None else 1)
    assert result.annotations == (() if refusal is None else (("error", "gate", refusal),))
