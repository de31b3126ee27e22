"""The command line on a real terminal: it asks, shows progress, uses colour, and is silent about both in a pipe."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.sandbox.running import Listening, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.cli.repo import FIRST

MANIFEST = f"version: 1\ntickets:\n  - {{guid: {FIRST}, status: Approved, explanation: fine}}\n"


def _on_terminal(folder: Path, environ: dict[str, str], keys: bytes, *arguments: str) -> tuple[int, str]:
    """Run a command on a pseudo-terminal, type `keys`, and return exit code and everything shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=folder,
        env={name: text for name, text in os.environ.items() if not name.startswith(("TPP_", "GITHUB_", "CI"))}
        | environ,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        close_fds=True,
    )
    os.close(slave)
    os.write(master, keys)
    shown = bytearray()
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return process.wait(timeout=30), shown.decode("utf-8", "replace")


@pytest.mark.parametrize(("answer", "code", "updates"), [(b"n\n", 3, 0), (b"\n", 3, 0), (b"y\n", 0, 1)])
def test_apply_asks_on_a_terminal_and_takes_no_for_an_answer(
    tmp_path: Path, answer: bytes, code: int, updates: int
) -> None:
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets" / "web.yaml").write_text(MANIFEST, encoding="utf-8")
    with running_sandbox(Seed(tickets=(TicketSeed(FIRST, r"\VED\Policy\Web\www.example.com"),))) as sandbox:
        environ = {"TPP_URL": sandbox.url, "TPP_TOKEN": sandbox.token, "TERM": "xterm-256color", "COLUMNS": "90"}
        left, shown = _on_terminal(tmp_path, environ, answer, "apply", "--no-policy")
        assert "Apply 1 change? [y/N]" in shown
        assert "can't be undone" in shown
        assert (left, len(sandbox.log.calls("ticketUpdateStatus"))) == (code, updates)
        assert ("not confirmed, so nothing was written" in shown) is (updates == 0)


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_plan_is_coloured_on_a_terminal_unless_told_otherwise(tmp_path: Path, no_color: str, coloured: bool) -> None:
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets" / "web.yaml").write_text(MANIFEST, encoding="utf-8")
    with running_sandbox(Seed(tickets=(TicketSeed(FIRST, r"\VED\Policy\Web\www.example.com"),))) as sandbox:
        environ = {
            "TPP_URL": sandbox.url,
            "TPP_TOKEN": sandbox.token,
            "TERM": "xterm-256color",
            "NO_COLOR": no_color,
        }
        left, shown = _on_terminal(tmp_path, environ, b"", "plan")
    plan = shown[shown.index("Plan:") - 8 :]
    assert left == 0
    assert ("\x1b[1m" in plan) is coloured


def test_long_reads_show_progress_with_rate_on_a_terminal(tmp_path: Path) -> None:
    guids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(40)]
    entries = "".join(f"  - {{guid: {guid}, status: Pending}}\n" for guid in guids)
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets" / "web.yaml").write_text(f"version: 1\ntickets:\n{entries}", encoding="utf-8")
    (tmp_path / "reconciler.yaml").write_text("version: 1\nrequests: {reads: 2}\n", encoding="utf-8")
    seed = Seed(tickets=tuple(TicketSeed(guid, rf"\VED\Policy\Web\{guid}") for guid in guids))
    with running_sandbox(seed, listening=Listening(latency=0.02)) as sandbox:
        environ = {"TPP_URL": sandbox.url, "TPP_TOKEN": sandbox.token, "TERM": "xterm-256color", "COLUMNS": "90"}
        left, shown = _on_terminal(tmp_path, environ, b"", "plan")
    assert left == 0
    assert "Reading tickets" in shown
    assert re.search(r"\d+/40.*\d+/s", shown)
