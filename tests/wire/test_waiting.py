"""A server that is away for a while costs a while, not the run."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from reconciler.app.context import SystemClock
from tests.wire.conftest import GUIDS, Repository
from tests.wire.server import Exchange, honest, http


def away_for(repository: Repository, seconds: float, *, after_updates: int = 0) -> None:
    """Answer 503 to every reading for some seconds, which begin once this many updates were made."""
    began: list[float] = []

    def details(exchange: Exchange) -> None:
        if len(repository.server.updates) < after_updates:
            honest(exchange)
            return
        began.append(repository.ahead[0].total_seconds())
        away = began[-1] - began[0] < seconds
        exchange.send(http(503, "<p>starting</p>")) if away else honest(exchange)

    repository.server.always["details"] = once_checked(repository, details)


def once_checked(repository: Repository, details: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Answer readings once the token was checked, which otherwise may come after minutes of a clock that runs ahead."""
    checked = threading.Event()

    def verify(exchange: Exchange) -> None:
        honest(exchange)
        checked.set()

    def answer(exchange: Exchange) -> None:
        checked.wait(0.2)
        details(exchange)

    repository.server.always["verify"] = verify
    return answer


@pytest.mark.parametrize(("seconds", "code"), [(60, 0), (600, 7)])
def test_a_plan_waits_for_a_server_that_is_away(repository: Repository, seconds: float, code: int) -> None:
    repository.decide(*GUIDS)
    away_for(repository, seconds)
    said = repository.run("plan")
    assert (said.code, said.out.count("the server answers HTTP 503; it is waited for until ")) == (code, 1)


@pytest.mark.parametrize("why", ["can't be reached", "answers HTTP 503"])
def test_what_is_waited_for_and_until_when_is_said_before_the_second_pause(repository: Repository, why: str) -> None:
    repository.decide(GUIDS[0])
    server, seen = repository.server, [""]
    if why == "can't be reached":
        repository.after(60, server.come_back)
        server.go_away()
    else:
        away_for(repository, 60)
    repository.stop_the_clock()
    began = SystemClock().now()
    repository.after(2.1, lambda: seen.append(repository.capture.readouterr().err))
    said = repository.run("plan")
    told = re.search(rf"the server {why}; it is waited for until (\d\d:\d\d:\d\d) UTC, at most 120 s", seen[-1])
    assert said.code == 0, said.out
    assert told, seen[-1]
    assert told[1] == f"{began + timedelta(seconds=120):%H:%M:%S}"


def test_a_pause_that_the_server_asks_for_is_announced_before_it_begins(repository: Repository) -> None:
    repository.decide(GUIDS[0])
    busy = http(503, "<p>starting</p>", "Retry-After: 40")
    repository.server.script["details"] = [lambda exchange: exchange.send(busy)]
    assert "HTTP 503; it is waited for until " in repository.run("plan").out


def test_a_run_waits_for_a_server_that_restarts(repository: Repository) -> None:
    repository.decide(*GUIDS)
    away_for(repository, 60, after_updates=2)
    said = repository.run("apply", "--yes")
    assert (said.code, dict(repository.server.effects)) == (0, dict.fromkeys(GUIDS, 1)), said.out


def test_once_there_is_a_plan_an_absent_server_costs_a_repetition(repository: Repository) -> None:
    """4 stays for those who came to no plan, or to nothing that they asked for."""
    repository.decide(*GUIDS)
    assert repository.run("plan", "--out", "plan.json").code == 0
    repository.server.go_away()
    assert [repository.run(*words.split()).code for words in ("apply plan.json --yes", "plan", "list")] == [7, 4, 4]
    repository.server.come_back()
    repository.server.script["verify"] = [honest, lambda _: repository.server.go_away()]
    assert repository.run("apply", "--yes").code == 7
    assert repository.server.updates == []
    repository.server.come_back()
    assert repository.run("apply", "plan.json", "--yes").code == 0


def test_how_long_is_configurable(repository: Repository) -> None:
    repository.decide(*GUIDS)
    waits(repository, "0")
    away_for(repository, 60)
    assert repository.run("plan").code == 7


def waits(repository: Repository, setting: str) -> None:
    """Configure how long a server is waited for."""
    path = repository.folder / "reconciler.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("settle: 5", f"settle: 5, wait: {setting}"), "utf-8")


def one_at_a_time(repository: Repository) -> None:
    """Have one thread read, so that fewer move the clock while the server goes away."""
    path = repository.folder / "reconciler.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("reads: 2", "reads: 1"), "utf-8")


_BUSY = http(503, "<p>starting</p>")
_LATER = http(503, "<p>starting</p>", "Retry-After: 40")


@pytest.mark.parametrize("wait", [4, 40, 300])
@pytest.mark.parametrize("answer", [None, _BUSY, _LATER], ids=["no connection", "503", "503 with Retry-After"])
def test_a_run_ends_when_it_said_that_it_waits_no_longer(
    repository: Repository, wait: float, answer: bytes | None
) -> None:
    """With more tickets than are read at once: the time is that of the run, and not of each call."""
    repository.decide(*GUIDS)
    waits(repository, f"{wait}s")
    if answer is None:
        repository.server.go_away()
    else:
        repository.server.always["details"] = once_checked(repository, lambda exchange: exchange.send(answer))
    repository.stop_the_clock()
    began = SystemClock().now()
    said = repository.run("plan")
    told = re.findall(rf"waited for until (\d\d:\d\d:\d\d) UTC, at most {wait:g} s", said.out)
    assert (said.code, told) == (4 if answer is None else 7, [f"{began + timedelta(seconds=wait):%H:%M:%S}"]), said.out
    waited = (SystemClock().now() - began).total_seconds()
    assert wait <= waited < wait + 4  # each thread that sleeps moves the clock on, by a second at a time


