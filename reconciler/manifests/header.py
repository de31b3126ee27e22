"""What a manifest says for all of its entries, and the gates that its entries have to pass."""

from functools import cache
from typing import Any

from reconciler.manifests.branching import Gate
from reconciler.manifests.decode import Header
from reconciler.manifests.fault import Fault
from reconciler.manifests.gate import compile_gate
from reconciler.manifests.schemas import load
from reconciler.manifests.strict_yaml import Value
from reconciler.manifests.times import zone_of
from reconciler.manifests.windows import Windows


@cache
def schema_of(name: str) -> dict[str, Any]:
    """Return a schema by name, read once."""
    return load(name)


@cache
def gate(schema: str, *definitions: str) -> Gate:
    """Return the gate of a schema, or of some of its definitions together."""
    root = schema_of(schema)
    part = {"allOf": [{"$ref": f"#/$defs/{name}"} for name in definitions]} if definitions else root
    return compile_gate(part, root)


@cache
def _defaults_gate() -> Gate:
    root = schema_of("decisions")
    return compile_gate(root["properties"]["defaults"], root)


def ticket_gate(defaults: Value) -> Gate:
    """Return the gate for the tickets of a file with these defaults, as the schema's own conditions choose it."""
    given = defaults if isinstance(defaults, dict) else {}
    needs = [name for name in ("status", "schedule") if name not in given]
    return gate("decisions", "ticket", *(f"states_{name}" for name in needs))


@cache
def _gate_beside_tickets() -> Gate:
    root = schema_of("decisions")
    members = {**root["properties"], "tickets": {}}
    return compile_gate({**root, "properties": members}, root)


def fits_beside_tickets(members: dict[str, Value]) -> bool:
    """Say whether the members of a file, `tickets` among them, are well-formed, whatever the tickets are."""
    return _gate_beside_tickets()(members)


def read_header(members: dict[str, Value], windows: Windows, faults: list[Fault]) -> Header:
    """Return what is usable of the members of a file, and gather what is wrong with them beyond the schema."""
    line, zone_name, defaults = members.get("change"), members.get("timezone"), members.get("defaults", {})
    zone = None
    if isinstance(zone_name, str) and gate("decisions", "timezone")(zone_name):
        try:
            zone = zone_of(zone_name)
        except Fault as fault:
            faults.append(fault.under("timezone"))
    return Header(
        windows=windows,
        change=line if isinstance(line, str) else None,
        zone=zone,
        zone_broken=zone is None and "timezone" in members,
        defaults=defaults if isinstance(defaults, dict) and _defaults_gate()(defaults) else None,
    )
