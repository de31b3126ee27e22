"""Every member of a decision survives manifest, plan file, apply, wire, ledger and views, and stands in the digest.

The tests go over the fields that are declared: a new one fails here until it has a value below, and is everywhere.
"""

import html
import inspect
import json
from typing import Any

import pytest
from msgspec import structs

from reconciler.codec import decode_line, decode_plan, decode_run, encode_line, plan_json, run_json
from reconciler.model.decision import (
    Attestation,
    Decision,
    Expectation,
    ExpectedCertificate,
    Override,
    Parameters,
    Source,
)
from reconciler.model.plan import Plan, Step
from reconciler.model.policy import Policy
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import Intent
from reconciler.model.status import Schedule
from reconciler.model.value import replace
from reconciler.model.verdict import Verdict
from reconciler.planning.digest import plan_digest
from reconciler.planning.reviewed import hold_against
from reconciler.sandbox.seed import JANE
from tests import builders
from tests.builders import APPROVED, NOW, REJECTED, altered, at, guid
from tests.cli.repo import FIRST, Repo
from tests.ledger.ledgers import PROVENANCE
from tests.ledger.ledgers import decided as known_as
from tests.model.specimens import FULL_RECEIPT, FULL_RUN

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

EXPECTED: dict[str, Any] = {
    "object": r"\VED\Policy\x",
    "workflow": r"\VED\Policy\Workflows\x",
    "certificate": ExpectedCertificate(common_name="x.example.com"),
    "state": APPROVED,
}
ATTESTED: dict[str, Any] = {"by": "local:other", "at": NOW, "where": "elsewhere", "reason": "another one"}
RECEIVED: dict[str, Any] = {
    "decision": replace(FULL_RECEIPT.decision, guid=guid(9)),
    "digest": known_as(9),
    "outcome": Outcome.STALE,
    "at": at("2026-11-23T13:00:00Z"),
    "before": REJECTED,
    "seen": REJECTED,
    "gone": True,
    "result": 7,
    "operation": "0123456789ab",
    "proof": Proof.NONE,
    "detail": "something else",
    "verdict": Verdict.REJECT,
    "object": r"\VED\Policy\x",
    "workflow": r"\VED\Policy\Workflows\x",
}
"""Of each field of an expectation, of what was decided outside, and of a receipt, another value."""

POLICY: dict[str, tuple[str, tuple[str, ...]]] = {
    "require": ("[explanation]", ("explanation",)),
    "change_pattern": ("'^CHG[0-9]{7}$'", ("CHG", "0-9", "{7}")),
    "owns": (r"['\VED\Policy\**']", (r"\VED\Policy\**",)),
    "limits": ("{changes: 71, approvals: 72, rejections: 73, percent: 100}", ("71", "72", "73", "100")),
    "freezes": (
        r"[{name: sentfreeze, start: 2998-01-01T00:00:00Z, stop: 2998-01-02T00:00:00Z, objects: ['\VED\Sent\**']}]",
        ("sentfreeze", "2998-01-01T00:00:00Z", "2998-01-02T00:00:00Z", r"\VED\Sent\**"),
    ),
    "four_eyes": ("{reviewers: 17}", ("reviewers 17",)),
    "failure_budget": ("75", ("75",)),
    "change_record": ("{window: overlaps}", ("window overlaps",)),
    "reviewed_plan": ("required", ("required",)),
    "orphans": ("take-back", ("take-back",)),
    "recurring_freezes": (
        "[{name: sentmonthly, rule: FREQ=MONTHLY;BYMONTHDAY=-1, start: '01:00', duration: 3h, timezone: UTC}]",
        ("sentmonthly", "FREQ=MONTHLY"),
    ),
    "rules": ("{longest: 60d}", ("5184000",)),
    "emergency": ("{incident: '^SENT', per_day: 7, waives: [change_record]}", ("^SENT", "per_day 7", "change-record")),
    "refuse": ("[context/wildcard]", ("context/wildcard",)),
    "overrides": ("{rules: [freeze], longest: 76d, reviewers: 17}", ("freeze", "6566400", "17")),
    "folders": (
        r"{sentfolder: {owns: ['\VED\Sent\**'], limits: {changes: 78}}}",
        ("sentfolder", r"\VED\Sent\**", "78"),
    ),
}
"""Of each part of a policy how it is written, and what the controls say of it, also when it refuses nothing."""
BESIDE = {
    "change_record": "change_records: {kind: http, url: 'https://records.example.com'}\n",
    "refuse": "context: {certificates: true}\n",
}


def decided(repo: Repo) -> None:
    repo.configure("windows: {far-away: {start: 2998-01-01T00:00:00Z}}\n")
    members = ", ".join(
        f"{name}: ['{value}']" if name == "approvers" else f"{name}: '{value}'"
        for name, (value, _) in PARAMETERS.items()
    )
    repo.decide(
        f"{{guid: {FIRST}, status: Approved After, schedule: far-away, explanation: sentexplanation, "
        f"change: CHG0009999, valid_until: 2999-01-01T00:00:00Z, expect: {{object: '{DN}'}}, "
        f"parameters: {{{members}}}}}"
    )


def fields(kind: type) -> set[str]:
    return {field.name for field in structs.fields(kind)}


def test_every_declared_field_has_a_value_here() -> None:
    assert set(PARAMETERS) == fields(Parameters)
    assert set(DECISION) == fields(Decision) - {"rule", "decided"}
    assert set(EXPECTED) == fields(Expectation)
    assert set(ATTESTED) == fields(Attestation)
    assert set(POLICY) == fields(Policy) - {"timezone"}, "it says how the others are shown"
    assert set(RECEIVED) == fields(Receipt)
    assert fields(Schedule) == {"start", "stop"}


