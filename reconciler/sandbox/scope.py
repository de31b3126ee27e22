"""Scopes: what a grant allows, as `certificate:approve,manage;configuration` spells it."""

from collections.abc import Mapping

ANY = ""
"""The required scope of a call that takes every token."""


def parse_scope(text: str) -> Mapping[str, frozenset[str]]:
    """Return the privileges by resource. A resource without privileges has an empty set."""
    resources: dict[str, frozenset[str]] = {}
    for part in text.split(";"):
        resource, _, privileges = part.partition(":")
        if name := resource.strip().casefold():
            given = frozenset(p.strip().casefold() for p in privileges.split(",") if p.strip())
            resources[name] = resources.get(name, frozenset()) | given
    return resources


def allows(scope: str, required: str) -> bool:
    """Say whether a grant's scope satisfies a call: `any:approve`, `configuration:manage`, `configuration`, or ANY."""
    if required == ANY:
        return True
    granted = parse_scope(scope)
    resource, _, privilege = required.partition(":")
    if resource == "any":
        return any(privilege in privileges for privileges in granted.values())
    return resource in granted and (not privilege or privilege in granted[resource])


def covers(offered: str, asked: str) -> bool:
    """Say whether everything in the scope `asked` is also in the scope `offered`."""
    available = parse_scope(offered)
    return all(
        resource in available and privileges <= available[resource]
        for resource, privileges in parse_scope(asked).items()
    )
