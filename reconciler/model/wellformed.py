"""JSON text without lone surrogates, which JSON can spell and which jq and many other readers refuse."""

from collections.abc import Mapping

from reconciler.model.canonical import Json, canonical


def well_formed(value: Mapping[str, Json]) -> bytes:
    """Return the canonical spelling of an object in which U+FFFD stands for every lone surrogate."""
    spelled = canonical(value)
    return canonical(_cleaned(value)) if b"\\ud" in spelled else spelled


def _cleaned(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {name: _cleaned(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value
