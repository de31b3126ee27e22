"""What servers may do otherwise, each behind a switch; the profiles are named sets of them."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.sandbox import PROFILES as OFFERED
from reconciler.errors import InvalidInput
from reconciler.sandbox.behaviour import PROFILES, Behaviour
from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import APPROVER, JOE, Seed, decode_seed
from reconciler.sandbox.wrong_answers import gateway
from tests.builders import OBJECT, WORKFLOW, guid
from tests.fakes import FakeClock
from tests.sandbox.client import TICKET, Client

AUTHORIZE = "/vedauth/authorize/"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
START, STOP = "2026-11-28T22:00:00.000000Z", "2026-11-29T02:00:00.000000Z"
DOCUMENTED = Path(__file__).parents[2] / "docs" / "tpp.md"


@pytest.fixture
def strict() -> Iterator[Sandbox]:
    with running_sandbox(Seed(behaviour=PROFILES["strict-26.1"]), clock=FakeClock()) as running:
        yield running


def behaving(**switches: Any) -> Any:
    return running_sandbox(Seed(behaviour=Behaviour(**switches)), clock=FakeClock())


def test_the_strict_profile_wants_scopes_for_refresh_and_self(strict: Sandbox) -> None:
    with Client(strict.url, strict.token) as client:
        refused = client.get("/vedsdk/permissions/refresh")
        assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    with Client(strict.url, strict.issue("certificate:approve")) as client:
        assert client.get("/vedsdk/identity/self").status_code == 403
        assert client.get(AUTHORIZE + "verify").json()["identity"] == APPROVER.universal
    with Client(strict.url, strict.issue("security;configuration")) as client:
        assert client.get("/vedsdk/permissions/refresh").json() == {"Result": 1}
        assert client.get("/vedsdk/identity/self").status_code == 200


def test_the_strict_profile_refuses_one_ticket_with_401_and_a_result(strict: Sandbox) -> None:
    strict.world.add_ticket(guid(1), denied=[APPROVER.name])
    strict.world.add_ticket(guid(2), approvers=[JOE.name])
    strict.world.add_ticket(guid(3))
    with Client(strict.url, strict.token) as client:
        denied = client.post(TICKET + "details", GUID=guid(1))
        not_mine = client.post(TICKET + "updatestatus", GUID=guid(2), Status="Approved")
        mine = client.post(TICKET + "updatestatus", GUID=guid(3), Status="Approved")

    assert (denied.status_code, denied.json()["Result"]) == (401, 4)
    assert (not_mine.status_code, not_mine.json()) == (401, {"Result": 4})
    assert (mine.status_code, mine.json()) == (200, {"Result": 1})


def test_the_strict_profile_says_400_and_500_with_a_workflow_body(strict: Sandbox) -> None:
    strict.world.add_ticket(guid(1))
    with Client(strict.url, strict.token) as client:
        gone = client.post(TICKET + "details", GUID=guid(9))
        lacking = client.post(TICKET + "updatestatus", GUID=guid(1))
        client.update(guid(1), "Approved")
        too_late = client.post(TICKET + "updatestatus", GUID=guid(1), Status="Rejected")

    assert (gone.status_code, gone.json()["Result"]) == (400, 3)
    assert (lacking.status_code, lacking.json()) == (400, {"Result": 5})
    assert (too_late.status_code, too_late.json()) == (500, {"Result": 2})


def test_unknown_members_are_refused_or_ignored(strict: Sandbox) -> None:
    strict.world.add_ticket(guid(1))
    with Client(strict.url, strict.token) as client:
        refused = client.post(TICKET + "updatestatus", GUID=guid(1), Status="Approved", Reason="more")
    assert (refused.status_code, refused.json()) == (400, {"Result": 5})
    assert strict.world.tickets[guid(1)].status == "Pending"
    with behaving() as kind, Client(kind.url, kind.token) as client:
        kind.world.add_ticket(guid(1))
        assert client.update(guid(1), "Approved", Reason="more") == 1


def test_the_case_of_members_counts_or_does_not() -> None:
    with behaving(member_case="any") as lenient, Client(lenient.url, lenient.token) as client:
        lenient.world.add_ticket(guid(1))
        assert client.post(TICKET + "status", guid=guid(1)).json() == {"Status": "Pending", "Result": 1}
    with behaving() as exact, Client(exact.url, exact.token) as client:
        exact.world.add_ticket(guid(1))
        assert client.post(TICKET + "status", guid=guid(1)).status_code == 400


@pytest.mark.parametrize("profile", PROFILES)
def test_create_takes_one_approver_or_a_list(profile: str) -> None:
    one = {"PrefixedName": JOE.name}
    with running_sandbox(Seed(behaviour=PROFILES[profile])) as sandbox, Client(sandbox.url, sandbox.token) as client:
        for approvers in (one, [one]):
            made = client.ticket(
                "create", ObjectDN=OBJECT, WorkflowDN=WORKFLOW, Approvers=approvers, Reason=1, UserData="x"
            )
            assert made["Result"] == 1
        without = client.ticket("create", ObjectDN=OBJECT, WorkflowDN=WORKFLOW, Approvers=[one], Reason=1)

        assert without["Result"] == (5 if profile == "strict-26.1" else 1)
        assert [ticket.approvers for ticket in sandbox.world.tickets.values()][:2] == [(JOE.universal,)] * 2


@pytest.mark.parametrize("member", ["ApprovalExplanation", "ApprovalReason"])
def test_the_approver_s_text_is_in_either_member(member: str) -> None:
    with behaving(explanation_in=member) as sandbox, Client(sandbox.url, sandbox.token) as client:
        sandbox.world.add_ticket(guid(1), approvers=[APPROVER.name, JOE.name], reason="why it stops")
        client.update(guid(1), "Approved", Explanation="[op:6a1f09c2d4e7]")
        details = client.ticket("details", guid(1))

    (other,) = {"ApprovalExplanation", "ApprovalReason"} - {member}
    assert (details[member], details[other]) == ("[op:6a1f09c2d4e7]", "why it stops")


@pytest.mark.parametrize(("kept", "stop", "still_there"), [("ignored", None, False), ("kept", STOP, True)])
def test_a_stop_beside_approved_after_is_ignored_or_kept(kept: str, stop: str | None, still_there: bool) -> None:
    with (
        behaving(after_stop=kept, times="iso") as sandbox,
        Client(sandbox.url, sandbox.token) as client,
    ):
        sandbox.world.add_ticket(guid(1))
        client.update(guid(1), "Approved After", ScheduledStart=START, ScheduledStop=STOP)
        details = client.ticket("details", guid(1))
        sandbox.world.pause()
        sandbox.world.advance(7 * 86400)
        sandbox.world.resume()
        sandbox.world.process()

        assert details["Status"] == "Approved After"
        assert (details["ScheduledStop"] is None) is (stop is None)
        assert (guid(1) in sandbox.world.tickets) is still_there


@pytest.mark.parametrize(("missed", "status"), [("kept", "Approved Between"), ("reopened", "Pending")])
def test_a_ticket_whose_window_was_missed_keeps_its_status_or_is_open_again(missed: str, status: str) -> None:
    with behaving(missed_window=missed) as sandbox, Client(sandbox.url, sandbox.token) as client:
        sandbox.world.add_ticket(guid(1))
        client.update(guid(1), "Approved Between", ScheduledStart=START, ScheduledStop=STOP)
        sandbox.world.pause()
        sandbox.world.advance(7 * 86400)
        sandbox.world.resume()
        sandbox.world.process()

        assert client.ticket("details", guid(1))["Status"] == status


def test_tokens_end_as_those_of_the_vendor_s_pages_do(sandbox: Sandbox, client: Client) -> None:
    grant = client.post(
        AUTHORIZE + "oauth",
        client_id="reconciler",
        username="jdoe",
        password="passw0rd-of-joe",
        scope="certificate:approve",
    ).json()

    assert all(token.endswith("==") for token in (sandbox.token, grant["access_token"], grant["refresh_token"]))


def test_verify_tells_the_end_of_the_grant_and_the_seconds_of_the_token(sandbox: Sandbox, client: Client) -> None:
    verified = client.get(AUTHORIZE + "verify").json()

    assert verified["expires_ISO8601"] == "2027-11-23T12:00:00Z"
    assert verified["valid_for"] == 90 * 86400
    with behaving(grant_lifetime=timedelta(0)) as endless, Client(endless.url, endless.token) as client:
        verified = client.get(AUTHORIZE + "verify").json()
        assert (verified["expires"], verified["expires_ISO8601"], verified["expires_unix_time"]) == (None, None, 0)


def test_a_device_waits_until_somebody_lets_it_in(sandbox: Sandbox) -> None:
    with Client(sandbox.url, None) as client:

        def poll(codes: dict[str, Any]) -> Any:
            return client.post(
                AUTHORIZE + "token", client_id="reconciler", grant_type=DEVICE_GRANT, device_code=codes["device_code"]
            ).json()

        def start() -> dict[str, Any]:
            form = {"client_id": "reconciler", "scope": "certificate:approve"}
            codes: dict[str, Any] = client.session.post(sandbox.url + AUTHORIZE + "device", data=form).json()
            return codes

        codes = start()
        assert poll(codes)["error"] == "authorization_pending"
        said = client.post("/sandbox/device", user_code=codes["user_code"], identity=JOE.name).json()
        assert said["answer"] == JOE.universal
        assert poll(codes)["identity"] == JOE.universal
        assert poll(codes)["error"] == "invalid_grant"

        refused, late = start(), start()
        client.post("/sandbox/device", user_code=refused["user_code"])
        assert poll(refused)["error"] == "access_denied"
        sandbox.world.advance(901)
        assert poll(late)["error"] == "expired_token"
        assert client.post("/sandbox/device", user_code="nobody").status_code == 400


def test_integrated_authentication_has_to_be_negotiated(sandbox: Sandbox) -> None:
    wish = {"client_id": "reconciler", "scope": "certificate:approve"}
    with Client(sandbox.url, None) as client:
        first = client.post(AUTHORIZE + "integrated", **wish)
        assert (first.status_code, first.headers["WWW-Authenticate"]) == (401, "Negotiate")
        client.session.headers["Authorization"] = "Negotiate " + base64.b64encode(b"jdoe").decode()
        assert client.post(AUTHORIZE + "integrated", **wish).json()["identity"] == JOE.universal
        client.session.headers["Authorization"] = "Negotiate " + base64.b64encode(b"nobody").decode()
        assert client.post(AUTHORIZE + "integrated", **wish).status_code == 400


def test_the_authorisation_server_can_be_asked_for_without_a_token(sandbox: Sandbox) -> None:
    with Client(sandbox.url, None) as client:
        assert client.get(AUTHORIZE + "IsAuthServer").status_code == 200


def test_an_effect_may_come_after_the_error_that_answered_the_call(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    sandbox.faults.add(gateway(504), operation="ticketUpdateStatus", times=1, late=60)

    assert client.post(TICKET + "updatestatus", GUID=guid(1), Status="Rejected").status_code == 504
    assert client.ticket("details", guid(1))["Status"] == "Pending"
    assert sandbox.log.effects == ()
    sandbox.world.advance(59)
    assert client.ticket("details", guid(1))["Status"] == "Pending"
    sandbox.world.advance(1)
    assert client.ticket("details", guid(1))["Status"] == "Rejected"
    assert [entry.status for entry in sandbox.log.effects] == [504]


def test_a_settled_ticket_is_there_again_after_a_restored_database(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    client.update(guid(1), "Approved")
    sandbox.world.process()
    assert client.ticket("details", guid(1))["Result"] == 3
    client.post("/sandbox/tickets/restore", guid=guid(1))

    assert client.ticket("details", guid(1))["Status"] == "Pending"
    assert client.post("/sandbox/tickets/restore", guid=guid(2)).status_code == 400


def test_a_seed_names_a_profile_and_may_differ_from_it() -> None:
    seed = decode_seed({"server": {"profile": "strict-26.1", "denied_status": 200}}, "seed.yaml")

    assert (seed.behaviour.denied_status, seed.behaviour.failure_status) == (200, 400)
    assert decode_seed({}, "seed.yaml", "lenient-24").behaviour == PROFILES["lenient-24"]
    with pytest.raises(InvalidInput) as caught:
        decode_seed({"server": {"profile": "strictest"}}, "seed.yaml")
    assert [(problem.message, problem.hint) for problem in caught.value.problems] == [
        ("server.profile: 'strictest' is not known", "known are: 26.1, strict-26.1, lenient-24, old-20.3")
    ]


def test_the_command_offers_every_profile() -> None:
    assert tuple(PROFILES) == OFFERED


def test_every_switch_is_documented() -> None:
    page = DOCUMENTED.read_text(encoding="utf-8")

    assert [name for name in Behaviour.__struct_fields__ if f"`{name}`" not in page] == []
