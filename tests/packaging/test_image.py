"""The Containerfile, built by buildah as it stands, and what was built, run as a container on a read-only root.

What no test can have here is the base image: Docker Hub is out of reach. A Debian with its own Python 3.13 bears its
name. It differs in where Python lies (/usr/bin, not /usr/local/bin) and in what else is installed.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.sandbox.running import Listening, Sandbox, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.cluster.container import Container, Mount, Running, why_not
from tests.packaging.building import ROOT, VERSION, copy_of_the_project

pytestmark = pytest.mark.release

BASE = "docker.io/library/python:3.13-slim"
IMAGE = "localhost/tpp-reconciler"
GUIDS = [f"6ede0e12-f7c0-4068-9977-00107620{number:04x}" for number in range(3)]


@dataclass(frozen=True)
class Image:
    """A built image: the folder that its layers make, and how it says that it is to be run."""

    folder: Path
    container: Container
    entrypoint: Sequence[str]


class Buildah:
    """buildah with storage of its own, so that nothing of this machine's images is read or changed."""

    def __init__(self, folder: Path) -> None:
        self._command = ["buildah", "--root", str(folder / "storage"), "--runroot", str(folder / "run")]
        self._environ = {**os.environ, "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(folder)}

    def attempt(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [*self._command, *arguments]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)

    def __call__(self, *arguments: str) -> str:
        ran = self.attempt(*arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.strip()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, package_index: None) -> Iterator[Image]:
    for program in ("buildah", "mmdebstrap"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: apt install {program})")
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("image")
    buildah = Buildah(folder)
    _make_the_base(buildah, folder)
    context = copy_of_the_project(folder / "project")
    buildah("build", "--pull-never", "--build-arg", f"VERSION={VERSION}", "--tag", IMAGE, str(context))
    made = buildah("from", "--pull-never", IMAGE)
    config = json.loads(buildah("inspect", made))["OCIv1"]["config"]
    merged = Path(buildah("mount", made))
    user, _, group = config["User"].partition(":")
    environ = dict(each.split("=", 1) for each in config["Env"])
    container = Container(
        image=[Mount(merged, "/")],
        command=[*config["Entrypoint"], *config["Cmd"]],
        environ=environ,
        mounts=[Mount(Path("/etc/resolv.conf"), "/etc/resolv.conf")],
        folder=config["WorkingDir"],
        user=int(user),
        group=int(group),
    )
    try:
        yield Image(merged, container, config["Entrypoint"])
    finally:
        buildah("umount", made)
        buildah("rm", made)


def _make_the_base(buildah: Buildah, folder: Path) -> None:
    """Tag a Debian of the release that has Python 3.13 with the name that the Containerfile asks for."""
    assert f"ARG PYTHON_IMAGE={BASE}\n" in (ROOT / "Containerfile").read_text(encoding="utf-8")
    packages, root = "--include=python3,python3-venv,ca-certificates", folder / "base.tar"
    made = subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", packages, "trixie", str(root)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"no Debian can be put together here: {made.stderr.strip().splitlines()[-1]}")
    base = buildah("from", "--pull-never", "scratch")
    buildah("add", base, str(root), "/")
    if trusted := os.environ.get("PIP_CERT", os.environ.get("SSL_CERT_FILE", "")):
        # Where this machine reaches the package index through an authority of its own.
        (folder / "pip.conf").write_text("[global]\ncert = /etc/authorities.crt\n", encoding="utf-8")
        buildah("copy", base, trusted, "/etc/authorities.crt")
        buildah("copy", base, str(folder / "pip.conf"), "/etc/pip.conf")
    if (tried := buildah.attempt("run", base, "--", "true")).returncode:
        pytest.skip(f"buildah can't run a step here: {tried.stderr.strip().splitlines()[-1]}")
    buildah("commit", "--rm", base, BASE)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A team's repository, as it is mounted at /work."""
    (tmp_path / "work/tickets").mkdir(parents=True)
    entries = "".join(f"  - {{guid: {guid}, status: Approved, explanation: Renewal}}\n" for guid in GUIDS)
    (tmp_path / "work/tickets/web.yaml").write_text(f"version: 1\ntickets:\n{entries}", encoding="utf-8")
    (tmp_path / "work/reconciler.yaml").write_text("version: 1\n", encoding="utf-8")
    return tmp_path / "work"


def _seed() -> Seed:
    return Seed(tickets=tuple(TicketSeed(guid, rf"\VED\Policy\Web\{guid}.example.com") for guid in GUIDS))


def _start(image: Image, work: Path, log: Path, *command: str, read_only: bool = True, **environ: str) -> Running:
    """Start as `podman run --rm --read-only -v WORK:/work` does, which gives a container an empty /tmp and /run."""
    empty = [work.parent / name for name in ("tmp", "run")]
    for each in empty:
        each.mkdir(exist_ok=True)
        each.chmod(0o1777)
    root = work.parent / "root"
    root.mkdir(exist_ok=True)
    mounts = [Mount(each, f"/{each.name}", read_only=False) for each in empty]
    container = replace(
        image.container,
        command=command,
        environ={**image.container.environ, **environ},
        mounts=[*image.container.mounts, *mounts, Mount(work, "/work", read_only)],
    )
    return container.start(root, log)


def _run(image: Image, work: Path, *command: str, **environ: str) -> tuple[int, str]:
    log = work.parent / "log"
    log.unlink(missing_ok=True)
    code = _start(image, work, log, *command, **environ).wait()
    return code, log.read_text(encoding="utf-8")


def test_it_runs_as_the_documentation_says(image: Image, work: Path) -> None:
    assert _run(image, work, *image.container.command)[0] == 0
    assert _run(image, work, *image.entrypoint, "--version") == (0, f"reconciler {VERSION}\n")
    code, said = _run(image, work, *image.entrypoint, "validate", "tickets")
    assert (code, said) == (0, "valid: 3 decisions in 1 file\n"), said
    assert _run(image, work, "git", "--version")[1].startswith("git version ")


def test_it_is_nobody_with_no_rights_on_a_root_that_takes_nothing(image: Image, work: Path) -> None:
    tried = "id -u; id -g; cat /proc/self/status; for each in / /opt /work /usr; do touch $each/x 2>&1; done"
    code, said = _run(image, work, "sh", "-c", tried)
    assert said.startswith("10001\n10001\n")
    assert code == 1
    assert said.count("Read-only file system") == 4
    assert "CapEff:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said


def test_it_holds_nothing_that_installs_and_no_secret_of_the_build(image: Image) -> None:
    packages = next((image.folder / "opt/reconciler/lib").glob("python3.*")) / "site-packages"
    assert not [*packages.glob("pip"), *packages.glob("hatchling*"), *packages.glob("setuptools_scm*")]
    assert list(packages.glob("prometheus_client"))
    assert not list((image.folder / "source").glob("*"))
    assert not list((image.folder / "var/lib/apt/lists").glob("*"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(_seed()) as running:
        yield running


def test_it_plans_and_applies_and_keeps_its_ledger_where_it_may(image: Image, work: Path, sandbox: Sandbox) -> None:
    settings = {"TPP_URL": sandbox.url, "TPP_TOKEN": sandbox.token}
    code, said = _run(image, work, *image.entrypoint, "plan", "--metrics", "/tmp/reconciler.prom", **settings)
    assert (code, "\nPlan: 3 will change (3 approve)\n" in said) == (0, True), said
    assert (work.parent / "tmp/reconciler.prom").stat().st_mode & 0o777 == 0o644
    for path in (work, *work.rglob("*")):
        os.chown(path, image.container.user, image.container.group)
    log = work.parent / "applied"
    apply = [*image.entrypoint, "apply", "--yes"]
    assert _start(image, work, log, *apply, read_only=False, **settings).wait() == 0, log.read_text(encoding="utf-8")
    assert len(sandbox.log.updates) == len(GUIDS)
    assert len(list((work / "ledger").rglob("*.jsonl"))) == 1
    assert _run(image, work, *image.entrypoint, "plan", "--quiet", **settings)[1].startswith("Plan: 0 will change")


def test_term_ends_it_as_process_1_and_nothing_is_sent(image: Image, work: Path) -> None:
    with running_sandbox(_seed(), listening=Listening(latency=2.0)) as slow:
        settings = {"TPP_URL": slow.url, "TPP_TOKEN": slow.token}
        log = work.parent / "log"
        for path in (work, *work.rglob("*")):
            os.chown(path, image.container.user, image.container.group)
        running = _start(image, work, log, *image.entrypoint, "apply", "--yes", read_only=False, **settings)
        until = time.monotonic() + 30
        while not slow.log.entries:
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
            time.sleep(0.01)
        running.signal(signal.SIGTERM)
        assert running.wait(10) == 128 + signal.SIGTERM
        assert not slow.log.updates
