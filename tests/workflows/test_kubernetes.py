"""The CronJobs of the example as a cluster reads them, and the script that their pods run, as process 1 too."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from reconciler.cli.exit_codes import Exit
from reconciler.github.git import LAST_PUSH
from reconciler.manifests.config import load_settings
from reconciler.model.plan import parse_shard
from tests.cluster.kubectl import kubectl
from tests.github.repository import CLEAN, commit, git
from tests.workflows.act import ENVIRONMENT, ROOT

EXAMPLE = ROOT / "examples" / "kubernetes"
SCRIPT = EXAMPLE / "run.sh"
VERSIONS = ("1.31", "1.34", "1.37")
CRON_JOBS = ("plan", "reconcile", "apply")
OBJECTS = [rf"\VED\Policy\Web\{number}.example.com" for number in range(200)]
RECORDER = """\
#!/bin/sh
echo "$@" >>"$CALLS"
if [ "$2" = ledger ] && [ "$3" = pull ] && [ -n "${SLOW_PULL:-}" ]; then
  trap 'echo ended in order >>"$CALLS"; exit 143' TERM
  touch "$SLOW_PULL"
  while :; do sleep 0.02; done
fi
[ "$1" = apply ] || exit 0
if [ -n "${SLOW:-}" ]; then
  trap 'echo ended in order >>"$CALLS"; exit 143' TERM
  touch "$SLOW"
  while :; do sleep 0.02; done
