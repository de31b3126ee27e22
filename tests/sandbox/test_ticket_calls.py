"""The seven ticket calls, as a client sees them."""

from reconciler.sandbox.running import Sandbox
from tests.builders import OBJECT, WORKFLOW, guid
from tests.sandbox.client import Client

APPROVER = "local:{b6e6a98b-6419-4497-9249-860d136dfba0}"


def test_details_tells_all_that_is_known(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1), object=OBJECT, workflow=WORKFLOW, reason="renewal")

    assert client.ticket("details", guid(1)) == {
        "ApprovalExplanation": "",
        "ApprovalFrom": "",
        "ApprovalReason": "renewal",
        "Approvers": [APPROVER],
        "Blocking": OBJECT,
        "Created": "/Date(1795435200000)/",
        "IssuedDueTo": WORKFLOW,
        "Status": "Pending",
        "Updated": "/Date(1795435200000)/",
        "ScheduledStart": None,
        "ScheduledStop": None,
        "Result": 1,
    }


def test_an_update_changes_the_status_once(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))

    assert client.update(guid(1), "Approved", Explanation="fine") == 1
    assert client.update(guid(1), "Approved", Explanation="fine") == 1

    assert client.ticket("status", guid(1)) == {"Status": "Approved", "Result": 1}
    assert [entry.effect for entry in sandbox.log.updates] == [True, False]
