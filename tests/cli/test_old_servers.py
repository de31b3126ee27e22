"""Servers whose Details has no times: those of the ticket's object count, where the token may read them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from reconciler.model.status import Status
from reconciler.model.value import replace
from reconciler.sandbox.behaviour import PROFILES, Behaviour
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import APPROVER, Seed, TicketSeed
from tests.builders import OBJECT
from tests.cli.repo import FIRST, Repo

START, STOP, LATER = "2036-11-25T07:15:00Z", "2036-11-25T11:15:00Z", "2036-11-26T11:15:00Z"
OLD = PROFILES["lenient-24"]
NO_CONFIGURATION = "certificate:approve;security"
Server = Callable[..., AbstractContextManager[Repo]]


@pytest.fixture
def server(repo: Repo) -> Server:
    """Return what puts the repo before a server that behaves so, with a token of this scope."""

    @contextmanager
    def before(behaviour: Behaviour = OLD, scope: str | None = None) -> Iterator[Repo]:
        seed = Seed(behaviour=behaviour, tickets=(TicketSeed(FIRST, OBJECT),))
        with running_sandbox(seed) as sandbox:
            there = replace(repo, sandbox=sandbox)
            there.configure()
            there.environ("TPP_TOKEN", sandbox.issue(scope) if scope else sandbox.token)
            yield there

    return before


def schedule(repo: Repo, stop: str = STOP) -> None:
    """Let somebody approve the ticket for a window in the console."""
    repo.sandbox.world.console(FIRST, Status.APPROVED_BETWEEN, start=START, stop=stop)


def between(stop: str = STOP, start: str = START) -> str:
    return f"{{guid: {FIRST}, status: Approved Between, schedule: {{start: {start}, stop: {stop}}}, explanation: yes}}"


def reason(repo: Repo) -> str:
    (step,) = repo.plan_json()["steps"]
    return str(step["reason"])


@pytest.mark.parametrize("spelled", ["universal", "iso"])
def test_what_somebody_else_scheduled_is_known_by_its_times(server: Server, spelled: str) -> None:
    with server(replace(OLD, attribute_times=spelled)) as repo:
        schedule(repo)
        repo.decide(between())
        assert reason(repo) == "in-sync/accepted"
        repo.decide(between(stop=LATER))
        said = repo.run("plan")

    told = " ".join(said.out.split())
    assert said.code == 5
    assert "the ticket is Approved Between 2036-11-25T07:15:00Z to 2036-11-25T11:15:00Z" in told
    assert f"last updated by {APPROVER.name} at " in told


def test_it_can_be_moved_once_a_reviewer_has_seen_it(server: Server) -> None:
    seen = f"expect: {{status: Approved Between, schedule: {{start: {START}, stop: {STOP}}}}}"
    with server() as repo:
        schedule(repo)
        repo.decide(between(stop=LATER).replace("explanation", f"{seen}, explanation"))
        assert repo.run("apply", "--yes").code == 0
        assert len(repo.writes()) == 1
        assert repo.run("plan", "--exit-code").code == 0
        assert repo.sandbox.world.tickets[FIRST].schedule.stop.isoformat() == "2036-11-26T11:15:00+00:00"


def test_import_takes_it_with_its_times(server: Server) -> None:
    with server() as repo:
        schedule(repo)
        assert repo.run("import").code == 0
        (path,) = (repo.folder / "tickets").rglob("*.yaml")
        text = path.read_text(encoding="utf-8")
        assert f"stop: {STOP}" in text
        assert f"Approved Between already, last updated by {APPROVER.name} at " in text
        assert repo.run("plan", "--exit-code").code == 0


@pytest.mark.parametrize(
    ("behaviour", "scope"),
    [
        (replace(OLD, attribute_times="local"), None),
        (replace(OLD, attribute_times="absent"), None),
        (OLD, NO_CONFIGURATION),
    ],
    ids=["of the server's own zone", "absent", "not for this token"],
)
def test_times_that_are_not_certain_are_not_believed(server: Server, behaviour: Behaviour, scope: str | None) -> None:
    with server(behaviour, scope) as repo:
        schedule(repo)
        repo.decide(between())
        assert reason(repo) == "conflict/schedule-unknown"
        notes = " ".join(repo.plan_json().get("notes", ()))
        assert ("an old server does not tell when somebody else scheduled it" in notes) is (scope is not None)


@pytest.mark.parametrize("behaviour", [OLD, PROFILES["old-20.3"]], ids=["times in Config", "no times"])
@pytest.mark.parametrize("start", [START, "2036-11-25T07:15:00.250Z"], ids=["seconds", "milliseconds"])
def test_our_own_schedule_stays_ours(server: Server, behaviour: Behaviour, start: str) -> None:
    with server(behaviour) as repo:
        repo.decide(between(start=start))
        for _ in range(2):
            assert repo.run("apply", "--yes").code == 0
        assert repo.run("plan", "--exit-code").code == 0
        repo.decide(between(start=start, stop=LATER))
        assert reason(repo) == "reschedule/wanted"
        assert repo.run("apply", "--yes").code == 0
        assert len(repo.writes()) == 2
        assert repo.run("plan", "--exit-code").code == 0


def test_a_token_that_applies_may_know_less_than_the_one_that_planned(server: Server) -> None:
    with server() as repo:
        repo.decide(between())
        assert repo.run("apply", "--yes").code == 0
        repo.decide(between(stop=LATER))
        assert repo.run("plan", "--out", "plan.json").code == 0
        repo.environ("TPP_TOKEN", repo.sandbox.issue(NO_CONFIGURATION))
        said = repo.run("apply", "plan.json", "--yes")
        assert (said.code, len(repo.writes())) == (0, 2), said.out + said.err
        repo.environ("TPP_TOKEN", repo.sandbox.token)
        assert repo.run("plan", "--exit-code").code == 0


def test_the_object_is_only_asked_for_when_details_has_no_times(server: Server) -> None:
    with server(PROFILES["26.1"]) as repo:
        schedule(repo)
        repo.decide(between())
        assert reason(repo) == "in-sync/accepted"
        assert repo.sandbox.log.calls("configReadAll") == ()
