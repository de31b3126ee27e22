"""Which rules differ between two configurations, as old and new text."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from reconciler.model.decision import Override
from reconciler.model.pull_request import RuleChange
from reconciler.model.settings import Settings
from reconciler.model.status import format_instant

_NOT_RULES = {"path", "environment", "timezone"}


def rule_changes(base: Settings, head: Settings) -> tuple[RuleChange, ...]:
    """Return every setting that differs, by its dotted name: server, policy, windows and all others."""
    return _differences(dict(_members(base)), dict(_members(head)))


def override_changes(base: tuple[Override, ...], head: tuple[Override, ...]) -> tuple[RuleChange, ...]:
    """Return every override that a pull request adds, changes or removes."""
    return _differences(_named(base), _named(head))


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[RuleChange, ...]:
    names = [*before, *(name for name in after if name not in before)]
    return tuple(
        RuleChange(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _named(overrides: tuple[Override, ...]) -> dict[str, str]:
    """Name overrides by rule and file, so that one that moves within its file is no change."""
    found: dict[str, list[str]] = {}
    for each in overrides:
        words = f"{len(each.tickets):,} tickets until {format_instant(each.until)}: {each.reason}"
        found.setdefault(f"override of {each.rule} in {each.source.path}", []).append(words)
    return {name: "; ".join(sorted(words)) for name, words in found.items()}


def _members(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Flatten a value to dotted names; members of a list that have a name are told apart by it."""
    fields: tuple[str, ...] | None = getattr(value, "__struct_fields__", None)
    if fields is not None:
        pairs = [(field, getattr(value, field)) for field in fields if field not in _NOT_RULES or name]
    elif isinstance(value, Mapping):
        pairs = sorted(value.items())
    elif isinstance(value, tuple) and value and all(hasattr(each, "name") for each in value):
        pairs = [(each.name, each) for each in value]
    else:
        if value not in (None, (), frozenset()):
            yield name, _text(value)
        return
    for field, member in pairs:
        yield from _members(member, f"{name}.{field}" if name else str(field))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, frozenset | tuple):
        words = [_text(each) for each in value]
        return ", ".join(sorted(words) if isinstance(value, frozenset) else words)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
