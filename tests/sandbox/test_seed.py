"""Reading seeds from plain values."""

from datetime import timedelta

import pytest

from reconciler.errors import InvalidInput
from reconciler.model.status import Status
from reconciler.sandbox.behaviour import Behaviour, GuidStyle, TimeStyle
from reconciler.sandbox.grants import JwtMapping, User
from reconciler.sandbox.identities import Principal, PrincipalType
from reconciler.sandbox.seed import Seed, TicketSeed, TokenSeed, decode_seed
from tests.builders import OBJECT, WORKFLOW, at, guid


def test_nothing_is_the_seed_without_a_file() -> None:
    assert decode_seed({}, "seed.yaml") == Seed()
    assert decode_seed(None, "seed.yaml") == Seed()


def test_everything_can_be_said() -> None:
    value = {
        "server": {
            "version": "25.3",
            "schedules_in_details": False,
            "plain_approved": True,
            "guids": "upper",
            "times": "iso",
            "zone": "Europe/Berlin",
            "unseen": 4,
            "denied": 3,
            "failure_status": 400,
            "keep_rejected": False,
            "deletion_delay": 5,
            "cascade": True,
            "access_lifetime": 60,
            "grant_lifetime": 120,
            "refresh_voids_access": False,
        },
        "identities": [
            {"universal": "local:{1}", "name": "local:a", "type": "group", "full_name": "A", "groups": ["b"]}
        ],
        "applications": {"app": "certificate:approve"},
        "users": {"a": {"identity": "local:{1}", "password": "p"}},
        "certificates": {"common-name": "local:{1}"},
        "issuers": [{"issuer": "http://127.0.0.1", "grantee": "local:{1}", "purpose": "x", "pattern": "repo:.*"}],
        "tokens": [
            {"token": "t", "identity": "local:a", "scope": "configuration", "application": "app", "lifetime": 9}
        ],
        "tickets": [
            {
                "guid": guid(1),
                "object": OBJECT,
                "workflow": WORKFLOW,
                "approvers": ["local:a"],
                "denied": ["local:b"],
                "reason": "r",
                "status": "Approved Between",
                "start": "2026-11-28T22:00:00Z",
                "stop": "2026-11-29T02:00:00Z",
                "explanation": "e",
                "user_data": "u",
                "stage": 2,
                "age": 60,
                "new": True,
            }
        ],
    }

    assert decode_seed(value, "seed.yaml") == Seed(
        identities=(Principal("local:{1}", "local:a", "A", PrincipalType.GROUP, ("b",)),),
        applications={"app": "certificate:approve"},
        users={"a": User("local:{1}", "p")},
        certificates={"common-name": "local:{1}"},
        issuers=(JwtMapping("http://127.0.0.1", "local:{1}", "x", pattern="repo:.*"),),
        tokens=(TokenSeed("t", "local:a", "configuration", "app", timedelta(seconds=9)),),
        tickets=(
            TicketSeed(
                guid=guid(1),
                object=OBJECT,
                workflow=WORKFLOW,
                approvers=("local:a",),
                denied=("local:b",),
                reason="r",
                status=Status.APPROVED_BETWEEN,
                start=at("2026-11-28T22:00:00Z"),
                stop=at("2026-11-29T02:00:00Z"),
                explanation="e",
                user_data="u",
                stage=2,
                age=timedelta(minutes=1),
                new=True,
            ),
        ),
        behaviour=Behaviour(
            version="25.3",
            schedules_in_details=False,
            plain_approved=True,
            guids=GuidStyle.UPPER,
            times=TimeStyle.ISO,
            zone="Europe/Berlin",
            unseen=4,
            denied=3,
            failure_status=400,
            keep_rejected=False,
            deletion_delay=timedelta(seconds=5),
            cascade=True,
            access_lifetime=timedelta(minutes=1),
            grant_lifetime=timedelta(minutes=2),
            refresh_voids_access=False,
        ),
    )


def test_all_faults_of_a_seed_are_told_at_once() -> None:
    value = {
        "servers": {},
        "server": {"version": "new", "guids": "curly", "zone": "Mars/Base", "unseen": 5, "failure_status": 500, "x": 1},
        "identities": [{"universal": "local:{1}", "type": "robot"}],
        "users": {"a": {"identity": 1}},
        "issuers": [{"issuer": "i", "grantee": "g", "purpose": "p", "pattern": "("}],
        "tokens": "t",
        "tickets": [
            {"guid": "x", "object": OBJECT, "status": "Approve", "start": "tomorrow", "new": "yes"},
            {"guid": guid(1), "object": OBJECT},
            {"guid": "{" + guid(1).upper() + "}", "approvers": [1]},
        ],
    }
    with pytest.raises(InvalidInput) as caught:
        decode_seed(value, "seed.yaml")

    assert [problem.message for problem in caught.value.problems] == [
        "servers: is not known",
        "users.a.password: is required and must be text",
        "users.a.identity: must be text",
        "issuers[0].pattern: is no regular expression: missing ), unterminated subpattern at position 0",
        "server.x: is not known",
        "server.guids: 'curly' is not known",
        "server.unseen: must be 3 or 4",
        "server.failure_status: must be 200 or 400",
        "server.version: 'new' is no version",
        "server.zone: 'Mars/Base' is no time zone",
        "identities[0].name: is required and must be text",
        "identities[0].type: 'robot' is not known",
        "tokens: must be a list",
        "tickets[0].status: 'Approve' is not known",
        "tickets[0].start: must be a time such as 2026-11-28T22:00:00Z",
        "tickets[0].new: must be true or false",
        "tickets[0].guid: 'x' is not a GUID",
        "tickets[2].object: is required and must be text",
        "tickets[2].approvers[0]: must be text",
        f"tickets[2].guid: '{{{guid(1).upper()}}}' is there twice",
    ]
    assert {str(problem.source) for problem in caught.value.problems} == {"seed.yaml"}


def test_tickets_that_no_server_could_have_are_told() -> None:
    value = {
        "tickets": [
            {"guid": "x", "object": OBJECT},
            {"guid": guid(1), "object": OBJECT, "status": "Approved After", "start": "2026-11-28T22:00:00"},
            {"guid": "{" + guid(1).upper() + "}", "object": OBJECT},
        ]
    }
    with pytest.raises(InvalidInput) as caught:
        decode_seed(value, "seed.yaml")

    assert [problem.message for problem in caught.value.problems] == [
        "tickets[0].guid: 'x' is not a GUID",
        "tickets[1].start: needs an offset",
        f"tickets[2].guid: '{{{guid(1).upper()}}}' is there twice",
    ]
