"""The commands of the guide for monitoring, as they stand: a file for node_exporter, and a Pushgateway over TLS."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests
import trustme
from prometheus_client.parser import text_string_to_metric_families

from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.cluster.container import Container, Mount, why_not
from tests.cluster.services import image_of_this_project
from tests.docs.pages import ROOT, blocks

pytestmark = pytest.mark.slow

GUIDE = ROOT / "docs/guides/monitoring.md"
GUID = "6ede0e12-f7c0-4068-9977-001076205c84"
FOLDER = "/var/lib/node_exporter/textfile"
ADDRESS = "127.15.{}.{}".format(*divmod(os.getpid() % 2**16, 2**8))
"""Where the name of the Pushgateway leads."""


@pytest.fixture
def folder() -> Iterator[Path]:
    if reason := why_not():
        pytest.skip(reason)
    for program, package in (("promtool", "prometheus"), ("prometheus-pushgateway", "prometheus-pushgateway")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: apt install {package}); .ci/run installs it")
    with TemporaryDirectory(prefix="monitoring-") as place:
        made = Path(place)
        (made / "work/tickets").mkdir(parents=True)
        entry = f"{{guid: {GUID}, status: Approved, explanation: Renewal}}"
        (made / "work/tickets/web.yaml").write_text(f"version: 1\ntickets: [{entry}]\n")
        (made / "work/reconciler.yaml").write_text("version: 1\n")
        (made / "textfile").mkdir()
        for path in (made / "textfile", made / "work", *(made / "work").rglob("*")):
            os.chown(path, 10001, 10001)
        yield made


@pytest.fixture
def gateway(folder: Path) -> Iterator[Path]:
    """Run a real Pushgateway under its name, over TLS; yield the authority that signed its certificate."""
    ca = trustme.CA()
    certificate = ca.issue_cert("pushgateway.example.com", ADDRESS)
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    ca.cert_pem.write_to_path(folder / "authorities.pem")
    (folder / "web.yaml").write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} pushgateway.example.com\n")
    command = ["prometheus-pushgateway", f"--web.config.file={folder}/web.yaml", f"--web.listen-address={ADDRESS}:443"]
    with (folder / "gateway.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 20
        while not _ready(folder):
            assert server.poll() is None, (folder / "gateway.log").read_text()
            assert time.monotonic() < until, (folder / "gateway.log").read_text()
            time.sleep(0.05)
        yield folder / "authorities.pem"
    finally:
        server.kill()
        server.wait()


def _ready(folder: Path) -> bool:
    try:
        return requests.get(f"https://{ADDRESS}/-/ready", verify=folder / "authorities.pem", timeout=5).ok
    except requests.ConnectionError:
        return False


def _type(command: str, folder: Path, tpp: Sandbox) -> tuple[int, str]:
    image = image_of_this_project(folder / "hosts", folder / "authorities.pem")
    mounts = [Mount(folder / "textfile", FOLDER, False), Mount(folder / "work", "/data", False)]
    settings = {"TPP_URL": tpp.url, "TPP_TOKEN": tpp.token}
    typed = Container(image.parts, ["sh", "-c", command], {**image.environ, **settings}, mounts, "/data")
    root, log = folder / f"root-{time.monotonic_ns()}", folder / "log"
    root.mkdir()
    log.unlink(missing_ok=True)
    return typed.start(root, log).wait(120), log.read_text(encoding="utf-8")


def _names(text: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(text) if family.name.startswith("tpp_reconciler_")}


def test_the_commands_of_the_guide_write_what_prometheus_and_the_gateway_take(folder: Path, gateway: Path) -> None:
    (block,) = (each for each in blocks(GUIDE) if each.language == "sh")
    to_file, to_gateway = block.body.splitlines()
    seed = Seed(tickets=(TicketSeed(GUID, r"\VED\Policy\Web\www.example.com"),))
    with running_sandbox(seed) as tpp:
        for command in (to_file, to_gateway):
            code, said = _type(command, folder, tpp)
            assert (code, re.findall(r"(?m)^(?:warning|error).*", said)) == (0, []), said
        assert len(tpp.log.updates) == 1
    (written,) = (folder / "textfile").iterdir()
    assert (str(written.relative_to(folder / "textfile")), written.stat().st_mode & 0o777) == (
        "tpp-reconciler.prom",
        0o644,
    )
    with written.open("rb") as file:
        checked = subprocess.run(
            ["promtool", "check", "metrics"], stdin=file, capture_output=True, check=False, text=True
        )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    pushed = requests.get(f"https://{ADDRESS}/metrics", verify=gateway, timeout=10).text
    table = GUIDE.read_text(encoding="utf-8").partition("## Alerts")[0]
    known = {f"tpp_reconciler_{name}" for name in re.findall(r"^\| `(\w+)", table, re.MULTILINE)}
    assert "tpp_reconciler_last_success_timestamp_seconds" in _names(pushed) & _names(written.read_text())
    assert _names(pushed) | _names(written.read_text()) <= known, "what is written and not in the table"
