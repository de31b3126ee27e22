"""The parts of decisions that plans and ledgers repeat, as JSON: places, expectations, parameters, windows."""

from reconciler.model.canonical import Json
from reconciler.model.decision import Expectation, Override, Parameters, Seal, Source, WindowUse
from reconciler.model.decoding import Fields, guid, instant, sequence, text, texts, whole
from reconciler.model.instant import format_instant
from reconciler.model.state_codec import sparse


def encode_source(source: Source) -> dict[str, Json]:
    """Return `{path, line, column}`."""
    return {"path": source.path, "line": source.line, "column": source.column}


def decode_source(value: object, place: str) -> Source:
    """Read a place in a file. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    source = Source(fields.take("path", text), fields.take("line", whole), fields.take("column", whole))
    fields.done()
    return source


def encode_window(window: WindowUse) -> dict[str, Json]:
    """Return `{name, rule}`, the rule only for a recurring window."""
    return sparse({"name": window.name, "rule": window.rule or None})


def decode_window(value: object, place: str) -> WindowUse:
    """Read the use of a named window. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    window = WindowUse(fields.take("name", text), fields.maybe("rule", text, ""))
    fields.done()
    return window


def encode_expectation(expect: Expectation) -> dict[str, Json]:
    """Return `{object, workflow}`, each only when it was stated."""
    if expect.object is not None and expect.workflow is not None:
        return {"object": expect.object, "workflow": expect.workflow}
    return sparse({"object": expect.object, "workflow": expect.workflow})


def decode_expectation(value: object, place: str) -> Expectation:
    """Read what the reviewer saw. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    expect = Expectation(fields.optional("object", text), fields.optional("workflow", text))
    fields.done()
    return expect


def encode_parameters(parameters: Parameters) -> dict[str, Json]:
    """Return the parameters that were asked for, and no others."""
    return sparse(
        {
            "reason": parameters.reason,
            "approvers": None if parameters.approvers is None else list(parameters.approvers),
            "object_dn": parameters.object_dn,
            "user_data": parameters.user_data,
        }
    )


def decode_parameters(value: object, place: str) -> Parameters:
    """Read the rarely needed parameters. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    parameters = Parameters(
        reason=fields.optional("reason", text),
        approvers=fields.optional("approvers", texts),
        object_dn=fields.optional("object_dn", text),
        user_data=fields.optional("user_data", text),
    )
    fields.done()
    return parameters


def encode_override(override: Override) -> dict[str, Json]:
    """Return an override with its tickets sorted."""
    return {
        "rule": override.rule,
        "tickets": sorted(override.tickets),
        "reason": override.reason,
        "until": format_instant(override.until),
        "source": encode_source(override.source),
    }


def decode_override(value: object, place: str) -> Override:
    """Read an override. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    override = Override(
        rule=fields.take("rule", text),
        tickets=frozenset(fields.take("tickets", sequence(guid))),
        reason=fields.take("reason", text),
        until=fields.take("until", instant),
        source=fields.take("source", decode_source),
    )
    fields.done()
    return override


def encode_seal(seal: Seal) -> dict[str, Json]:
    """Return `{path, content, decisions}`."""
    return {"path": seal.path, "content": seal.content, "decisions": seal.decisions}


def take_seal(fields: Fields) -> Seal:
    """Take the members of a seal from those of a larger object. Raises ValueError with the place of the fault."""
    return Seal(fields.take("path", text), fields.take("content", text), fields.take("decisions", whole))


def decode_seal(value: object, place: str) -> Seal:
    """Read a seal. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    seal = take_seal(fields)
    fields.done()
    return seal
