"""Change records of ServiceNow, with the oddities that its reference tells of."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from reconciler.changes.backends import open_change_records
from reconciler.errors import CredentialsRefused
from reconciler.model.change_record import (
    ChangeKind,
    ChangeQuestion,
    ChangeRecord,
    ChangeSystem,
    LookupFailure,
    NoChangeRecord,
)
from reconciler.sandbox.change_systems import Account, ChangeSystems, TableRow
from reconciler.sandbox.running import Listening, running_sandbox, server_context
from tests.changes.conftest import PURPOSE, look_up
from tests.changes.wire import answering, said
from tests.fakes import FakeClock

PASSWORD = "pass-word-of-the-table"
BASIC = {"CHANGE_RECORDS_USERNAME": "svc", "CHANGE_RECORDS_PASSWORD": PASSWORD}
ACCOUNT = Account(
    "svc", PASSWORD, token="token-of-the-table", api_key="key-of-the-table", client_id="id", client_secret="the-secret"
)
SCHEDULED = TableRow(
    "CHG0041234",
    {
        "state": "-2",
        "approval": "approved",
        "type": "Normal",
        "start_date": "2026-11-28 22:00:00",
        "end_date": "2026-11-29 02:00:00",
        "on_hold": "false",
        "active": "true",
        "short_description": "Web tier, weekend 48",
        "assignment_group": "0a1b",
        "cmdb_ci": "c1",
        "cmdb_ci.name": "www.example.com",
        "assignment_group.name": "PKI",
        "requested_by": "6816f79c",
        "requested_by.user_name": "jdoe",
    },
    {"state": "Geplant", "start_date": "28.11.2026 23:00:00"},
)
Serve = Callable[[ChangeSystems], str]


def systems(*rows: TableRow, **more: object) -> ChangeSystems:
    return ChangeSystems(ACCOUNT, rows, **more)  # type: ignore[arg-type]


def test_a_record_is_read_with_its_window_in_utc(serve: Serve) -> None:
    url = serve(systems(SCHEDULED))
    clock = FakeClock()
    assert look_up(url, "CHG0041234", environ=BASIC, clock=clock) == {
        "CHG0041234": ChangeRecord(
            id="CHG0041234",
            seen_at=clock.now(),
            state="scheduled",
            approval="approved",
            type="normal",
            start=datetime(2026, 11, 28, 22, tzinfo=UTC),
            stop=datetime(2026, 11, 29, 2, tzinfo=UTC),
            url=f"{url}/nav_to.do?uri=change_request.do%3Fsysparm_query%3Dnumber%3DCHG0041234",
            title="Web tier, weekend 48",
            group="PKI",
            requester="jdoe",
            affected=("www.example.com",),
        )
    }


def test_what_is_not_set_is_empty_and_an_id_in_lower_case_is_the_same_record(serve: Serve) -> None:
    found = look_up(serve(systems(TableRow("CHG0000001", {"state": "-5"}))), "chg0000001", environ=BASIC)["chg0000001"]
    assert isinstance(found, ChangeRecord)
    assert (found.id, found.state, found.start, found.stop, found.on_hold) == ("CHG0000001", "new", None, None, False)


@pytest.mark.parametrize(
    ("fields", "closed"),
    [({"state": "3"}, True), ({"state": "4"}, True), ({"active": "false"}, True), ({"state": "0"}, False)],
)
def test_closed_is_a_state_or_an_inactive_record(serve: Serve, fields: dict[str, str], closed: bool) -> None:
    found = look_up(serve(systems(TableRow("CHG0000001", fields))), "CHG0000001", environ=BASIC)["CHG0000001"]
    assert isinstance(found, ChangeRecord)
    assert found.closed is closed


def test_a_site_can_name_states_of_its_own(serve: Serve) -> None:
    url = serve(systems(TableRow("CHG0000001", {"state": "7"})))
    found = look_up(url, "CHG0000001", environ=BASIC, states={"7": "Closed"})["CHG0000001"]
    assert isinstance(found, ChangeRecord)
    assert (found.state, found.closed) == ("closed", True)


@pytest.mark.parametrize("row", [SCHEDULED, TableRow("CHG0009999", hidden=True)])
def test_an_absent_record_and_a_hidden_one_look_alike(serve: Serve, row: TableRow) -> None:
    found = look_up(serve(systems(row)), "CHG0009999", environ=BASIC)["CHG0009999"]
    assert isinstance(found, NoChangeRecord)
    assert found.failure is LookupFailure.NOT_FOUND
    assert found.why == "it is absent, or this account may not see it"


@pytest.mark.parametrize("asked", ["CHG1^ORactive=true", "CHG1,CHG2", "", "CHG 1", "number", "CHG0041234\n^NQ"])
def test_an_id_that_would_widen_the_query_is_never_sent(asked: str) -> None:
    with answering(said("500 Oh")) as (url, server):
        found = look_up(url, asked, environ=BASIC)[asked]
    assert isinstance(found, NoChangeRecord)
    assert found.failure is LookupFailure.NOT_FOUND
    assert server.received == []


def test_a_row_that_nobody_asked_for_makes_the_whole_answer_worthless() -> None:
    body = b'{"result": [{"number": "CHG0041234", "state": "-2"}, {"number": "CHG0000007", "state": "-1"}]}'
    with answering(said("200 OK", body)) as (url, _):
        found = look_up(url, "CHG0041234", environ=BASIC)["CHG0041234"]
    assert isinstance(found, NoChangeRecord)
    assert found.failure is LookupFailure.UNAVAILABLE
    assert "nobody asked for" in found.why


def test_two_records_of_one_number_are_no_record(serve: Serve) -> None:
    found = look_up(serve(systems(SCHEDULED, SCHEDULED)), "CHG0041234", environ=BASIC)["CHG0041234"]
    assert isinstance(found, NoChangeRecord)
    assert (found.failure, found.why) == (LookupFailure.UNAVAILABLE, "2 records have this number")


def test_sixty_changes_need_two_calls() -> None:
    numbers = [f"CHG{number:07d}" for number in range(60)]
    first = b'{"result": [%s]}' % b",".join(b'{"number": "%s"}' % each.encode() for each in numbers[:50])
    second = b'{"result": [%s]}' % b",".join(b'{"number": "%s"}' % each.encode() for each in numbers[50:])
    with answering(said("200 OK", first), said("200 OK", second)) as (url, server):
        found = look_up(url, *numbers, *numbers, environ=BASIC)
    assert len(server.received) == 2
    assert all(isinstance(each, ChangeRecord) for each in found.values())
    assert len(found) == 60


def test_pages_are_followed_by_their_number_and_never_by_the_servers_link(serve: Serve) -> None:
    numbers = [f"CHG{number:07d}" for number in range(3)]
    url = serve(systems(*(TableRow(each, {"state": "-1"}) for each in numbers), page=1))
    assert all(isinstance(each, ChangeRecord) for each in look_up(url, *numbers, environ=BASIC).values())


@pytest.mark.parametrize(
    "environ",
    [
        BASIC,
        {"CHANGE_RECORDS_TOKEN": "token-of-the-table"},
        {"CHANGE_RECORDS_API_KEY": "key-of-the-table"},
        {"CHANGE_RECORDS_CLIENT_ID": "id", "CHANGE_RECORDS_CLIENT_SECRET": "the-secret"},
        BASIC | {"CHANGE_RECORDS_CLIENT_ID": "id", "CHANGE_RECORDS_CLIENT_SECRET": "the-secret"},
    ],
)
def test_every_way_to_sign_in_works(serve: Serve, environ: dict[str, str]) -> None:
    assert isinstance(look_up(serve(systems(SCHEDULED)), "CHG0041234", environ=environ)["CHG0041234"], ChangeRecord)


def test_a_wrong_password_is_told_with_the_servers_words_and_without_the_password(serve: Serve) -> None:
    url = serve(systems(SCHEDULED))
    found = look_up(url, "CHG0041234", environ=BASIC | {"CHANGE_RECORDS_PASSWORD": "wrong-password"})["CHG0041234"]
    assert isinstance(found, NoChangeRecord)
    assert found.failure is LookupFailure.UNAVAILABLE
    assert found.why.startswith("it does not accept the credential (401): User Not Authenticated")
    assert "wrong-password" not in repr(found)


def test_no_credential_and_a_wrong_client_secret_end_before_any_record_is_asked_for(serve: Serve) -> None:
    with pytest.raises(CredentialsRefused, match="there is no credential for the change records"):
        look_up("https://instance.example.test", "CHG0041234", environ={})
    wrong = {"CHANGE_RECORDS_CLIENT_ID": "id", "CHANGE_RECORDS_CLIENT_SECRET": "wrong-secret"}
    with pytest.raises(CredentialsRefused, match="does not accept the credential") as caught:
        look_up(serve(systems(SCHEDULED)), "CHG0041234", environ=wrong)
    assert "wrong-secret" not in str(caught.value) + caught.value.hint


WHOLE = b'{"result": [{"number": "CHG0041234", "state": "-1"}]}'
BAD_DAYS = {
    "asleep": said("200 OK", b"<html>hibernating</html>", kind="text/html"),
    "html as json": said("200 OK", b"<html></html>"),
    "half a page": said("200 OK", WHOLE)[:-10],
    "no list": said("200 OK", b'{"result": {"number": "CHG0041234"}}'),
    "a list alone": said("200 OK", b"[]"),
    "an error inside": said(
        "200 OK", b'{"result": [{"number": "CHG0041234"}], "error": {"message": "Transaction cancelled"}}'
    ),
    "redirect": said("302 Found", headers="Location: https://elsewhere.example.test/\r\n"),
    "forbidden": said(
        "403 Forbidden", b'{"error": {"message": "Insufficient rights to query records", "detail": null}}'
    ),
    "away": said("503 Service Unavailable"),
    "nothing": b"",
    "an odd time": said("200 OK", b'{"result": [{"number": "CHG0041234", "start_date": "28.11.2026"}]}'),
}


@pytest.mark.parametrize("answer", BAD_DAYS.values(), ids=BAD_DAYS)
def test_whatever_goes_wrong_is_no_record_and_no_proof_of_absence(answer: bytes) -> None:
    with answering(answer) as (url, server):
        found = look_up(url, "CHG0041234", environ=BASIC)["CHG0041234"]
    assert isinstance(found, NoChangeRecord)
    assert found.failure is LookupFailure.UNAVAILABLE
    assert PASSWORD not in repr(found)
    assert len(server.received) <= 3
    assert not any(b"elsewhere" in request for request in server.received)


def test_a_busy_server_is_asked_again_after_the_time_that_it_names() -> None:
    clock = FakeClock()
    before = clock.monotonic()
    with answering(said("429 Too Many", headers="Retry-After: 7\r\n"), said("200 OK", WHOLE)) as (url, server):
        found = look_up(url, "CHG0041234", environ=BASIC, clock=clock)["CHG0041234"]
    assert isinstance(found, ChangeRecord)
    assert len(server.received) == 2
    assert clock.monotonic() - before == pytest.approx(7)


def test_a_server_that_asks_for_an_hour_is_not_waited_for_so_long() -> None:
    clock = FakeClock()
    before = clock.monotonic()
    with answering(said("429 Too Many", headers="Retry-After: 3600\r\n")) as (url, _):
        look_up(url, "CHG0041234", environ=BASIC, clock=clock)
    assert clock.monotonic() - before <= 60


def test_nothing_of_the_machine_signs_a_request(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login nobody password from-netrc\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with answering(said("200 OK", WHOLE)) as (url, server):
        look_up(url, "CHG0041234", environ={"CHANGE_RECORDS_API_KEY": "key-of-the-table"})
    assert b"Authorization" not in server.received[0]
    assert b"x-sn-apikey: key-of-the-table" in server.received[0]


def test_a_private_authority_is_trusted_where_it_is_named_and_nowhere_else(tmp_path: Path) -> None:
    authority = trustme.CA()
    bundle, server, absent = tmp_path / "ca.pem", tmp_path / "server.pem", tmp_path / "absent.pem"
    authority.cert_pem.write_to_path(bundle)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(server)
    with running_sandbox(listening=Listening(changes=systems(SCHEDULED), tls=server_context(server))) as sandbox:
        found = look_up(sandbox.url, "CHG0041234", environ=BASIC, ca_bundle=str(bundle))
        assert isinstance(found["CHG0041234"], ChangeRecord)
        for more, why in (
            ({}, "its certificate is not trusted"),
            ({"ca_bundle": str(absent)}, f"{absent} is not a file"),
        ):
            refused = look_up(sandbox.url, "CHG0041234", environ=BASIC, **more)["CHG0041234"]
            assert isinstance(refused, NoChangeRecord)
            assert (refused.failure, refused.hint) == (LookupFailure.UNAVAILABLE, "set change_records.ca_bundle")
            assert refused.why.startswith(why)


def test_a_companys_proxy_is_used_but_for_what_it_is_not_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(said("200 OK", WHOLE)) as (url, proxy):
        monkeypatch.setenv("http_proxy", url)
        look_up("http://cmdb.example.com", "CHG0041234", environ=BASIC)
        assert proxy.received[0].startswith(b"GET http://cmdb.example.com/api/now/table/change_request?")
        proxy.received.clear()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with answering(said("200 OK", WHOLE)) as (direct, _):
            look_up(direct, "CHG0041234", environ=BASIC)
        assert proxy.received == []


def test_affected_items_are_those_of_the_record_and_of_its_list(serve: Serve) -> None:
    url = serve(systems(TableRow("CHG0041234", {"cmdb_ci": "c1", "cmdb_ci.name": "www"}, items=("shop", "api"))))
    system, clock = ChangeSystem(ChangeKind.SERVICENOW, url), FakeClock()
    records = open_change_records(system, clock, PURPOSE, BASIC, affected=True)
    found = records.lookup([ChangeQuestion("CHG0041234")])["CHG0041234"]
    assert isinstance(found, ChangeRecord)
    assert found.affected == ("www", "shop", "api")
