"""The controller of Jobs: makes pods until as many have succeeded as a Job wants, and judges those that failed.

What it imitates (kubernetes.io/docs/…): how pods are made, counted and replaced, exponential back-off (10 s, 20 s, …
up to six minutes), indexes, limits of back-off per index, conditions: concepts/workloads/controllers/job. The pod
failure policy, and that a pod is then replaced only when it has ended: the same page and tasks/job/pod-failure-policy.
It leaves out: suspending, deadlines, clean-up of finished Jobs, and the schedules of CronJobs.
"""

import secrets
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from tests.cluster.api import Object, Refused, Store, now

_FIRST_DELAY, _LONGEST_DELAY = 10.0, 360.0


@dataclass
class JobController:
    """`pace` is what a second of the back-off takes here; 0 makes pods again at once."""

    store: Store
    pace: float = 0.0
    clock: Callable[[], float] = time.monotonic
    counted: dict[str, str] = field(default_factory=dict)
    """What became of each pod that ended, by its UID: `succeeded`, `failed` or `ignored`."""
    _failures: dict[tuple[str, str], int] = field(default_factory=dict)
    _not_before: dict[tuple[str, str], float] = field(default_factory=dict)
    _failed_indexes: dict[str, set[str]] = field(default_factory=dict)
    _done: dict[str, set[str]] = field(default_factory=dict)

    def run(self, ended: threading.Event) -> None:
        """Look at every Job whenever something changes."""
        while not ended.is_set():
            with self.store.changed:
                for job in self.store.list("jobs"):
                    if not _finished(job):
                        self._sync(job)
                self.store.changed.wait(0.05)

    def _sync(self, job: Object) -> None:
        spec, metadata = job["spec"], job["metadata"]
        uid = metadata["uid"]
        pods = [each for each in self.store.list("pods", metadata["namespace"]) if _owned(each, uid)]
        done = self._done.setdefault(uid, set())
        failed = self._failed_indexes.setdefault(uid, set())
        verdict: tuple[str, str] | None = None
        for pod in pods:
            if pod["status"]["phase"] in ("Succeeded", "Failed") and pod["metadata"]["uid"] not in self.counted:
                verdict = self._judge(job, pod) or verdict
        indexed = spec["completionMode"] == "Indexed"
        active = [each for each in pods if each["status"]["phase"] in ("Pending", "Running")]
        running = [each for each in active if "deletionTimestamp" not in each["metadata"]]
        if verdict is None and indexed and "backoffLimitPerIndex" in spec:
            if len(failed) > spec.get("maxFailedIndexes", spec["completions"]):
                verdict = (
                    "MaxFailedIndexesExceeded",
                    "Job has exceeded the specified maximal number of failed indexes",
                )
            elif failed and len(done) + len(failed) == spec["completions"]:
                verdict = ("FailedIndexes", "Job has failed indexes")
        conditions: list[Object] = []
        if verdict:
            for each in running:
                self.store.delete("pods", metadata["namespace"], each["metadata"]["name"])
            conditions = [_condition("FailureTarget", *verdict)]
            if not active:
                conditions.append(_condition("Failed", *verdict))
        elif len(done) == spec["completions"]:
            message = ("CompletionsReached", "Reached expected number of succeeded pods")
            conditions = [_condition("SuccessCriteriaMet", *message), _condition("Complete", *message)]
        else:
            self._make(job, pods, active, indexed)
        self._tell(job, active, conditions)

    def _judge(self, job: Object, pod: Object) -> tuple[str, str] | None:
        """Count a pod that has ended; return why the Job fails by it, if it does."""
        spec, uid = job["spec"], job["metadata"]["uid"]
        own, index = pod["metadata"]["uid"], _index(pod)
        if pod["status"]["phase"] == "Succeeded":
            self.counted[own] = "succeeded"
            self._done[uid].add(index if spec["completionMode"] == "Indexed" else own)
            return None
        rule = next((rule for rule in spec.get("podFailurePolicy", {}).get("rules", ()) if _matches(rule, pod)), None)
        action = rule["action"] if rule else "Count"
        self.counted[own] = "ignored" if action == "Ignore" else "failed"
        if action == "Ignore":
            return None
        if action == "FailJob":
            return (
                "PodFailurePolicy",
                f"{_told(pod)} matching FailJob rule at index {spec['podFailurePolicy']['rules'].index(rule)}",
            )
        per_index = "backoffLimitPerIndex" in spec
        key = (uid, index if per_index else "")
        self._failures[key] = failures = self._failures.get(key, 0) + 1
        delay = min(_FIRST_DELAY * 2 ** (failures - 1), _LONGEST_DELAY)
        self._not_before[key] = self.clock() + delay * self.pace
        if per_index and (action == "FailIndex" or failures > spec["backoffLimitPerIndex"]):
            self._failed_indexes[uid].add(index)
        elif failures > spec["backoffLimit"]:
            return ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        return None

    def _make(self, job: Object, pods: list[Object], active: list[Object], indexed: bool) -> None:
        """Make the pods that are wanted now; one that is still ending counts, as with a pod failure policy."""
        spec, uid = job["spec"], job["metadata"]["uid"]
        taken = {_index(each) for each in active}
        open_indexes = (
            [str(number) for number in range(spec["completions"])]
            if indexed
            else [""] * (spec["completions"] - len(self._done[uid]) - len(active))
        )
        room = spec["parallelism"] - len(active)
        for index in open_indexes:
            if room <= 0:
                return
            if indexed and index in taken | self._done[uid] | self._failed_indexes[uid]:
                continue
            key = (uid, index if "backoffLimitPerIndex" in spec else "")
            if self.clock() < self._not_before.get(key, 0):
                continue
            self._create(job, index)
            room -= 1

    def _create(self, job: Object, index: str) -> None:
        metadata, template = job["metadata"], deepcopy(job["spec"]["template"])
        template_metadata, pod = template.get("metadata", {}), template["spec"]
        labels = dict(template_metadata.get("labels", {}))
        annotations = dict(template_metadata.get("annotations", {}))
        name = metadata["name"]
        if index:
            labels["batch.kubernetes.io/job-completion-index"] = index
            annotations["batch.kubernetes.io/job-completion-index"] = index
            pod["hostname"] = name = f"{name}-{index}"
            for container in (*pod["containers"], *pod.get("initContainers", ())):
                container.setdefault("env", []).append({"name": "JOB_COMPLETION_INDEX", "value": index})
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
        }
        made = {
            "metadata": {
                "name": f"{name}-{secrets.token_hex(3)[:5]}",
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [owner],
            },
            "spec": pod,
        }
        try:
            self.store.create("pods", metadata["namespace"], made)
        except Refused as refused:
            self.store.tell(job, "FailedCreate", f"Error creating: {refused}")

    def _tell(self, job: Object, active: list[Object], conditions: list[Object]) -> None:
        uid = job["metadata"]["uid"]
        owned = [each for each in self.store.list("pods", job["metadata"]["namespace"]) if _owned(each, uid)]

        def edit(found: Object) -> Object:
            status = dict(found["status"])
            status["active"] = sum(each["status"]["phase"] in ("Pending", "Running") for each in owned)
            status["succeeded"] = len(self._done[uid])
            status["failed"] = sum(self.counted.get(each["metadata"]["uid"]) == "failed" for each in owned)
            if failed := self._failed_indexes[uid]:
                status["failedIndexes"] = ",".join(sorted(failed, key=int))
            if indexes := sorted((each for each in self._done[uid] if each.isdigit()), key=int):
                status["completedIndexes"] = ",".join(indexes)
            known = {each["type"] for each in status.get("conditions", ())}
            status["conditions"] = [
                *status.get("conditions", ()),
                *(each for each in conditions if each["type"] not in known),
            ]
            if any(each["type"] == "Complete" for each in conditions):
                status["completionTime"] = now()
            return found | {"status": status}

        self.store.change("jobs", job["metadata"]["namespace"], job["metadata"]["name"], edit)


