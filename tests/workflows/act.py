"""Runs workflows with act, on this machine and without GitHub, and reads what they did from its log."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.forking.program import forked

ROOT = Path(__file__).parent.parent.parent
STUBS = Path(__file__).parent / "stubs"
OURS = "example-org/tpp-reconciler"
ENVIRONMENT = Path(sys.prefix)
_USES = re.compile(r"uses:\s*(\S+)@(\S+)")
_PIN = re.compile(rf"{OURS}(?:/\S+)?@([0-9a-f]{{40}})")
_LONGEST_RUN = 900
"""Seconds. A workflow in three parts starts some forty processes, on machines that are busy with other tests."""
_UNKNOWN_TO_ACT = re.compile(r"^\s+queue: max\n", re.MULTILINE)
"""`concurrency.queue` makes act refuse the whole workflow; it ignores concurrency anyway."""


@dataclass(frozen=True)
class Result:
    """What one run of a workflow did. `annotations` are (level, title, message)."""

    code: int
    jobs: Mapping[str, str]
    steps: Mapping[str, str]
    annotations: tuple[tuple[str, str, str], ...]
    summaries: tuple[str, ...]
    lines: tuple[str, ...]
    raw: tuple[str, ...]
    log: str = field(repr=False)


def release(folder: Path, pin: str) -> Path:
    """Write down this repository's action and workflows as its commit `pin` would be fetched."""
    shutil.copytree(ROOT / ".github", folder / ".github")
    shutil.copy(ROOT / "action.yml", folder)
    for workflow in (*(folder / ".github" / "workflows").glob("*.yml"), folder / "action.yml"):
        text = _UNKNOWN_TO_ACT.sub("", workflow.read_text(encoding="utf-8"))
        workflow.write_text(re.sub(r"uses: \$/(\S+)", rf"uses: {OURS}/\1@{pin}", text), encoding="utf-8")
    return folder


