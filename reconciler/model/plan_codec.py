"""Plans as JSON: the format of a saved plan and of `plan --format json` (schemas/plan.schema.json).

The members that readers count on always stand there; the others only when they say something.
"""

from collections.abc import Iterator, Mapping

from reconciler.model.canonical import Json
from reconciler.model.decision import Expectation, Parameters
from reconciler.model.decision_codec import (
    decode_expectation,
    decode_override,
    decode_parameters,
    decode_seal,
    decode_source,
    decode_window,
    encode_expectation,
    encode_override,
    encode_parameters,
    encode_seal,
    encode_source,
    encode_window,
)
from reconciler.model.decoding import (
    Fields,
    boolean,
    fault,
    guid,
    instant,
    nullable,
    sequence,
    text,
    texts,
    version,
    whole,
    word,
)
from reconciler.model.instant import format_instant
from reconciler.model.json_text import document_pieces, row_text
from reconciler.model.plan import Control, Plan, Sibling, Step
from reconciler.model.policy import Limits
from reconciler.model.policy_codec import decode_freeze, decode_limits, encode_freeze, encode_limits
from reconciler.model.state_codec import decode_state, encode_optional_state, encode_state, sparse
from reconciler.model.verdict import Reason, Verdict

PLAN_VERSION = 1
_NO_PARAMETERS = Parameters()


def encode_plan(plan: Plan) -> dict[str, Json]:
    """Return the JSON shape of a plan. Steps keep their order."""
    return {**encode_head(plan, plan.counts), "steps": [encode_step(step) for step in plan.steps]}


def plan_pieces(plan: Plan) -> Iterator[str]:
    """Yield the text of a plan piece by piece, so that a large one need not be in memory twice."""
    rows = (row_text(encode_step(step)) for step in plan.steps)
    return document_pieces(encode_head(plan, plan.counts), "steps", rows)


def encode_head(plan: Plan, counts: Mapping[Verdict, int]) -> dict[str, Json]:
    """Return the JSON shape of everything but the steps, of which there are so many of each verdict."""
    optional = sparse(
        {
            "shard": plan.shard,
            "ledger_head": plan.ledger_head,
            "identity": plan.identity,
            "overrides": [encode_override(override) for override in plan.overrides] or None,
            "controls": [_encode_control(control) for control in plan.controls] or None,
            "freezes": [encode_freeze(freeze) for freeze in plan.freezes] or None,
            "limits": encode_limits(plan.limits) or None,
            "notes": list(plan.notes) or None,
            "sealed": [encode_seal(seal) for seal in plan.sealed] or None,
        }
    )
    return {
        "version": PLAN_VERSION,
        "tool": plan.tool,
        "target": plan.target,
        "environment": plan.environment,
        "commit": plan.commit,
        "made_at": format_instant(plan.made_at),
        "expires_at": format_instant(plan.expires_at),
        "digest": plan.digest,
        "counts": {verdict.value: count for verdict, count in counts.items()},
        **optional,
    }


def decode_plan(value: object) -> Plan:
    """Read a plan. Raises ValueError with the place of the first fault.

    The digest is read as it stands; whether it fits the steps is for the planner to say.
    """
    fields = Fields(value, "")
    fields.take("version", lambda found, place: version(found, place, supported=PLAN_VERSION, kind="plan"))
    plan = Plan(
        tool=fields.take("tool", text),
        target=fields.take("target", text),
        made_at=fields.take("made_at", instant),
        expires_at=fields.take("expires_at", instant),
        digest=fields.take("digest", text),
        steps=fields.take("steps", sequence(decode_step)),
        environment=fields.take("environment", nullable(text)),
        commit=fields.take("commit", nullable(text)),
        shard=fields.optional("shard", text),
        ledger_head=fields.optional("ledger_head", text),
        identity=fields.optional("identity", text),
        overrides=fields.maybe("overrides", sequence(decode_override), ()),
        controls=fields.maybe("controls", sequence(_decode_control), ()),
        freezes=fields.maybe("freezes", sequence(decode_freeze), ()),
        limits=fields.maybe("limits", decode_limits, Limits()),
        notes=fields.maybe("notes", texts, ()),
        sealed=fields.maybe("sealed", sequence(decode_seal), ()),
    )
    counts = fields.take("counts", decode_verdict_counts)
    fields.done()
    if counts != plan.counts:
        raise fault("/counts", "the counts do not fit the steps")
    return plan