@pytest.mark.parametrize(("wait", "said", "least", "most"), [("0", 0, 7, 60), ("1s", 0, 1, 3), ("30s", 1, 30, 33)])
def test_nothing_is_announced_where_nothing_is_waited_for(
    repository: Repository, wait: str, said: int, least: float, most: float
) -> None:
    """Without `requests.wait` a server that is away is a failure like another: tried again a few times."""
    repository.decide(GUIDS[0])
    waits(repository, wait)
    repository.server.go_away()
    repository.stop_the_clock()
    before = repository.ahead[0]
    assert repository.run("plan").out.count("waited for until") == said
    assert least <= (repository.ahead[0] - before).total_seconds() < most


def test_a_server_that_goes_away_again_is_waited_for_as_long_and_announced_anew(repository: Repository) -> None:
    repository.decide(*GUIDS)
    waits(repository, "60s")
    one_at_a_time(repository)
    repository.after(20, repository.server.come_back)
    repository.server.go_away()

    def goes(_: Exchange) -> None:
        repository.later(seconds=60)
        repository.after(20, repository.server.come_back)
        repository.server.go_away()

    repository.server.script["details"] = [honest, goes]
    repository.stop_the_clock()
    said = repository.run("plan")
    assert (said.code, said.out.count("waited for until")) == (0, 2), said.out


def test_an_update_that_is_answered_with_503_is_never_waited_for(repository: Repository) -> None:
    repository.decide(GUIDS[0])
    repository.server.script["updatestatus"] = [lambda exchange: exchange.send(http(503, "busy", "Retry-After: 1"))]
    assert repository.run("apply", "--yes").code == 6
    assert len(repository.server.updates) == 1


def tells_the_time(repository: Repository, passed: list[timedelta]) -> None:
    """Have the server say what time it is: that of this machine, and what has passed."""

    def verify(exchange: Exchange) -> None:
        now = format_datetime(datetime.now(UTC) + passed[0], usegmt=True)
        exchange.send(http(200, exchange.carry_out(), f"Date: {now}"))

    repository.server.always["verify"] = verify


@pytest.mark.parametrize(("minutes", "code"), [(16, 4), (5.2, 4), (-5.2, 4), (4.8, 0), (-4.8, 0)])
def test_nothing_is_sent_by_a_clock_that_is_wrong(repository: Repository, minutes: float, code: int) -> None:
    tells_the_time(repository, [timedelta()])
    repository.decide(GUIDS[0])
    repository.later(minutes=minutes)
    said = repository.run("apply", "--yes")
    assert (said.code, len(repository.server.updates)) == (code, 0 if code else 1), said.out
    assert ("the clocks of the server and of this machine differ by " in said.out) == bool(code)


def test_a_limit_clocks_shorten_patience_by_less_than_ten_minutes(repository: Repository) -> None:
    """The machine that lost the answer is behind, the one that comes next is ahead, each as far as it may be."""
    server, passed = repository.server, [timedelta()]
    tells_the_time(repository, passed)
    server.script["updatestatus"] = [lambda exchange: exchange.reset()]
    repository.decide(GUIDS[0])
    repository.later(minutes=-4.8)
    assert repository.run("apply", "--yes").code == 6
    repository.later(minutes=9.6)
    for minutes, code, sent in ((5.0, 5, 1), (0.5, 0, 2)):
        passed[0] += timedelta(minutes=minutes)
        repository.later(minutes=minutes)
        assert (repository.run("apply", "--yes").code, len(server.updates)) == (code, sent)


def test_a_run_outlasts_a_server_that_refuses_connections_for_a_minute(repository: Repository) -> None:
    server = repository.server

    def restarts(exchange: Exchange) -> None:  # what brings it back comes first: only waiting moves the clock
        honest(exchange)
        repository.after(60, server.come_back)
        server.go_away()

    server.script["updatestatus"] = [honest, restarts]
    repository.decide(*GUIDS)
    said = repository.run("apply", "--yes")
    assert (said.code, dict(server.effects)) == (0, dict.fromkeys(GUIDS, 1)), said.out
    assert len(server.updates) == len(GUIDS)


def test_an_update_that_no_connection_took_is_sent_once_the_server_is_back(repository: Repository) -> None:
    server = repository.server

    def reads_and_goes(exchange: Exchange) -> None:
        honest(exchange)
        repository.after(60, server.come_back)
        server.go_away()

    server.script["details"] = [honest, reads_and_goes]
    repository.decide(GUIDS[0])
    said = repository.run("apply", "--yes")
    assert (said.code, server.effects[GUIDS[0]], len(server.updates)) == (0, 1, 1), said.out


def test_a_saved_plan_is_taken_up_where_a_server_that_went_away_left_it(repository: Repository) -> None:
    """Exit code 7 says that the same command may do it later: what was not sent makes no step stale."""
    server = repository.server

    def last(exchange: Exchange) -> None:
        server.script["details"] = [lambda read: server.go_away()]  # whoever reads what became of it finds nobody
        honest(exchange)

    server.script["updatestatus"] = [honest, last]
    repository.decide(*GUIDS)
    assert repository.run("plan", "--out", "plan.json").code == 0
    said = repository.run("apply", "plan.json", "--yes")
    assert said.code == 6, said.out
    assert len(server.updates) == 2
    server.come_back()
    said = repository.run("apply", "plan.json", "--yes")
    assert (said.code, dict(server.effects)) == (0, dict.fromkeys(GUIDS, 1)), said.out
    assert len(server.updates) == len(GUIDS)
