"""What is declared of a member beside its name and type: schemas, manifests, updates and views follow from it."""

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from msgspec import Struct, structs


class Form(Enum):
    """How a manifest spells a value: by which definition of schemas/decisions.schema.json."""

    TEXT = "explanation"
    LINE = "line"
    NAME = "dn"
    TIME = "time"
    IDENTITIES = "identities"
    STATE = "status"
    MEMBERS = ""

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the keys that a member of this name has in a manifest: of a state these are status and schedule."""
        return ("status", "schedule") if self is Form.STATE else (name,)


class Declared(Struct, frozen=True):
    """One member: how manifests spell it, what it says, and the name that it has in an update, if it is sent.

    The name of the field is the one that manifests, plans, the ledger and every view have for it. Of a time and of
    MEMBERS the type says the rest.
    """

    form: Form
    description: str = ""
    sent_as: str = ""

    @property
    def meaning(self) -> str:
        """What editors and readers are told."""
        return f"Sent as {self.sent_as}. {self.description}".strip() if self.sent_as else self.description


@cache
def declared(kind: type[Struct]) -> Mapping[str, Declared]:
    """Return what is declared of each member of a type, in order. Raises TypeError when one is not annotated so."""
    found: dict[str, Declared] = {}
    for each in structs.fields(kind):
        annotations = getattr(each.type, "__metadata__", ())
        if not annotations or not isinstance(annotations[0], Declared):
            raise TypeError(f"{kind.__name__}.{each.name} is not declared: annotate it with Declared(Form…, …)")
        found[each.name] = annotations[0]
    return found


def stated(value: Struct) -> Iterator[tuple[str, Declared, Any]]:
    """Yield the name, the declaration and the value of every member that is not None."""
    for name, each in declared(type(value)).items():
        if (said := getattr(value, name)) is not None:
            yield name, each, said


def keys(kind: type[Struct]) -> tuple[str, ...]:
    """Return the keys that a manifest has for a type, in order."""
    return tuple(key for name, each in declared(kind).items() for key in each.form.keys(name))
