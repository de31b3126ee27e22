"""Metrics: on every path, as Prometheus' own parser reads them, and never instead of the outcome."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.model.receipt import Outcome
from reconciler.model.verdict import Verdict
from reconciler.sandbox.fault_injection import Say
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: fine}}"
SCHEDULED = (
    f"{{guid: {SECOND}, status: Approved Between, explanation: fine, "
    "schedule: {start: '2036-11-28T22:00:00Z', stop: '2036-11-29T02:00:00Z'}}"
)


def metrics(repo: Repo, name: str = "tpp.prom") -> dict[str, float]:
    """Each sample by its name, with the label that tells it from its siblings."""
    return read((repo.folder / name).read_text())


def read(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        assert (family.type, bool(family.documentation)) == ("gauge", True)
        for sample in family.samples:
            own = [sample.labels[name] for name in ("verdict", "outcome", "reason") if name in sample.labels]
            found[" ".join([sample.name.removeprefix("tpp_reconciler_"), *own])] = sample.value
    return found


def test_a_plan_tells_its_decisions_and_what_it_rests_on(repo: Repo) -> None:
    repo.decide(APPROVE, SCHEDULED)
    assert repo.run("plan", "--exit-code", "--metrics", "tpp.prom").code == 10
    found = metrics(repo)
    assert {verdict: found[f"decisions {verdict.value}"] for verdict in Verdict} == {
        verdict: 1 if verdict in (Verdict.APPROVE, Verdict.SCHEDULE) else 0 for verdict in Verdict
    }
    assert (found["exit_code"], found["drift"], found["unknown_outcomes"], found["armed_schedules"]) == (10, 2, 0, 0)
    assert found["last_success_timestamp_seconds"] == found["last_attempt_timestamp_seconds"]
    assert found["oldest_pending_seconds"] >= 0
    assert found["token_expiry_timestamp_seconds"] > found["last_attempt_timestamp_seconds"]
    assert (repo.folder / "tpp.prom").stat().st_mode & 0o777 == 0o644


def test_an_apply_tells_its_outcomes_and_what_it_armed(repo: Repo) -> None:
    repo.decide(APPROVE, SCHEDULED)
    assert repo.run("apply", "--yes", "--metrics", "tpp.prom").code == 0
    found = metrics(repo)
    assert {outcome.value: found[f"outcomes {outcome.value}"] for outcome in Outcome} == {
        outcome.value: 2 if outcome is Outcome.APPLIED else 0 for outcome in Outcome
    }
    assert (found["armed_schedules"], found["exit_code"]) == (1, 0)
    assert found["next_opening_timestamp_seconds"] == 2111522400
    assert (found["drift"], "oldest_pending_seconds" in found) == (0, False), "what was applied differs no more"


def test_an_update_without_an_answer_is_counted_until_its_outcome_is_known(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.sandbox.faults.add(Say(503), operation="ticketUpdateStatus")
    assert repo.run("apply", "--yes", "--metrics", "tpp.prom").code == 6
    found = metrics(repo)
    assert (found["unknown_outcomes"], found["outcomes unknown"], found["exit_code"]) == (1, 1, 6)
    assert "last_success_timestamp_seconds" not in found
    repo.run("plan", "--metrics", "tpp.prom")
    found = metrics(repo)
    assert (found["unknown_outcomes"], found["attention unclear/lost-answer"], found["exit_code"]) == (1, 1, 5)


@pytest.mark.parametrize(("spoil", "code"), [("tickets/web.yaml", 1), ("reconciler.yaml", 1), ("token", 4)])
def test_a_run_that_fails_says_so_and_keeps_when_the_last_one_succeeded(
    repo: Repo, spoil: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.decide(APPROVE)
    repo.run("plan", "--metrics", "tpp.prom")
    before = metrics(repo)
    if spoil == "token":
        monkeypatch.setenv("TPP_TOKEN", "no-such-token==")
    else:
        repo.write(spoil, "version: 1\nno: [such\n")
    assert repo.run("apply", "--yes", "--metrics", "tpp.prom").code == code
    found = metrics(repo)
    assert (found["exit_code"], "decisions approve" in found) == (code, False)
    assert found["last_success_timestamp_seconds"] == before["last_success_timestamp_seconds"]
    assert found["last_attempt_timestamp_seconds"] > before["last_attempt_timestamp_seconds"]


def test_a_failure_never_replaces_what_is_no_file_of_metrics(repo: Repo) -> None:
    ours = repo.write("notes.txt", "keep me")
    repo.write("reconciler.yaml", "version: 1\nno: [such\n")
    assert repo.run("plan", "--metrics", "notes.txt").code == 1
    assert ours.read_text() == "keep me"


@pytest.mark.parametrize(("hours", "near"), [(23, 1), (25, 0)])
def test_a_decision_whose_window_opens_soon_without_a_schedule_is_counted(repo: Repo, hours: int, near: int) -> None:
    start = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    repo.decide(f"{{guid: {THIRD}, status: Approved After, explanation: soon, schedule: {{start: '{start}'}}}}")
    repo.run("plan", "--metrics", "tpp.prom")
    assert metrics(repo)["unarmed_windows_near"] == near
    repo.run("apply", "--yes", "--metrics", "tpp.prom")
    assert (metrics(repo)["unarmed_windows_near"], metrics(repo)["armed_schedules"]) == (0, 1)


def test_without_the_library_nothing_is_read_or_sent(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.decide(APPROVE)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    said = repo.run("apply", "--yes", "--metrics", "tpp.prom")
    assert said.code == 2
    assert "pip install 'tpp-reconciler[metrics]'" in said.err
    assert repo.sandbox.log.entries == ()
    assert not (repo.folder / "tpp.prom").exists()


@pytest.fixture
def gateway() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A Pushgateway as its README has it: POST /metrics/job/<JOB>{/<LABEL>/<VALUE>} replaces metrics of these names."""
    pushed: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            pushed.append((self.command, self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", pushed
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pushgateway_keeps_the_last_success_when_a_run_fails(
    repo: Repo, gateway: tuple[str, list[tuple[str, str, bytes]]]
) -> None:
    address, pushed = gateway
    repo.decide(APPROVE)
    assert repo.run("plan", "--pushgateway", address).code == 0
    repo.write("tickets/web.yaml", "version: 1\nno: [such\n")
    assert repo.run("plan", "--pushgateway", address).code == 1
    (first, second) = pushed
    assert first[0] == second[0] == "POST"
    assert first[1].startswith("/metrics/job/tpp_reconciler/target")
    assert "last_success_timestamp_seconds" in read(first[2].decode())
    assert "last_success_timestamp_seconds" not in read(second[2].decode())
    assert read(second[2].decode())["exit_code"] == 1


def test_a_gateway_that_is_away_is_a_warning(repo: Repo) -> None:
    repo.decide(APPROVE)
    said = repo.run("plan", "--pushgateway", "http://127.0.0.1:9")
    assert (said.code, said.err) == (0, "warning: the metrics were not pushed: URLError\n")
