"""The seven ticket calls, as a client sees them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.status import Schedule, Status
from reconciler.sandbox.behaviour import PROFILES, Behaviour
from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import JANE, JOE, PKI_TEAM, Seed
from reconciler.sandbox.ticket import INTERNAL_ERROR
from reconciler.sandbox.wire import GuidStyle, ResultCode, TimeStyle
from tests.builders import NOW, OBJECT, WORKFLOW, at, guid
from tests.fakes import FakeClock
from tests.sandbox.client import TICKET, Client

APPROVER = "local:{b6e6a98b-6419-4497-9249-860d136dfba0}"
START, STOP = "2026-11-28T22:00:00.000000Z", "2026-11-29T02:00:00.000000Z"


@pytest.fixture
def with_behaviour() -> Iterator[Any]:
    """Start sandboxes that behave in another way, each with its client."""
    opened: list[Any] = []

    def start(behaviour: Behaviour) -> tuple[Sandbox, Client]:
        context = running_sandbox(Seed(behaviour=behaviour), clock=FakeClock())
        sandbox = context.__enter__()
        client = Client(sandbox.url, sandbox.token)
        opened.append((context, client))
        return sandbox, client

    yield start
    for context, client in opened:
        client.__exit__()
        context.__exit__(None, None, None)


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


def test_details_of_no_ticket_are_null(client: Client) -> None:
    answer = client.ticket("details", guid(1))

    assert answer.pop("Result") == 3
    assert set(answer.values()) == {None}


def test_an_update_changes_the_ticket_once_however_often_it_is_sent(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))

    results = [client.update(guid(1), "Approved", Explanation="fine") for _ in range(3)]

    assert results == [1, 1, 1]
    assert [entry.effect for entry in sandbox.log.updates] == [True, False, False]
    assert client.ticket("status", guid(1)) == {"Status": "Approved", "Result": 1}
    assert client.ticket("details", guid(1))["ApprovalExplanation"] == "fine"


def test_an_approval_can_not_be_taken_back(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    client.update(guid(1), "Approved")

    assert client.update(guid(1), "Rejected") == ResultCode.GENERIC_FAILURE
    assert client.update(guid(1), "Pending") == ResultCode.GENERIC_FAILURE
    assert sandbox.world.tickets[guid(1)].status is Status.APPROVED


def test_an_update_moves_updated_also_on_a_clock_that_stands_still(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    client.update(guid(1), "Rejected")

    assert sandbox.world.tickets[guid(1)].updated == NOW + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("status", "times", "schedule"),
    [
        ("Approved After", {"ScheduledStart": START}, Schedule(at(START))),
        (
            "Approved Between",
            {"ScheduledStart": START, "ScheduledStop": STOP},
            Schedule(at(START), at(STOP)),
        ),
        ("Approved", {"ScheduledStart": START}, None),
        ("Approved After", {"ScheduledStart": "2026-11-28T22:00:00"}, Schedule(at("2026-11-29T05:00:00Z"))),
    ],
    ids=["after", "between", "unscheduled statuses take none", "no zone means the server's"],
)
def test_a_schedule_is_kept_with_the_statuses_that_take_one(
    sandbox: Sandbox, client: Client, status: str, times: dict[str, str], schedule: Schedule | None
) -> None:
    sandbox.world.add_ticket(guid(1))

    assert client.update(guid(1), status, **times) == 1
    assert sandbox.world.tickets[guid(1)].status == status
    assert sandbox.world.tickets[guid(1)].schedule == schedule


def test_a_schedule_is_reported_and_can_be_taken_back(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    client.update(guid(1), "Approved Between", ScheduledStart=START, ScheduledStop=STOP)
    scheduled = client.ticket("details", guid(1))
    client.update(guid(1), "Pending")
    pending = client.ticket("details", guid(1))

    assert (scheduled["ScheduledStart"], scheduled["ScheduledStop"]) == (
        "/Date(1795903200000)/",
        "/Date(1795917600000)/",
    )
    assert (pending["Status"], pending["ScheduledStart"], pending["ScheduledStop"]) == ("Pending", None, None)


@pytest.mark.parametrize(
    "times",
    [
        {"ScheduledStart": "tomorrow"},
        {"ScheduledStart": STOP, "ScheduledStop": START},
        {"ScheduledStart": START, "ScheduledStop": "0001-01-01T00:00:00+14:00"},
    ],
    ids=["no time", "stop before start", "beyond the calendar"],
)
def test_an_invalid_time_is_accepted_and_breaks_later(sandbox: Sandbox, client: Client, times: dict[str, str]) -> None:
    ticket = sandbox.world.add_ticket(guid(1))

    assert client.update(guid(1), "Approved Between", **{"ScheduledStop": STOP, **times}) == 1
    sandbox.world.process()
    assert sandbox.world.objects == {ticket.object: INTERNAL_ERROR}
    assert guid(1) in sandbox.world.tickets


def test_a_scheduled_status_without_its_times_is_a_bad_argument(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))

    assert client.update(guid(1), "Approved After") == ResultCode.BAD_ARGUMENTS
    assert client.update(guid(1), "Approved Between", ScheduledStart=START) == ResultCode.BAD_ARGUMENTS
    assert client.update(guid(1), "approved") == ResultCode.BAD_ARGUMENTS
    assert sandbox.log.effects == ()


def test_exists_tells_one_or_three(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    sandbox.world.add_ticket(guid(2), denied=[APPROVER])

    assert [client.ticket("exists", guid(number))["Result"] for number in (1, 2, 3)] == [1, 1, 3]
    assert client.ticket("exists", "no guid")["Result"] == ResultCode.BAD_ARGUMENTS


def test_a_guid_may_be_spelled_in_any_way_and_methods_in_any_case(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(10))

    answers = [
        client.post(path, GUID=spelling).json()["Result"]
        for spelling in (guid(10), guid(10).upper(), "{" + guid(10).upper() + "}")
        for path in ("/vedsdk/Workflow/Ticket/Exists", "/VEDSDK/workflow/ticket/EXISTS/")
    ]

    assert answers == [1] * 6


def test_enumerate_filters_by_object_and_user_data(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1), object=OBJECT, user_data=f"{APPROVER},{JOE.universal}")
    sandbox.world.add_ticket(guid(2), object=OBJECT.upper())
    sandbox.world.add_ticket(guid(3), approvers=[JANE.name])
    sandbox.world.add_ticket(guid(4), object=OBJECT, denied=[APPROVER])

    def found(**body: str) -> list[str]:
        guids: list[str] = client.ticket("enumerate", **body)["GUIDs"]
        return [text.strip("{}") for text in guids]

    assert found(ObjectDN=OBJECT) == [guid(1), guid(2)]
    assert found(UserData=JOE.universal) == [guid(1)]
    assert found(ObjectDN=OBJECT, UserData="somebody else") == []
    assert found() == [guid(1), guid(2)]
    assert client.ticket("enumerate", ObjectDN="www.example.com")["Result"] == ResultCode.OBJECT_DOES_NOT_EXIST


def test_a_created_ticket_is_seen_after_a_refresh_of_permissions(sandbox: Sandbox, client: Client) -> None:
    approvers = [{"PrefixedName": JOE.name}, {"PrefixedUniversal": APPROVER.upper()}]
    made = client.ticket("create", ObjectDN=OBJECT, WorkflowDN=WORKFLOW, Approvers=approvers, Reason=2, UserData="x")

    assert client.ticket("details", made["GUID"])["Result"] == ResultCode.TICKET_DOES_NOT_EXIST
    assert client.ticket("exists", made["GUID"])["Result"] == ResultCode.TICKET_DOES_NOT_EXIST
    assert client.get("/vedsdk/Permissions/Refresh").json() == {"Result": 1}
    assert client.ticket("details", made["GUID"])["Approvers"] == [JOE.universal, APPROVER]
    assert [entry.operation for entry in sandbox.log.effects] == ["ticketCreate"]


def test_create_refuses_unknown_names(client: Client) -> None:
    def create(**changes: Any) -> int:
        body = {"ObjectDN": OBJECT, "WorkflowDN": WORKFLOW, "Approvers": [{"PrefixedName": JOE.name}], "Reason": None}
        result: int = client.ticket("create", **(body | changes))["Result"]
        return result

    assert create(ObjectDN="x") == ResultCode.OBJECT_DOES_NOT_EXIST
    assert create(WorkflowDN="x") == ResultCode.WORKFLOW_OBJECT_DOES_NOT_EXIST
    assert create(Approvers=[{"PrefixedName": "AD+CORP:nobody"}]) == ResultCode.BAD_ARGUMENTS


def test_a_deleted_ticket_is_gone(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))

    assert [client.ticket("delete", guid(1))["Result"] for _ in range(2)] == [1, 3]
    assert sandbox.world.tickets == {}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"GUID": 7}', b'{"GUID": null}', b"{}", b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "list", "cut", "number", "null", "nothing", "not UTF-8", "deep"],
)
def test_a_malformed_body_is_refused_with_400(client: Client, body: bytes) -> None:
    answer = client.session.post(client.url + TICKET + "details", data=body, timeout=10)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_denied_ticket_answers_insufficient_privileges(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1), denied=["local:svc-approver"])

    assert client.ticket("details", guid(1))["Result"] == ResultCode.INSUFFICIENT_PRIVILEGES
    assert client.update(guid(1), "Approved") == ResultCode.INSUFFICIENT_PRIVILEGES


def test_only_an_approver_or_a_member_of_its_group_can_decide(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1), approvers=[PKI_TEAM.name])
    with Client(sandbox.url, sandbox.issue(identity=JOE.name)) as joe:
        assert client.update(guid(1), "Approved") == ResultCode.INSUFFICIENT_PRIVILEGES
        assert joe.update(guid(1), "Approved") == 1


@pytest.mark.parametrize(
    ("style", "spelled"),
    [
        (GuidStyle.BRACES, "{0000000a-0000-4000-8000-000000000000}"),
        (GuidStyle.PLAIN, "0000000a-0000-4000-8000-000000000000"),
        (GuidStyle.UPPER, "0000000A-0000-4000-8000-000000000000"),
        (GuidStyle.UPPER_BRACES, "{0000000A-0000-4000-8000-000000000000}"),
    ],
)
def test_the_spelling_of_guids_can_be_chosen(with_behaviour: Any, style: GuidStyle, spelled: str) -> None:
    sandbox, client = with_behaviour(Behaviour(guids=style))
    sandbox.world.add_ticket(guid(10))

    assert client.ticket("enumerate")["GUIDs"] == [spelled]


@pytest.mark.parametrize(
    ("style", "spelled"),
    [
        (TimeStyle.DATE, "/Date(1795435200000)/"),
        (TimeStyle.DATE_OFFSET, "/Date(1795435200000+0000)/"),
        (TimeStyle.ISO, "2026-11-23T12:00:00Z"),
    ],
)
def test_the_spelling_of_times_can_be_chosen(with_behaviour: Any, style: TimeStyle, spelled: str) -> None:
    sandbox, client = with_behaviour(Behaviour(times=style))
    sandbox.world.add_ticket(guid(1))

    assert client.ticket("details", guid(1))["Created"] == spelled


def test_an_old_server_reports_no_schedules_and_no_403(with_behaviour: Any) -> None:
    sandbox, client = with_behaviour(PROFILES["old-20.3"])
    sandbox.world.add_ticket(guid(1), status=Status.APPROVED_AFTER, schedule=Schedule(at(START)))
    with Client(sandbox.url, sandbox.issue("certificate:manage")) as weak:
        assert weak.post(TICKET + "updatestatus", GUID=guid(1), Status="Approved").status_code == 401

    answer = client.ticket("details", guid(1))
    assert answer["Status"] == "Approved After"
    assert not {"ScheduledStart", "ScheduledStop"} & set(answer)


def test_a_server_can_report_plain_approved_after_scheduling(with_behaviour: Any) -> None:
    sandbox, client = with_behaviour(Behaviour(plain_approved=True))
    sandbox.world.add_ticket(guid(1))
    client.update(guid(1), "Approved After", ScheduledStart=START)

    assert client.ticket("status", guid(1))["Status"] == "Approved"
    assert client.ticket("details", guid(1))["Status"] == "Approved"


def test_failing_results_can_come_with_400_and_unseen_tickets_with_4(with_behaviour: Any) -> None:
    sandbox, client = with_behaviour(Behaviour(denied_status=400, unseen=4))
    sandbox.world.add_ticket(guid(1), new=True)
    answer = client.post(TICKET + "status", GUID=guid(1))

    assert (answer.status_code, answer.json()) == (400, {"Status": None, "Result": 4})


def test_26_1_ignores_the_older_parameters_and_25_3_takes_them(with_behaviour: Any) -> None:
    extras = {"Approvers": [{"PrefixedName": JOE.name}], "ObjectDN": WORKFLOW, "Reason": "moved", "UserData": "x"}
    seen = []
    for version in ("26.1.0.2000", "25.3.1.0"):
        sandbox, client = with_behaviour(Behaviour(version=version))
        sandbox.world.add_ticket(guid(1), workflow=WORKFLOW)
        assert client.update(guid(1), "Approved", **extras) == 1
        ticket = sandbox.world.tickets[guid(1)]
        seen.append((ticket.status, ticket.approvers, ticket.user_data))

    assert seen == [(Status.APPROVED, (APPROVER,), ""), (Status.PENDING, (JOE.universal,), "x")]


def test_25_3_refuses_older_parameters_that_name_nothing(with_behaviour: Any) -> None:
    sandbox, client = with_behaviour(Behaviour(version="25.3"))
    sandbox.world.add_ticket(guid(1))

    assert client.update(guid(1), "Approved", ObjectDN=r"\VED\Other") == ResultCode.WORKFLOW_OBJECT_DOES_NOT_EXIST
    assert client.update(guid(1), "Approved", Approvers=[{"Name": "nobody"}]) == ResultCode.BAD_ARGUMENTS
    assert client.post(TICKET + "updatestatus", GUID=guid(1), Status="Approved", Reason=7).status_code == 400
