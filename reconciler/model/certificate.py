"""The certificate behind a ticket, as reviewers need it. Facts for people: no verdict and no digest is made of them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field

from reconciler.model.status import require_utc

MOST_NAMES = 100
"""How many names, and how many differences, are kept of one certificate."""
_DAY = timedelta(days=1)
_RSA_BITS = ((1024, 80), (2048, 112), (3072, 128), (7680, 192), (15360, 256))
"""Security strength by the size of an RSA key (NIST SP 800-57 part 1, table 2)."""
_CURVES = {
    "p256": 256, "prime256v1": 256, "secp256r1": 256, "nistp256": 256, "1.2.840.10045.3.1.7": 256,
    "p384": 384, "secp384r1": 384, "nistp384": 384, "1.3.132.0.34": 384,
    "p521": 521, "secp521r1": 521, "nistp521": 521, "1.3.132.0.35": 521,
}  # fmt: skip
"""Bits of the curves that have several names (RFC 5480, 2.1.1.1)."""

STAGES: Mapping[int, str] = {
    0: "start processing",
    100: "check store",
    200: "create and configure store",
    300: "create key",
    400: "create CSR",
    500: "post CSR",
    600: "approve request",
    700: "retrieve certificate",
    800: "install certificate",
    900: "check configuration",
    1000: "configure application",
    1100: "restart application",
    1200: "end processing",
    1400: "revocation",
    1500: "update trust store",
    1600: "end trust store processing",
}
"""The stages of a certificate's life cycle at which a workflow can hold it (page: Workflow object settings)."""
REVOCATION = 1400
RUNS_COMMANDS = frozenset({200, 800, 1000, 1100, 1500})
"""The stages at which TPP acts on the machines where a certificate is installed."""


class NameKind(StrEnum):
    """The types of subject alternative names that TPP tells apart."""

    DNS = "dns"
    IP = "ip"
    EMAIL = "email"
    URI = "uri"
    UPN = "upn"


class SubjectNames(Struct, frozen=True, omit_defaults=True):
    """Subject alternative names by type, in the server's order. `more` is how many are not kept."""

    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    uri: tuple[str, ...] = ()
    upn: tuple[str, ...] = ()
    more: int = 0

    def __iter__(self) -> Iterator[tuple[NameKind, str]]:
        """Yield each name that is kept with its type."""
        for kind in NameKind:
            for name in getattr(self, kind.value):
                yield kind, name

    @property
    def count(self) -> int:
        """How many names there are, those that are not kept among them."""
        return sum(1 for _ in self) + self.more

    def kept(self, most: int = MOST_NAMES) -> "SubjectNames":
        """Return the first names, and the number of the others."""
        if self.count <= most:
            return self
        found: dict[str, list[str]] = {kind.value: [] for kind in NameKind}
        for number, (kind, name) in enumerate(self):
            if number < most:
                found[kind.value].append(name)
        return SubjectNames(**{kind: tuple(names) for kind, names in found.items()}, more=self.count - most)


class Key(Struct, frozen=True, omit_defaults=True):
    """A key: `algorithm` as the server spells it, `size` in bits where it is stated, `curve` of elliptic ones."""

    algorithm: str = ""
    size: int | None = None
    curve: str = ""

    def __str__(self) -> str:
        """Return it in few words, such as `RSA 2048` or `EC P256`; "" when nothing is known."""
        size = (str(self.size) if self.algorithm else f"{self.size} bits") if self.size else ""
        return " ".join(filter(None, (self.algorithm, self.curve or size)))

    @property
    def strength(self) -> int | None:
        """Bits of security, to compare keys of different kinds by; None where that is not known."""
        bits = _CURVES.get(self.curve.casefold().replace("-", "").replace(" ", ""))
        if bits is not None:
            return bits // 2
        if self.size is None or self.size <= 0 or "RSA" not in self.algorithm.upper():
            return None
        smaller = [strength for size, strength in _RSA_BITS if size <= self.size]
        return smaller[-1] if smaller else self.size // 16


class Purpose(StrEnum):
    """What the processing that waits for the ticket does with the certificate."""

    FIRST_ISSUE = "first issue"
    RENEWAL = "renewal"
    REVOCATION = "revocation"


class Difference(Struct, frozen=True, omit_defaults=True):
    """One thing that the object's settings ask for and the present certificate has otherwise.

    `what` is `common name`, `organization`, `key`, or a type of names. Without `new` a name is dropped, without `old`
    it is added.
    """

    what: str
    old: str = ""
    new: str = ""


class Installations(Struct, frozen=True, omit_defaults=True):
    """The applications that use a certificate: how many, and the DNs of the first ones."""

    count: int
    first: tuple[str, ...] = ()


