"""The Indexed Job of the example, and the script that each of its pods runs."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.cli.exit_codes import Exit
from reconciler.model.plan import parse_shard
from tests.github.repository import CLEAN, commit, git
from tests.workflows.act import ENVIRONMENT, ROOT

EXAMPLE = ROOT / "examples" / "kubernetes"
SCRIPT = EXAMPLE / "apply.sh"
OBJECTS = [rf"\VED\Policy\Web\{number}.example.com" for number in range(200)]
RECORDER = """\
#!/bin/sh
echo "$@" >>"$CALLS"
[ "$1" = apply ] || exit 0
if [ -n "${SLOW:-}" ]; then
  trap 'echo ended in order >>"$CALLS"; exit 143' TERM
  touch "$SLOW"
  while :; do sleep 0.02; done
fi
exit "${CODE:-0}"
"""


def _job() -> dict[str, Any]:
    job: dict[str, Any] = YAML(typ="safe").load((EXAMPLE / "apply-job.yaml").read_text(encoding="utf-8"))
    return job


def _container() -> dict[str, Any]:
    (container,) = _job()["spec"]["template"]["spec"]["containers"]
    return dict(container)


def _variables() -> dict[str, str]:
    return {each["name"]: each["value"] for each in _container()["env"] if "value" in each}


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    """A checkout, and a reconciler that only writes down how it was called."""
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet")
    commit(work, "reconciler.yaml", "version: 1\n")
    program = tmp_path / "bin" / "reconciler"
    program.parent.mkdir()
    program.write_text(RECORDER)
    program.chmod(0o755)
    return tmp_path


def _start(pod: Path, index: int, **more: str) -> subprocess.Popen[bytes]:
    environ = {
        **CLEAN,
        **_variables(),
        "PATH": f"{pod / 'bin'}:{CLEAN['PATH']}",
        "CALLS": str(pod / "calls"),
        "JOB_COMPLETION_INDEX": str(index),
        **more,
    }
    return subprocess.Popen(["/bin/sh", str(SCRIPT)], cwd=pod / "work", env=environ, start_new_session=True)


def _shard(call: str) -> str:
    words = call.split()
    return words[words.index("--shard") + 1]


def test_the_pods_of_the_job_are_all_parts_of_one_division(pod: Path) -> None:
    completions = _job()["spec"]["completions"]
    assert _variables()["SHARDS"] == str(completions)
    for index in range(completions):
        assert _start(pod, index).wait() == 0
    calls = [call for call in (pod / "calls").read_text().splitlines() if call.startswith("apply")]
    shards = [parse_shard(_shard(call)) for call in calls]
    owners = [[str(shard) for shard in shards if shard.owns(dn)] for dn in OBJECTS]
    assert {len(found) for found in owners} == {1}
    assert {found[0] for found in owners} == {f"{number}/{completions}" for number in range(1, completions + 1)}


@pytest.mark.parametrize("code", [0, 5])
def test_the_ledger_is_fetched_before_and_kept_after_whatever_happens(pod: Path, code: int) -> None:
    assert _start(pod, 0, CODE=str(code)).wait() == code
    assert (pod / "calls").read_text().splitlines() == [
        "github ledger pull",
        "apply --yes --shard 1/4 --out /data/run.json",
        "github ledger push",
    ]


def test_a_drained_pod_ends_in_order_and_keeps_its_ledger(pod: Path) -> None:
    started = pod / "started"
    process = _start(pod, 2, SLOW=str(started))
    deadline = time.monotonic() + 20
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    assert (pod / "calls").read_text().splitlines()[-2:] == ["ended in order", "github ledger push"]


def test_starting_again_is_left_to_faults_that_time_mends() -> None:
    final, ignored = _job()["spec"]["podFailurePolicy"]["rules"]
    assert (final["action"], ignored["action"]) == ("FailIndex", "Ignore")
    assert set(final["onExitCodes"]["values"]) == {
        int(code) for code in (Exit.INVALID, Exit.USAGE, Exit.REFUSED, Exit.ATTENTION, Exit.BUG)
    }
    assert final["onExitCodes"]["containerName"] == _container()["name"]


def test_the_job_is_an_indexed_one_that_trusts_its_pods_with_little() -> None:
    spec = _job()["spec"]
    assert (spec["completionMode"], spec["template"]["spec"]["restartPolicy"]) == ("Indexed", "Never")
    assert spec["parallelism"] <= spec["completions"]
    pod = spec["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]}


def test_shellcheck_finds_nothing_in_the_script() -> None:
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "shellcheck"), str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
