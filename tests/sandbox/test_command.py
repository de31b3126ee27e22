"""`reconciler sandbox` from the outside."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.cli.main import main
from reconciler.cli.sandbox_session import read_rules, read_seed
from reconciler.sandbox.running import running_sandbox
from tests.builders import guid
from tests.sandbox.client import Client

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["sandbox", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def started(folder: Path, *arguments: str) -> tuple["subprocess.Popen[str]", Client]:
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--ready-file", str(ready), *arguments]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not ready.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    said = json.loads(ready.read_text())
    assert ready.stat().st_mode & 0o777 == 0o600
    ready.unlink()
    return process, Client(said["url"], said["token"])


def stopped(process: "subprocess.Popen[str]", number: int = signal.SIGINT) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_it_runs_until_it_is_interrupted_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(f"tickets:\n  - guid: {guid(1)}\n    object: \\VED\\Policy\\one\n")
    process, client = started(tmp_path, "--seed", str(seed), "--tick", "60m")
    with client:
        assert client.update(guid(1), "Rejected") == 1
        url, token = client.url, client.session.headers["Authorization"]
    code, out, err = stopped(process)
    (reading,) = re.findall("only reads: (.*)", out)

    assert (code, err) == (0, "stopped\n")
    assert out == (
        f"The sandbox listens at {url}. Ctrl-C stops it.\n\n"
        f"export TPP_URL={url}\nexport TPP_TOKEN={str(token).removeprefix('Bearer ')}\n\n"
        f"This token may approve. One that only reads: {reading}\n\n"
        f"{guid(1)}  Pending           \\VED\\Policy\\one\n\n"
        "Change records, as a ServiceNow and a Jira have them:\n"
        "export CHANGE_RECORDS_USERNAME=svc-reconciler CHANGE_RECORDS_PASSWORD=a-password-for-trying-things-out\n"
        "  CHG0041234\n  CHG0041235\n\n"
        f"What it received: {url}/sandbox/log   Its tickets: {url}/sandbox/state\n"
    )

    process, client = started(tmp_path, "--seed", str(seed))
    client.__exit__()
    code, out, _ = stopped(process, signal.SIGTERM)
    assert code == 0
    assert "It goes on from sandbox.db; its tickets are not seeded again." in out
    assert f"{guid(1)}  Rejected          \\VED\\Policy\\one" in out


def test_faulty_files_are_told_with_all_their_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed, faults = tmp_path / "seed.yaml", tmp_path / "faults.yaml"
    seed.write_text("tickets:\n  - {guid: x, object: o}\n  - {object: o}\n")
    faults.write_text("rules:\n  - {kind: dorp}\n")

    assert called("--memory", "--seed", str(seed)) == 1
    assert called("--memory", "--faults", str(faults)) == 1
    assert called("--memory", "--seed", str(tmp_path / "absent.yaml")) == 1
    told = capsys.readouterr().err
    for expected in (
        "tickets[0].guid: 'x' is not a GUID",
        "tickets[1].guid: is required and must be text",
        "rules[0].kind: 'dorp' is no kind of fault",
        "absent.yaml",
    ):
        assert expected in told


def test_a_state_that_is_none_a_certificate_that_is_none_and_a_port_that_is_taken_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("This is not a database, and it is long enough to be read as one. " * 20)

    damaged = tmp_path / "state.db"
    damaged.write_bytes(b"SQLite format 3\0" + b"and nothing that follows is a page of it" * 40)
    assert called("--port", "0", "--state", str(wrong)) == 2
    assert called("--port", "0", "--state", str(damaged)) == 1
    assert called("--memory", "--port", "0", "--tls-cert", str(wrong)) == 1
    with running_sandbox() as sandbox:
        port = sandbox.url.rpartition(":")[2]
        assert called("--memory", "--port", port) == 4
    told = capsys.readouterr().err
    assert "--state: the file there is not the state of a sandbox, and is not replaced" in told
    assert "this is no state of a sandbox, or it can't be written" in told
    assert "the TLS certificate or its key can't be used" in told
    assert f"error: can't listen on 127.0.0.1:{port}: " in told
    assert "Traceback" not in told


@pytest.mark.parametrize("text", ["25", "ms", "-1s", "1h", "1.2.3s", "sm", "٣s"])
def test_a_latency_that_is_no_duration_is_a_usage_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seed", "absent.yaml", "--latency", text) == 2
    assert "is not a duration (for example 25ms, 1.5s or 2m)" in capsys.readouterr().err


def test_the_examples_are_seeds_and_rules_and_cover_the_example_manifests() -> None:
    seed = read_seed(EXAMPLES / "sandbox" / "seed.yaml")
    manifests = [
        path.read_text() for folder in ("tickets", "gitops/tickets") for path in EXAMPLES.glob(f"{folder}/**/*.yaml")
    ]
    named = {name for text in manifests for name in re.findall(r"guid: (\S+)", text)}

    assert named <= {ticket.guid for ticket in seed.tickets}
    assert len(read_rules(EXAMPLES / "sandbox" / "faults.yaml")) == 4