class Certificate(Struct, frozen=True, omit_defaults=True):
    """A certificate object of TPP: the certificate that is valid now, or before the first issue what is asked for.

    `issuer` is the whole name of the issuer, `serial` is hexadecimal. `valid_from` and `valid_to` are UTC. `days_left`
    counts whole days from the making of the plan to `valid_to`, rounded down: 0 is the last day, negative is over. None
    means in all places that the server does not say.

    What follows `in_full` is known only when that is True: otherwise the certificate was read in short, from a search.
    `changes` is what the object's settings ask for otherwise (a CSR of the requester's own may ask for something else),
    `more_changes` how many of those are not kept, `asked_key` the key that they ask for. `authority` is the DN of the
    CA template that the next request goes to. `stage` is one of STAGES, `status` the server's own words for it.
    `contacts` are prefixed universals, `fields` the custom fields that `context.fields` names.
    """

    common_name: str = ""
    names: SubjectNames = SubjectNames()
    issuer: str = ""
    serial: str = ""
    key: Key = Key()
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    days_left: int | None = None
    in_full: bool = False
    purpose: Purpose | None = None
    changes: tuple[Difference, ...] = ()
    more_changes: int = 0
    asked_key: Key = Key()
    authority: str = ""
    stage: int | None = None
    status: str = ""
    in_error: bool = False
    installations: Installations | None = None
    contacts: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse times that are not in UTC."""
        require_utc(self.valid_from, self.valid_to)

    @property
    def issuer_name(self) -> str:
        """The issuer's common name; its organization where it has none."""
        parts = dict(reversed(name_parts(self.issuer)))
        return parts.get("CN") or parts.get("O") or self.issuer

    @property
    def wildcard(self) -> bool:
        """Whether it is for all hosts of a domain, now or as asked for."""
        asked = (each.new for each in self.changes)
        return any(name.startswith("*.") for name in (self.common_name, *self.names.dns, *asked))

    @property
    def weaker_key(self) -> bool:
        """Whether the next key would be weaker than the present one, as far as both are known."""
        now, asked = self.key.strength, self.asked_key.strength
        return now is not None and asked is not None and asked < now

    @property
    def dropped(self) -> tuple[str, ...]:
        """The names that the present certificate has and the next one would not have."""
        return tuple(each.old for each in self.changes if each.what in tuple(NameKind) and not each.new)


class NoteCode(StrEnum):
    """What a reviewer should look at. Documentation and `policy.refuse` refer to these codes."""

    EXPIRES_BEFORE_WINDOW = "context/expires-before-window"
    REJECTS_RENEWAL = "context/rejects-renewal"
    DROPS_NAME = "context/drops-name"
    WILDCARD = "context/wildcard"
    WEAKER_KEY = "context/weaker-key"
    RUNS_COMMAND = "context/runs-command"


NEED_DETAILS = frozenset({NoteCode.DROPS_NAME, NoteCode.WILDCARD, NoteCode.WEAKER_KEY, NoteCode.RUNS_COMMAND})
"""The notes that need more than a search tells."""


class ContextNote(Struct, frozen=True):
    """One thing that a reviewer should look at, in a sentence."""

    code: NoteCode
    text: str


class CertificateContext(Struct, frozen=True, omit_defaults=True):
    """What a step knows of the certificate: its facts, or one sentence why there are none, or no more of them.

    `failed` when it could not be read, so that nobody knows whether there is a certificate and what it is like.
    """

    certificate: Certificate | None
    why: str = ""
    failed: bool = False
    notes: tuple[ContextNote, ...] = ()


def days_left(valid_to: datetime | None, now: datetime) -> int | None:
    """Return the whole days until a certificate ends, rounded down; None when its end is not known."""
    return None if valid_to is None else (valid_to - now) // _DAY


def differences(
    now: tuple[str, SubjectNames, Key], asked: tuple[str, SubjectNames, Key], organizations: tuple[str, str] = ("", "")
) -> tuple[Difference, ...]:
    """Return what is asked for otherwise: common name, organization, key, names dropped, names added.

    What is not stated is not compared: answers leave out empty lists now and then, so that no stated name says nothing
    of names. Names are compared without case (the server shows the case of the first that it ever stored), and a common
    name counts as a DNS name that is there.
    """
    (name, names, key), (asked_name, asked_names, asked_key) = now, asked
    found = [
        Difference(what, old, new)
        for what, old, new in (
            ("common name", name, asked_name),
            ("organization", *organizations),
        )
        if new and old.casefold() != new.casefold()
    ]
    if _differ(key, asked_key):
        found.append(Difference("key", str(key), str(asked_key)))
    if not asked_names.count:
        return tuple(found)
    had, wanted = _by_key(names, name), _by_key(asked_names, asked_name)
    found += [Difference(kind, old=text) for key_of, (kind, text) in had.items() if key_of not in wanted]
    found += [Difference(kind, new=text) for key_of, (kind, text) in wanted.items() if key_of not in had]
    return tuple(found)


def _differ(key: Key, asked: Key) -> bool:
    if not asked.curve:
        return asked.size is not None and key.size is not None and not key.curve and asked.size != key.size
    if not key.curve:
        return key.size is not None
    ours, theirs = Key(curve=key.curve).strength, Key(curve=asked.curve).strength
    return ours != theirs if ours and theirs else key.curve.casefold() != asked.curve.casefold()


def _by_key(names: SubjectNames, common_name: str) -> dict[tuple[str, str], tuple[NameKind, str]]:
    found = {(kind.value, name.casefold()): (kind, name) for kind, name in names}
    if common_name and ("dns", common_name.casefold()) not in found and "." in common_name:
        found["dns", common_name.casefold()] = (NameKind.DNS, common_name)
    return found


def name_parts(text: str) -> list[tuple[str, str]]:
    """Return the parts of a distinguished name in RDN text, such as `CN=a, O="Shop, Inc."`, in their order.

    Types are in upper case. What is no part of such a name is left out.
    """
    parts: list[tuple[str, str]] = []
    piece, quoted = "", False
    for letter in text + ",":
        if letter == '"':
            quoted = not quoted
        if letter == "," and not quoted:
            kind, equals, value = piece.partition("=")
            if equals:
                parts.append((kind.strip().upper(), value.strip().strip('"')))
            piece = ""
        else:
            piece += letter
    return parts
