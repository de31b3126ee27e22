"""The objects that tickets stop: certificates, and what is none. Thread-safe; knows nothing of HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Annotated
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta, Struct

from reconciler.sandbox.store import NoStore, StateStore

_SPACE = UUID("6f0a3c52-1d84-4a3e-9f0b-7f6f2f1f9a10")
_ISSUER = 'CN=Example Issuing CA 2, O="Example, Ltd.", C=DE'
_PENDING = "Pending workflow resolution"

Stage = Annotated[int, Meta(ge=0, le=1600, description="a stage code from 0 to 1600")]


class Asked(Struct, frozen=True, kw_only=True):
    """What the object's settings ask for where it differs from the present certificate. None: the same."""

    common_name: str | None = None
    organization: str | None = None
    dns: tuple[str, ...] | None = None
    ip: tuple[str, ...] | None = None
    size: int | None = None
    curve: str | None = None


class StoredCertificate(Struct, frozen=True, kw_only=True):
    """An object that a ticket can stop. `kind` other than an X509 class is something else: a device, an SSH key.

    `issued` False is a certificate that was never issued. `expires_in` counts from the start of the sandbox, `overdue`
    says how long it has been over by then, `lifetime` is its whole life; all are given in seconds. `hidden_from` may
    not see the object, `closed_to` may see it and not read the certificate (identities in any spelling). `consumers`
    are the applications that use it.
    """

    object: str
    kind: str = "X509 Server Certificate"
    common_name: str = ""
    organization: str = "Example, Ltd."
    dns: tuple[str, ...] | None = None
    ip: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    uri: tuple[str, ...] = ()
    upn: tuple[str, ...] = ()
    issuer: str = _ISSUER
    serial: str = "4F00A1B2C3"
    algorithm: str = "RSA"
    size: int | None = 2048
    curve: str = ""
    issued: bool = True
    expires_in: timedelta = timedelta(days=30)
    overdue: timedelta = timedelta(0)
    lifetime: timedelta = timedelta(days=398)
    asked: Asked = Asked()
    authority: str = r"\VED\Policy\CA\Web 398"
    stage: Stage | None = 500
    status: str = _PENDING
    in_error: bool = False
    consumers: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    custom_fields: dict[str, tuple[str, ...]] = {}
    hidden_from: tuple[str, ...] = ()
    closed_to: tuple[str, ...] = ()
    made: datetime | None = None

    @property
    def guid(self) -> str:
        """The GUID of the object, made of its name."""
        return str(uuid5(_SPACE, self.object.casefold()))

    @property
    def name(self) -> str:
        """The last part of the DN."""
        return self.object.rpartition("\\")[2]

    @property
    def parent(self) -> str:
        """The folder."""
        return self.object.rpartition("\\")[0]

    @property
    def cn(self) -> str:
        """The common name, which is the object's name unless stated."""
        return self.common_name or self.name

    @property
    def is_certificate(self) -> bool:
        """Whether certificate calls know the object."""
        return self.kind.startswith("X509 ") and self.kind.endswith("Certificate")

    @property
    def valid_to(self) -> datetime:
        """When the certificate ends."""
        if self.made is None:
            raise ValueError("the certificate was not put into a sandbox")
        return (self.made + self.expires_in - self.overdue).replace(microsecond=0)


@dataclass(slots=True)
class Certificates:
    """All such objects, by the name that they are compared by."""

    store: StateStore = field(default_factory=NoStore)
    _objects: dict[str, StoredCertificate] = field(default_factory=dict)
    _by_guid: dict[str, StoredCertificate] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def restore(self) -> None:
        """Take over what an earlier process left in the store."""
        for _, kept in self.store.items("certificates"):
            self._index(msgspec.json.decode(kept, type=StoredCertificate))

    def add(self, certificate: StoredCertificate, now: datetime) -> StoredCertificate:
        """Put an object in, or in place of the one of that name."""
        made = msgspec.structs.replace(certificate, made=certificate.made or now)
        with self._lock:
            self._index(made)
            self.store.put("certificates", made.guid, msgspec.json.encode(made).decode())
        return made

    def remove(self, dn: str) -> None:
        """Delete an object. Its tickets stay."""
        with self._lock:
            gone = self._objects.pop(dn.casefold(), None)
            if gone is not None:
                self._by_guid.pop(gone.guid)
                self.store.remove("certificates", gone.guid)

    def named(self, dn: str) -> StoredCertificate | None:
        """Return the object of a DN."""
        return self._objects.get(dn.casefold())

    def of_guid(self, guid: str) -> StoredCertificate | None:
        """Return the object of a GUID in any spelling."""
        return self._by_guid.get(guid.strip("{}").lower())

    def __iter__(self) -> Iterator[StoredCertificate]:
        """Go through all objects in the order of their names."""
        with self._lock:
            return iter([self._objects[name] for name in sorted(self._objects)])

    def _index(self, certificate: StoredCertificate) -> None:
        self._objects[certificate.object.casefold()] = certificate
        self._by_guid[certificate.guid] = certificate
