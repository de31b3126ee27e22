"""Clients of the vendor speak to the sandbox, each in an environment of its own with the libraries that it needs."""

import fcntl
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

from reconciler.sandbox.behaviour import PROFILES
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed

pytestmark = pytest.mark.release

GUID = "6ede0e12-f7c0-4068-9977-001076205c84"
OBJECT = r"\VED\Policy\Web\www.example.com"
CLIENT = Path(__file__).parent / "vendor_client.py"
TICKET_CALLS = ["ticketExists", "ticketStatus", "ticketDetails", "ticketUpdateStatus", "ticketStatus"]


def interpreter(name: str, *requirements: str) -> str:
    """Return the interpreter of an environment with the requirements, made once."""
    folder = Path(sys.prefix) / "clients" / name
    python = folder / "bin" / "python"
    done = folder / "installed"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
            subprocess.run(pip, check=True)
            done.touch()
    return str(python)


def run_client(python: str, library: str, profile: str, folder: Path) -> tuple[dict[str, Any], Sandbox]:
    """Run the client's calls against a sandbox over TLS; return what they came to, and the sandbox."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    seed = Seed(behaviour=PROFILES[profile], tickets=(TicketSeed(GUID, OBJECT),))
    with running_sandbox(seed, listening=Listening(tls=tls)) as sandbox:
        done = subprocess.run(
            [python, str(CLIENT), library, sandbox.url.removeprefix("https://")],
            env=os.environ | {"REQUESTS_CA_BUNDLE": str(folder / "authority.pem")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), sandbox


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_pytpp_reads_and_decides_a_ticket_of_every_profile(profile: str, tmp_path: Path) -> None:
    came_to, sandbox = run_client(interpreter("pytpp", "pytpp==2.0.3", "pydantic<2"), "pytpp", profile, tmp_path)

    assert came_to == {
        "version": PROFILES[profile].version,
        "refresh": "1",
        "self": "local:svc-approver",
        "verify": "local:{b6e6a98b-6419-4497-9249-860d136dfba0}",
        "exists": "1",
        "status": "Pending",
        "details": OBJECT,
        "update": "1",
        "status after": "Rejected",
    }
    assert "authorization" in sandbox.log.updates[0].headers


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_pyvenafi_s_calls_do_their_work_although_it_can_t_read_the_answers_of_tickets(
    profile: str, tmp_path: Path
) -> None:
    """It expects an object where every source has the number of the Result, so its ticket calls end in an exception."""
    came_to, sandbox = run_client(interpreter("pyvenafi", "pyvenafi==1.1.0"), "pyvenafi", profile, tmp_path)

    assert came_to["version"] == PROFILES[profile].version
    assert {came_to[name] for name in ("exists", "status", "details", "update", "status after")} == {"AttributeError"}
    calls = [entry for entry in sandbox.log.entries if entry.operation in TICKET_CALLS]
    assert [(entry.operation, entry.status, entry.result) for entry in calls] == [
        (operation, 200, 1) for operation in TICKET_CALLS
    ]
    assert sandbox.world.tickets[next(iter(sandbox.world.tickets))].status == "Rejected"
    assert "authorization" in sandbox.log.updates[0].headers


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_vcert_gets_refreshes_and_revokes_a_token_of_every_profile(profile: str, tmp_path: Path) -> None:
    came_to, sandbox = run_client(interpreter("vcert", "vcert==0.22.1"), "vcert", profile, tmp_path)

    assert came_to == {
        "another access token": "True",
        "another refresh token": "True",
        "the first refresh token": "VenafiConnectionError",
        "revoke": "200",
        "refresh of what is revoked": "VenafiConnectionError",
    }
    assert [(entry.operation, entry.status) for entry in sandbox.log.entries] == [
        ("authorizePassword", 200),
        ("refreshToken", 200),
        ("refreshToken", 400),
        ("revokeToken", 200),
        ("refreshToken", 400),
    ]
