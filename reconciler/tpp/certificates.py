"""Certificates of objects, in few calls: a search by folder finds many at once, and one call each tells the rest.

Only the scope `certificate` is needed. DN to GUID, which one source wants `configuration` for, is asked for names that
a search can't find: to say what the object is, and where its name has a comma, which a search takes for a list.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from reconciler.codec import Json
from reconciler.model.certificate import (
    MOST_NAMES,
    REVOCATION,
    Certificate,
    CertificateContext,
    Installations,
    Key,
    Purpose,
    SubjectNames,
    differences,
    name_parts,
)
from reconciler.model.settings import ContextSettings
from reconciler.model.ticket import dn_key
from reconciler.model.value import replace
from reconciler.tpp import wire
from reconciler.tpp.client import (
    CERTIFICATE,
    CERTIFICATES,
    CONTEXT_READS,
    DN_TO_GUID,
    Call,
    Client,
    Failure,
)
from reconciler.tpp.reader import side_by_side
from reconciler.tpp.session import Session

T = TypeVar("T")
S = TypeVar("S")

_PAGE = 500
"""Rows that are asked for at once: about one megabyte. The default is 100; no largest number is documented."""
_SMALLER = 5
"""By how much a page is smaller than one of which more came than is read of an answer."""
_LONGEST_QUERY = 1800
"""Characters of a query: IIS refuses more than 2048 (requestFiltering, maxQueryString)."""
_ONE_CALL = 10.0
"""Seconds for a single question."""
_MOST_EXPLAINED = 20
"""For how many names without a certificate it is asked what else they are: each costs a call."""
_KEPT = 256
"""Characters of one text that are kept: a DNS name has at most 253."""
_MOST_SHOWN = 5
"""How many installations and contacts are kept by name."""
_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
NOT_SEEN = "no certificate of this name is visible to the token"
_UNSEEN = CertificateContext(None, NOT_SEEN)


class _Row(NamedTuple):
    """What a search or DN to GUID tells of an object: its GUID, and what is known of its certificate."""

    guid: str
    certificate: Certificate | None = None


class _Page(NamedTuple):
    """One page of a search: how many rows it has, and those that can be used, by the key of their DN.

    `all` is how many match on all pages, None where the server does not say.
    """

    rows: int
    found: Mapping[str, _Row]
    all: int | None


class _Batch(NamedTuple):
    """Folders whose names fit into one query, and how many wanted objects are in them."""

    quoted: tuple[str, ...]
    objects: int


def certificate_reader(session: Session, settings: ContextSettings) -> "HttpCertificateReader":
    """Return the port that reads certificates, by the connections, the token and the limiter of a session."""
    return HttpCertificateReader(session, settings)


def why_no_certificates(session: Session) -> Failure | None:
    """Ask for one certificate. Return why this token may not ask; None where it may, or the server is slow."""
    asked = _client(session, _ONE_CALL).ask(CERTIFICATES, None, _page, rest="?limit=1")
    return asked if isinstance(asked, Failure) and asked.access else None


def _client(session: Session, seconds: float) -> Client:
    """Return what makes these calls by the connections, the token and the limiter of a session, for so long."""
    shared = session.client.context
    deadline = shared.deadline.part(seconds)
    return Client(replace(shared, deadline=deadline), session.client.limiter, CONTEXT_READS)


class HttpCertificateReader:
    """Reads certificates for people. Every fault is a sentence, and one that would come again ends the reading."""

    def __init__(self, session: Session, settings: ContextSettings) -> None:
        """Read for one session."""
        self._session = session
        self._settings = settings

    def read(self, objects: Mapping[str, bool]) -> Mapping[str, CertificateContext]:
        """Return for each DN its certificate, or why there is none. Those with True are read in full.

        All of it takes at most `context.timeout`.
        """
        if not objects:
            return {}
        return _Reading(_client(self._session, self._settings.timeout), self._settings).read(objects)


@dataclass(slots=True)
class _Reading:
    """One reading. `over` is the fault that ended it, `explains` whether it is asked what other objects are.

    `page` is how many rows are asked for at once, `missed` why a search was given up.
    """

    client: Client
    settings: ContextSettings
    over: Failure | None = None
    missed: Failure | None = None
    page: int = _PAGE
    explained: int = 0
    explains: bool = True

    def read(self, objects: Mapping[str, bool]) -> Mapping[str, CertificateContext]:
        wanted = {dn_key(dn): dn for dn in objects}
        in_full = {dn_key(dn) for dn, full in objects.items() if full}
        rows: dict[str, _Row] = {}
        for pending in (True, False):
            rows |= self._searched([dn for key, dn in wanted.items() if key not in rows], pending=pending)
        found: dict[str, CertificateContext] = {}
        for key, looked_up in self._each(self._looked_up, [(key, dn) for key, dn in wanted.items() if key not in rows]):
            if isinstance(looked_up, _Row):
                rows[key] = looked_up
                in_full.add(key)
            else:
                found[key] = looked_up
        found |= {key: CertificateContext(row.certificate) for key, row in rows.items()}
        found |= self._each(self._detailed, [(key, row) for key, row in rows.items() if key in in_full])
        return {dn: found[dn_key(dn)] for dn in objects}

    def _each(self, ask: Callable[[S], T], items: list[tuple[str, S]]) -> Iterator[tuple[str, T]]:
        """Ask about each item, several at once."""
        for (key, _), answer in side_by_side(items, lambda item: ask(item[1]), self.client.context.limits.reads):
            yield key, answer

    # Many objects: by folder

    def _searched(self, wanted: Iterable[str], *, pending: bool) -> Mapping[str, _Row]:
        """Find objects by their folders, at first among those with an open ticket only."""
        found: dict[str, _Row] = {}
        names = {dn_key(dn) for dn in wanted}
        batches = [("", batch) for batch in _batches(wanted)]
        for _, rows in self._each(lambda batch: self._paged(batch, names, pending=pending), batches):
            found |= rows
        return found

    def _paged(self, batch: _Batch, names: set[str], *, pending: bool) -> Mapping[str, _Row]:
        """Page until all that are wanted are found, or until asking for each would have been fewer calls.

        A server may send fewer rows than it was asked for: how many there are decides, where it says that.
        """
        rows: dict[str, _Row] = {}
        only = "&pendingworkflow=" if pending else ""
        offset = calls = 0
        while calls < batch.objects:
            size = self.page
            query = f"?limit={size}&offset={offset}&parentdn={','.join(batch.quoted)}{only}"
            page = self._ask(CERTIFICATES, _page, query)
            if isinstance(page, Failure):
                if page.large and size > 1:
                    self.page = min(self.page, max(1, size // _SMALLER))
                    continue
                self.missed = page
                break
            calls += 1
            offset += page.rows
            rows |= {key: row for key, row in page.found.items() if key in names}
            more = page.rows == size if page.all is None else offset < page.all
            if len(rows) >= batch.objects or not (page.rows and more):
                break
        return rows

    # One object: by its name, or by its GUID

    def _looked_up(self, dn: str) -> _Row | CertificateContext:
        """Ask what an object is that no search found. Return its GUID if it is a certificate, else why there is none.

        Most are no certificates: so a few are asked about, and more only where a search can't spell the folder.
        """
        sought = _is_spelled(dn)
        if self.over is not None:
            return self._failed(self.over)
        if not self.explains or (sought and self.explained >= _MOST_EXPLAINED):
            return self._not_seen()
        self.explained += sought
        found = self._ask(DN_TO_GUID, _object, members={"ObjectDN": dn})
        if not isinstance(found, Failure):
            return found
        if found.access:
            self.explains = False
            return self._not_seen()
        return self._failed(found)

    def _not_seen(self) -> CertificateContext:
        return self._failed(self.missed) if self.missed else _UNSEEN

    def _detailed(self, row: _Row) -> CertificateContext:
        if self.over is not None:
            return self._failed(self.over, row.certificate)
        fields = self.settings.fields
        found = self._ask(CERTIFICATE, lambda members: _certificate(members, row.guid, fields), quote(row.guid))
        if isinstance(found, Failure):
            return self._failed(found, row.certificate)
        if found is None:
            why = "the token may see the object, and not read its certificate"
            return CertificateContext(row.certificate, why, failed=True)
        return CertificateContext(found)

    def _ask(
        self, call: Call, parse: Callable[[wire.Members], T], rest: str = "", members: Mapping[str, Json] | None = None
    ) -> T | Failure:
        if self.over is not None:
            return self.over
        answer = self.client.ask(call, members, parse, rest=rest)
        if isinstance(answer, Failure) and (answer.final or (answer.access and call is CERTIFICATES)):
            self.over = answer
        return answer

    def _failed(self, failure: Failure, known: Certificate | None = None) -> CertificateContext:
        late = failure.final and self.client.context.deadline.left() <= 0
        why = f"context.timeout has passed ({self.settings.timeout:g} s)" if late else failure.why
        return CertificateContext(known, why, failed=True)


def _is_spelled(dn: str) -> bool:
    """Whether a search can ask for the folder of an object: it takes a comma for the end of a name."""
    folder = dn.rpartition("\\")[0]
    return bool(folder) and "," not in folder and len(quote(folder, safe="")) <= _LONGEST_QUERY


def _batches(objects: Iterable[str]) -> Iterator[_Batch]:
    """Put the folders of some objects together to queries of an allowed length."""
    folders: dict[str, tuple[str, int]] = {}
    for dn in filter(_is_spelled, objects):
        folder = dn.rpartition("\\")[0]
        spelled, count = folders.get(dn_key(folder), (quote(folder, safe=""), 0))
        folders[dn_key(folder)] = spelled, count + 1
    quoted: list[str] = []
    length = objects_in = 0
    for spelled, count in folders.values():
        if quoted and length + len(spelled) > _LONGEST_QUERY:
            yield _Batch(tuple(quoted), objects_in)
            quoted, length, objects_in = [], 0, 0
        quoted.append(spelled)
        length += len(spelled) + 1
        objects_in += count
    if quoted:
        yield _Batch(tuple(quoted), objects_in)


# Answers


def _object(members: wire.Members) -> _Row | CertificateContext:
    """Read the answer of DN to GUID: a certificate, or why the object is none. Raises BadAnswer."""
    match wire.number(members, "result"):
        case 1:
            kind = _text(members, "classname")
            if _is_certificate(kind):
                return _Row(_guid(members))
            return CertificateContext(None, f"the object is no certificate{': its class is ' if kind else ''}{kind}")
        case 7 | 400:  # which of the two an object without View has is not established
            return CertificateContext(None, "the object does not exist, or the token may not see it")
        case None:
            raise wire.BadAnswer("the answer has no Result")
        case result:
            return CertificateContext(None, f"DN to GUID answered Result {result}", failed=True)


def _page(members: wire.Members) -> _Page:
    """Read one page of a search. A row that makes no sense is no row."""
    listed = wire.sequence(members, "certificates")
    found: dict[str, _Row] = {}
    for each in listed:
        try:
            if isinstance(each, dict) and _text(each, "dn"):
                found[dn_key(wire.text(each, "dn"))] = _Row(_guid(each), _short(_part(each, "x509")))
        except wire.BadAnswer:
            continue
    return _Page(len(listed), found, _count(members.get(CERTIFICATES.header.lower())))


def _count(value: Json) -> int | None:
    """Return how many rows match, None where that is not said in digits: then a short page is the last."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None


