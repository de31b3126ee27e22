"""The sandbox keeps to the API description, whatever is asked of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.ticket import parse_guid
from reconciler.sandbox import wrong_answers
from reconciler.sandbox.behaviour import PROFILES
from reconciler.sandbox.fault_injection import Fault, WrongResult
from reconciler.sandbox.routes import ROUTES
from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import JOE, Seed
from reconciler.tpp import wire
from reconciler.tpp.wire import Result
from tests.builders import OBJECT, guid
from tests.sandbox.client import Client
from tests.sandbox.description import ANY_TEXT, JSON_VALUES, Operation, bodies, objection, operations

EVERYTHING = operations()
WITH_BODY = [operation for operation in EVERYTHING if operation.request]
SECURED = [operation for operation in EVERYTHING if operation.secured and operation.name != "revokeToken"]


@pytest.fixture(scope="module", params=PROFILES)
def shared(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox of each profile."""
    with running_sandbox(Seed(behaviour=PROFILES[request.param])) as running:
        yield running


@pytest.fixture(scope="module")
def caller(shared: Sandbox) -> Iterator[Client]:
    with Client(shared.url, shared.token) as session:
        yield session


def call(client: Client, operation: Operation, body: bytes | None = None) -> requests.Response:
    return client.session.request(operation.method, client.url + operation.path, data=body, timeout=10)


def encoded(body: Any) -> bytes:
    """As Python spells JSON: infinities and lone surrogates included."""
    return json.dumps(body).encode()


def is_lacking(operation: Operation, body: Any) -> bool:
    """Whether a body has not all that the call needs. UserData of Create is a switch: a client sends none."""
    needed = set((operation.request or {}).get("required", ())) - {"UserData"}
    return not isinstance(body, dict) or not needed <= set(body)


def is_taken(answer: requests.Response) -> bool:
    """Whether the server did what it was asked for."""
    return answer.status_code == 200 and answer.json().get("Result", 1) == 1


def replenish(sandbox: Sandbox) -> None:
    """Have a plain ticket, one for two approvers and one that is denied, whatever the last call did."""
    sandbox.world.add_ticket(guid(1), object=OBJECT)
    sandbox.world.add_ticket(guid(2), approvers=["local:svc-approver", JOE.name])
    sandbox.world.add_ticket(guid(3), denied=["local:svc-approver"])


def test_every_described_operation_is_there_and_no_other() -> None:
    described = {operation.path: (operation.name, operation.method) for operation in EVERYTHING}

    assert {path: (route.operation, route.method) for path, route in ROUTES.items()} == described


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_request_that_the_description_allows_has_an_answer_that_it_describes(
    operation: Operation, shared: Sandbox, caller: Client
) -> None:
    @settings(max_examples=12, deadline=None)
    @given(body=bodies(operation.request or {}))
    def holds(body: Any) -> None:
        replenish(shared)
        assert objection(operation, call(caller, operation, encoded(body))) is None

    holds()


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_request_that_the_description_forbids_is_no_server_fault(
    operation: Operation, shared: Sandbox, caller: Client
) -> None:
    names = sorted((operation.request or {}).get("properties", {}))
    almost = st.dictionaries(st.sampled_from(names) if names else ANY_TEXT, JSON_VALUES, max_size=4)

    @settings(max_examples=12, deadline=None)
    @given(body=almost | JSON_VALUES)
    def holds(body: Any) -> None:
        replenish(shared)
        answer = call(caller, operation, encoded(body))
        assert answer.status_code in (200, 400, 401)
        assert not (is_lacking(operation, body) and is_taken(answer)), body
        assert "400" not in operation.responses or objection(operation, answer) is None

    holds()


@pytest.mark.parametrize("operation", [each for each in EVERYTHING if each.name.startswith("ticket")], ids=str)
def test_an_answer_that_the_description_allows_is_read(operation: Operation) -> None:
    """The other direction: what a server may say by the description, the reconciler takes or says why not."""
    schemas = {
        status: response["content"]["application/json"]["schema"]
        for status, response in operation.responses.items()
        if "content" in response
    }

    @settings(max_examples=100, deadline=None)
    @given(st.sampled_from(sorted(schemas)).flatmap(lambda status: bodies(schemas[status])))
    def holds(body: Any) -> None:
        members = wire.read_members(encoded(body))
        try:
            result = wire.result_of(members)
            if result is Result.SUCCESS:
                wire.live_ticket(parse_guid(guid(1)), members)
                wire.guids(members)
        except wire.BadAnswer:
            assert "Result" not in body or body["Result"] == 1

    holds()


@settings(max_examples=12, deadline=None)
@given(operation=st.sampled_from(WITH_BODY), body=st.binary(max_size=200))
def test_bytes_are_no_server_fault(operation: Operation, body: bytes, shared: Sandbox, caller: Client) -> None:
    assert call(caller, operation, body).status_code in (200, 400, 401)


@pytest.mark.parametrize("operation", [operation for operation in EVERYTHING if not operation.request], ids=str)
def test_a_request_without_a_body_has_an_answer_that_the_description_has(operation: Operation, shared: Sandbox) -> None:
    with Client(shared.url, shared.issue()) as client:
        assert objection(operation, call(client, operation)) is None


@pytest.mark.parametrize("operation", SECURED, ids=str)
def test_without_a_token_every_secured_operation_is_refused(operation: Operation, shared: Sandbox) -> None:
    with Client(shared.url, None) as client:
        answer = call(client, operation, encoded({"GUID": guid(1), "Status": "Approved"}))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert "401" not in operation.responses or objection(operation, answer) is None


@pytest.mark.parametrize(
    "fault",
    [WrongResult(9), WrongResult("1"), WrongResult(missing=True), wrong_answers.html(), wrong_answers.gateway()],
    ids=["unknown", "text", "missing", "html", "gateway"],
)
def test_an_answer_that_the_description_does_not_allow_is_noticed(fault: Fault, sandbox: Sandbox) -> None:
    sandbox.world.add_ticket(guid(1))
    sandbox.faults.add(fault)
    (details,) = [operation for operation in EVERYTHING if operation.name == "ticketDetails"]
    with Client(sandbox.url, sandbox.token) as client:
        assert objection(details, call(client, details, encoded({"GUID": guid(1)}))) is not None
