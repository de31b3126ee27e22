"""What `kubectl get` shows: answers as tables (kubernetes.io/docs/reference/using-api/api-concepts)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]


def _age(moment: str | None) -> str:
    if moment is None:
        return "<unknown>"
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    return f"{max(seconds, 0)}s" if seconds < 120 else f"{seconds // 60}m"


def _cron_job(each: Object) -> list[object]:
    spec = each["spec"]
    return [spec["schedule"], spec.get("timeZone", "<none>"), str(bool(spec.get("suspend"))), 0, "<none>"]


def _job(each: Object) -> list[object]:
    status, spec = each["status"], each["spec"]
    conditions = {entry["type"] for entry in status.get("conditions", ()) if entry["status"] == "True"}
    word = next((word for word in ("Complete", "Failed") if word in conditions), "Running")
    ended = status.get("completionTime")
    took = ""
    if ended:
        span = datetime.fromisoformat(ended) - datetime.fromisoformat(status["startTime"])
        took = f"{int(span.total_seconds())}s"
    return [word, f"{status.get('succeeded', 0)}/{spec['completions']}", took or _age(status.get("startTime"))]


def _pod(each: Object) -> list[object]:
    status = each["status"]
    word = status["phase"]
    inits, containers = status.get("initContainerStatuses", ()), status.get("containerStatuses", ())
    for entry in (*inits, *containers):
        state = entry["state"]
        word = state.get("waiting", state.get("terminated", {})).get("reason", word) or word
    if word == "Completed" and status["phase"] == "Running":
        word = "Running"
    if word == "PodInitializing" and inits:
        done = sum("terminated" in entry["state"] for entry in inits)
        word = f"Init:{done}/{len(inits)}"
    if "deletionTimestamp" in each["metadata"]:
        word = "Terminating"
    ready = sum("running" in entry["state"] for entry in containers)
    return [f"{ready}/{len(each['spec']['containers'])}", word, 0]


_COLUMNS: dict[str, tuple[tuple[str, ...], Callable[[Object], list[object]]]] = {
    "CronJob": (("Schedule", "Timezone", "Suspend", "Active", "Last Schedule"), _cron_job),
    "Job": (("Status", "Completions", "Duration"), _job),
    "Pod": (("Ready", "Status", "Restarts"), _pod),
    "Secret": (("Type", "Data"), lambda each: [each["type"], len(each.get("data", {}))]),
    "Namespace": (("Status",), lambda each: [each["status"]["phase"]]),
    "Event": (
        ("Type", "Reason", "Object", "Message"),
        lambda each: [
            each["type"],
            each["reason"],
            f"{each['involvedObject']['kind'].lower()}/{each['involvedObject']['name']}",
            each["message"],
        ],
    ),
}


def table(kind: str, found: list[Object]) -> Object:
    """Return objects as a table, with name and age around the columns of their kind."""
    names, cells = _COLUMNS.get(kind, ((), lambda each: []))
    columns = [
        {"name": name, "type": "string", "format": "", "description": "", "priority": 0}
        for name in ("Name", *names, "Age")
    ]
    rows = [
        {
            "cells": [each["metadata"]["name"], *cells(each), _age(each["metadata"].get("creationTimestamp"))],
            "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": each["metadata"]},
        }
        for each in found
    ]
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows}