def _short(x509: wire.Members) -> Certificate | None:
    """Read the few members that a row has; None where the token may not read the certificate, or there is none yet."""
    if not x509:
        return None
    certificate = _issued(x509, _names(_part(x509, "sans"), "{}", ip="ip", upn="upn"))
    return replace(certificate, names=certificate.names.kept())


def _certificate(members: wire.Members, guid: str, fields: tuple[str, ...]) -> Certificate | None:
    """Read the details of a certificate; None when they hold neither what is issued nor what is asked for."""
    if wire.text(members, "guid") and _guid(members) != guid:
        raise wire.BadAnswer("the answer is about another object")
    kind = _text(members, "schemaclass")
    if kind and not _is_certificate(kind):
        raise wire.BadAnswer(f"the object is no certificate: its class is {kind}")
    now, asked = _part(members, "certificatedetails"), _part(members, "renewaldetails")
    if not now and not asked:
        return None
    processing = _part(members, "processingdetails")
    stage, template = wire.number(processing, "stage"), "subjectaltname{}"
    first = not now
    wanted_names = _names(asked, template)
    if first:
        certificate = Certificate(common_name=_text(asked, "subject"), names=wanted_names, key=_key(asked))
    else:
        certificate = _issued(now, _names(now, template))
    key = _asked_key(certificate.key, asked)
    changes = () if first or stage == REVOCATION else differences(
        (certificate.common_name, certificate.names, certificate.key),
        (_text(asked, "subject"), wanted_names, key),
        (_text(now, "o"), _text(asked, "organization")),
    )  # fmt: skip
    consumers = [_cut(each) for each in wire.sequence(members, "consumers") if isinstance(each, str)]
    return replace(
        certificate,
        names=certificate.names.kept(),
        in_full=True,
        purpose=Purpose.REVOCATION if stage == REVOCATION else Purpose.FIRST_ISSUE if first else Purpose.RENEWAL,
        changes=changes[:MOST_NAMES],
        more_changes=max(0, len(changes) - MOST_NAMES),
        asked_key=Key() if first else key,
        authority=_text(members, "certificateauthoritydn"),
        stage=stage,
        status=_text(processing, "status"),
        in_error=processing.get("inerror") is True,
        installations=Installations(len(consumers), tuple(consumers[:_MOST_SHOWN])),
        contacts=tuple(_cut(each) for each in wire.sequence(members, "contact") if isinstance(each, str))[:_MOST_SHOWN],
        fields=_custom(members, fields),
    )


