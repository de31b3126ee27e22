"""What the log tells of calls, and what it never tells."""

import logging

import pytest

from reconciler.model.status import approved
from reconciler.ports import Update
from tests.builders import guid
from tests.tpp.conftest import Tpp


def test_each_call_is_logged_with_ticket_operation_status_and_duration(
    tpp: Tpp, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="reconciler"):
        tpp.reader.read(guid(1))
        tpp.writer.update(Update(guid(1), approved(), "a reason [op:6a1f09c2d4e7]"))
    records = [record for record in caplog.records if record.name == "reconciler.tpp"]
    begun = [record for record in records if record.getMessage().endswith(" begins")]
    assert [record.getMessage() for record in begun] == ["details begins", "update-status begins"]
    told = [record for record in records if record not in begun]
    assert [record.getMessage().partition(" in ")[0] for record in told] == [
        f"details {guid(1)} 200",
        f"update-status {guid(1)} 6a1f09c2d4e7 200",
    ]
    read, write = told
    assert (read.call, read.ticket, read.status) == ("details", guid(1), 200)  # type: ignore[attr-defined]
    assert (write.operation, write.seconds >= 0) == ("6a1f09c2d4e7", True)  # type: ignore[attr-defined]
    assert tpp.sandbox.token not in caplog.text
    assert "a reason" not in "".join(record.getMessage() for record in told)
