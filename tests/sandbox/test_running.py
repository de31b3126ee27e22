"""Starting and stopping."""

import http.client
import threading
from urllib.parse import urlsplit

import pytest

from reconciler.sandbox.running import Listening, running_sandbox
from tests.builders import guid
from tests.sandbox.client import TICKET, Client


def test_nothing_is_left_behind() -> None:
    before = set(threading.enumerate())
    with running_sandbox() as sandbox, Client(sandbox.url, sandbox.token) as client:
        assert client.get("/vedsdk/identity/self").status_code == 200
        assert set(threading.enumerate()) - before != set()
    assert set(threading.enumerate()) == before


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    with running_sandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(OSError, match=str(port)), running_sandbox(listening=Listening(port=port)):
            pass
    assert set(threading.enumerate()) == before


def test_a_connection_answers_one_request_after_the_other() -> None:
    with running_sandbox() as sandbox:
        address = urlsplit(sandbox.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port or 0, timeout=10)
        answered_on = []
        for _ in range(3):
            connection.request("GET", "/vedsdk/identity/self", headers={"Authorization": f"Bearer {sandbox.token}"})
            answer = connection.getresponse()
            answer.read()
            answered_on.append((answer.version, answer.status, connection.sock))
        assert set(answered_on) == {(11, 200, connection.sock)}
        assert connection.sock is not None
        connection.close()


def test_with_tick_zero_an_approved_ticket_is_gone_at_once() -> None:
    with running_sandbox(listening=Listening(tick=0)) as sandbox, Client(sandbox.url, sandbox.token) as client:
        sandbox.world.add_ticket(guid(1))
        assert client.update(guid(1), "Approved") == 1
        assert client.ticket("exists", guid(1))["Result"] == 3


def test_with_a_tick_tickets_are_processed_by_themselves() -> None:
    with running_sandbox(listening=Listening(tick=0.005)) as sandbox, Client(sandbox.url, sandbox.token) as client:
        sandbox.world.add_ticket(guid(1))
        client.update(guid(1), "Approved")
        nobody = threading.Event()
        assert any(guid(1) not in sandbox.world.tickets or nobody.wait(0.01) for _ in range(3000))


def test_an_unknown_path_and_a_wrong_method_are_told_apart() -> None:
    with running_sandbox() as sandbox, Client(sandbox.url, sandbox.token) as client:
        assert client.get("/vedsdk/nothing").status_code == 404
        wrong = client.get(TICKET + "details")
        assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")


def test_a_huge_body_is_refused() -> None:
    with running_sandbox() as sandbox, Client(sandbox.url, sandbox.token) as client:
        assert client.post(TICKET + "details", GUID="x" * 2_000_000).status_code == 413


def test_latency_delays_every_call_but_not_the_control_endpoints() -> None:
    with (
        running_sandbox(listening=Listening(latency=3600)) as sandbox,
        Client(sandbox.url, sandbox.token) as client,
    ):
        with pytest.raises(Exception, match="timed out"):
            client.session.get(sandbox.url + "/vedsdk/identity/self", timeout=0.1)
        assert client.get("/sandbox/state").status_code == 200