def _issued(members: wire.Members, names: SubjectNames) -> Certificate:
    """Read what rows and details say of a certificate alike."""
    subject = dict(reversed(name_parts(_text(members, "subject"))))
    return Certificate(
        common_name=_text(members, "cn") or subject.get("CN", ""),
        names=names,
        issuer=_text(members, "issuer"),
        serial=_text(members, "serial"),
        key=_key(members),
        valid_from=wire.instant(members, "validfrom"),
        valid_to=wire.instant(members, "validto"),
    )


def _key(members: wire.Members) -> Key:
    """Read a key. Of sets of parameters only curves have public names; the others are the server's own."""
    parameters = _text(members, "pkixparameterset")
    curve = _text(members, "ellipticcurve") or (parameters if Key(curve=parameters).strength else "")
    return Key(_text(members, "keyalgorithm") or ("EC" if curve else ""), wire.number(members, "keysize"), curve)


def _asked_key(now: Key, asked: wire.Members) -> Key:
    """Read the key that settings ask for: they do not name an algorithm, and a size is meant for RSA."""
    key = _key(asked)
    if key.curve:
        return Key(key.algorithm, None, key.curve)
    return Key(now.algorithm, key.size) if key.size is not None and not now.curve else Key()


_NAMES = {"dns": "dns", "ip": "ipaddress", "email": "email", "uri": "uri", "upn": "othernameupn"}


