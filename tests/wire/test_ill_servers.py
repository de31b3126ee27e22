"""Ill servers as a matrix: what each costs a run of 40 updates, with the exit code, and at most one effect a ticket.

Waits of our own move a clock and take no time. What the server does by itself is scaled: SCALE of its seconds are one
of ours, and so are the time-outs, so that a call of 20 s stands to a read time-out of 95 s as it does in production.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.wire.conftest import Repository
from tests.wire.server import Exchange, Handler, Ticket, honest, http

SCALE = 60.0
READ_TIMEOUT = 95 / SCALE
NUMBER = 40
TICKETS = tuple(f"{number:08x}-0000-4000-8000-00000000abcd" for number in range(NUMBER))
LARGE = 50 << 20


@dataclass
class Patient:
    """An ill server, and what is kept about the calls to it."""

    repository: Repository
    made: Counter[tuple[str, str]] = field(default_factory=Counter)
    moments: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def every(self, call: str, share: float, ill: Handler) -> None:
        """Be ill at the first call about this share of the tickets, spread evenly; the same ones in each run."""

        def handle(exchange: Exchange) -> None:
            guid = str(exchange.request.json.get("GUID"))
            with self.lock:
                self.made[call, guid] += 1
                first = self.made[call, guid] == 1
            number = TICKETS.index(guid)
            chosen = int((number + 1) * share) > int(number * share)
            ill(exchange) if first and chosen else honest(exchange)

        self.repository.server.always[call] = handle

    def now(self) -> float:
        return time.monotonic() + self.repository.ahead[0].total_seconds()


def slow(seconds: float) -> Callable[[Patient], None]:
    def handle(exchange: Exchange) -> None:
        time.sleep(seconds / SCALE)
        honest(exchange)

    def fall_ill(patient: Patient) -> None:
        patient.repository.server.always |= dict.fromkeys(("details", "updatestatus", "exists"), handle)

    return fall_ill


def out_of_time(*, effect: bool) -> Handler:
    def handle(exchange: Exchange) -> None:
        if effect:
            exchange.carry_out()
        time.sleep(READ_TIMEOUT * 1.5)
        exchange.close()

    return handle


def dropped(*, effect: bool) -> Handler:
    def handle(exchange: Exchange) -> None:
        if effect:
            exchange.carry_out()
        exchange.reset()

    return handle


def busy(exchange: Exchange) -> None:
    exchange.send(http(503, "<p>busy</p>"))


def at(call: str, share: float, ill: Handler) -> Callable[[Patient], None]:
    return lambda patient: patient.every(call, share, ill)


def throttled(*calls: str) -> Callable[[Patient], None]:
    """Answer 429 to what comes above 20 calls in a second."""

    def fall_ill(patient: Patient) -> None:
        def handle(exchange: Exchange) -> None:
            with patient.lock:
                now = patient.now()
                patient.moments[:] = [each for each in patient.moments if each > now - 1]
                over = len(patient.moments) >= 20
                if not over:
                    patient.moments.append(now)
            exchange.send(http(429, "slow down", "Retry-After: 1")) if over else honest(exchange)

        patient.repository.server.always |= dict.fromkeys(calls, handle)

    return fall_ill


def restarts(*, answers: bool) -> Callable[[Patient], None]:
    """Refuse connections for 60 s from the half of the updates on; with `answers` that one is still answered."""

    def fall_ill(patient: Patient) -> None:
        server = patient.repository.server

        def handle(exchange: Exchange) -> None:
            with patient.lock:
                patient.made["updatestatus", ""] += 1
                half = patient.made["updatestatus", ""] == NUMBER // 2
            if answers or not half:
                honest(exchange)
            if half:
                patient.repository.after(60, server.come_back)
                server.go_away()

        server.always["updatestatus"] = handle

    return fall_ill


def token_expires(*, renewable: bool) -> Callable[[Patient], None]:
    """Refuse the token from the moment on at which half of the updates were made."""

    def fall_ill(patient: Patient) -> None:
        server, repository = patient.repository.server, patient.repository
        valid = {"Bearer first", "Bearer 4MyGeneratedBearerTknz=="}
        if renewable:
            repository.monkeypatch.delenv("TPP_TOKEN")
            repository.monkeypatch.setenv("TPP_REFRESH_TOKEN", "refresh-me")
            with (repository.folder / "reconciler.yaml").open("a", encoding="utf-8") as file:
                file.write("auth: {method: refresh, client_id: reconciler, token_file: token}\n")

        def grants(exchange: Exchange) -> None:
            name = f"token{patient.made['token', '']}"
            patient.made["token", ""] += 1
            valid.add(f"Bearer {name}")
            answer = {
                "access_token": name,
                "refresh_token": f"refresh-{name}",
                "expires_in": 36000,
                "token_type": "Bearer",
            }
            exchange.send(http(200, answer | {"scope": "certificate:approve", "identity": "local:{svc}"}))

        def handle(exchange: Exchange) -> None:
            with patient.lock:
                if exchange.request.call == "updatestatus":
                    patient.made["updatestatus", ""] += 1
                    if patient.made["updatestatus", ""] == NUMBER // 2:
                        valid.clear()
            if exchange.request.headers.get("authorization", "") in valid:
                honest(exchange)
            else:
                exchange.send(http(401, {"error": "invalid_token", "error_description": "expired"}))

        server.always |= dict.fromkeys(("details", "updatestatus", "exists", "verify"), handle) | {"token": grants}

    return fall_ill


def huge(call: str, *, effect: bool) -> Callable[[Patient], None]:
    """Answer 50 MB for a tenth of the tickets, each time."""

    def fall_ill(patient: Patient) -> None:
        def handle(exchange: Exchange) -> None:
            if TICKETS.index(str(exchange.request.json.get("GUID"))) % 10:
                honest(exchange)
                return
            if effect:
                exchange.carry_out()
            exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n".encode())
            sent = 0
            try:
                while sent < LARGE:
                    exchange.send(b" " * (1 << 16))
                    sent += 1 << 16
            finally:
                patient.sent.append(sent)

        patient.repository.server.always[call] = handle

    return fall_ill


@dataclass(frozen=True)
class Row:
    """What a server suffers from, and what it costs: the exit codes of the first apply, and how many had an effect."""

    ill: Callable[[Patient], None]
    code: int
    effects: int | None = NUMBER
    writes: int = 4


MATRIX = {
    "2 s a call": Row(slow(2), 0),
    "20 s a call": Row(slow(20), 0),
    "5 % of reads 503": Row(at("details", 0.05, busy), 0),
    "5 % of updates 503": Row(at("updatestatus", 0.05, busy), 6, 38),
    "30 % of reads time out": Row(at("details", 0.3, out_of_time(effect=False)), 0),
    "30 % of updates time out, done": Row(at("updatestatus", 0.3, out_of_time(effect=True)), 0),
    "30 % of updates time out, not done": Row(at("updatestatus", 0.3, out_of_time(effect=False)), 6, 28),
    "reads throttled at 20/s": Row(throttled("details", "exists"), 0),
    "everything throttled at 20/s": Row(throttled("details", "exists", "updatestatus"), 6, None),
    "30 % of reads dropped": Row(at("details", 0.3, dropped(effect=False)), 0),
    "30 % of updates dropped, done": Row(at("updatestatus", 0.3, dropped(effect=True)), 0),
    "30 % of updates dropped, not done": Row(at("updatestatus", 0.3, dropped(effect=False)), 6, 28),
    "a restart of 60 s": Row(restarts(answers=True), 0, writes=1),
    "a restart of 60 s that loses updates": Row(restarts(answers=False), 6, None),
    "a token that expires and is renewed": Row(token_expires(renewable=True), 0),
    "a token that expires": Row(token_expires(renewable=False), 4, NUMBER // 2 - 1, writes=1),
    "50 MB for an update, done": Row(huge("updatestatus", effect=True), 0),
    "50 MB for an update, not done": Row(huge("updatestatus", effect=False), 6, 36),
    "50 MB for a read": Row(huge("details", effect=False), 4, None),
}


@pytest.mark.parametrize("name", MATRIX)
def test_an_ill_server_costs_time_or_an_exit_code_and_never_a_second_update(repository: Repository, name: str) -> None:
    row, server = MATRIX[name], repository.server
    server.tickets = {
        guid: Ticket(guid, ("local:{a}",) if n % 2 else ("local:{a}", "local:{b}")) for n, guid in enumerate(TICKETS)
    }
    repository.decide(*TICKETS)
    configured = repository.folder / "reconciler.yaml"
    text = configured.read_text(encoding="utf-8").replace("reads: 2, writes: 1, ", f"reads: 16, writes: {row.writes}, ")
    configured.write_text(text.replace("read_timeout: 2", f"read_timeout: {READ_TIMEOUT}"), encoding="utf-8")
    patient = Patient(repository)
    row.ill(patient)
    first = repository.run("apply", "--yes")
    assert first.code == row.code, first.out
    assert row.effects in (None, sum(server.effects.values())), first.out
    assert max(server.effects.values(), default=0) <= 1
    assert all(sent < LARGE / 4 for sent in patient.sent), "more is read than an answer may have"
    server.always = {call: handler for call, handler in server.always.items() if call == "token"}
    repository.later(minutes=20)
    again = repository.run("apply", "--yes")
    assert (again.code, dict(server.effects)) == (0, dict.fromkeys(TICKETS, 1)), again.out
    assert repository.run("ledger", "verify").code == 0
