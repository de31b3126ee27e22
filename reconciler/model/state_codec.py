"""States as JSON: `{"status": …, "start": …, "stop": …}`, times only where there are any."""

from reconciler.model.canonical import Json
from reconciler.model.decoding import Fields, fault, instant, text
from reconciler.model.instant import format_instant
from reconciler.model.status import State


def sparse(members: dict[str, Json]) -> dict[str, Json]:
    """Leave out the members that have nothing to say (None)."""
    return {name: value for name, value in members.items() if value is not None}


def encode_state(state: State) -> dict[str, Json]:
    """Return the JSON shape of a state."""
    encoded: dict[str, Json] = {"status": state.status}
    if state.schedule is not None:
        encoded["start"] = format_instant(state.schedule.start)
        if state.schedule.stop is not None:
            encoded["stop"] = format_instant(state.schedule.stop)
    return encoded


def encode_optional_state(state: State | None) -> Json:
    """Return the JSON shape of a state that may be unknown (null)."""
    return None if state is None else encode_state(state)


def decode_state(value: object, place: str) -> State:
    """Read a state. Raises ValueError with the place of the fault."""
    fields = Fields(value, place)
    status = fields.take("status", text)
    start = fields.optional("start", instant)
    stop = fields.optional("stop", instant)
    fields.done()
    if start is None and stop is not None:
        raise fault(place, '"stop" needs a "start"')
    return State(status, start, stop)
