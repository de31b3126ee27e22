"""Which certificate is behind a ticket: read over real HTTP, in few calls; trouble is no more than a sentence."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.codec import decode, plain
from reconciler.model.certificate import (
    Certificate,
    CertificateContext,
    Difference,
    Installations,
    Key,
    NameKind,
    Purpose,
    SubjectNames,
)
from reconciler.model.settings import ContextSettings
from reconciler.sandbox.behaviour import DEFAULT_PROFILE, PROFILES, Behaviour
from reconciler.sandbox.certificates import Asked, StoredCertificate
from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import APPROVER, Seed
from reconciler.tpp.certificates import NOT_SEEN, certificate_reader
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.wire import LARGEST_ANSWER
from tests.builders import NOW, at
from tests.fakes import FakeClock
from tests.sandbox.description import bodies, document
from tests.tpp.answering import AnsweringServer, http
from tests.tpp.opening import session_with

SHOP = r"\VED\Policy\Shop"
PAY = SHOP + r"\pay.example.test"
CONTEXT_CALLS = {"resolveDn", "searchCertificates", "readCertificate"}


@dataclass
class Shop:
    """A sandbox with certificates, and what asks it for them."""

    sandbox: Sandbox
    clock: FakeClock

    def add(self, name: str, *, ticket: bool = True, **said: Any) -> str:
        dn = name if name.startswith("\\") else f"{SHOP}\\{name}"
        self.sandbox.certificates.add(StoredCertificate(object=dn, **said), NOW)
        if ticket:
            self.sandbox.world.add_ticket(object=dn)
        return dn

    def read(self, *objects: str, full: bool = True, scope: str = "certificate", **settings: Any) -> dict[str, Any]:
        token = self.sandbox.issue(scope)
        with session_with(self.sandbox.url, clock=self.clock, secrets=Secrets(token=Secret(token))) as session:
            reader = certificate_reader(session, ContextSettings(**settings))
            return dict(reader.read(dict.fromkeys(objects, full)))

    def one(self, dn: str, **said: Any) -> CertificateContext:
        found: CertificateContext = self.read(dn, **said)[dn]
        return found

    @property
    def calls(self) -> list[str]:
        return [entry.operation for entry in self.sandbox.log.entries if entry.operation in CONTEXT_CALLS]


@contextmanager
def shop(behaviour: Behaviour = PROFILES[DEFAULT_PROFILE]) -> Iterator[Shop]:
    clock = FakeClock()
    with running_sandbox(Seed(behaviour=behaviour), clock=clock) as sandbox:
        yield Shop(sandbox, clock)


@pytest.fixture
def open_shop() -> Iterator[Shop]:
    with shop() as running:
        yield running


PAY_SAID: Mapping[str, Any] = {
    "dns": ("pay.example.test", "old.example.test"),
    "ip": ("192.0.2.7",),
    "asked": Asked(dns=("PAY.example.test", "api.example.test"), size=3072),
    "expires_in": timedelta(days=12),
    "consumers": tuple(f"{SHOP}\\lb-{number:02}\\pay" for number in range(7)),
    "contacts": ("local:{0f0e0d0c-0000-4000-8000-000000000001}",),
    "custom_fields": {"Cost centre": ("4711",), "Secret note": ("x",)},
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_renewal_is_read_with_everything_that_reviewers_need(profile: str) -> None:
    with shop(PROFILES[profile]) as running:
        running.add("pay.example.test", **PAY_SAID)
        found = running.one(PAY, fields=("cost CENTRE",))
    assert found == CertificateContext(
        Certificate(
            common_name="pay.example.test",
            names=SubjectNames(dns=("pay.example.test", "old.example.test"), ip=("192.0.2.7",)),
            issuer='CN=Example Issuing CA 2, O="Example, Ltd.", C=DE',
            serial="4F00A1B2C3",
            key=Key("RSA", 2048),
            valid_from=at("2025-11-02T12:00:00Z"),
            valid_to=at("2026-12-05T12:00:00Z"),
            in_full=True,
            purpose=Purpose.RENEWAL,
            changes=(
                Difference("key", "RSA 2048", "RSA 3072"),
                Difference("dns", old="old.example.test"),
                Difference("dns", new="api.example.test"),
            ),
            asked_key=Key("RSA", 3072),
            authority=r"\VED\Policy\CA\Web 398",
            stage=500,
            status="Pending workflow resolution",
            installations=Installations(7, tuple(f"{SHOP}\\lb-{number:02}\\pay" for number in range(5))),
            contacts=("local:{0f0e0d0c-0000-4000-8000-000000000001}",),
            fields={"cost CENTRE": ("4711",)},
        )
    )
    certificate = found.certificate
    assert certificate is not None
    assert (certificate.dropped, certificate.weaker_key, certificate.wildcard) == (("old.example.test",), False, False)
    assert certificate.issuer_name == "Example Issuing CA 2"


def test_a_first_issue_has_what_is_asked_for_and_no_end(open_shop: Shop) -> None:
    new = open_shop.add("new.example.test", issued=False, dns=("new.example.test", "*.new.example.test"))
    found = open_shop.one(new).certificate
    assert found is not None
    assert (found.purpose, found.common_name, found.valid_to) == (Purpose.FIRST_ISSUE, "new.example.test", None)
    assert found.names.dns == ("new.example.test", "*.new.example.test")
    assert found.wildcard
    assert found.changes == ()


def test_a_revocation_asks_for_no_change(open_shop: Shop) -> None:
    dn = open_shop.add("pay.example.test", stage=1400, asked=Asked(dns=("other.example.test",)))
    found = open_shop.one(dn).certificate
    assert found is not None
    assert (found.purpose, found.changes) == (Purpose.REVOCATION, ())


def test_a_certificate_in_error_says_so(open_shop: Shop) -> None:
    dn = open_shop.add("pay.example.test", in_error=True, status="Failed to post the CSR", ticket=False)
    found = open_shop.one(dn).certificate
    assert found is not None
    assert (found.in_error, found.status, found.stage) == (True, "Failed to post the CSR", 500)


@pytest.mark.parametrize(
    ("now", "asked", "weaker"),
    [
        ({"size": 3072}, {"size": 2048}, True),
        ({"size": 2048}, {"size": 3072}, False),
        ({"size": 2048}, {"curve": "P256"}, False),
        ({"size": None, "curve": "P384", "algorithm": "ECC"}, {"curve": "P256"}, True),
        ({"size": None, "curve": "secp256r1", "algorithm": "ECC"}, {"curve": "P256"}, False),
    ],
)
def test_keys_of_different_kinds_are_compared_by_strength(
    now: dict[str, Any], asked: dict[str, Any], weaker: bool, open_shop: Shop
) -> None:
    dn = open_shop.add("pay.example.test", asked=Asked(**asked), **now)
    found = open_shop.one(dn).certificate
    assert found is not None
    assert found.weaker_key is weaker


def test_settings_that_state_no_name_drop_none(open_shop: Shop) -> None:
    dn = open_shop.add("pay.example.test", dns=("pay.example.test", "b.example.test"), asked=Asked(dns=()))
    found = open_shop.one(dn).certificate
    assert found is not None
    assert found.changes == ()


# Calls


def test_tickets_of_one_folder_need_one_search_and_a_call_each(open_shop: Shop) -> None:
    objects = [open_shop.add(f"www{number}.example.test") for number in range(40)]
    found = open_shop.read(*objects)
    assert all(each.certificate.in_full for each in found.values())
    assert sorted(set(open_shop.calls)) == ["readCertificate", "searchCertificates"]
    assert (open_shop.calls.count("searchCertificates"), open_shop.calls.count("readCertificate")) == (1, 40)


def test_in_short_the_search_is_all(open_shop: Shop) -> None:
    objects = [open_shop.add(f"www{number}.example.test") for number in range(40)]
    found = open_shop.read(*objects, full=False)
    assert open_shop.calls == ["searchCertificates"]
    one = found[objects[0]].certificate
    assert (one.common_name, one.in_full, one.purpose, one.installations) == ("www0.example.test", False, None, None)


def test_folders_share_a_search_as_far_as_a_query_may_be_long(open_shop: Shop) -> None:
    objects = [open_shop.add(rf"\VED\Policy\Team {number:03}\www.example.test") for number in range(100)]
    found = open_shop.read(*objects, full=False)
    assert all(each.certificate for each in found.values())
    assert len(open_shop.calls) <= 4


def test_a_large_folder_is_paged_and_only_as_long_as_it_pays(open_shop: Shop) -> None:
    for number in range(1100):
        open_shop.sandbox.certificates.add(StoredCertificate(object=f"{SHOP}\\a{number:04}"), NOW)
    last = open_shop.add("zzz.example.test")
    assert open_shop.one(last).certificate is not None
    assert open_shop.calls == ["searchCertificates", "readCertificate"]
    lost = open_shop.add("zzzz.example.test", ticket=False)
    open_shop.sandbox.log.clear()
    assert open_shop.one(lost).certificate is not None
    assert open_shop.calls == ["searchCertificates", "searchCertificates", "resolveDn", "readCertificate"]


@pytest.mark.parametrize(("counted", "searches", "others"), [(True, 3, 0), (False, 2, 11)])
def test_pages_that_are_shorter_than_asked_for_are_followed_where_the_server_counts(
    counted: bool, searches: int, others: int
) -> None:
    with shop(Behaviour(most_rows=100, record_count=counted)) as running:
        named = [running.add(f"www{number:03}.example.test") for number in range(230)]
        wanted = [*named[10:20], *named[-21:]]
        found = running.read(*wanted, full=False)
        assert running.calls.count("searchCertificates") == searches
        # Without a count a short page is the last, and each of the others costs a call of its own.
        assert running.calls.count("resolveDn") == others + (0 if counted else 9)
        assert {each.certificate is not None for each in found.values()} == ({True} if counted else {True, False})


def test_pages_that_are_too_large_are_asked_for_in_smaller_ones(open_shop: Shop) -> None:
    names = tuple(f"{'x' * 60}.{'y' * 60}.{number}.example.test" for number in range(90))
    wanted = [open_shop.add(f"www{number:03}.example.test", dns=names) for number in range(420)]
    wanted += [open_shop.add(rf"\VED\Policy\Other\{number}.example.test") for number in range(3)]
    found = open_shop.read(*wanted, full=False)
    assert all(each.certificate is not None for each in found.values())
    assert open_shop.calls == ["searchCertificates"] * 6


def test_an_answer_that_is_too_large_whatever_is_asked_for_is_told() -> None:
    with (
        AnsweringServer(
            default={"": http(200, "[" + " " * LARGEST_ANSWER + "]"), "dntoguid": http(403, '{"error": "scope"}')}
        ) as server,
        session_with(server.url) as session,
    ):
        found = certificate_reader(session, ContextSettings()).read({PAY: True, SHOP + r"\b": True})
        asked = [parse_qs(urlsplit(heard.path).query)["limit"] for heard in server.heard if "limit=" in heard.path]
    assert {(each.why[:25], each.failed) for each in found.values()} == {("the answer is larger than", True)}
    assert asked == [["500"], ["100"], ["20"], ["4"], ["1"], ["1"]]


def test_a_dn_is_found_in_any_case_and_asked_for_once(open_shop: Shop) -> None:
    open_shop.add("pay.example.test")
    found = open_shop.read(PAY, PAY.upper())
    assert found[PAY] == found[PAY.upper()]
    assert open_shop.calls == ["searchCertificates", "readCertificate"]


def test_a_folder_with_a_comma_is_found_by_its_name(open_shop: Shop) -> None:
    dn = open_shop.add(r"\VED\Policy\Shop, Inc.\pay.example.test")
    assert open_shop.one(dn).certificate is not None
    assert open_shop.calls == ["resolveDn", "readCertificate"]


def test_nothing_asked_is_nothing_called(open_shop: Shop) -> None:
    assert open_shop.read() == {}
    assert open_shop.calls == []


def test_a_scheduled_ticket_is_found_where_the_filter_knows_pending_ones_only() -> None:
    with shop(Behaviour(pending_workflow="pending")) as running:
        dn = running.add("pay.example.test", ticket=False)
        assert running.one(dn).certificate is not None
        assert running.calls == ["searchCertificates", "searchCertificates", "readCertificate"]


# Why there is none


def test_without_the_scope_one_call_says_why(open_shop: Shop) -> None:
    objects = [open_shop.add(f"www{number}.example.test") for number in range(9)]
    found = open_shop.read(*objects, scope="ssh:manage")
    (why,) = {each.why for each in found.values()}
    assert "403" in why
    assert "certificate" in why
    assert all(each.certificate is None for each in found.values())
    assert open_shop.calls == ["searchCertificates"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Apache", "the object is no certificate: its class is Apache"),
        ("SSH Key Usage", "the object is no certificate: its class is SSH Key Usage"),
        (None, "the object does not exist, or the token may not see it"),
    ],
)
def test_something_else_is_named(kind: str | None, why: str, open_shop: Shop) -> None:
    dn = open_shop.add("lb-01", kind=kind) if kind else SHOP + r"\gone"
    assert open_shop.one(dn) == CertificateContext(None, why)
    assert len(open_shop.calls) == 3


def test_of_many_others_only_the_first_are_named(open_shop: Shop) -> None:
    objects = [open_shop.add(f"lb-{number}", kind="Apache") for number in range(50)]
    found = open_shop.read(*objects)
    assert {each.why for each in found.values()} == {"the object is no certificate: its class is Apache", NOT_SEEN}
    assert open_shop.calls.count("resolveDn") == 20


def test_where_dn_to_guid_needs_another_scope_it_is_not_asked_again() -> None:
    with shop(PROFILES["strict-26.1"]) as running:
        running.sandbox.certificates.add(StoredCertificate(object=SHOP + r"\x", kind="Apache"), NOW)
        assert running.one(SHOP + r"\x") == CertificateContext(None, NOT_SEEN)


@pytest.mark.parametrize("profile", PROFILES)
def test_hidden_and_unreadable_certificates_are_no_fault(profile: str) -> None:
    with shop(PROFILES[profile]) as running:
        hidden = running.add("hidden", hidden_from=(APPROVER.name,))
        closed = running.add("closed", closed_to=(APPROVER.name,))
        found = running.read(hidden, closed)
    assert all(each.certificate is None and each.why for each in found.values())


def test_a_slow_server_costs_no_more_than_the_timeout(open_shop: Shop) -> None:
    clock = open_shop.clock

    def slow(_: Any) -> Any:
        clock.at += timedelta(seconds=31)
        return http(200, json.dumps({"Certificates": []}))

    with AnsweringServer(default={"": slow}) as server, session_with(server.url, clock=clock) as session:
        found = certificate_reader(session, ContextSettings()).read({PAY: True, SHOP + r"\b": True})
        assert {each.why for each in found.values()} == {"context.timeout has passed (30 s)"}
        assert len(server.heard) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "<html>login</html>",
        "[]",
        '{"Certificates": 7}',
        '{"Certificates": [7, {"DN": 7}, {"DN": "\\\\VED", "Guid": "x"}]}',
        '{"Certificates": [{"DN": "\\\\VED\\\\Policy\\\\Shop\\\\pay.example.test", "Guid": "../../config"}]}',
        '{"CertificateDetails": {"ValidTo": "tomorrow"}}',
        '{"Guid": "{7b1c0c5e-0d2a-4f57-9a53-2f6d1c0e8a99}"}',
    ],
)
def test_an_answer_that_makes_no_sense_is_a_sentence(answer: str) -> None:
    with AnsweringServer(default={"": http(200, answer)}) as server, session_with(server.url) as session:
        found = certificate_reader(session, ContextSettings()).read({PAY: True})[PAY]
        assert found.certificate is None
        assert found.why
        assert all(
            heard.path.startswith(("/vedsdk/certificates/?", "/vedsdk/Config/DnToGuid")) for heard in server.heard
        )


def test_a_guid_of_the_server_is_spelled_into_the_path(open_shop: Shop) -> None:
    open_shop.add("pay.example.test")
    open_shop.one(PAY)
    (entry,) = [entry for entry in open_shop.sandbox.log.entries if entry.operation == "readCertificate"]
    assert entry.method == "GET"


def test_huge_certificates_are_cut(open_shop: Shop) -> None:
    names = tuple(f"host{number}.example.test" for number in range(500))
    dn = open_shop.add("pay.example.test", dns=names, asked=Asked(dns=("x" * 5000 + ".test",)))
    found = open_shop.one(dn).certificate
    assert found is not None
    assert (len(found.names.dns), found.names.more, found.names.count) == (100, 400, 500)
    assert (len(found.changes), found.more_changes) == (100, 401)
    assert max(len(each.old + each.new) for each in found.changes) <= 257
    assert all(kind is NameKind.DNS for kind, _ in found.names)


def test_a_query_is_one_that_iis_takes(open_shop: Shop) -> None:
    with (
        AnsweringServer(default={"": http(200, '{"Certificates": []}')}) as server,
        session_with(server.url) as session,
    ):
        objects = {rf"\VED\Policy\Straße & Söhne {number:04}\a=b?c": False for number in range(300)}
        certificate_reader(session, ContextSettings()).read(objects)
        asked = [urlsplit(heard.path) for heard in server.heard if "?" in heard.path]
    assert asked
    assert all(len(url.query) <= 2048 for url in asked)
    folders = {name for url in asked for name in parse_qs(url.query)["parentdn"][0].split(",")}
    assert folders == {dn.rpartition("\\")[0] for dn in objects}


# The description drives both sides


def described(name: str) -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["schemas"][name]
    return found


@settings(max_examples=40, deadline=None)
@given(page=bodies(described("SearchPage")), details=bodies(described("Certificate")), at=st.integers(0, 3))
def test_every_answer_that_the_description_allows_is_read_or_said_to_make_no_sense(
    page: dict[str, Any], details: dict[str, Any], at: int
) -> None:
    known = {"DN": PAY, "Guid": "{7b1c0c5e-0d2a-4f57-9a53-2f6d1c0e8a11}"}
    rows = page.get("Certificates") or []
    page["Certificates"] = [*rows[:at], {**(rows[0] if rows else {}), **known}, *rows[at:]]
    answers = {"": http(200, json.dumps(page)), "dntoguid": http(200, '{"Result": 400}')}
    other = http(200, json.dumps({**details, "Guid": known["Guid"]}))
    with AnsweringServer(default=answers, otherwise=other) as server, session_with(server.url) as session:
        found = certificate_reader(session, ContextSettings(fields=("a", ""))).read({PAY: True})[PAY]
    assert found.certificate or found.why
    assert decode(json.dumps(plain(found)).encode(), CertificateContext) == found


def test_what_is_asked_is_in_the_description() -> None:
    with (
        AnsweringServer(default={"": http(200, '{"Certificates": []}')}) as server,
        session_with(server.url) as session,
    ):
        certificate_reader(session, ContextSettings()).read({PAY: True})
        heard = list(server.heard)
    said = document()["paths"]["/vedsdk/certificates/"]["get"]["parameters"]
    known = {each["name"] for each in said if each["in"] == "query"}
    asked = [urlsplit(each.path) for each in heard if each.method == "GET"]
    assert asked
    assert all(url.path == "/vedsdk/certificates/" for url in asked)
    assert all(set(parse_qs(url.query, keep_blank_values=True)) <= known for url in asked)
    (looked_up,) = [each for each in heard if each.method == "POST"]
    body = document()["paths"]["/vedsdk/config/dntoguid"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    assert set(looked_up.json) == set(body["required"])