fi
exit "${CODE:-0}"
"""


def _job(name: str = "apply") -> dict[str, Any]:
    cron: dict[str, Any] = YAML(typ="safe").load((EXAMPLE / f"{name}.yaml").read_text(encoding="utf-8"))
    job: dict[str, Any] = cron["spec"]["jobTemplate"]
    return job


def _container(name: str = "apply") -> dict[str, Any]:
    (container,) = _job(name)["spec"]["template"]["spec"]["containers"]
    return dict(container)


def _variables() -> dict[str, str]:
    return {each["name"]: each["value"] for each in _container()["env"] if "value" in each}


@pytest.fixture
def pod() -> Iterator[Path]:
    """A checkout, and a reconciler that only writes down how it was called.

    Outside of pytest's own folders: these are closed to other users whenever another run begins.
    """
    with TemporaryDirectory(prefix="pod-") as folder:
        pod = Path(folder)
        work = pod / "work"
        work.mkdir()
        git(work, "init", "--quiet")
        commit(work, "reconciler.yaml", "version: 1\n")
        program = pod / "bin" / "reconciler"
        program.parent.mkdir()
        program.write_text(RECORDER)
        program.chmod(0o755)
        yield pod


def _start(
    pod: Path, index: int, mode: str = "apply", before: Sequence[str] = (), **more: str
) -> subprocess.Popen[bytes]:
    environ = {
        **CLEAN,
        **_variables(),
        "PATH": f"{pod / 'bin'}:{CLEAN['PATH']}",
        "CALLS": str(pod / "calls"),
        "JOB_COMPLETION_INDEX": str(index),
        **more,
    }
    command = ["/bin/sh", str(SCRIPT), mode]
    return subprocess.Popen([*before, *command], cwd=pod / "work", env=environ, start_new_session=True)


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
        "apply --yes --lock-timeout 90s --env cluster --shard 1/4 --out /data/run.json",
        "github ledger push",
    ]


def test_a_plan_writes_nothing_to_the_branch(pod: Path) -> None:
    assert _start(pod, 0, "plan", SHARDS="", PUSHGATEWAY="https://push.example.com").wait() == 0
    assert (pod / "calls").read_text().splitlines() == [
        "github ledger pull",
        "plan --recheck --env cluster --pushgateway https://push.example.com",
    ]


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


_CONTAINER = """\
mount --make-rprivate / 2>/dev/null
mount --bind "$1" "$1" && mount -o remount,bind,ro / || exit 99
cd "$1/work" && shift
exec setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs "$@"
"""


def _as_process_1(pod: Path) -> list[str]:
    """As containers of the CronJobs begin: process 1, the user of the image, no privileges, a root that is read-only.

    The one folder that can be written is that of the pod, as /data is there.
    """
    if shutil.which("tini") is None:
        pytest.skip("tini is not installed (Debian: apt install tini); .ci/run installs it")
    _give_to_the_user_of_the_image(pod)
    inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _CONTAINER, "sh", str(pod)]
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may make namespaces here")
    return [*inside, "tini", "--"]


def test_nothing_but_the_folder_of_the_pod_can_be_written(pod: Path) -> None:
    inside = _as_process_1(pod)
    refused = "! touch /usr/bin/x 2>/dev/null && ! touch /var/tmp/x 2>/dev/null"
    tried = f"touch here && {refused} && id -u && cat /proc/self/status"
    said = subprocess.run([*inside, "sh", "-c", tried], capture_output=True, text=True, check=True).stdout
    assert said.startswith("10001\n")
    assert re.search(r"(?m)^CapEff:\s0+$", said)
    assert re.search(r"(?m)^NoNewPrivs:\s1$", said)


def _signal_process_1(outside: int, number: signal.Signals) -> None:
    """Send as a node does: from outside the namespace, to the child of `unshare` that is process 1 inside."""
    (child,) = Path(f"/proc/{outside}/task/{outside}/children").read_text().split()
    os.kill(int(child), number)


@pytest.mark.parametrize("as_process_1", [False, True], ids=["process", "process 1"])
def test_a_drained_pod_ends_in_order_and_keeps_its_ledger(pod: Path, as_process_1: bool) -> None:
    started = pod / "started"
    before = _as_process_1(pod) if as_process_1 else []
    process = _start(pod, 2, before=before, SLOW=str(started))
    _wait_for(started)
    if as_process_1:
        _signal_process_1(process.pid, signal.SIGTERM)
    else:
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    assert (pod / "calls").read_text().splitlines()[-2:] == ["ended in order", "github ledger push"]


def test_a_pod_that_is_told_to_end_while_it_fetches_the_ledger_applies_nothing(pod: Path) -> None:
    started, before = pod / "started", _as_process_1(pod)
    process = _start(pod, 0, before=before, SLOW_PULL=str(started))
    _wait_for(started)
    _signal_process_1(process.pid, signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    assert (pod / "calls").read_text().splitlines() == ["github ledger pull", "ended in order"]


def _give_to_the_user_of_the_image(pod: Path) -> None:
    """Make user 10001 the owner of the checkout, as the init container leaves it, and let it come to it."""
    if os.geteuid() == 0:
        for path in (pod, *pod.rglob("*")):
            os.chown(path, 10001, 10001)


@pytest.mark.parametrize("name", CRON_JOBS)
def test_starting_again_is_left_to_faults_that_time_mends(name: str) -> None:
    final, ignored = _job(name)["spec"]["podFailurePolicy"]["rules"]
    assert (final["action"], ignored["action"]) == ("FailIndex" if name == "apply" else "FailJob", "Ignore")
    assert set(final["onExitCodes"]["values"]) == {
        int(code) for code in (Exit.INVALID, Exit.USAGE, Exit.REFUSED, Exit.ATTENTION, Exit.UNKNOWN, Exit.BUG)
    }
    assert final["onExitCodes"]["containerName"] == _container(name)["name"]


def test_the_cron_jobs_differ_in_nothing_but_when_they_run_what_and_how_divided() -> None:
    def common(name: str) -> dict[str, Any]:
        job = _job(name)
        for own in ("completionMode", "completions", "parallelism", "backoffLimitPerIndex", "maxFailedIndexes"):
            job["spec"].pop(own, None)
        job["spec"].pop("backoffLimit", None)
        job["spec"]["podFailurePolicy"]["rules"][0].pop("action")
        job["spec"]["template"]["metadata"]["labels"].pop("app.kubernetes.io/component")
        (container,) = job["spec"]["template"]["spec"]["containers"]
        container["command"].pop()
        container["env"] = [each for each in container["env"] if each["name"] != "SHARDS"]
        return job

    assert common("plan") == common("reconcile") == common("apply")


def test_only_the_plan_runs_by_itself_and_no_two_of_a_kind_at_once() -> None:
    crons = {name: YAML(typ="safe").load((EXAMPLE / f"{name}.yaml").read_text())["spec"] for name in CRON_JOBS}
    assert {name: cron["suspend"] for name, cron in crons.items()} == {"plan": False, "reconcile": True, "apply": True}
    assert {cron["concurrencyPolicy"] for cron in crons.values()} == {"Forbid"}


def test_the_numbers_of_cluster_configuration_and_image_agree(tmp_path: Path) -> None:
    (tmp_path / "tickets").mkdir()
    settings = load_settings(EXAMPLE / "reconciler.yaml", environment="cluster", environ={})
    spec = _job()["spec"]
    grace = spec["template"]["spec"]["terminationGracePeriodSeconds"]
    assert (settings.requests.grace, grace) == (120, 150)
    assert settings.requests.grace + LAST_PUSH < grace
    assert settings.requests.deadline is not None
    assert settings.requests.deadline < spec["activeDeadlineSeconds"]
    assert settings.auth.jwt_file == "/var/run/secrets/tpp/token"
    assert "USER 10001:10001" in (ROOT / "Containerfile").read_text()
    assert 'ENTRYPOINT ["tini", "--", "reconciler"]' in (ROOT / "Containerfile").read_text()


@pytest.mark.slow
def test_a_cluster_of_each_version_takes_everything_that_kustomize_builds() -> None:
    built = subprocess.run([kubectl(), "kustomize", str(EXAMPLE)], capture_output=True, text=True, check=True).stdout
    objects = list(YAML(typ="safe").load_all(built))
    assert {
        (each["kind"], each["metadata"]["name"].rsplit("-", 1)[0]) for each in objects if each["kind"] == "ConfigMap"
    }
    assert [each["metadata"]["name"] for each in objects if each["kind"] == "CronJob"]
    objects += [_single_run(each) for each in objects if each["kind"] == "CronJob"]
    objects += _secrets_of_the_guide()
    for each in objects:
        assert each["metadata"]["name"], "kubectl creates nothing without a name"
        for version in VERSIONS:
            kubernetes_validate.validate(each, version, strict=True)


def _single_run(cron: dict[str, Any]) -> dict[str, Any]:
    """Return the job that `kubectl create job --from` asks for, which needs a cluster that has the CronJob."""
    spec = cron["spec"]["jobTemplate"]["spec"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "apply-1"}, "spec": spec}


def _secrets_of_the_guide() -> list[dict[str, Any]]:
    """Return what the commands of the guide create, as kubectl makes it without a cluster, and what the pods read."""
    commands = re.findall(r"(?m)^ *\$ (kubectl create secret .*)$", (EXAMPLE / "README.md").read_text(encoding="utf-8"))
    made = []
    for command in commands:
        words = re.sub(r"(--from-file=\w+)=\S+", rf"\1={SCRIPT}", command).split()
        ran = subprocess.run([*words, "--dry-run=client", "-o", "yaml"], capture_output=True, text=True, check=True)
        made.append(dict(YAML(typ="safe").load(ran.stdout)))
    keys = {each["metadata"]["name"]: set(each["data"]) for each in made}
    (token,) = (each["valueFrom"]["secretKeyRef"] for each in _container()["env"] if "valueFrom" in each)
    assert keys == {token["name"]: {token["key"]}, "git-credentials": {"credentials"}}
    return made


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