def encode_step(step: Step) -> dict[str, Json]:
    """Return the JSON shape of one step."""
    encoded: dict[str, Json] = {
        "guid": step.guid,
        "verdict": step.verdict,
        "reason": step.reason,
        "before": encode_optional_state(step.before),
        "after": encode_state(step.after),
        "known_from": step.known_from,
        "object": step.object,
        "workflow": step.workflow,
        "source": encode_source(step.source),
        "siblings": [_encode_sibling(sibling) for sibling in step.siblings],
        "decision": step.decision,
    }
    _add_text(encoded, step)
    if expect := encode_expectation(step.expect):
        encoded["expect"] = expect
    if step.valid_until is not None:
        encoded["valid_until"] = format_instant(step.valid_until)
    if step.parameters != _NO_PARAMETERS:
        encoded["parameters"] = encode_parameters(step.parameters)
    if step.window is not None:
        encoded["window"] = encode_window(step.window)
    if step.rule is not None:
        encoded["rule"] = step.rule
    if step.operation is not None:
        encoded["operation"] = step.operation
    if step.closed:
        encoded["closed"] = True
    if step.created is not None:
        encoded["created"] = format_instant(step.created)
    return encoded


def _add_text(encoded: dict[str, Json], step: Step) -> None:
    """Add what people wrote, as far as there is any."""
    if step.detail:
        encoded["detail"] = step.detail
    if step.approvers:
        encoded["approvers"] = list(step.approvers)
    if step.approval_reason:
        encoded["approval_reason"] = step.approval_reason
    if step.explanation is not None:
        encoded["explanation"] = step.explanation
    if step.change is not None:
        encoded["change"] = step.change


_REASON = word(Reason)
_VERDICT = word(Verdict)
_STATE_OR_NULL = nullable(decode_state)


def decode_step(value: object, place: str) -> Step:
    """Read one step. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    verdict = fields.take("verdict", _VERDICT)
    step = Step(
        guid=fields.take("guid", guid),
        reason=fields.take("reason", _REASON),
        after=fields.take("after", decode_state),
        source=fields.take("source", decode_source),
        decision=fields.take("decision", text),
        before=fields.take("before", _STATE_OR_NULL),
        detail=fields.maybe("detail", text, ""),
        object=fields.take("object", text),
        workflow=fields.take("workflow", text),
        approvers=fields.maybe("approvers", texts, ()),
        approval_reason=fields.maybe("approval_reason", text, ""),
        known_from=fields.take("known_from", text),
        siblings=fields.take("siblings", _SIBLINGS),
        explanation=fields.optional("explanation", text),
        change=fields.optional("change", text),
        expect=fields.maybe("expect", decode_expectation, Expectation()),
        valid_until=fields.optional("valid_until", instant),
        parameters=fields.maybe("parameters", decode_parameters, Parameters()),
        window=fields.optional("window", decode_window),
        rule=fields.optional("rule", text),
        operation=fields.optional("operation", text),
        closed=fields.maybe("closed", boolean, False),
        created=fields.optional("created", instant),
    )
    fields.done()
    if verdict is not step.verdict:
        raise fault(f"{place}/verdict", f"{verdict.value!r} does not go with the reason {step.reason.value!r}")
    return step


def _encode_sibling(sibling: Sibling) -> dict[str, Json]:
    return {"guid": sibling.guid, "workflow": sibling.workflow, "wanted": sibling.wanted}


def _decode_sibling(value: object, place: str) -> Sibling:
    fields = Fields(value, place)
    sibling = Sibling(fields.take("guid", guid), fields.take("workflow", text), fields.take("wanted", nullable(text)))
    fields.done()
    return sibling


_SIBLINGS = sequence(_decode_sibling)


def _encode_control(control: Control) -> dict[str, Json]:
    return {"name": control.name, "result": control.result, "detail": control.detail}


def _decode_control(value: object, place: str) -> Control:
    fields = Fields(value, place)
    control = Control(fields.take("name", text), fields.take("result", text), fields.take("detail", text))
    fields.done()
    return control


def decode_verdict_counts(value: object, place: str) -> dict[Verdict, int]:
    """Read how many steps have each verdict. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    counts = {verdict: fields.maybe(verdict.value, whole, 0) for verdict in Verdict}
    fields.done()
    return {verdict: count for verdict, count in counts.items() if count}
