"""The control endpoints, for tests in another process."""

from typing import Any

from reconciler.sandbox.running import Sandbox
from tests.builders import NOW, guid
from tests.sandbox.client import TICKET, Client

START = "2026-11-28T22:00:00.000000Z"


def ask(client: Client, method: str, path: str, **body: Any) -> Any:
    answer = client.session.request(method, client.url + "/sandbox/" + path, json=body or None, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()["answer"]


def test_a_ticket_can_be_added_decided_processed_and_looked_at(client: Client) -> None:
    added = ask(client, "POST", "tickets", guid=guid(1), object=r"\VED\Policy\x", approvers=["AD+CORP:jdoe"])
    decided = ask(client, "POST", "tickets/console", guid=guid(1), status="Approved After", start=START, by="jdoe")
    again = ask(client, "POST", "tickets/console", guid=guid(1), status="Approved After", start=START)
    state = ask(client, "GET", "state")
    moved = ask(client, "POST", "clock", seconds=7 * 86400)

    assert (added["guid"], added["approvers"]) == (guid(1), ["AD+CORP:7d0b9c1e55aa4f40"])
    assert (decided, again) == (4, 1)
    assert [(ticket["guid"], ticket["status"]) for ticket in state["tickets"]] == [(guid(1), "Approved After")]
    assert moved == "2026-11-30T12:00:00Z"
    assert ask(client, "GET", "state")["tickets"] == []


def test_processing_can_be_paused_and_asked_for(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    client.update(guid(1), "Approved")

    assert ask(client, "POST", "processing", paused=True) is False
    assert ask(client, "POST", "process") == {"changed": [], "deleted": []}
    assert ask(client, "POST", "processing", paused=False) is True
    assert ask(client, "POST", "process") == {"changed": [guid(1)], "deleted": [guid(1)]}


def test_a_ticket_can_be_deleted(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))

    assert ask(client, "POST", "tickets/delete", guid=guid(1)) is True
    assert sandbox.world.tickets == {}


def test_faults_can_be_put_in_force_and_taken_away(client: Client) -> None:
    rule = {"kind": "gateway", "operation": "ticketDetails", "times": 1}

    assert ask(client, "POST", "faults", rules=[rule]) == [{"name": "gateway", "matched": 0, "hits": 0}]
    assert [client.post(TICKET + "details", GUID=guid(1)).status_code for _ in range(2)] == [502, 200]
    assert ask(client, "GET", "faults") == [{"name": "gateway", "matched": 2, "hits": 1}]
    assert ask(client, "DELETE", "faults") is None
    assert ask(client, "GET", "faults") == []


def test_the_log_tells_what_was_received(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    client.get("/vedsdk/permissions/refresh")
    client.update(guid(1), "Approved", Explanation="[op:1]")
    (entry,) = ask(client, "GET", "log?operation=ticketUpdateStatus&after=1")

    headers = entry.pop("headers")
    assert entry == {
        "number": 2,
        "at": "2026-11-23T12:00:00Z",
        "method": "POST",
        "path": TICKET + "updatestatus",
        "operation": "ticketUpdateStatus",
        "body": {"GUID": guid(1), "Status": "Approved", "Explanation": "[op:1]"},
        "token": sandbox.log.updates[0].token,
        "effect": True,
        "status": 200,
        "result": 1,
        "fault": None,
    }
    assert headers["content-type"] == "application/json"
    assert headers["authorization"].startswith("sha256:")
    assert ask(client, "DELETE", "log") is None
    assert ask(client, "GET", "log") == []


def test_a_wrong_control_request_says_what_is_wrong(client: Client) -> None:
    url = client.url + "/sandbox/"
    answers = [
        client.session.post(url + "clock", json={"seconds": "1"}, timeout=10),
        client.session.post(url + "tickets", json={"guid": "x"}, timeout=10),
        client.session.post(url + "tickets/console", json={"guid": guid(1), "status": "Approve"}, timeout=10),
        client.session.post(url + "faults", json={"rules": [{}]}, timeout=10),
        client.session.get(url + "nothing", timeout=10),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 404]
    assert [answer.json()["error_description"] for answer in answers[:4]] == [
        "seconds is required and must be a number",
        "'x' is not a GUID",
        "'Approve' is not a valid Status",
        "request: rules[0].kind: is required and must be text",
    ]


def test_the_clock_of_the_answers_is_the_sandbox_s(sandbox: Sandbox, client: Client) -> None:
    assert client.get("/vedsdk/identity/self").headers["Date"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    sandbox.clock.set(NOW.replace(hour=13))
    assert client.get("/vedsdk/identity/self").headers["Date"] == "Mon, 23 Nov 2026 13:00:00 GMT"