def run_workflow(
    repository: Path,
    workflow: str,
    event: str,
    payload: Mapping[str, Any],
    *,
    scratch: Path,
    environ: Mapping[str, str],
    secrets: Mapping[str, str],
    variables: Mapping[str, str],
    dies: Callable[[], bool] | None = None,
    own_interpreters: bool = False,
) -> Result:
    """Run one workflow of a repository for one event. Refuses a workflow that uses what is not stubbed.

    When `dies` says so, the runner is gone from one moment to the next. With `own_interpreters` each step starts Python
    as a runner does; else it has one forked that is loaded already.
    """
    own = scratch / "workflows"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    text = _UNKNOWN_TO_ACT.sub("", (repository / ".github" / "workflows" / workflow).read_text(encoding="utf-8"))
    (own / workflow).write_text(text, encoding="utf-8")
    (scratch / "event.json").write_text(json.dumps(payload), encoding="utf-8")
    home = scratch / "home"
    home.mkdir(exist_ok=True)
    environ = {
        "RECONCILER_VENV": str(_environment(scratch, own_interpreters=own_interpreters or dies is not None)),
        "STUB_ARTIFACTS": str(scratch / "artifacts"),
        "NO_COLOR": "1",
        "TERM": "dumb",
        **environ,
    }
    heard = scratch / "act.log"
    command = [
        str(ENVIRONMENT / "bin" / "act"),
        event,
        "--directory",
        str(repository),
        "--eventpath",
        str(scratch / "event.json"),
        "--workflows",
        str(own / workflow),
        "--platform",
        "ubuntu-24.04=-self-hosted",
        "--no-cache-server",
        "--action-offline-mode",
        "--json",
        *_pairs("--env", environ),
        *_pairs("--secret", secrets),
        *_pairs("--var", variables),
        *_local_repositories(text, scratch),
    ]
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    # Into a file: a pipe that nobody reads while the runner lives would stop it.
    with heard.open("w", encoding="utf-8") as out:
        started = subprocess.Popen(command, env=environ, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        if dies is not None:
            while started.poll() is None and not dies():
                time.sleep(0.02)
            _kill_session(started.pid)
        try:
            started.wait(timeout=_LONGEST_RUN)
        finally:
            if started.poll() is None:
                _kill_session(started.pid)
    log = heard.read_text(encoding="utf-8", errors="replace")
    spoken = scratch / "spoken"
    return _read(started.returncode, log, spoken.read_text(encoding="utf-8") if spoken.exists() else "")


def _kill_session(session: int) -> None:
    """Take a runner away with everything that it started, as when the machine goes."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                os.kill(int(stat.parent.name), signal.SIGKILL)
        except (OSError, IndexError):
            continue


def _environment(scratch: Path, *, own_interpreters: bool) -> Path:
    """Make an environment whose Python also writes to a file: act loses last lines of a step that ends at once."""
    (scratch / "spoken").unlink(missing_ok=True)
    python = [str(ENVIRONMENT / "bin" / "python")] if own_interpreters else forked()
    told = f'{shlex.join(python)} "$@" 2>&1 | tee -a "{scratch}/spoken"'
    for name in ("python", "reconciler"):
        program = scratch / "venv" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/bash\n{told}\nexit "${{PIPESTATUS[0]}}"\n', encoding="utf-8")
        program.chmod(0o755)
    return scratch / "venv"


def _pairs(option: str, values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in (option, f"{name}={value}")]


def _local_repositories(text: str, scratch: Path) -> list[str]:
    """Say where each foreign repository is: ours at its pin, and stubs for GitHub's own actions."""
    pins = set(_PIN.findall(text))
    assert len(pins) <= 1, "one repository, one release"
    found: dict[str, Path] = {}
    texts = [text]
    for pin in pins:
        ours = scratch / "release"
        if not ours.exists():
            release(ours, pin)
        found[f"{OURS}@{pin}"] = ours
        shared = (file.read_text(encoding="utf-8") for file in (ours / ".github").rglob("*.yml"))
        texts += [each for each in shared if "workflow_call:" in each or "using: composite" in each]
    for name, ref in {pair for each in texts for pair in _USES.findall(each)}:
        owner, repository = name.split("/")[:2]
        stub = STUBS / repository
        if f"{owner}/{repository}" == OURS or repository in ("checkout", "setup-python"):
            continue
        assert owner == "actions", f"{name} is not stubbed"
        assert stub.is_dir(), f"{name} is not stubbed"
        found[f"{owner}/{repository}@{ref}"] = stub
    return [word for name, path in found.items() for word in ("--local-repository", f"{name}={path}")]


def _read(code: int, log: str, spoken: str) -> Result:
    records = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    jobs: dict[str, str] = {}
    steps: dict[str, str] = {}
    summaries: dict[tuple[str, str], tuple[int, str]] = {}
    for record in records:
        job = record.get("job", "")
        if "jobResult" in record:
            jobs[job] = record["jobResult"]
        if "stepResult" in record:
            steps[f"{job}: {record.get('step', '')}"] = record["stepResult"]
        if record.get("command") == "summary":
            # A composite action's summary is told twice, for the inner step and for the outer.
            key, depth = (job, record["content"]), len(record.get("stepID", ()))
            summaries.setdefault(key, (depth, record["content"]))
    said = spoken.splitlines()
    heard = [record["raw"].rstrip("\n") for record in records if record.get("raw")]
    raw = tuple(dict.fromkeys([*heard, *(line for line in said if line.startswith("::"))]))
    lines = tuple(record["msg"].rstrip("\n") for record in records if record.get("raw_output"))
    lines += tuple(line for line in said if not line.startswith("::"))
    annotations = tuple(_parsed(command) for command in raw if command.startswith(_ANNOTATIONS))
    return Result(code, jobs, steps, annotations, tuple(text for _, text in summaries.values()), lines, raw, log)


_ANNOTATIONS = ("::error ", "::warning ", "::notice ", "::error::", "::warning::", "::notice::")


def _parsed(raw: str) -> tuple[str, str, str]:
    """Read level, title and message of a workflow command by the runner's rules; act's own reading loses some."""
    head, _, message = raw.removeprefix("::").partition("::")
    level, _, properties = head.partition(" ")
    named = dict(pair.partition("=")[::2] for pair in properties.split(","))
    return level, _unescaped(named.get("title", "")), _unescaped(message)


def _unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text
