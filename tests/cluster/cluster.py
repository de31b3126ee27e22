"""A cluster of one node for the tests: an API server for kubectl, the controller of Jobs, and a node that runs pods."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.api import Object, Store, serving
from tests.cluster.jobs import JobController
from tests.cluster.node import Image, Node


@dataclass(frozen=True)
class Cluster:
    """A running cluster, and the file that tells kubectl about it."""

    store: Store
    node: Node
    config: Path

    def pods(self, namespace: str) -> list[Object]:
        return self.store.list("pods", namespace)


def kube_config(url: str, path: Path) -> Path:
    """Write what kubectl reads as KUBECONFIG."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


@contextmanager
def running_cluster(
    folder: Path,
    images: Mapping[str, Image],
    sign: Callable[[str, str, str], str] = lambda namespace, name, audience: "",
    pace: float = 1.0,
    version: str = "1.34",
) -> Iterator[Cluster]:
    """Run a cluster until the block ends.

    `pace` is what a second of a grace period takes; the back-off of Jobs takes no time.
    """
    store = Store(version)
    controller = JobController(store)
    node = Node(store, folder / "node", images, sign, controller.counted, pace)
    store.logs = node.log
    ended = threading.Event()
    threads = [threading.Thread(target=each.run, args=(ended,), daemon=True) for each in (controller, node)]
    with serving(store) as url:
        for each in threads:
            each.start()
        try:
            yield Cluster(store, node, kube_config(url, folder / "kube.config"))
        finally:
            ended.set()
            for each in threads:
                each.join(30)