def _names(members: wire.Members, template: str, **spelled: str) -> SubjectNames:
    found: dict[str, tuple[str, ...]] = {}
    for kind, usual in _NAMES.items():
        listed = wire.sequence(members, template.format(spelled.get(kind, usual)))
        found[kind] = tuple(_cut(each) for each in listed if isinstance(each, str) and each)
    return SubjectNames(found["dns"], found["ip"], found["email"], found["uri"], found["upn"])


def _custom(members: wire.Members, wanted: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return the custom fields that the configuration names, under its spelling."""
    known = {name.casefold(): name for name in wanted}
    found: dict[str, tuple[str, ...]] = {}
    for each in wire.sequence(members, "customfields"):
        if isinstance(each, dict) and (name := known.get(_text(each, "name").casefold())) is not None:
            values = (_cut(str(value)) for value in wire.sequence(each, "value") if value is not None)
            found[name] = tuple(values)[:_MOST_SHOWN]
    return {name: found[name] for name in wanted if found.get(name)}


def _part(members: wire.Members, name: str) -> wire.Members:
    """Return a member that is an object, an empty one when it is null or absent. Raises BadAnswer."""
    value = members.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wire.BadAnswer(f"{name} is not an object")
    return value


def _guid(members: wire.Members) -> str:
    """Return the GUID of an object as its path has it: in braces. Raises BadAnswer."""
    spelled = wire.text(members, "guid")
    if not _GUID.fullmatch(spelled):
        raise wire.BadAnswer("a GUID is not spelled like one")
    return "{" + spelled.strip("{}").lower() + "}"


def _is_certificate(kind: str) -> bool:
    return kind.startswith("X509 ") and kind.endswith("Certificate")


def _text(members: wire.Members, name: str) -> str:
    return _cut(wire.text(members, name))


def _cut(text: str) -> str:
    """Keep the beginning of a text that no sound answer has so long."""
    return text if len(text) <= _KEPT else text[:_KEPT] + "…"
