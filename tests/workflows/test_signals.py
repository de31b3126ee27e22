"""A cancelled job: GitHub's runner signals the step's own process, and only that one.

Source: the runner's ProcessInvoker: SIGINT to the entry process, SIGTERM after 7.5 seconds, then the whole tree dies.
"""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.ledger.chain import verify
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.workflows.act import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

MANY = 40


def _guid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def _step() -> dict[str, Any]:
    action = YAML(typ="safe").load((ROOT / ".github/actions/reconciler/action.yml").read_text(encoding="utf-8"))
    (step,) = (step for step in action["runs"]["steps"] if step.get("id") == "run")
    return dict(step)


def _start(folder: Path, tpp: Sandbox) -> subprocess.Popen[str]:
    """Run the action's own line as the runner does: a script for bash with these options."""
    entries = "".join(f"  - {{guid: {_guid(n)}, status: Approved, explanation: yes sir}}\n" for n in range(MANY))
    (folder / "tickets").mkdir()
    (folder / "tickets" / "many.yaml").write_text(f"version: 1\ntickets:\n{entries}")
    (folder / "reconciler.yaml").write_text(f"version: 1\nserver: {tpp.url}\nrequests: {{writes: 1}}\n")
    (folder / "script.sh").write_text(_step()["run"] + "\n")
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TPP_TOKEN": tpp.token,
        "GITHUB_OUTPUT": str(folder / "output"),
        "RECONCILER": str(ENVIRONMENT / "bin" / "reconciler"),
        "RECONCILER_INPUT_COMMAND": "apply",
    }
    return subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "script.sh"],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_cancelled_apply_ends_in_order_with_a_complete_ledger(tmp_path: Path, number: int, code: int) -> None:
    seeds = tuple(TicketSeed(_guid(n), rf"\VED\Policy\Web\{n}.example.com") for n in range(MANY))
    with running_sandbox(Seed(tickets=seeds), listening=Listening(latency=0.05)) as tpp:
        process = _start(tmp_path, tpp)
        deadline = time.monotonic() + 30
        while len(tpp.log.updates) < 3 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == code, said
        sent = {entry.guid for entry in tpp.log.updates}

    report = json.loads((tmp_path / "run.json").read_text())
    assert 3 <= len(sent) < MANY
    assert {r["guid"] for r in report["receipts"] if r["outcome"] == "applied"} == sent
    assert {r["guid"] for r in report["receipts"] if r["outcome"] == "not-attempted"} == {
        _guid(n) for n in range(MANY)
    } - sent
    assert report["stopped"]

    verify(tmp_path / "ledger")
    (file,) = (tmp_path / "ledger").rglob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    intents = {line["guid"] for line in lines if line["entry"] == "intent"}
    receipts = {line["guid"] for line in lines if line["entry"] == "receipt" and line["outcome"] == "applied"}
    assert intents == receipts == sent
    assert lines[-1]["entry"] == "ended"
    assert f"\n{code}\n" in (tmp_path / "output").read_text()
