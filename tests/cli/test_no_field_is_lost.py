"""Every member of a decision survives manifest, plan file, apply, wire, ledger and views, and stands in the digest.

The tests go over the fields that are declared: a new one fails here until it has a value below, and is everywhere.
"""

import json
from typing import Any

import pytest
from msgspec import structs

from reconciler.codec import decode_line, decode_plan
from reconciler.model.decision import Decision, Expectation, Parameters
from reconciler.model.plan import Plan, Step
from reconciler.model.record import Intent
from reconciler.model.value import replace
from reconciler.planning.digest import plan_digest
from reconciler.sandbox.seed import JANE
from tests.builders import NOW, REJECTED, altered, guid
from tests.cli.desk import FIRST, Desk

DN = r"\VED\Policy\Web\www.example.com"
PARAMETERS: dict[str, tuple[str, str]] = {
    "reason": ("sentreason", "Reason"),
    "approvers": (JANE.universal, "Approvers"),
    "object_dn": (r"\VED\Policy\Web\sentobject", "ObjectDN"),
    "user_data": ("sentuserdata", "UserData"),
}
"""Of each parameter a value that stands out, and its name on the wire."""

DECISION: dict[str, str] = {
    "guid": FIRST,
    "wanted": "Approved After",
    "explanation": "sentexplanation",
    "change": "CHG0009999",
    "expect": "\\\\VED\\\\Policy\\\\Web\\\\www.example.com",
    "valid_until": "2999-01-01T00:00:00Z",
    "parameters": "sentreason",
    "window": "far-away",
    "source": "tickets/web.yaml",
}
"""Of each field of a decision what a plan file says of it. A rule names many tickets, and has tests of its own."""


def decided(desk: Desk) -> None:
    desk.configure("windows: {far-away: {start: 2998-01-01T00:00:00Z}}\n")
    members = ", ".join(
        f"{name}: ['{value}']" if name == "approvers" else f"{name}: '{value}'"
        for name, (value, _) in PARAMETERS.items()
    )
    desk.decide(
        f"{{guid: {FIRST}, status: Approved After, schedule: far-away, explanation: sentexplanation, "
        f"change: CHG0009999, valid_until: 2999-01-01T00:00:00Z, expect: {{object: '{DN}'}}, "
        f"parameters: {{{members}}}}}"
    )


def fields(kind: type) -> set[str]:
    return {field.name for field in structs.fields(kind)}


def test_every_declared_field_has_a_value_here() -> None:
    assert set(PARAMETERS) == fields(Parameters)
    assert set(DECISION) == fields(Decision) - {"rule"}
    assert fields(Expectation) >= {"object", "workflow"}


def test_what_a_manifest_says_reaches_the_plan_the_wire_the_ledger_and_every_view(desk: Desk) -> None:
    decided(desk)
    assert desk.run("plan", "--out", "plan.json").code == 0
    saved = (desk.folder / "plan.json").read_text(encoding="ascii")
    for name, value in DECISION.items():
        assert value in saved, name
    views = {
        "text": desk.run("show", "plan.json"),
        "verbose": desk.run("show", "plan.json", "--verbose"),
        "markdown": desk.run("show", "plan.json", "--format", "markdown"),
        "html": desk.run("show", "plan.json", "--format", "html"),
    }
    said = desk.run("apply", "plan.json", "--yes")
    assert said.code == 0, said
    (body,) = desk.writes()
    (path,) = (desk.folder / "ledger").rglob("*.jsonl")
    entries = [decode_line(line).entry for line in path.read_bytes().splitlines()]
    (intent,) = [entry for entry in entries if isinstance(entry, Intent)]
    views["ledger log"] = desk.run("ledger", "log", "-v")
    for name, (value, wire) in PARAMETERS.items():
        assert value in json.dumps(body[wire]).replace("\\\\", "\\"), wire
        kept = getattr(intent.parameters, name)
        assert (list(kept) if isinstance(kept, tuple) else kept) == ([value] if name == "approvers" else value)
        for view, shown in views.items():
            assert _plainest(value) in shown.out.replace("\n", ""), (name, view)
    for view, shown in views.items():
        assert "sentexplanation" in shown.out, view
        assert "CHG0009999" in shown.out, view


OTHERWISE: dict[str, Any] = {
    "explanation": "something else",
    "change": "CHG1",
    "valid_until": NOW,
    "after": REJECTED,
    "guid": guid(5),
    "expect": Expectation(workflow="x"),
    "window": None,
}


@pytest.mark.parametrize("name", [*OTHERWISE, *PARAMETERS])
def test_another_value_is_another_digest(desk: Desk, name: str) -> None:
    decided(desk)
    assert desk.run("plan", "--out", "plan.json").code == 0
    plan: Plan = decode_plan((desk.folder / "plan.json").read_bytes())
    (step,) = plan.steps
    digests = {plan.digest, digest_with(plan, changed(step, name))}
    assert len(digests) == 2


def changed(step: Step, name: str) -> Step:
    if name in PARAMETERS:
        value = ("local:other",) if name == "approvers" else "other"
        return altered(step, parameters=replace(step.parameters, **{name: value}))
    return altered(step, **{name: OTHERWISE[name]})


def digest_with(plan: Plan, step: Step) -> str:
    return plan_digest(plan.target, (step,), plan.overrides, plan.sealed)


def _plainest(value: str) -> str:
    """The end of a value, without what a view has to escape or may break."""
    return value.rpartition("\\")[2].rpartition(":")[2][:16]
