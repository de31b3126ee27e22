"""Messages to a chat: they tell what happened, once, and never change the outcome."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.cli.repo import FIRST, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: fine}}"


@pytest.fixture
def hook() -> Iterator[tuple[str, list[bytes]]]:
    """A chat's incoming webhook that keeps what it is told."""
    told: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook/T0K3N", told
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_chat_is_told_of_changes_of_state_only(repo: Repo, hook: tuple[str, list[bytes]]) -> None:
    address, told = hook
    repo.decide(APPROVE)
    repo.run("plan", "--notify", address)
    repo.run("plan", "--notify", address)
    assert len(told) == 1
    assert "www.example.com" in json.loads(told[0])["text"]
    repo.run("apply", "--yes", "--notify", address)
    assert len(told) == 2


def test_a_chat_that_does_not_answer_is_a_warning_that_hides_its_address(repo: Repo) -> None:
    repo.decide(APPROVE)
    said = repo.run("plan", "--notify", "http://127.0.0.1:9/hook/T0K3N")
    assert said.code == 0
    assert said.err == "warning: the chat was not told: ConnectionRefusedError\n"


def test_a_chat_without_tls_is_not_told(repo: Repo) -> None:
    repo.decide(APPROVE)
    said = repo.run("plan", "--notify", "http://chat.example.com/hook")
    assert said.err == "warning: the chat was not told: its URL must begin with https://\n"


@pytest.mark.parametrize("what", ["no text", "a folder"])
def test_what_stands_in_the_place_of_the_state_costs_a_message_and_no_outcome(
    repo: Repo, hook: tuple[str, list[bytes]], what: str
) -> None:
    address, told = hook
    repo.decide(APPROVE)
    state = repo.folder / "ledger" / ".notified-default"
    if what == "a folder":
        state.mkdir(parents=True)
    else:
        state.parent.mkdir()
        state.write_bytes(b"\xff\x00")
    for times in (1, 2):
        said = repo.run("plan", "--notify", address)
        assert said.code == 0, said.err
        assert len(told) == (times if what == "a folder" else 1)
    assert ("the chat will be told again, because ledger/.notified-default" in said.err) == (what == "a folder")