def test_what_a_manifest_says_reaches_the_plan_the_wire_the_ledger_and_every_view(repo: Repo) -> None:
    decided(repo)
    assert repo.run("plan", "--out", "plan.json").code == 0
    saved = (repo.folder / "plan.json").read_text(encoding="ascii")
    for name, value in DECISION.items():
        assert value in saved, name
    views = {
        "text": repo.run("show", "plan.json"),
        "verbose": repo.run("show", "plan.json", "--verbose"),
        "markdown": repo.run("show", "plan.json", "--format", "markdown"),
        "html": repo.run("show", "plan.json", "--format", "html"),
    }
    said = repo.run("apply", "plan.json", "--yes")
    assert said.code == 0, said
    (body,) = repo.writes()
    (path,) = (repo.folder / "ledger").rglob("*.jsonl")
    entries = [decode_line(line).entry for line in path.read_bytes().splitlines()]
    (intent,) = [entry for entry in entries if isinstance(entry, Intent)]
    views["ledger log"] = repo.run("ledger", "log", "-v")
    for name, (value, wire) in PARAMETERS.items():
        assert value in json.dumps(body[wire]).replace("\\\\", "\\"), wire
        kept = getattr(intent.parameters, name)
        assert (list(kept) if isinstance(kept, tuple) else kept) == ([value] if name == "approvers" else value)
        for view, shown in views.items():
            assert _plainest(value) in shown.out.replace("\n", ""), (name, view)
    for view, shown in views.items():
        kept = ("2999-01-01", "far-away") if view != "ledger log" else ()
        for value in ("sentexplanation", "CHG0009999", "www.example.com", "tickets/web.yaml", "2998-01-01", *kept):
            assert value in shown.out, (view, value)


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
def test_another_value_is_another_digest(repo: Repo, name: str) -> None:
    decided(repo)
    assert repo.run("plan", "--out", "plan.json").code == 0
    plan: Plan = decode_plan((repo.folder / "plan.json").read_bytes())
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


def digest_of(step: Step) -> str:
    return plan_digest("https://tpp.example.com", (step,))


def assert_kept_and_told_apart(step: Step, other: Step) -> None:
    assert digest_of(step) != digest_of(other)
    made = builders.plan(step)
    assert decode_plan(plan_json(made).encode()) == made


@pytest.mark.parametrize("name", EXPECTED)
def test_another_expectation_is_another_digest(name: str) -> None:
    step = builders.step()
    other = altered(step, expect=replace(step.expect, **{name: EXPECTED[name]}))
    assert_kept_and_told_apart(other, step)
    (held,) = hold_against(builders.plan(other), builders.plan(step)).steps
    assert held.detail.startswith(f"its expected {name} was '' in the reviewed plan and is "), "apply holds it, too"


@pytest.mark.parametrize("name", ATTESTED)
def test_another_word_of_what_was_decided_outside_is_another_digest(name: str) -> None:
    said = Attestation(by="local:joe", at=at("2026-11-20T08:00:00Z"), where="console", reason="a reason")
    step = altered(builders.step(), decided=said)
    assert_kept_and_told_apart(step, builders.step())
    other = replace(said, **{name: ATTESTED[name]})
    assert_kept_and_told_apart(altered(step, decided=other), step)
    assert str(getattr(other, name)) in other.told(str(other.at)), "every view has this sentence"


def test_another_time_of_a_schedule_is_another_digest() -> None:
    times = ("2998-01-01T00:00:00Z", "2999-01-01T00:00:00Z"), ("2999-01-01T00:00:00Z", "2999-01-02T00:00:00Z")
    windows = (*times, (times[1][0], "2999-01-03T00:00:00Z"))
    steps = [altered(builders.step(), after=builders.between(*window)) for window in windows]
    assert len(set(map(digest_of, steps))) == len(windows)


def test_the_reason_of_an_override_and_notes_are_no_part_of_the_digest() -> None:
    overrides = [Override("freeze", frozenset({guid(1)}), said, NOW, Source("x.yaml", 1)) for said in ("a", "b")]
    assert len({plan_digest("https://tpp.example.com", (builders.step(),), (each,)) for each in overrides}) == 1
    assert "notes" not in inspect.signature(plan_digest).parameters


@pytest.mark.parametrize("name", POLICY)
def test_each_part_of_the_policy_is_in_the_controls_of_every_view(repo: Repo, name: str) -> None:
    written, shown = POLICY[name]
    repo.configure(f"policy:\n  {name.removeprefix('recurring_')}: {written}\n{BESIDE.get(name, '')}")
    repo.decide(f"{{guid: {FIRST}, status: Pending, explanation: fine}}")
    for options in (("--format", "json"), ("--verbose",), ("--format", "markdown"), ("--format", "html")):
        said = repo.run("plan", *options)
        assert said.code in (0, 3, 5), said.err
        plainly = html.unescape(said.out).replace("\n", "").replace(" ", "").replace("\\", "")
        for part in shown:
            assert part.replace(" ", "").replace("\\", "") in plainly, (name, options, part)


@pytest.mark.parametrize("name", RECEIVED)
def test_each_member_of_a_receipt_is_in_the_report_and_in_the_ledger(name: str) -> None:
    receipts = [FULL_RECEIPT, replace(FULL_RECEIPT, **{name: RECEIVED[name]})]
    lines = [encode_line(each, 2, "run", PROVENANCE, known_as(8)) for each in receipts]
    assert lines[0] != lines[1]
    assert [decode_line(line).entry for line in lines] == receipts
    if name != "digest":  # a report keeps no digests of decisions
        runs = [replace(FULL_RUN, receipts=(each,)) for each in receipts]
        assert [decode_run(run_json(run).encode()) for run in runs] == runs
