"""A node: makes the volumes of pods, runs their containers on this machine, and ends them as a kubelet does.

What it imitates (kubernetes.io/docs/…): init containers one after the other, then the containers, phases and reasons:
concepts/workloads/pods/pod-lifecycle and …/init-containers. A volume of a Secret that is missing keeps a pod waiting:
concepts/configuration/secret. `fsGroup` and the modes of volumes: tasks/configure-pod-container/security-context; a
projected token is 0600 of root, and with `fsGroup` readable by that group: kubernetes/kubernetes#82573. The files of
volumes are links through a folder that is replaced as a whole: concepts/configuration/configmap. TERM to process 1,
and KILL after the grace period: concepts/workloads/pods/pod-termination. A node that is lost:
concepts/architecture/nodes and concepts/workloads/pods/disruptions, "Pod disruption conditions".
It leaves out: limits of resources, seccomp, probes, a network of the pod's own and so the NetworkPolicy.
"""

import base64
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.api import Object, Store, now
from tests.cluster.container import Container, Mount, Running

_ROOT_USER = 0


class NotYet(Exception):
    """A pod can't begin yet, with the reason that its container shows."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Image:
    """What a registry would give: the parts of a root, and the environment that the image sets."""

    parts: Sequence[Mount]
    environ: Mapping[str, str]


@dataclass
class Node:
    """`images` is what the registry has, by name. `pace` is what a second of a grace period takes here."""

    store: Store
    folder: Path
    images: Mapping[str, Image]
    sign: Callable[[str, str, str], str]
    """Signs the token of a ServiceAccount: namespace, name, audience."""
    counted: Mapping[str, str]
    pace: float = 1.0
    running: dict[str, list[Running]] = field(default_factory=dict)
    _pods: dict[str, threading.Thread] = field(default_factory=dict)
    _lost: set[str] = field(default_factory=set)

    def run(self, ended: threading.Event) -> None:
        """Take every new pod, and end those that are to be deleted."""
        while not ended.is_set():
            with self.store.changed:
                for pod in self.store.list("pods"):
                    uid = pod["metadata"]["uid"]
                    if uid not in self._pods:
                        self._pods[uid] = threading.Thread(target=self._pod, args=(pod, ended), daemon=True)
                        self._pods[uid].start()
                self.store.changed.wait(0.05)
        for containers in list(self.running.values()):
            for each in containers:
                each.signal(signal.SIGKILL)
        for thread in self._pods.values():
            thread.join(20)

    def log(self, pod: Object, container: str) -> Path:
        """Where the output of a container is."""
        return self.folder / pod["metadata"]["uid"] / f"{container}.log"

    def lose(self, pod: Object) -> None:
        """Have the power of the node fail: nothing is told to end, and nobody says how the containers ended."""
        uid = pod["metadata"]["uid"]
        self._lost.add(uid)
        for each in self.running.get(uid, ()):
            each.signal(signal.SIGKILL)

    def evict(self, pod: Object) -> None:
        """Drain the pod: it is told to end, and marked as disrupted."""
        metadata = pod["metadata"]
        self._condition(pod, "EvictionByEvictionAPI", "Eviction API: evicting")
        self.store.delete("pods", metadata["namespace"], metadata["name"])

    def _condition(self, pod: Object, reason: str, message: str) -> None:
        disrupted = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": now(),
        }

        def edit(found: Object) -> Object:
            return found | {
                "status": found["status"] | {"conditions": [*found["status"].get("conditions", ()), disrupted]}
            }

        self.store.change("pods", pod["metadata"]["namespace"], pod["metadata"]["name"], edit)

    def _pod(self, pod: Object, ended: threading.Event) -> None:
        """Live the life of one pod."""
        home = self.folder / pod["metadata"]["uid"]
        home.mkdir(parents=True)
        volumes = self._wait_for_volumes(pod, home, ended)
        codes: dict[str, int] = {}
        inits, containers = pod["spec"].get("initContainers", []), pod["spec"]["containers"]
        failed = volumes is None
        for container in inits:
            if not failed:
                failed = bool(self._container(pod, container, volumes or {}, codes, ended))
        for container in containers:
            if not failed:
                failed = bool(self._container(pod, container, volumes or {}, codes, ended))
        self._finish(pod, failed, ended)

    def _finish(self, pod: Object, failed: bool, ended: threading.Event) -> None:
        metadata = pod["metadata"]
        place = ("pods", metadata["namespace"], metadata["name"])
        if self.store.find(*place) is None:
            return
        if metadata["uid"] in self._lost:
            self._condition(pod, "DeletionByPodGC", "PodGC: node no longer exists")
        phase = "Failed" if failed else "Succeeded"
        made = self.store.change(*place, lambda found: found | {"status": found["status"] | {"phase": phase}})
        if "deletionTimestamp" not in made["metadata"] and metadata["uid"] not in self._lost:
            return
        # Whoever owns it counts it first: that is what its finalizer is for.
        while metadata.get("ownerReferences") and metadata["uid"] not in self.counted and not ended.is_set():
            time.sleep(0.01)
        if metadata["uid"] not in self._lost:
            self.store.remove(*place)

    def _deleted(self, pod: Object) -> float | None:
        """Return the grace of a pod that is to be deleted, in seconds."""
        found = self.store.find("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        if found is None:
            return 0.0
        return found["metadata"].get("deletionGracePeriodSeconds") if "deletionTimestamp" in found["metadata"] else None

    def _wait(self, pod: Object, name: str, fault: NotYet, ended: threading.Event) -> bool:
        """Say why a pod waits, and wait a moment; false when it is to be deleted."""
        self._status(pod, name, {"waiting": {"reason": fault.reason, "message": str(fault)}})
        self.store.tell(pod, "FailedMount" if fault.reason == "ContainerCreating" else "Failed", str(fault))
        with self.store.changed:
            self.store.changed.wait(0.05)
        return self._deleted(pod) is None and not ended.is_set()

    def _wait_for_volumes(self, pod: Object, home: Path, ended: threading.Event) -> dict[str, Path] | None:
        first = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]][0]["name"]
        while True:
            try:
                return {each["name"]: self._volume(pod, each, home) for each in pod["spec"].get("volumes", ())}
            except NotYet as fault:
                if not self._wait(pod, first, fault, ended):
                    return None

    def _volume(self, pod: Object, volume: Object, home: Path) -> Path:
        folder = home / "volumes" / volume["name"]
        group = pod["spec"].get("securityContext", {}).get("fsGroup")
        if "emptyDir" in volume:
            folder.mkdir(parents=True, exist_ok=True)
            if group is not None:
                os.chown(folder, _ROOT_USER, group)
            folder.chmod(0o2777 if group is not None else 0o777)
            return folder
        files, mode = self._files(pod, volume)
        shutil.rmtree(folder, ignore_errors=True)
        data = folder / "..2026_01_01"
        data.mkdir(parents=True)
        (folder / "..data").symlink_to(data.name)
        for name, content in files.items():
            path = data / name
            path.write_bytes(content)
            path.chmod(mode if group is None else mode | 0o440)
            if group is not None:
                os.chown(path, _ROOT_USER, group)
            (folder / name).symlink_to(f"..data/{name}")
        for each in (folder, data):
            each.chmod(0o755 if group is None else 0o2755)
            if group is not None:
                os.chown(each, _ROOT_USER, group)
        return folder

    def _files(self, pod: Object, volume: Object) -> tuple[dict[str, bytes], int]:
        namespace = pod["metadata"]["namespace"]
        if source := volume.get("secret"):
            secret = self._object("secrets", namespace, source["secretName"], volume["name"])
            return _decoded(secret), source.get("defaultMode", 0o644)
        if source := volume.get("configMap"):
            found = self._object("configmaps", namespace, source["name"], volume["name"])
            return {name: text.encode() for name, text in found.get("data", {}).items()}, source.get(
                "defaultMode", 0o644
            )
        files = {}
        for source in volume["projected"]["sources"]:
            token = source["serviceAccountToken"]
            signed = self.sign(namespace, pod["spec"]["serviceAccountName"], token["audience"])
            files[token["path"]] = signed.encode()
        return files, 0o600

    def _object(self, plural: str, namespace: str, name: str, volume: str) -> Object:
        found = self.store.find(plural, namespace, name)
        if found is None:
            kind = plural.removesuffix("s")
            raise NotYet(
                "ContainerCreating", f'MountVolume.SetUp failed for volume "{volume}" : {kind} "{name}" not found'
            )
        return found

    def _container(
        self, pod: Object, container: Object, volumes: Mapping[str, Path], codes: dict[str, int], ended: threading.Event
    ) -> int:
        """Run one container to its end and return its exit code."""
        name = container["name"]
        while True:
            try:
                made = self._made(pod, container, volumes)
                break
            except NotYet as fault:
                if not self._wait(pod, name, fault, ended):
                    return 128
        if self._deleted(pod) is not None or ended.is_set():
            return 128
        root = self.folder / pod["metadata"]["uid"] / f"{name}.root"
        root.mkdir()
        running = made.start(root, self.log(pod, name))
        self.running.setdefault(pod["metadata"]["uid"], []).append(running)
        self._status(pod, name, {"running": {"startedAt": now()}})
        kill_at: float | None = None
        while running.process.poll() is None:
            grace = self._deleted(pod)
            if ended.is_set():
                running.signal(signal.SIGKILL)
            elif grace is not None and kill_at is None:
                kill_at = time.monotonic() + grace * self.pace
                running.signal(signal.SIGTERM if grace else signal.SIGKILL)
            elif kill_at is not None and time.monotonic() > kill_at:
                running.signal(signal.SIGKILL)
            time.sleep(0.01)
        codes[name] = code = running.wait()
        if pod["metadata"]["uid"] in self._lost:
            return code
        reason = "Completed" if code == 0 else "Error"
        self._status(pod, name, {"terminated": {"exitCode": code, "reason": reason, "finishedAt": now()}})
        return code

    def _made(self, pod: Object, container: Object, volumes: Mapping[str, Path]) -> Container:
        context = pod["spec"].get("securityContext", {})
        own = container.get("securityContext", {})
        image = self.images.get(container["image"])
        if image is None:
            raise NotYet("ErrImagePull", f'failed to pull and unpack image "{container["image"]}": not found')
        user = own.get("runAsUser", context.get("runAsUser", 0))
        if own.get("runAsNonRoot", context.get("runAsNonRoot")) and user == 0:
            raise NotYet("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")
        if own.get("allowPrivilegeEscalation", True) or "ALL" not in own.get("capabilities", {}).get("drop", ()):
            raise NotYet(
                "CreateContainerError", "this node runs nothing that keeps capabilities or may gain privileges"
            )
        group = context.get("fsGroup")
        environ = dict(image.environ)
        for each in container.get("env", ()):
            environ[each["name"]] = self._environ(pod, each)
        mounts = [
            Mount(volumes[each["name"]], each["mountPath"], each.get("readOnly", False) or _kept(pod, each["name"]))
            for each in container.get("volumeMounts", ())
        ]
        return Container(
            image=image.parts,
            command=[*container["command"], *container.get("args", ())],
            environ=environ,
            mounts=mounts,
            folder=container.get("workingDir", "/"),
            user=user,
            group=own.get("runAsGroup", context.get("runAsGroup", 0)),
            groups=[] if group is None else [group],
            read_only=own.get("readOnlyRootFilesystem", False),
            host=pod["spec"].get("hostname", pod["metadata"]["name"]),
        )

    def _environ(self, pod: Object, each: Object) -> str:
        source = each.get("valueFrom", {}).get("secretKeyRef")
        if source is None:
            return str(each.get("value", ""))
        found = self.store.find("secrets", pod["metadata"]["namespace"], source["name"])
        if found is None:
            raise NotYet("CreateContainerConfigError", f'secret "{source["name"]}" not found')
        data = _decoded(found)
        if source["key"] not in data:
            namespace = pod["metadata"]["namespace"]
            raise NotYet(
                "CreateContainerConfigError",
                f"couldn't find key {source['key']} in Secret {namespace}/{source['name']}",
            )
        return data[source["key"]].decode()

    def _status(self, pod: Object, name: str, state: Object) -> None:
        spec, metadata = pod["spec"], pod["metadata"]
        groups = (("initContainerStatuses", spec.get("initContainers", ())), ("containerStatuses", spec["containers"]))

        def edit(found: Object) -> Object:
            status = dict(found["status"])
            for member, containers in groups:
                states = {each["name"]: each["state"] for each in status.get(member, ())}
                for each in containers:
                    states.setdefault(each["name"], {"waiting": {"reason": "PodInitializing"}})
                    if each["name"] == name:
                        states[name] = state
                status[member] = [{"name": each, "state": shown} for each, shown in states.items()]
            if "running" in state and name in [each["name"] for each in spec["containers"]]:
                status["phase"] = "Running"
            return found | {"status": status}

        if self.store.find("pods", metadata["namespace"], metadata["name"]) is not None:
            self.store.change("pods", metadata["namespace"], metadata["name"], edit)


def _decoded(secret: Object) -> dict[str, bytes]:
    return {name: base64.b64decode(value) for name, value in secret.get("data", {}).items()}


def _kept(pod: Object, name: str) -> bool:
    """Tell whether a volume is one that nobody may write to: all whose files come from the API."""
    (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == name)
    return "emptyDir" not in volume
