"""The authorisation server: grants, rotation, expiry, scopes."""

import pytest
import requests

from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.grants import allows, covers
from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import APPROVER, FULL_SCOPE, JANE, JOE, PKI_TEAM, Seed, TokenSeed
from tests.builders import OBJECT, WORKFLOW, guid
from tests.fakes import FakeClock
from tests.sandbox.client import TICKET, Client

LOGIN = {
    "client_id": "reconciler",
    "username": "svc-approver",
    "password": "correct horse battery staple",
    "scope": "certificate:approve;configuration",
}
AUTHORIZE = "/vedauth/authorize/"


def login(client: Client, **changes: str) -> requests.Response:
    return client.post(AUTHORIZE + "oauth", **(LOGIN | changes))


def as_bearer(client: Client, token: str) -> Client:
    client.session.headers["Authorization"] = f"Bearer {token}"
    return client


def test_a_password_gives_a_grant_that_verify_describes(client: Client) -> None:
    grant = login(client).json()
    verified = as_bearer(client, grant["access_token"]).get(AUTHORIZE + "verify").json()

    assert {name: grant[name] for name in ("expires", "expires_in", "identity", "scope", "token_type")} == {
        "expires": 1795435200 + 90 * 86400,
        "expires_in": 90 * 86400,
        "identity": APPROVER.universal,
        "scope": "certificate:approve;configuration",
        "token_type": "Bearer",
    }
    assert verified == {
        "access_issued_on": "2026-11-23T12:00:00Z",
        "access_issued_on_ISO8601": "2026-11-23T12:00:00Z",
        "access_issued_on_unix_time": 1795435200,
        "application": "reconciler",
        "expires": "2027-11-23T12:00:00Z",
        "expires_ISO8601": "2027-11-23T12:00:00Z",
        "expires_unix_time": 1795435200 + 365 * 86400,
        "grant_issued_on": "2026-11-23T12:00:00Z",
        "grant_issued_on_ISO8601": "2026-11-23T12:00:00Z",
        "grant_issued_on_unix_time": 1795435200,
        "identity": APPROVER.universal,
        "scope": "certificate:approve;configuration",
        "valid_for": 90 * 86400,
    }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"password": "wrong"}, "invalid_grant"),
        ({"password": "wrong \u20ac"}, "invalid_grant"),
        ({"username": "nobody"}, "invalid_grant"),
        ({"client_id": "unknown"}, "invalid_client"),
        ({"scope": "security:manage"}, "invalid_scope"),
        ({"scope": "certificate:approve,everything"}, "invalid_scope"),
    ],
)
def test_a_login_that_is_not_in_order_is_refused_with_400(client: Client, changes: dict[str, str], error: str) -> None:
    answer = login(client, **changes)

    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_refresh_token_works_once(client: Client) -> None:
    first = login(client).json()
    second = client.post(AUTHORIZE + "token", client_id="reconciler", refresh_token=first["refresh_token"])
    again = client.post(AUTHORIZE + "token", client_id="reconciler", refresh_token=first["refresh_token"])
    third = client.post(AUTHORIZE + "token", client_id="reconciler", refresh_token=second.json()["refresh_token"])

    assert [answer.status_code for answer in (second, again, third)] == [200, 400, 200]
    assert again.json()["error"] == "invalid_grant"
    assert len({first["access_token"], second.json()["access_token"], third.json()["access_token"]}) == 3


@pytest.mark.parametrize(("voids", "status"), [(True, 401), (False, 200)])
def test_a_refresh_can_void_the_old_access_token_or_leave_it(voids: bool, status: int) -> None:
    with (
        running_sandbox(Seed(behaviour=Behaviour(refresh_voids_access=voids))) as sandbox,
        Client(sandbox.url, None) as client,
    ):
        grant = login(client).json()
        client.post(AUTHORIZE + "token", client_id="reconciler", refresh_token=grant["refresh_token"])
        assert as_bearer(client, grant["access_token"]).get(AUTHORIZE + "verify").status_code == status


def test_a_refresh_token_is_of_its_client_only(client: Client) -> None:
    grant = login(client).json()
    answer = client.post(AUTHORIZE + "token", client_id="vcert-sdk", refresh_token=grant["refresh_token"])

    assert answer.status_code == 400


def test_a_grant_ends_after_its_year(client: Client, clock: FakeClock) -> None:
    grant = login(client).json()
    clock.sleep(365 * 86400)

    answer = client.post(AUTHORIZE + "token", client_id="reconciler", refresh_token=grant["refresh_token"])
    assert answer.status_code == 400


def test_a_revoked_grant_is_void_as_a_whole(client: Client) -> None:
    grant = login(client).json()
    as_bearer(client, grant["access_token"])

    assert [client.get("/vedauth/revoke/token").status_code for _ in range(2)] == [200, 202]
    assert client.get(AUTHORIZE + "verify").status_code == 401
    refresh = client.post(AUTHORIZE + "token", client_id="reconciler", refresh_token=grant["refresh_token"])
    assert refresh.status_code == 400


