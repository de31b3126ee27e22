"""Change records of a service of the user's own: the documented question and answer."""

import hashlib
import hmac
import json

import pytest

from reconciler.changes.backends import open_change_records
from reconciler.model.change_record import (
    ChangeDecision,
    ChangeKind,
    ChangeQuestion,
    ChangeRecord,
    ChangeSystem,
    LookupFailure,
    NoChangeRecord,
)
from tests.changes.conftest import PURPOSE, look_up
from tests.changes.wire import answering, said
from tests.fakes import FakeClock

GUID = "6ede0e12-f7c0-4068-9977-001076205c84"


def changes(*rows: object) -> bytes:
    return said("200 OK", json.dumps({"version": 1, "changes": rows}).encode())


def test_the_question_has_the_decisions_and_is_signed() -> None:
    decision = ChangeDecision(GUID, r"\VED\Policy\Web\www.example.com", r"\VED\Policy\Workflows\Stage 0", "Approved")
    with answering(changes({"id": "CHG1", "allowed": True, "state": "Scheduled"})) as (url, server):
        system = ChangeSystem(ChangeKind.HTTP, url)
        records = open_change_records(system, FakeClock(), PURPOSE, {"CHANGE_RECORDS_SECRET": "the-signing-key"})
        found = records.lookup([ChangeQuestion("CHG1", (decision,))])["CHG1"]
    assert isinstance(found, ChangeRecord)
    assert (found.allowed, found.state) == (True, "scheduled")
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    signature = hmac.new(b"the-signing-key", body, hashlib.sha256).hexdigest()
    assert f"x-reconciler-signature: sha256={signature}" in head.decode().lower()
    assert b"the-signing-key" not in server.received[0]
    assert json.loads(body) == {
        "version": 1,
        "run": "20261126T120000Z-0a0b0c",
        "purpose": "plan",
        "target": "https://tpp.example.com",
        "changes": [
            {
                "id": "CHG1",
                "decisions": [
                    {
                        "guid": GUID,
                        "object": r"\VED\Policy\Web\www.example.com",
                        "workflow": r"\VED\Policy\Workflows\Stage 0",
                        "status": "Approved",
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("rows", "failure"),
    [
        ([{"id": "CHG1", "allowed": "yes"}], LookupFailure.UNAVAILABLE),
        ([{"id": "CHG1", "allowed": 1}], LookupFailure.UNAVAILABLE),
        ([{"id": "CHG1"}], LookupFailure.UNAVAILABLE),
        ([], LookupFailure.UNAVAILABLE),
        ([{"id": "CHG2", "allowed": True}], LookupFailure.UNAVAILABLE),
        ([{"id": "CHG1", "allowed": True}, {"id": "CHG1", "allowed": False}], LookupFailure.UNAVAILABLE),
        ([{"id": "CHG1", "allowed": True, "start": "2026-11-28T22:00:00"}], LookupFailure.UNAVAILABLE),
        ([{"id": "CHG1", "allowed": False, "code": "not-found"}], LookupFailure.NOT_FOUND),
    ],
)
def test_only_a_plain_yes_or_no_for_what_was_asked_counts(rows: list[object], failure: LookupFailure) -> None:
    with answering(changes(*rows)) as (url, _):
        found = look_up(url, "CHG1", kind=ChangeKind.HTTP, environ={})["CHG1"]
    assert isinstance(found, NoChangeRecord)
    assert found.failure is failure


def test_a_no_is_a_record_with_its_reason() -> None:
    with answering(changes({"id": "CHG1", "allowed": False, "reason": "the board has not met"})) as (url, _):
        found = look_up(url, "CHG1", kind=ChangeKind.HTTP, environ={})["CHG1"]
    assert isinstance(found, ChangeRecord)
    assert (found.allowed, found.reason) == (False, "the board has not met")
