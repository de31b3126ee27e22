"""The stand-in for a cluster refuses what Kubernetes refuses, and treats pods as badly as it may."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.cluster.api import Object, Refused, Store, merged
from tests.cluster.cluster import Cluster, running_cluster
from tests.cluster.container import why_not
from tests.cluster.kubectl import kubectl
from tests.cluster.services import image_of_this_project

pytestmark = pytest.mark.slow

LOCKED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def _pod(script: str, **more: Any) -> Object:
    container = {
        "name": "main", "image": "ours", "command": ["tini", "--", "sh", "-c", script], "securityContext": LOCKED,
    }  # fmt: skip
    return {"restartPolicy": "Never", "securityContext": dict(RESTRICTED), "containers": [container]} | more


def _job(script: str, pod: Object | None = None, **more: Any) -> Object:
    return {"metadata": {"name": "job"}, "spec": {"template": {"spec": pod or _pod(script)}} | more}


def _rule(action: str, *codes: int) -> Object:
    return {"rules": [{"action": action, "onExitCodes": {"operator": "In", "values": list(codes)}}]}


SHORT = {"schedule": "7 * * *", "jobTemplate": _job("true")}


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create(
        "namespaces", "", {"metadata": {"name": "team", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    return made


@pytest.mark.parametrize(
    ("plural", "given", "code", "why"),
    [
        ("jobs", {"spec": {"template": {"spec": _pod("true")}}}, 422, "name or generateName is required"),
        ("jobs", _job("true", backofLimit=1), 400, 'strict decoding error: unknown field "spec.backofLimit"'),
        ("jobs", _job("true", backoffLimitPerIndex=1), 422, "may only be set for indexed jobs"),
        ("jobs", _job("true", completionMode="Indexed"), 422, "spec.completions: Required value"),
        ("jobs", _job("", _pod("true", restartPolicy="Always")), 422, "restartPolicy"),
        (
            "jobs",
            _job("true", podFailurePolicy=_rule("FailIndex", 1)),
            422,
            "requires backoffLimitPerIndex",
        ),
        (
            "jobs",
            _job("true", podFailurePolicy=_rule("FailJob", 2, 1)),
            422,
            "must be ordered",
        ),
        ("cronjobs", {"metadata": {"name": "c"}, "spec": SHORT}, 422, "5 fields"),
        ("secrets", {"metadata": {"name": "Git_Credentials"}}, 422, "lowercase RFC 1123 subdomain"),
        ("secrets", {"metadata": {"name": "a", "namespace": "other"}}, 400, "does not match the namespace"),
        ("pods", {"metadata": {"name": "p"}, "spec": _pod("true", serviceAccountName="nobody")}, 403, "not found"),
        ("pods", {"metadata": {"name": "p"}, "spec": _pod("true", hostNetwork=True)}, 403, "host namespaces"),
        (
            "pods",
            {"metadata": {"name": "p"}, "spec": _pod("true", volumes=[{"name": "v", "hostPath": {"path": "/"}}])},
            403,
            "restricted volume types",
        ),
        ("pods", {"metadata": {"name": "p"}, "spec": _pod("true", securityContext={})}, 403, "runAsNonRoot != true"),
    ],
)  # fmt: skip
def test_what_kubernetes_refuses_is_refused(store: Store, plural: str, given: Object, code: int, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        store.create(plural, "team", given)
    assert refused.value.code == code


def test_a_namespace_has_to_be_there_and_a_name_is_taken_once(store: Store) -> None:
    with pytest.raises(Refused, match='namespaces "other" not found'):
        store.create("secrets", "other", {"metadata": {"name": "a"}})
    store.create("secrets", "team", {"metadata": {"name": "a"}})
    with pytest.raises(Refused, match='secrets "a" already exists'):
        store.create("secrets", "team", {"metadata": {"name": "a"}})


def test_the_template_of_a_job_can_not_be_changed(store: Store) -> None:
    store.create("jobs", "team", _job("true"))
    patch = {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}
    with pytest.raises(Refused, match="field is immutable"):
        store.patch("jobs", "team", "job", "application/merge-patch+json", patch, "Strict")


def test_a_strategic_patch_merges_lists_by_their_key() -> None:
    before = {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}
    patch = {"containers": [{"name": "b", "image": "2"}]}
    assert merged(before, patch, by_key=True)["containers"] == [
        {"name": "a", "image": "1"},
        {"name": "b", "image": "2"},
    ]
    assert merged(before, patch, by_key=False) == patch


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="cluster-") as place:
        yield Path(place)


@dataclass
class Team:
    """A cluster with a namespace, and what became of its Job."""

    cluster: Cluster

    def start(self, job: Object) -> None:
        self.cluster.store.create("jobs", "team", job)

    @property
    def job(self) -> Object:
        return self.cluster.store.get("jobs", "team", "job")

    @property
    def pods(self) -> list[Object]:
        return self.cluster.pods("team")

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, (self.job["status"], self.pods)
            time.sleep(0.01)

    def ended(self) -> tuple[str, str]:
        """Wait for the Job to end, and return how and why."""
        self.until(
            lambda: any(each["type"] in ("Complete", "Failed") for each in self.job["status"].get("conditions", ()))
        )
        (last,) = [each for each in self.job["status"]["conditions"] if each["type"] in ("Complete", "Failed")]
        return last["type"], last["reason"]

    def printed(self) -> str:
        logs = [self.cluster.node.log(pod, "main") for pod in self.pods]
        return "".join(log.read_text(encoding="utf-8") for log in logs if log.exists())


@contextmanager
def _team(folder: Path, pace: float = 1.0) -> Iterator[Team]:
    if reason := why_not():
        pytest.skip(reason)
    for name in ("hosts", "authorities"):
        (folder / name).write_text("")
    image = image_of_this_project(folder / "hosts", folder / "authorities")
    with running_cluster(folder, {"ours": image}, lambda *_: "a.b.c", pace) as cluster:
        cluster.store.create("namespaces", "", {"metadata": {"name": "team"}})
        yield Team(cluster)


POLICY = {
    "rules": [
        {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [6]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]
}


def test_a_job_is_tried_again_as_often_as_it_says(folder: Path) -> None:
    with _team(folder) as team:
        team.start(_job("exit 7", backoffLimit=1, podFailurePolicy=POLICY))
        assert team.ended() == ("Failed", "BackoffLimitExceeded")
        assert len(team.pods) == 2


def test_a_code_that_nothing_cures_fails_the_job_at_once(folder: Path) -> None:
    with _team(folder) as team:
        team.start(_job("exit 6", backoffLimit=5, podFailurePolicy=POLICY))
        assert team.ended() == ("Failed", "PodFailurePolicy")
        assert len(team.pods) == 1


def test_an_index_that_fails_ends_no_other(folder: Path) -> None:
    rules = [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [6]}}]
    indexed = {"completionMode": "Indexed", "completions": 3, "parallelism": 2, "backoffLimitPerIndex": 2}
    script = 'test "$JOB_COMPLETION_INDEX" != 1 || exit 6'
    with _team(folder) as team:
        team.start(_job(script, podFailurePolicy={"rules": rules}, maxFailedIndexes=3, **indexed))
        assert team.ended() == ("Failed", "FailedIndexes")
        status = team.job["status"]
        assert (status["completedIndexes"], status["failedIndexes"], len(team.pods)) == ("0,2", "1", 3)


def test_a_pod_that_is_lost_is_replaced_without_being_counted(folder: Path) -> None:
    with _team(folder) as team:
        team.start(_job("sleep 60", backoffLimit=0, podFailurePolicy=POLICY))
        team.until(lambda: team.pods and team.pods[0]["status"]["phase"] == "Running")
        (lost,) = team.pods
        team.cluster.node.lose(lost)
        team.until(lambda: len(team.pods) == 2)
        found = next(pod for pod in team.pods if pod["metadata"]["uid"] == lost["metadata"]["uid"])
        assert found["status"]["conditions"][0]["reason"] == "DeletionByPodGC"
        assert "terminated" not in found["status"]["containerStatuses"][0]["state"], "nobody knows how it ended"
        assert team.job["status"]["failed"] == 0


def test_term_comes_first_and_kill_after_the_grace(folder: Path) -> None:
    with _team(folder, pace=0.01) as team:
        stubborn = "trap 'echo told to end' TERM; echo began; while :; do sleep 0.02; done"
        team.start(_job("", _pod(stubborn, terminationGracePeriodSeconds=20), backoffLimit=0))
        team.until(lambda: team.pods and "began" in team.printed())
        (pod,) = team.pods
        team.cluster.store.delete("pods", "team", pod["metadata"]["name"])
        assert team.ended() == ("Failed", "BackoffLimitExceeded")
        assert "told to end" in team.cluster.node.log(pod, "main").read_text(encoding="utf-8")
        team.until(lambda: not team.pods)


def test_a_pod_waits_for_its_secret_and_reads_it_by_its_group(folder: Path) -> None:
    mount = [{"name": "git", "mountPath": "/var/run/secrets/git", "readOnly": True}]
    script = "cd /var/run/secrets/git; cat credentials; touch x || stat -L -c %a:%u:%g *"
    pod = _pod(script, volumes=[{"name": "git", "secret": {"secretName": "git", "defaultMode": 0o400}}])
    pod["containers"][0]["volumeMounts"] = mount
    with _team(folder) as team:
        store = team.cluster.store
        pod["securityContext"]["fsGroup"] = 10001
        team.start(_job("", pod))
        team.until(lambda: store.list("events", "team"))
        assert store.list("events", "team")[0]["message"].endswith('secret "git" not found')
        assert team.pods[0]["status"]["phase"] == "Pending"
        store.create("secrets", "team", {"metadata": {"name": "git"}, "stringData": {"credentials": "secret\n"}})
        assert team.ended()[0] == "Complete"
        assert team.printed().splitlines() == [
            "secret",
            "touch: cannot touch 'x': Read-only file system",
            "440:0:10001",
        ]


def test_without_its_group_the_secret_can_not_be_read(folder: Path) -> None:
    pod = _pod("cat /git/token", volumes=[{"name": "git", "secret": {"secretName": "git", "defaultMode": 0o400}}])
    pod["containers"][0]["volumeMounts"] = [{"name": "git", "mountPath": "/git"}]
    with _team(folder) as team:
        team.cluster.store.create("secrets", "team", {"metadata": {"name": "git"}, "stringData": {"token": "t"}})
        team.start(_job("", pod, backoffLimit=0))
        assert team.ended()[0] == "Failed"
        assert "Permission denied" in team.printed()


def test_a_pod_that_violates_the_profile_is_never_made_and_the_job_says_why(folder: Path) -> None:
    with _team(folder) as team:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        team.cluster.store.create("namespaces", "", {"metadata": {"name": "strict", "labels": labels}})
        pod = _pod("true")
        del pod["containers"][0]["securityContext"]
        team.cluster.store.create("jobs", "strict", _job("", pod))
        team.until(lambda: team.cluster.store.list("events", "strict"))
        (event,) = team.cluster.store.list("events", "strict")
        assert event["reason"] == "FailedCreate"
        assert 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false' in event["message"]
        assert team.cluster.pods("strict") == []


def test_kubectl_is_refused_in_the_words_of_the_server(folder: Path) -> None:
    program = kubectl()
    with running_cluster(folder, {}) as cluster:
        environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "KUBECONFIG": str(cluster.config)}

        def create(given: Object) -> str:
            (folder / "given.json").write_text(json.dumps({"apiVersion": "batch/v1", "kind": "Job"} | given))
            command = [program, "create", "--namespace=default", "-f", str(folder / "given.json")]
            return subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stderr

        assert 'unknown field "spec.suspnd"' in create(_job("true", suspnd=True))
        assert 'namespaces "default" not found' not in create(_job("true"))
        assert '"job" already exists' in create(_job("true"))
