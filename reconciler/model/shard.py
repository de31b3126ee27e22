"""Splitting work over machines by object, so that one object never has two writers."""

import hashlib

from msgspec import Struct

from reconciler.model.dn import dn_key


class Shard(Struct, frozen=True):
    """Part `number` (from 1) of `of`. Raises ValueError when the pair makes no sense."""

    number: int
    of: int

    def __post_init__(self) -> None:
        """Refuse a part that is not one of the parts."""
        if not 1 <= self.number <= self.of:
            raise ValueError(f"shard {self.number}/{self.of}: the first number must be between 1 and the second")

    def owns(self, object_dn: str) -> bool:
        """Say whether this shard works on the object with this DN (compared without case)."""
        digest = hashlib.sha256(dn_key(object_dn).encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1

    def __str__(self) -> str:
        """Spell the shard as the command line takes it: K/N."""
        return f"{self.number}/{self.of}"


def parse_shard(text: str) -> Shard:
    """Read K/N. Raises ValueError for anything else."""
    number, _, of = text.partition("/")
    return Shard(int(number), int(of))