def test_a_token_expires_on_the_clock(sandbox: Sandbox, client: Client, clock: FakeClock) -> None:
    clock.sleep(90 * 86400 - 1)
    assert client.get("/vedsdk/identity/self").status_code == 200
    clock.sleep(1)
    answer = client.get("/vedsdk/identity/self")

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="WebSDK", error="invalid_token"')


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic c3ZjOng=", ""])
def test_a_call_without_a_good_token_is_refused_with_401(sandbox: Sandbox, client: Client, header: str | None) -> None:
    sandbox.world.add_ticket(guid(1))
    client.session.headers["Authorization"] = header

    assert client.post(TICKET + "updatestatus", GUID=guid(1), Status="Approved").status_code == 401
    assert sandbox.log.effects == ()


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ("certificate:manage", {"updatestatus", "create", "delete", "browse", "validate"}),
        ("ssh:approve", {"create", "delete", "browse", "validate"}),
        ("configuration", {"updatestatus", "create", "delete"}),
        ("configuration:manage", {"updatestatus", "delete"}),
        ("configuration:delete;certificate:approve", {"create"}),
    ],
)
def test_every_call_asks_for_its_scope(sandbox: Sandbox, scope: str, refused: set[str]) -> None:
    sandbox.world.add_ticket(guid(1))
    person = {"PrefixedName": JOE.name}
    creation = {"ObjectDN": OBJECT, "WorkflowDN": WORKFLOW, "Approvers": [person], "Reason": 1}
    with Client(sandbox.url, sandbox.issue(scope)) as client:
        answers = {
            "details": client.post(TICKET + "details", GUID=guid(1)),
            "status": client.post(TICKET + "status", GUID=guid(1)),
            "exists": client.post(TICKET + "exists", GUID=guid(1)),
            "enumerate": client.post(TICKET + "enumerate"),
            "updatestatus": client.post(TICKET + "updatestatus", GUID=guid(1), Status="Pending"),
            "create": client.post(TICKET + "create", **creation),
            "delete": client.post(TICKET + "delete", GUID=guid(1)),
            "self": client.get("/vedsdk/identity/self"),
            "browse": client.post("/vedsdk/identity/browse", Filter="j", Limit=2, IdentityType=1),
            "validate": client.post("/vedsdk/identity/validate", ID=person),
        }

    assert {name for name, answer in answers.items() if answer.status_code == 403} == refused
    assert {answer.status_code for name, answer in answers.items() if name not in refused} == {200}
    assert {answer.json()["error"] for name, answer in answers.items() if name in refused} == {"insufficient_scope"}


def test_scopes_are_read_as_the_reference_spells_them() -> None:
    granted = "Certificate:approve, manage ; configuration:delete"

    assert allows(granted, "any:approve")
    assert allows(granted, "configuration")
    assert not allows(granted, "configuration:manage")
    assert covers(granted, "certificate:manage;configuration")
    assert not covers(granted, "certificate:discover")


def test_a_seeded_token_is_the_one_that_works() -> None:
    token = TokenSeed("sandbox-token", JOE.name, "certificate:approve")
    with running_sandbox(Seed(tokens=(token,))) as sandbox, Client(sandbox.url, "sandbox-token") as client:
        assert sandbox.token == "sandbox-token"
        verified = client.get(AUTHORIZE + "verify").json()
        assert (verified["identity"], verified["scope"]) == (JOE.universal, "certificate:approve")


def test_without_the_approval_service_the_first_identity_is_the_caller() -> None:
    with running_sandbox(Seed(identities=(JANE, JOE))) as sandbox, Client(sandbox.url, sandbox.token) as client:
        sandbox.world.add_ticket(guid(1))
        assert client.get(AUTHORIZE + "verify").json()["identity"] == JANE.universal
        assert client.update(guid(1), "Approved") == 1


def test_self_names_the_caller_first_and_then_its_groups(sandbox: Sandbox) -> None:
    with Client(sandbox.url, sandbox.issue(identity=JOE.name)) as joe:
        answer = joe.get("/vedsdk/identity/self").json()

    assert answer == {"Identities": [JOE.on_the_wire(), PKI_TEAM.on_the_wire()]}


def test_browse_finds_names_by_their_beginning(client: Client) -> None:
    def browse(**body: object) -> list[str]:
        found = client.post("/vedsdk/identity/browse", **body).json()["Identities"]
        return [identity["PrefixedName"] for identity in found]

    assert browse(Filter="j", Limit=2, IdentityType=1) == [JOE.name, JANE.name]
    assert browse(Filter="J", Limit=1) == [JOE.name]
    assert browse(Filter="AD+CORP:pki-team", IdentityType=3) == [PKI_TEAM.name]
    assert browse(Filter="pki", IdentityType=1) == []


def test_validate_completes_an_identity_or_answers_nothing(client: Client) -> None:
    def validate(**identity: str) -> object:
        return client.post("/vedsdk/identity/validate", ID=identity).json()

    assert validate(PrefixedName="ad+corp:JDOE") == {"ID": JOE.on_the_wire()}
    assert validate(PrefixedUniversal=APPROVER.universal.replace("{", "").replace("}", "")) == {
        "ID": APPROVER.on_the_wire()
    }
    assert validate(Prefix="AD+CORP", Name="jane") == {"ID": JANE.on_the_wire()}
    assert validate(PrefixedName="AD+CORP:nobody") == {}


def test_the_version_is_told(client: Client) -> None:
    assert client.get("/vedsdk/SystemStatus/Version").json() == {"Version": "26.1.0.2000"}


def test_no_secret_is_in_the_log(sandbox: Sandbox, client: Client) -> None:
    grant = login(client).json()
    client.post(AUTHORIZE + "token", client_id="reconciler", refresh_token=grant["refresh_token"])
    client.post(AUTHORIZE + "jwt", client_id="reconciler", jwt="a.b.c", scope=FULL_SCOPE)
    as_bearer(client, grant["access_token"]).get(AUTHORIZE + "verify")

    logged = "".join(f"{entry!r}{entry.body!r}{entry.as_json()}" for entry in sandbox.log.entries)
    secrets = [sandbox.token, LOGIN["password"], grant["access_token"], grant["refresh_token"], "a.b.c"]
    assert [secret for secret in secrets if secret in logged] == []
    assert "svc-approver" in logged
