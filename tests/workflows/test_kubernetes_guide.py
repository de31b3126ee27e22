"""The guide for Kubernetes, typed as it is written: kubectl, a cluster of one node, and pods that approve tickets."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trustme

from reconciler.ledger.chain import verify
from reconciler.sandbox.fault_injection import Hang
from reconciler.sandbox.grants import JwtMapping
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox, server_context
from reconciler.sandbox.seed import APPROVER, Seed, TicketSeed
from tests.cluster.api import Object
from tests.cluster.cluster import Cluster, running_cluster
from tests.cluster.container import why_not
from tests.cluster.kubectl import kubectl
from tests.cluster.node import Node
from tests.cluster.services import image_of_this_project, serving_github
from tests.docs.console import differences, typed
from tests.docs.pages import blocks
from tests.github.fake_github import FakeGitHub
from tests.github.repository import git
from tests.github.world import World
from tests.sandbox.issuer import running_issuer
from tests.workflows.act import ROOT

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "examples" / "kubernetes"
IMAGE = "registry.example.com/tpp-reconciler:1.0.0"
NAMESPACE = "tpp-reconciler"
GUIDS = [f"6ede0e12-f7c0-4068-9977-00107620{number:04x}" for number in range(6)]
CLONE, PUSH = "clone-only-0123456789", "ghp_0123456789abcdef"
TOKEN_MAY = {"contents": "write", "actions": "read", "checks": "read", "pull-requests": "read"}
"""What the guide says that the token has to be allowed to."""
_OWN = "{}.{}".format(*divmod(os.getpid() % 2**16, 2**8))
GITHUB, TPP = f"127.13.{_OWN}", f"127.14.{_OWN}"
"""Addresses of this machine to which the names in the manifests lead, one of each for each process of tests."""


@dataclass
class Site:
    """A cluster with what its pods reach, and a folder in which kubectl is typed."""

    cluster: Cluster
    tpp: Sandbox
    remote: Path
    folder: Path
    pushes: list[tuple[str, str]]

    def logs(self) -> str:
        """Return what the containers of all pods printed."""
        pods = self.cluster.pods(NAMESPACE)
        paths = [self.cluster.node.log(pod, name) for pod in pods for name in ("manifests", "reconciler")]
        return "\n".join(path.read_text(encoding="utf-8") for path in paths if path.exists())

    def type(self, command: str) -> str:
        environ = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.cluster.config),
        }
        ran = subprocess.run(
            ["bash", "-c", command], cwd=self.folder / "kubernetes", env=environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
        )  # fmt: skip
        return ran.stdout


@pytest.fixture
def site() -> Iterator[Site]:
    kubectl()
    if reason := why_not():
        pytest.skip(reason)
    with TemporaryDirectory(prefix="site-") as place, ExitStack() as stack:
        folder = Path(place)
        ca = trustme.CA()
        issuer = stack.enter_context(running_issuer())
        trusted = JwtMapping(
            issuer.url,
            APPROVER.universal,
            "https://tpp.example.com/vedauth",
            pattern=f"system:serviceaccount:{NAMESPACE}:.*",
        )
        tickets = tuple(TicketSeed(guid, rf"\VED\Policy\Web\{number}.example.com") for number, guid in enumerate(GUIDS))
        certificate, authorities = folder / "tpp.pem", folder / "authorities.pem"
        ca.issue_cert("tpp.example.com").private_key_and_cert_chain_pem.write_to_path(certificate)
        ca.cert_pem.write_to_path(authorities)
        listening = Listening(host=TPP, port=443, tls=server_context(certificate), tick=0)
        tpp = stack.enter_context(running_sandbox(Seed(tickets=tickets, issuers=(trusted,)), listening=listening))
        remote = _repository(folder, authorities)
        github = folder / "github.pem"
        ca.issue_cert("github.com", "api.github.com").private_key_and_cert_chain_pem.write_to_path(github)
        accounts = {CLONE: "read", PUSH: "write"}
        world = World(tokens={PUSH: TOKEN_MAY})
        pushes = stack.enter_context(
            serving_github(FakeGitHub(world), folder / "github", accounts, GITHUB, server_context(github))
        )
        hosts = folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n{GITHUB} github.com api.github.com\n{TPP} tpp.example.com\n")

        def sign(namespace: str, name: str, audience: str) -> str:
            expires = int(time.time()) + 7200
            return issuer.sign(sub=f"system:serviceaccount:{namespace}:{name}", aud=audience, exp=expires)

        images = {IMAGE: image_of_this_project(hosts, authorities)}
        cluster = stack.enter_context(running_cluster(folder, images, sign))
        shutil.copytree(EXAMPLE, folder / "kubernetes")
        (folder / "kubernetes/git-credentials.txt").write_text(f"https://bot:{CLONE}@github.com\n")
        (folder / "kubernetes/github-token.txt").write_text(PUSH)
        yield Site(cluster, tpp, remote, folder, pushes)


def _repository(folder: Path, authorities: Path) -> Path:
    """Make acme/approvals with the example's configuration; the team's TPP has a certificate of its own authority."""
    remote, seed = folder / "github/acme/approvals.git", folder / "seed"
    remote.parent.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    git(remote, "config", "http.receivepack", "true")
    git(folder, "clone", "--quiet", str(remote), str(seed))
    git(seed, "checkout", "--quiet", "-B", "main")
    (seed / "tickets").mkdir()
    entries = "".join(f"  - {{guid: {guid}, status: Approved, explanation: Renewal}}\n" for guid in GUIDS)
    (seed / "tickets/web.yaml").write_text(f"version: 1\ntickets:\n{entries}")
    settings = (EXAMPLE / "reconciler.yaml").read_text(encoding="utf-8")
    (seed / "reconciler.yaml").write_text(f"{settings}tls: {{ca_bundle: authorities.pem}}\n")
    shutil.copy(authorities, seed / "authorities.pem")
    (seed / ".gitignore").write_text("ledger/\n*.json\n")
    git(seed, "add", ".")
    git(seed, "commit", "--quiet", "-m", "Decide")
    git(seed, "push", "--quiet", "origin", "main")
    return remote


def _differences(site: Site) -> Iterator[str]:
    for block in blocks(EXAMPLE / "README.md"):
        for each in typed(block) if block.language == "console" else ():
            said = site.type(each.command)
            if difference := differences(block, _squeezed(each.shown), _squeezed(said)):
                yield f"{block.place}: $ {each.command}\n{difference}\n{said}"


def _squeezed(text: str) -> str:
    """Leave out how long something took, and how wide that makes a column."""
    ages = re.sub(r"\b\d+m(?:\d+s)?(?=\s|$)", "1s", text)
    return "\n".join(re.sub(r" {2,}", "  ", line) for line in ages.splitlines())


NOT_RUN = {
    "podman build -t registry.example.com/tpp-reconciler:1.0.0 .": "tests/packaging/test_image.py builds it by buildah",
    "podman push registry.example.com/tpp-reconciler:1.0.0": "there is no registry to push to",
}
"""All that the guide has typed and that is not typed here, with the reason."""


def test_nothing_of_the_guide_is_left_out_without_a_reason() -> None:
    found = [block for block in blocks(EXAMPLE / "README.md") if block.language != "console"]
    assert [line for block in found for line in block.body.splitlines()] == list(NOT_RUN)


def test_every_command_of_the_guide_prints_what_the_guide_shows_and_the_tickets_are_approved(site: Site) -> None:
    main = git(site.remote, "rev-parse", "main")
    found = list(_differences(site))
    logs = site.logs()
    assert not found, "\n\n".join([*found, logs])
    assert sorted(entry.json["GUID"] for entry in site.tpp.log.updates) == GUIDS, "each once"
    assert not site.tpp.world.tickets, "approved tickets are gone"
    # A run that waits for another one says so in a warning; that what was noted can't be read is one, too.
    assert not re.findall(r"(?m)^(?:fatal|error|Traceback).*|.*can't be read.*", logs), logs
    assert git(site.remote, "rev-parse", "main") == main
    clone = site.folder / "ledger"
    git(site.folder, "clone", "--quiet", "--branch=reconciler-ledger", str(site.remote), str(clone))
    verify(clone)


def _apply(site: Site) -> None:
    """Do what the guide says, up to a Job that applies everything in one part."""
    for command in (
        "kubectl apply -k .",
        f"kubectl config set-context --current --namespace={NAMESPACE}",
        "kubectl create secret generic git-credentials --from-file=credentials=git-credentials.txt",
        "kubectl create secret generic github --from-file=token=github-token.txt",
        "kubectl create job once --from=cronjob/reconciler-reconcile",
    ):
        site.type(command)


def _until(site: Site, holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < deadline, site.logs()
        time.sleep(0.02)


def _ended(site: Site) -> list[str]:
    job = site.cluster.store.get("jobs", NAMESPACE, "once")
    return [each["type"] for each in job["status"].get("conditions", ()) if each["type"] in ("Complete", "Failed")]


def _go_in_the_middle(site: Site, go: Callable[[Node, Object], None]) -> Object:
    """Have the pod go while its first update is under way, and return the Job when it has ended."""
    site.tpp.faults.add(Hang(seconds=1.0, effect=True), operation="ticketUpdateStatus")
    _apply(site)
    _until(site, lambda: site.tpp.log.updates)
    (first,) = site.cluster.pods(NAMESPACE)
    go(site.cluster.node, first)
    _until(site, lambda: _ended(site))
    return site.cluster.store.get("jobs", NAMESPACE, "once")


@pytest.mark.release
def test_a_drained_pod_is_followed_by_one_that_does_the_rest(site: Site) -> None:
    job = _go_in_the_middle(site, Node.evict)
    assert _ended(site) == ["Complete"], site.logs()
    assert sorted(entry.json["GUID"] for entry in site.tpp.log.updates) == GUIDS, "each once"
    assert not site.tpp.world.tickets
    assert (job["status"]["failed"], len(site.cluster.node.running)) == (0, 2), "a disrupted pod is not counted"


@pytest.mark.release
def test_a_lost_pod_loses_nothing_and_what_it_may_have_sent_is_left_alone(site: Site) -> None:
    _go_in_the_middle(site, Node.lose)
    sent = [entry.json["GUID"] for entry in site.tpp.log.updates]
    assert len(sent) == len(set(sent)), "none twice"
    assert {ticket for ticket in GUIDS if ticket not in sent} == set(site.tpp.world.tickets)
    assert len(site.cluster.node.running) == 2, site.logs()
    left_open = f"what became of {len(sent)} updates that an earlier run had left open: {len(sent)} applied."
    assert left_open in " ".join(site.logs().split())
    assert _ended(site) == (["Failed"] if site.tpp.world.tickets else ["Complete"]), "5: to be planned again later"
