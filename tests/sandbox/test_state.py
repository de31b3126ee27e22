"""The state file: what survives a restart."""

import sqlite3
from pathlib import Path

import pytest

from reconciler.model.status import Schedule, Status
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed, TokenSeed
from tests.builders import NOW, OBJECT, at, guid
from tests.fakes import FakeClock
from tests.sandbox.client import Client

SEED = Seed(tickets=(TicketSeed(guid(1), OBJECT), TicketSeed(guid(2), OBJECT, new=True)), tokens=(TokenSeed("static"),))


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    with running_sandbox(SEED, clock=FakeClock(), state=state) as first:
        first.world.console(guid(1), Status.APPROVED_BETWEEN, start="2026-11-24T00:00:00Z", stop="2026-11-25T00:00:00Z")
        first.world.add_ticket(guid(3), new=True, user_data="x")
        first.world.add_ticket(guid(4))
        first.world.delete(guid(4))
        first.world.console(guid(2), Status.APPROVED_AFTER, start="never")
        first.world.pause()
        first.world.advance(60)
        before, token = first.world.tickets, first.token
    with running_sandbox(SEED, clock=FakeClock(), state=state) as second, Client(second.url, token) as client:
        assert second.world.tickets == before
        assert second.world.processing is False
        assert second.clock.now() == NOW.replace(minute=1)
        assert client.ticket("details", guid(1))["ScheduledStart"] == "/Date(1795478400000)/"
        assert client.ticket("details", guid(3))["Result"] == 3
        client.get("/vedsdk/permissions/refresh")
        assert client.ticket("details", guid(3))["Result"] == 1
        second.world.resume()
        second.world.process()
        objects = second.world.objects
    with running_sandbox(SEED, clock=FakeClock(), state=state) as third:
        assert third.world.objects == objects == {OBJECT: "Workflow returned InternalError"}


def test_a_revoked_token_stays_revoked_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    with running_sandbox(SEED, state=state) as first, Client(first.url, "static") as client:
        assert client.get("/vedauth/revoke/token").status_code == 200
    with running_sandbox(SEED, state=state) as second, Client(second.url, "static") as client:
        assert client.get("/vedsdk/identity/self").status_code == 401


def test_no_token_is_in_the_state_file(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    with running_sandbox(SEED, state=state) as sandbox:
        secrets = ["static", sandbox.issue()]
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert [secret for secret in secrets if secret.encode() in content] == []


def test_a_seeded_schedule_is_kept(tmp_path: Path) -> None:
    schedule = Schedule(at("2026-11-28T22:00:00Z"), at("2026-11-29T02:00:00Z"))
    ticket = TicketSeed(guid(1), OBJECT, status=Status.APPROVED_BETWEEN, start=schedule.start, stop=schedule.stop)
    with running_sandbox(Seed(tickets=(ticket,)), state=tmp_path / "sandbox.db"):
        pass
    with running_sandbox(state=tmp_path / "sandbox.db") as sandbox:
        assert sandbox.world.tickets[guid(1)].schedule == schedule


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is not a database, and it is long enough to be read as one. " * 20)

    with pytest.raises(sqlite3.DatabaseError), running_sandbox(state=path):
        pass
