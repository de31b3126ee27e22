"""The people, services and groups that the sandbox's server knows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from msgspec import Struct

from reconciler.codec import Json


class PrincipalType(StrEnum):
    """What an identity is."""

    USER = "user"
    GROUP = "group"
    DISTRIBUTION_GROUP = "distribution group"

    @property
    def bit(self) -> int:
        """The number on the wire; sums of them are sets (TPP reference, Identity)."""
        return {PrincipalType.USER: 1, PrincipalType.GROUP: 2, PrincipalType.DISTRIBUTION_GROUP: 8}[self]


class Principal(Struct, frozen=True):
    """One identity. `universal` is `local:{guid}` or `AD+NAME:hex`, `name` what people write: `AD+NAME:jdoe`.

    `groups` are prefixed universals.
    """

    universal: str
    name: str
    full_name: str = ""
    type: PrincipalType = PrincipalType.USER
    groups: tuple[str, ...] = ()

    @property
    def voices(self) -> frozenset[str]:
        """The approvers for whom this identity can speak: itself and its groups."""
        return frozenset((self.universal, *self.groups))

    def on_the_wire(self) -> dict[str, Json]:
        """Return the identity as the server's answers spell it."""
        prefix, _, name = self.name.partition(":")
        return {
            "FullName": self.full_name or name,
            "IsGroup": self.type is not PrincipalType.USER,
            "Name": name,
            "Prefix": prefix,
            "PrefixedName": self.name,
            "PrefixedUniversal": self.universal,
            "Type": self.type.bit,
            "Universal": self.universal.partition(":")[2],
        }


@dataclass(slots=True)
class Directory:
    """All identities, found by any spelling that TPP takes (case is ignored, braces are optional)."""

    _identities: list[Principal] = field(default_factory=list)
    _by_spelling: dict[str, Principal] = field(default_factory=dict)

    def add(self, identity: Principal) -> None:
        """Make an identity known."""
        self._identities.append(identity)
        for spelling in (identity.universal, identity.name):
            self._by_spelling.setdefault(_normal(spelling), identity)

    def extend(self, identities: Iterable[Principal]) -> None:
        """Make identities known."""
        for identity in identities:
            self.add(identity)

    def find(self, spelling: str) -> Principal | None:
        """Return the identity with this prefixed universal or prefixed name."""
        return self._by_spelling.get(_normal(spelling))

    def voices(self, universal: str) -> frozenset[str]:
        """Return the approvers for whom an identity can speak, also when it is not in the directory."""
        identity = self.find(universal)
        return identity.voices if identity else frozenset((universal,))

    def resolve(self, wire: Mapping[str, Json]) -> Principal | None:
        """Return whom an Identity value of a request means: by PrefixedUniversal, PrefixedName or their parts."""
        prefix = _text(wire, "Prefix")
        spellings = [_text(wire, "PrefixedUniversal"), _text(wire, "PrefixedName")]
        spellings += [f"{prefix}:{part}" for part in (_text(wire, "Universal"), _text(wire, "Name")) if prefix and part]
        return next((found for spelling in spellings if spelling and (found := self.find(spelling))), None)

    def browse(self, pattern: str, types: int, limit: int) -> list[Principal]:
        """Return identities whose name begins with `pattern` (which may hold `*`), at most `limit` of them."""
        wanted = pattern.casefold() + "*"
        matches = (
            identity
            for identity in self._identities
            if identity.type.bit & types and any(fnmatchcase(name.casefold(), wanted) for name in _names(identity))
        )
        return [identity for _, identity in zip(range(limit), matches, strict=False)]


def _names(identity: Principal) -> tuple[str, str, str]:
    return identity.name.partition(":")[2], identity.name, identity.full_name


def _normal(spelling: str) -> str:
    return spelling.strip().replace("{", "").replace("}", "").casefold()


def _text(wire: Mapping[str, Json], name: str) -> str:
    value = wire.get(name)
    return value if isinstance(value, str) else ""
