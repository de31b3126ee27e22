"""A user's repository: a folder with a configuration and manifests, a sandbox, and the command line."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import main
from reconciler.sandbox.running import Sandbox

FIRST = "6ede0e12-f7c0-4068-9977-001076205c84"
SECOND = "8a83384d-3e44-4b62-b706-dc78459f2ac3"
THIRD = "4f1c9ab0-52f3-4b1e-9a57-0e6b7d3c2a11"


@dataclass(frozen=True)
class Said:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@dataclass
class Repo:
    """Run commands in `folder` against `sandbox`."""

    folder: Path
    sandbox: Sandbox
    capture: pytest.CaptureFixture[str]
    environ: Callable[[str, str], None] = field(repr=False)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def configure(self, extra: str = "") -> None:
        self.write(
            "reconciler.yaml",
            f"version: 1\nserver: {self.sandbox.url}\ntickets: [tickets]\nledger: ledger\n"
            f"requests: {{settle: 0.3, wait: 0, connect_timeout: 2, read_timeout: 5}}\n{extra}",
        )

    def decide(self, *entries: str, header: str = "change: CHG0041234\n", name: str = "tickets/web.yaml") -> None:
        body = "".join(f"  - {entry}\n" for entry in entries)
        self.write(name, f"version: 1\n{header}tickets:\n{body}")

    def run(self, *arguments: str) -> Said:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        shown = self.capture.readouterr()
        code = left.value.code
        return Said(code if isinstance(code, int) else 1, shown.out, shown.err)

    def plan_json(self) -> dict[str, Any]:
        """What a plan says now, as programs read it."""
        said = self.run("plan", "--format", "json")
        assert said.out, said.err
        return dict(json.loads(said.out))

    def patched(self) -> None:
        """Make the patch of a plan and apply it with git, as a person does after having looked at it."""
        subprocess.run(["git", "init", "-q"], cwd=self.folder, check=True)
        said = self.run("plan", "--format", "patch")
        subprocess.run(["git", "apply", "-"], cwd=self.folder, input=said.out.encode(), check=True)

    def writes(self) -> list[dict[str, object]]:
        """The bodies of all updates that reached the server, in order."""
        return [dict(entry.json) for entry in self.sandbox.log.calls("ticketUpdateStatus")]  # type: ignore[arg-type]


def steady(text: str, repo: Repo) -> str:
    """Take out of a text what differs from run to run: the server's port, folders, ids."""
    text = text.replace(repo.sandbox.url, "http://server").replace(str(repo.folder), "FOLDER")
    return re.sub(r"sha256:[0-9a-f]{12,64}", "sha256:…", text)
