"""The parts of a policy that a plan carries, as JSON."""

from reconciler.model.canonical import Json
from reconciler.model.decoding import Fields, instant, text, texts, whole
from reconciler.model.instant import format_instant
from reconciler.model.policy import Freeze, Limits
from reconciler.model.state_codec import sparse


def encode_limits(limits: Limits) -> dict[str, Json]:
    """Return the JSON shape of limits: those that are set."""
    return sparse(
        {
            "changes": limits.changes,
            "approvals": limits.approvals,
            "rejections": limits.rejections,
            "percent": limits.percent,
        }
    )


def decode_limits(value: object, place: str) -> Limits:
    """Read limits. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    limits = Limits(
        changes=fields.optional("changes", whole),
        approvals=fields.optional("approvals", whole),
        rejections=fields.optional("rejections", whole),
        percent=fields.optional("percent", whole),
    )
    fields.done()
    return limits


def encode_freeze(freeze: Freeze) -> dict[str, Json]:
    """Return the JSON shape of a freeze."""
    return {
        "name": freeze.name,
        "start": format_instant(freeze.start),
        "stop": format_instant(freeze.stop),
        "objects": list(freeze.objects),
    }


def decode_freeze(value: object, place: str) -> Freeze:
    """Read a freeze. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    freeze = Freeze(
        name=fields.take("name", text),
        start=fields.take("start", instant),
        stop=fields.take("stop", instant),
        objects=fields.take("objects", texts),
    )
    fields.done()
    return freeze
