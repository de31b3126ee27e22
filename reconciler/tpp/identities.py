"""People as TPP knows them: names that people write, resolved to the prefixed universals that the server wants."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.codec import Json
from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.ports import Resolution
from reconciler.tpp import wire
from reconciler.tpp.client import IDENTITY_BROWSE, IDENTITY_SELF, IDENTITY_VALIDATE, Failure
from reconciler.tpp.session import Session

_UNIVERSAL = re.compile(r"[^:]+:\{?([0-9a-f]{16,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)
"""`local:{guid}`, `AD+NAME:hex`: braces depend on the provider."""

_USERS_AND_GROUPS = 1 | 2 | 8


@dataclass(frozen=True, slots=True)
class Identity:
    """As much of an identity as we use: `universal` is the stable form, `name` what people write, both prefixed."""

    universal: str
    name: str


def own_identities(session: Session) -> tuple[Identity, ...]:
    """Return the caller first, then its groups (TPP reference, Identity/Self). Raises ServerFailure.

    None at all, with a note in the session, when the token lacks the scope: contract 26.1 asks for `configuration`.
    """
    answer = session.client.ask(IDENTITY_SELF, None, _identities)
    if not isinstance(answer, Failure):
        return answer
    if answer.access and not answer.systemic:
        session.refused.append(
            f"the caller's groups are not known, so nobody checks that it is an approver of a ticket: {answer.why}"
        )
        return ()
    raise answer.error()


def resolve_identities(session: Session, names: Iterable[str]) -> Resolution:
    """Resolve names as written (`AD+CORP:jdoe`, a prefixed universal, or a bare name), each once.

    Identity/Validate knows exact spellings; Identity/Browse with Limit 2 finds others and notices ambiguity. Both
    need the scope `configuration`. Raises ServerFailure, and CredentialsRefused without the scope.
    """
    universals: dict[str, str] = {}
    unresolved: dict[str, str] = {}
    for name in dict.fromkeys(names):
        found = _validate(session, name) or _browse(session, name)
        if isinstance(found, Identity):
            universals[name] = found.universal
        else:
            unresolved[name] = found
    return Resolution(universals, unresolved)


def _validate(session: Session, name: str) -> Identity | None:
    if ":" not in name:
        return None
    kind = "PrefixedUniversal" if _UNIVERSAL.fullmatch(name) else "PrefixedName"
    answer = session.client.ask(IDENTITY_VALIDATE, {"ID": {kind: name}}, _validated)
    if isinstance(answer, Failure) and kind == "PrefixedUniversal" and answer.access and not answer.systemic:
        session.refused.append(f"approvers are sent as manifests spell them, and were not looked up: {answer.why}")
        return Identity(name, name)  # it is what the server wants; whether it knows it, UpdateStatus will say
    if isinstance(answer, Failure):
        raise _not_looked_up(name, answer)
    return answer


def _not_looked_up(name: str, failure: Failure) -> ServerFailure:
    if not failure.access or failure.systemic:
        return failure.error()
    why = f"a manifest names the approver {name}, whom this token may not look up: {failure.why}"
    return CredentialsRefused(why, f"write prefixed universals, such as local:{{guid}}; or {failure.hint}")


def names_of(session: Session, universals: Iterable[str]) -> Mapping[str, str]:
    """Return the names that people write for identities; those that the token may not look up are left out."""
    found: dict[str, str] = {}
    for universal in dict.fromkeys(universals):
        answer = session.client.ask(IDENTITY_VALIDATE, {"ID": {"PrefixedUniversal": universal}}, _validated)
        if isinstance(answer, Failure):
            break
        if answer is not None and answer.name:
            found[universal] = answer.name
    return found


def _browse(session: Session, name: str) -> Identity | str:
    wanted = name.rpartition(":")[2]
    members: dict[str, Json] = {"Filter": wanted, "Limit": 2, "IdentityType": _USERS_AND_GROUPS}
    answer = session.client.ask(IDENTITY_BROWSE, members, _identities)
    if isinstance(answer, Failure):
        raise _not_looked_up(name, answer)
    if ":" in name:
        answer = tuple(each for each in answer if each.name.casefold() == name.casefold())
    if not answer:
        return f"{name} is not known to the server"
    if len(answer) > 1:
        return f"{name} is ambiguous: it fits {answer[0].name} and {answer[1].name}, perhaps others"
    return answer[0]


def _identities(members: wire.Members) -> tuple[Identity, ...]:
    return tuple(_identity(each) for each in wire.sequence(members, "identities"))


def _validated(members: wire.Members) -> Identity | None:
    value = members.get("id")
    return None if value is None or value == {} else _identity(value)


def _identity(value: object) -> Identity:
    if not isinstance(value, dict):
        raise wire.BadAnswer("an identity is not an object")
    universal, name = wire.text(value, "prefixeduniversal"), wire.text(value, "prefixedname")
    if not universal:
        raise wire.BadAnswer("an identity has no PrefixedUniversal")
    return Identity(universal, name or universal)
