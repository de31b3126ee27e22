"""A team's repository as the example has it, with a TPP and a GitHub of its own, all on this machine."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.sandbox.grants import JwtMapping
from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import APPROVER, OFFERED_SCOPE, Seed, TicketSeed
from tests.github.fake_github import FakeGitHub
from tests.github.issuer import REQUEST_TOKEN
from tests.github.repository import files, git
from tests.github.world import READER, Pull, World
from tests.workflows.act import ROOT, Result, run_workflow

TOKEN = "ghs_0123456789abcdef"
FORK_TOKEN = "ghs_fedcba9876543210"
EXAMPLE = ROOT / "examples" / "gitops"
AUDIENCE = "https://tpp.example.com/vedauth"
WWW, SHOP, NEW = (
    "6ede0e12-f7c0-4068-9977-001076205c84",
    "8a83384d-3e44-4b62-b706-dc78459f2ac3",
    "b7d0a9c2-6f1e-4d3b-a8c5-2e9f0d4b1c88",
)
OBJECTS = {
    WWW: r"\VED\Policy\Web\www.example.com",
    SHOP: r"\VED\Policy\Web\shop.example.com",
    NEW: r"\VED\Policy\Web\new.example.com",
}


@dataclass
class Team:
    """`folder` is a clone of main, `remote` the bare repository in GitHub's place."""

    folder: Path
    remote: Path
    scratch: Path
    tpp: Sandbox
    github: FakeGitHub
    runs: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables of the repository."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    server: str | None = None
    """What the variable TPP_URL says, None for the TPP of this team."""
    own_interpreters: bool = False
    """Whether each step starts Python, as on a runner, and finds or does not find what lies around."""

    @property
    def artifacts(self) -> Path:
        """The artifacts of the newest run."""
        return self.scratch / "artifacts" / self.run_id

    @property
    def run_id(self) -> str:
        """The number of the newest run."""
        return str(4241 + self.runs)

    @property
    def head(self) -> str:
        return git(self.folder, "rev-parse", "HEAD")

    @property
    def first(self) -> str:
        """The commit that set the repository up; all later ones are those of the pull request."""
        return git(self.folder, "rev-list", "--max-parents=0", "HEAD")

    @property
    def ledger(self) -> dict[str, str]:
        """The files of the runs on the branch of the ledger."""
        found = git(self.remote, "branch", "--list", "reconciler-ledger")
        return files(self.remote, "reconciler-ledger", ".jsonl") if found else {}

    def commit(self, path: str, text: str) -> str:
        """Commit a file to main and push it."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "-m", f"Change {path}")
        git(self.folder, "push", "--quiet", "origin", "main")
        return self.head

    def merged(self, number: int = 12, *, reviewer: str | None = "bob") -> Pull:
        """Let GitHub know that the head of main came through a pull request."""
        sha = "a" * 40
        reviews = [(reviewer, "APPROVED", sha)] if reviewer else []
        pull = Pull(number, "ann", sha, merge_commit=self.head, merged_by="max", reviews=reviews)
        self.github.world.pulls[number] = pull
        self.github.world.brought[self.head] = [number]
        self.github.world.pushes = [("refs/heads/change", sha, "ann")]
        return pull

    def merge(self, number: int = 7) -> dict[str, Any]:
        """Have the pull request approved by bob and merged as it is, and return the event of the push."""
        pull = self.github.world.pulls[number]
        pull.reviews, pull.merge_commit, pull.merged_by = [("bob", "APPROVED", pull.head)], pull.head, "max"
        self.github.world.brought[pull.head] = [number]
        commits = git(self.folder, "rev-list", f"{self.first}..HEAD").splitlines()
        self.github.world.brought |= {sha: [number] for sha in commits}
        return {"ref": "refs/heads/main", "after": self.head, "commits": [{"id": self.head}]}

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any] | None = None,
        *,
        ref: str = "refs/heads/main",
        fork: bool = False,
        dies: Callable[[], bool] | None = None,
    ) -> Result:
        """Run a workflow as GitHub would. A fork gets a token that reads, and no identity token."""
        self.runs += 1
        self.github.world.started.insert(
            0,
            {
                "id": int(self.run_id),
                "event": event,
                "head_sha": (payload or {}).get("pull_request", {}).get("head", {}).get("sha", self.head),
                "head_repository": 6666 if fork else 4242,
            },
        )
        environ = {
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_REPOSITORY": "acme/approvals",
            "GITHUB_RUN_ID": self.run_id,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_WORKFLOW_REF": f"acme/approvals/.github/workflows/{workflow}@{ref}",
            **({} if event == "pull_request" else {"GITHUB_REF": ref}),
        }
        if not fork:
            environ |= {
                "ACTIONS_ID_TOKEN_REQUEST_URL": self.github.issuer.request_url,
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
            }
        return run_workflow(
            self.folder,
            workflow,
            event,
            payload or {},
            scratch=self.scratch,
            environ=environ,
            secrets={"GITHUB_TOKEN": FORK_TOKEN if fork else TOKEN, **self.secrets},
            variables={"TPP_URL": self.tpp.url if self.server is None else self.server, **self.variables},
            dies=dies,
            own_interpreters=self.own_interpreters,
        )

    def pull_request(self, number: int = 7, *, fork: bool = False) -> dict[str, Any]:
        """The event of a pull request, which GitHub knows of too."""
        owner = "eve/approvals" if fork else "acme/approvals"
        self.github.world.pulls[number] = Pull(number, "ann", self.head, repository=owner)
        self.github.world.pushes = [("refs/heads/change", self.head, "ann")]
        return {
            "action": "synchronize",
            "number": number,
            "pull_request": {
                "number": number,
                "user": {"login": "ann"},
                "head": {"sha": self.head, "ref": "change", "repo": {"full_name": owner}},
                "base": {"ref": "main", "sha": self.first, "repo": {"full_name": "acme/approvals"}},
            },
            "repository": {"full_name": "acme/approvals", "default_branch": "main"},
        }


def tickets() -> tuple[TicketSeed, ...]:
    """The tickets that the example decides on."""
    return tuple(TicketSeed(guid, dn) for guid, dn in OBJECTS.items())


@contextmanager
def team(folder: Path, *seeds: TicketSeed) -> Iterator[Team]:
    """Set up repository, TPP and GitHub. TPP trusts the identity tokens of this GitHub, as the example asks for."""
    remote, clone = folder / "remote.git", folder / "approvals"
    world = World(tokens={TOKEN: dict(World().tokens[TOKEN]), FORK_TOKEN: dict(READER)})
    world.artifacts = folder / "artifacts"
    world.permission = {"ann": "write", "bob": "write", "max": "admin"}
    with FakeGitHub(world).serve() as github:
        issuer = JwtMapping(github.url, APPROVER.universal, AUDIENCE, identity_claim="repository_id", pattern="4242")
        with running_sandbox(
            Seed(
                applications={"reconciler": OFFERED_SCOPE, "reconciler-read": "certificate"},
                issuers=(issuer,),
                tickets=seeds or tickets(),
            )
        ) as tpp:
            git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
            shutil.copytree(EXAMPLE, clone)
            settings = clone / "reconciler.yaml"
            text = settings.read_text(encoding="utf-8")
            settings.write_text(text.replace("  reviewed_plan: required\n", ""), encoding="utf-8")
            git(clone, "init", "--quiet", "--initial-branch=main")
            git(clone, "remote", "add", "origin", str(remote))
            # What sets the repository up has no pull request; what is decided comes after it.
            git(clone, "add", "--all", ":!tickets")
            git(clone, "commit", "--quiet", "-m", "Set up")
            git(clone, "add", "--all")
            git(clone, "commit", "--quiet", "-m", "Decide")
            git(clone, "push", "--quiet", "origin", "main")
            yield Team(clone, remote, folder, tpp, github)
    assert github.violations == []