def _finished(job: Object) -> bool:
    return any(each["type"] in ("Complete", "Failed") for each in job["status"].get("conditions", ()))


def _owned(pod: Object, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences", ()))


def _index(pod: Object) -> str:
    return str(pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index", ""))


def _codes(pod: Object) -> dict[str, int]:
    """Return how the containers of a pod ended, where a node told it."""
    found = (*pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ()))
    return {each["name"]: each["state"]["terminated"]["exitCode"] for each in found if "terminated" in each["state"]}


def _matches(rule: Object, pod: Object) -> bool:
    if "onExitCodes" in rule:
        wanted = rule["onExitCodes"]
        codes = [code for name, code in _codes(pod).items() if wanted.get("containerName", name) == name and code]
        return any((code in wanted["values"]) == (wanted["operator"] == "In") for code in codes)
    conditions = {(each["type"], each["status"]) for each in pod["status"].get("conditions", ())}
    return any((each["type"], each.get("status", "True")) in conditions for each in rule["onPodConditions"])


def _told(pod: Object) -> str:
    container, code = next(((name, code) for name, code in _codes(pod).items() if code), ("", 0))
    metadata = pod["metadata"]
    return f"Container {container} for pod {metadata['namespace']}/{metadata['name']} failed with exit code {code}"


def _condition(kind: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now()}
