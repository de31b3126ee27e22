"""An API server for kubectl: real HTTP, the resources of the example, and refusals as Kubernetes documents them.

What it imitates, and where that is said (kubernetes.io/docs/…):

- discovery, OpenAPI v3 documents per group and version: concepts/overview/kubernetes-api
- verbs, 404, 409 for a name that is taken, lists, watches, answers as tables: reference/using-api/api-concepts
- `fieldValidation=Strict` refuses unknown fields with 400: reference/using-api/api-concepts, "Field validation". The
  schemas are those of the releases, by the package kubernetes-validate
- strategic and JSON merge patches: tasks/manage-kubernetes-objects/update-api-object-kubectl-patch
- a namespace has to exist, a ServiceAccount too, and who violates the enforced Pod Security profile is no pod:
  reference/access-authn-authz/admission-controllers, concepts/security/pod-security-standards
- what a Job may not say, and what can't be changed: concepts/workloads/controllers/job, reference/kubernetes-api
- a deleted pod is there until its node has ended it: concepts/workloads/pods/pod-termination

It keeps nothing, knows no users and no rights, and leaves out what no command of the example asks for.
"""

import base64
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import jsonschema
from referencing import Registry, Resource

from tests.cluster import protobuf
from tests.cluster.admission import violations
from tests.cluster.tables import table

Object = dict[str, Any]
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_MERGE_KEYS = {
    **dict.fromkeys(("containers", "initContainers", "env", "volumes", "imagePullSecrets"), "name"),
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
"""By which member the objects of a list are told apart, in a strategic merge patch."""


@dataclass(frozen=True)
class Kind:
    """One resource of the API."""

    group: str
    plural: str
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def full(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


KINDS = {
    kind.plural: kind
    for kind in (
        Kind("", "namespaces", "Namespace", ("ns",), namespaced=False),
        Kind("", "configmaps", "ConfigMap", ("cm",)),
        Kind("", "events", "Event", ("ev",)),
        Kind("", "pods", "Pod", ("po",)),
        Kind("", "secrets", "Secret"),
        Kind("", "serviceaccounts", "ServiceAccount", ("sa",)),
        Kind("batch", "cronjobs", "CronJob", ("cj",)),
        Kind("batch", "jobs", "Job"),
        Kind("networking.k8s.io", "networkpolicies", "NetworkPolicy", ("netpol",)),
    )
}
GROUPS = ("", "batch", "networking.k8s.io")
Key = tuple[str, str, str]
Refuse = Callable[[str, str], None]


class Refused(Exception):
    """A request that is answered with a Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason

    @property
    def status(self) -> Object:
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": str(self), "reason": self.reason, "code": self.code,
        }  # fmt: skip


def now() -> str:
    """Return the time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache
def _validator(kind: str, version: str) -> jsonschema.Draft202012Validator:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    schema = json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))
    definitions = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))
    registry: Registry[Any] = Resource.from_contents(definitions) @ (Resource.from_contents(schema) @ Registry())
    return jsonschema.Draft202012Validator(schema, registry=registry)


@dataclass
class Store:
    """All objects, and what happened to them since the start."""

    version: str = "1.34"
    objects: dict[Key, Object] = field(default_factory=dict)
    events: list[tuple[int, str, str, Object]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    serial: int = 0
    logs: Callable[[Object, str], Path] = lambda pod, container: Path("/dev/null")
    """Where a node keeps what a container printed."""

    def __post_init__(self) -> None:
        for name in ("default", "kube-system"):
            self.create("namespaces", "", {"metadata": {"name": name}})

    def get(self, plural: str, namespace: str, name: str) -> Object:
        with self.changed:
            found = self.objects.get((plural, namespace, name))
            if found is None:
                raise Refused(404, "NotFound", f'{KINDS[plural].full} "{name}" not found')
            return deepcopy(found)

    def find(self, plural: str, namespace: str, name: str) -> Object | None:
        with self.changed:
            return deepcopy(self.objects.get((plural, namespace, name)))

    def list(self, plural: str, namespace: str = "", query: Mapping[str, str] | None = None) -> list[Object]:
        with self.changed:
            return [
                deepcopy(each)
                for (kind, place, _), each in sorted(self.objects.items())
                if kind == plural and namespace in ("", place) and _selected(each, query or {})
            ]

    def create(self, plural: str, namespace: str, given: Object, validation: str = "Strict") -> Object:
        kind, made = KINDS[plural], deepcopy(given)
        made = {"apiVersion": kind.api_version, "kind": kind.kind} | made
        metadata = made.setdefault("metadata", {})
        if kind.namespaced and metadata.setdefault("namespace", namespace) != namespace:
            raise Refused(
                400,
                "BadRequest",
                "the namespace of the provided object does not match the namespace sent on the request",
            )
        if "generateName" in metadata and not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + secrets.token_hex(3)[:5]
        self._check(kind, made, validation)
        with self.changed:
            if kind.namespaced and ("namespaces", "", namespace) not in self.objects:
                raise Refused(404, "NotFound", f'namespaces "{namespace}" not found')
            key = (plural, namespace if kind.namespaced else "", metadata["name"])
            if key in self.objects:
                raise Refused(409, "AlreadyExists", f'{kind.full} "{metadata["name"]}" already exists')
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
            _defaults(kind, made)
            if plural == "pods":
                self._admit(made)
            self._note("ADDED", key, made)
            if plural == "namespaces":
                self.create("serviceaccounts", metadata["name"], {"metadata": {"name": "default"}})
            return deepcopy(made)

    def change(self, plural: str, namespace: str, name: str, edit: Callable[[Object], Object | None]) -> Object:
        """Let `edit` change an object; for controllers and nodes, which may write what users may not."""
        with self.changed:
            found = self.get(plural, namespace, name)
            made = edit(found) or found
            if made != self.objects[plural, namespace, name]:
                self._note("MODIFIED", (plural, namespace, name), made)
            return deepcopy(made)

    def patch(self, plural: str, namespace: str, name: str, how: str, patch: Object, validation: str) -> Object:
        if how not in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            raise Refused(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {how}")

        def edit(before: Object) -> Object:
            after = merged(before, patch, by_key="strategic" in how)
            self._check(KINDS[plural], after, validation)
            _unchangeable(KINDS[plural], before, after)
            return after

        return self.change(plural, namespace, name, edit)

    def delete(self, plural: str, namespace: str, name: str, grace: int | None = None) -> Object:
        with self.changed:
            found = self.get(plural, namespace, name)
            if plural == "pods" and found["status"]["phase"] in ("Pending", "Running"):
                wanted = found["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
                marks = {"deletionTimestamp": now(), "deletionGracePeriodSeconds": wanted}
                return self.change(plural, namespace, name, lambda pod: pod | {"metadata": pod["metadata"] | marks})
            self.remove(plural, namespace, name)
            for (kind, place, other), each in list(self.objects.items()):
                owners = [owner["uid"] for owner in each["metadata"].get("ownerReferences", ())]
                falls = found["metadata"]["uid"] in owners or (plural == "namespaces" and place == name)
                if falls and (kind, place, other) in self.objects:
                    self.delete(kind, place, other, grace)
            return found

    def remove(self, plural: str, namespace: str, name: str) -> None:
        with self.changed:
            key = (plural, namespace, name)
            if key in self.objects:
                self._note("DELETED", key, self.objects[key])

    def tell(self, about: Object, reason: str, message: str) -> None:
        """Note an event, once for each reason."""
        metadata = about["metadata"]
        name = f"{metadata['name']}.{reason.lower()}"
        if self.find("events", metadata["namespace"], name) is None:
            involved = {"kind": about["kind"], "name": metadata["name"], "namespace": metadata["namespace"]}
            event = {"metadata": {"name": name}, "involvedObject": involved, "reason": reason, "message": message,
                     "type": "Warning", "count": 1, "firstTimestamp": now(), "lastTimestamp": now()}  # fmt: skip
            self.create("events", metadata["namespace"], event, "Ignore")

    def _note(self, what: str, key: Key, made: Object) -> None:
        with self.changed:
            self.serial += 1
            made["metadata"]["resourceVersion"] = str(self.serial)
            if what == "DELETED":
                del self.objects[key]
            else:
                self.objects[key] = made
            self.events.append((self.serial, what, key[0], deepcopy(made)))
            self.changed.notify_all()

    def _check(self, kind: Kind, made: Object, validation: str) -> None:
        name = made["metadata"].get("name", "")
        label = f'{kind.kind}{"." + kind.group if kind.group else ""} "{name}" is invalid: '
        if not name:
            raise Refused(422, "Invalid", label + "metadata.name: Required value: name or generateName is required")
        if not _NAME.fullmatch(name):
            raise Refused(
                422, "Invalid", label + f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain'
            )
        if kind.plural == "events":
            return
        file = f"{kind.kind.lower()}-{kind.group.split('.')[0]}-v1" if kind.group else f"{kind.kind.lower()}-v1"
        strict = validation == "Strict"
        for fault in list(_validator(file, self.version).iter_errors(made)):
            place = ".".join(map(str, fault.absolute_path))
            if fault.validator != "additionalProperties":
                raise Refused(422, "Invalid", f"{label}{place}: {fault.message}")
            unknown = [each for each in fault.instance if each not in fault.schema.get("properties", {})]
            if strict:
                said = ", ".join(f'unknown field "{place}{"." if place else ""}{each}"' for each in unknown)
                what = f'{kind.kind} in version "v1" cannot be handled as a {kind.kind}'
                raise Refused(400, "BadRequest", f"{what}: strict decoding error: {said}")
            for each in unknown:
                del fault.instance[each]
        _meaning(kind, made, label)

    def _admit(self, pod: Object) -> None:
        metadata, spec = pod["metadata"], pod["spec"]
        namespace = metadata["namespace"]
        where = f'pods "{metadata["name"]}" is forbidden: '
        account = spec.setdefault("serviceAccountName", "default")
        if ("serviceaccounts", namespace, account) not in self.objects:
            raise Refused(
                403,
                "Forbidden",
                f'{where}error looking up service account {namespace}/{account}: serviceaccount "{account}" not found',
            )
        labels = self.objects["namespaces", "", namespace]["metadata"].get("labels", {})
        if labels.get("pod-security.kubernetes.io/enforce") == "restricted" and (found := violations(spec)):
            raise Refused(403, "Forbidden", f'{where}violates PodSecurity "restricted:latest": {", ".join(found)}')


def _selected(each: Object, query: Mapping[str, str]) -> bool:
    labels = each["metadata"].get("labels", {})
    for part in filter(None, query.get("labelSelector", "").split(",")):
        name, _, value = part.replace("==", "=").partition("=")
        if labels.get(name) != value:
            return False
    fields = {f"metadata.{name}": each["metadata"].get(name) for name in ("name", "namespace")}
    fields |= {"status.phase": each.get("status", {}).get("phase")}
    for part in filter(None, query.get("fieldSelector", "").split(",")):
        name, _, value = part.replace("==", "=").partition("=")
        if name not in fields:
            raise Refused(400, "BadRequest", f"field label not supported: {name}")
        if fields[name] != value:
            return False
    return True


def _defaults(kind: Kind, made: Object) -> None:
    metadata, spec = made["metadata"], made.get("spec", {})
    if kind.kind == "Namespace":
        metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = metadata["name"]
        made["status"] = {"phase": "Active"}
    elif kind.kind == "Secret":
        text = made.pop("stringData", {})
        made["data"] = made.get("data", {}) | {
            name: base64.b64encode(value.encode()).decode() for name, value in text.items()
        }
        made.setdefault("type", "Opaque")
    elif kind.kind == "Job":
        labels = {}
        for prefix in ("batch.kubernetes.io/", ""):
            labels |= {f"{prefix}controller-uid": metadata["uid"], f"{prefix}job-name": metadata["name"]}
        spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": metadata["uid"]}})
        template = spec["template"].setdefault("metadata", {})
        template["labels"] = template.get("labels", {}) | labels
        spec.setdefault("completionMode", "NonIndexed")
        spec.setdefault("parallelism", 1)
        spec.setdefault("completions", 1)
        spec.setdefault("backoffLimit", 2**31 - 1 if "backoffLimitPerIndex" in spec else 6)
        made["status"] = {"startTime": now()}
    elif kind.kind == "CronJob":
        made["status"] = {}
    elif kind.kind == "Pod":
        made["status"] = {"phase": "Pending", "startTime": now()}


def _meaning(kind: Kind, made: Object, label: str) -> None:
    """Refuse what no schema can say."""

    def refuse(place: str, why: str) -> None:
        raise Refused(422, "Invalid", f"{label}{place}: {why}")

    if kind.kind == "CronJob":
        spec = made["spec"]
        if len(spec["schedule"].split()) != 5 and not spec["schedule"].startswith("@"):
            refuse("spec.schedule", f'Invalid value: "{spec["schedule"]}": expected exactly 5 fields')
        try:
            ZoneInfo(spec.get("timeZone", "UTC"))
        except (KeyError, ValueError, OSError):
            refuse("spec.timeZone", f'Invalid value: "{spec["timeZone"]}": unknown time zone')
        _job(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", refuse)
    elif kind.kind == "Job":
        _job(made["spec"], "spec", refuse)
    elif kind.kind == "Pod":
        _pod(made["spec"], "spec", refuse)


def _job(spec: Object, place: str, refuse: Refuse) -> None:
    pod = spec["template"]["spec"]
    indexed = spec.get("completionMode") == "Indexed"
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        refuse(f"{place}.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"')
    if indexed and "completions" not in spec:
        refuse(f"{place}.completions", "Required value: when completion mode is Indexed")
    _indexes(spec, place, refuse)
    if "podFailurePolicy" in spec and pod.get("restartPolicy") != "Never":
        refuse(f"{place}.podFailurePolicy", 'Invalid value: only available when restartPolicy is "Never"')
    names = [each["name"] for each in (*pod["containers"], *pod.get("initContainers", ()))]
    for number, rule in enumerate(spec.get("podFailurePolicy", {}).get("rules", ())):
        where = f"{place}.podFailurePolicy.rules[{number}]"
        if rule["action"] == "FailIndex" and "backoffLimitPerIndex" not in spec:
            refuse(f"{where}.action", 'Invalid value: "FailIndex": requires backoffLimitPerIndex')
        _rule(rule, names, where, refuse)
    _pod(pod, f"{place}.template.spec", refuse)


def _indexes(spec: Object, place: str, refuse: Refuse) -> None:
    for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if name in spec and spec.get("completionMode") != "Indexed":
            refuse(f"{place}.{name}", "Invalid value: may only be set for indexed jobs")
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        refuse(f"{place}.backoffLimitPerIndex", "Required value: when maxFailedIndexes is specified")
    if spec.get("maxFailedIndexes", 0) > spec.get("completions", 1):
        refuse(f"{place}.maxFailedIndexes", "Invalid value: must be less than or equal to completions")


def _rule(rule: Object, names: list[str], where: str, refuse: Refuse) -> None:
    """Refuse a rule of a pod failure policy that says nothing, or something else than it seems."""
    if rule["action"] not in ("FailJob", "FailIndex", "Ignore", "Count"):
        refuse(f"{where}.action", "Unsupported value")
    if ("onExitCodes" in rule) == ("onPodConditions" in rule):
        refuse(where, "Invalid value: specifying one of onExitCodes and onPodConditions is required")
    codes = rule.get("onExitCodes", {})
    if codes and codes.get("containerName", names[0]) not in names:
        refuse(
            f"{where}.onExitCodes.containerName",
            "Invalid value: must be one of the container or initContainer names",
        )
    if codes and (
        sorted(set(codes["values"])) != codes["values"] or (codes["operator"] == "In" and 0 in codes["values"])
    ):
        refuse(f"{where}.onExitCodes.values", "Invalid value: must be ordered, without duplicates, and without 0")


def _pod(pod: Object, place: str, refuse: Refuse) -> None:
    volumes = {each["name"] for each in pod.get("volumes", ())}
    for group in ("initContainers", "containers"):
        for number, container in enumerate(pod.get(group, ())):
            for index, mount in enumerate(container.get("volumeMounts", ())):
                if mount["name"] not in volumes:
                    refuse(f"{place}.{group}[{number}].volumeMounts[{index}].name", f'Not found: "{mount["name"]}"')
            if not container.get("image"):
                refuse(f"{place}.{group}[{number}].image", "Required value")


_FIXED = {
    "Job": ("selector", "template", "completionMode", "completions", "backoffLimitPerIndex", "podFailurePolicy"),
    "Pod": ("containers", "initContainers", "volumes", "securityContext"),
}


def _unchangeable(kind: Kind, before: Object, after: Object) -> None:
    label = f'{kind.kind}{"." + kind.group if kind.group else ""} "{before["metadata"]["name"]}" is invalid: '
    for name in ("name", "namespace", "uid"):
        if before["metadata"].get(name) != after["metadata"].get(name):
            raise Refused(422, "Invalid", f"{label}metadata.{name}: Invalid value: field is immutable")
    for name in _FIXED.get(kind.kind, ()):
        if before["spec"].get(name) != after["spec"].get(name):
            raise Refused(422, "Invalid", f"{label}spec.{name}: Invalid value: field is immutable")
    if before.get("immutable") and before.get("data") != after.get("data"):
        raise Refused(422, "Invalid", f"{label}data: Forbidden: field is immutable when `immutable` is set")


def merged(before: Any, patch: Any, *, by_key: bool, name: str = "") -> Any:
    """Return an object with a merge patch put on it; `by_key` merges lists whose members have a key, too."""
    if isinstance(patch, list) and isinstance(before, list) and by_key and name in _MERGE_KEYS:
        key = _MERGE_KEYS[name]
        made = {each[key]: each for each in before}
        for each in patch:
            if each.get("$patch") == "delete":
                made.pop(each[key], None)
            else:
                made[each[key]] = merged(made.get(each[key], {}), each, by_key=True)
        return list(made.values())
    if not isinstance(patch, dict):
        return deepcopy(patch)
    made = deepcopy(before) if isinstance(before, dict) else {}
    for member, value in patch.items():
        if value is None:
            made.pop(member, None)
        elif not member.startswith("$"):
            made[member] = merged(made.get(member), value, by_key=by_key, name=member)
    return made


def _resources(group: str) -> Object:
    verbs = ["create", "delete", "get", "list", "patch", "watch"]
    kinds = [kind for kind in KINDS.values() if kind.group == group]
    resources = [
        {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind,
         "verbs": verbs, "shortNames": list(kind.short)}
        for kind in kinds
    ]  # fmt: skip
    if not group:
        resources.append({"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]})
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _open_api(group: str) -> Object:
    """Return what kubectl looks for in the document of a group: whether `fieldValidation` is a parameter."""
    parameter = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    dry_run = {"name": "dryRun", "in": "query", "schema": {"type": "string"}}
    paths: Object = {}
    for kind in (each for each in KINDS.values() if each.group == group):
        base = f"/apis/{group}/v1" if group else "/api/v1"
        place = f"{base}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{base}/{kind.plural}"
        names = {"group": group, "version": "v1", "kind": kind.kind}
        said = {"x-kubernetes-group-version-kind": names, "parameters": [parameter, dry_run],
                "responses": {"200": {"description": "OK"}}}  # fmt: skip
        paths[place] = {"post": said | {"x-kubernetes-action": "post"}}
        paths[f"{place}/{{name}}"] = {"patch": said | {"x-kubernetes-action": "patch"}}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1"}, "paths": paths, "components": {}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815 - the names that the base class calls

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length else b""
        try:
            made = self._route(parts.path.strip("/").split("/"), query, body)
        except Refused as refused:
            self._send(refused.code, refused.status)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        else:
            if made is not None:
                self._send(201 if self.command == "POST" else 200, made)

    def _send(self, code: int, said: Object | str | bytes) -> None:
        text = isinstance(said, str | bytes)
        data = (
            (said.encode() if isinstance(said, str) else said)
            if isinstance(said, str | bytes)
            else json.dumps(said).encode()
        )
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _route(self, path: list[str], query: Mapping[str, str], body: bytes) -> Object | str | bytes | None:
        match path:
            case ["api", "v1", first, *rest]:
                return self._objects("", [first, *rest], query, body)
            case ["apis", group, "v1", first, *rest] if group in GROUPS:
                return self._objects(group, [first, *rest], query, body)
        return self._discovery(path)

    def _discovery(self, path: list[str]) -> Object | bytes:
        match path:
            case ["version"]:
                major, minor = self.store.version.split(".")
                return {"major": major, "minor": minor, "gitVersion": f"v{self.store.version}.0"}
            case ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
            case ["apis"]:
                version = {name: {"groupVersion": f"{name}/v1", "version": "v1"} for name in GROUPS if name}
                groups = [
                    {"name": name, "versions": [each], "preferredVersion": each} for name, each in version.items()
                ]
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
            case ["openapi", "v3"]:
                names = ["api/v1", *(f"apis/{group}/v1" for group in GROUPS if group)]
                return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash=1"} for name in names}}
            case ["openapi", "v3", "api", "v1"]:
                return _open_api("")
            case ["openapi", "v3", "apis", group, "v1"]:
                return _open_api(group)
            case ["openapi", "v2"]:
                return b"\x0a\x032.0"  # a document of protocol buffers that has no schema: then clients check nothing
            case ["api", "v1"]:
                return _resources("")
            case ["apis", group, "v1"] if group in GROUPS:
                return _resources(group)
        raise Refused(404, "NotFound", "the server could not find the requested resource")

    def _objects(self, group: str, path: list[str], query: Mapping[str, str], body: bytes) -> Object | str | None:
        namespace = ""
        if path[0] == "namespaces" and len(path) > 2:
            namespace, path = path[1], path[2:]
        kind = KINDS.get(path[0])
        if kind is None or kind.group != group:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        given = self._given(body)
        validation = query.get("fieldValidation", "Ignore")
        match (self.command, path[1:]):
            case ("GET", []):
                if query.get("watch") in ("1", "true"):
                    return self._watch(kind, namespace, query)
                found = self.store.list(kind.plural, namespace, query)
                listed = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "items": found,
                          "metadata": {"resourceVersion": str(self.store.serial)}}  # fmt: skip
                return self._shown(kind, found, listed)
            case ("GET", [name]):
                one = self.store.get(kind.plural, namespace, name)
                return self._shown(kind, [one], one)
            case ("GET", [name, "log"]) if kind.plural == "pods":
                return self._log(self.store.get("pods", namespace, name), query)
            case ("POST", []):
                return self.store.create(kind.plural, namespace, given, validation)
            case ("PATCH", [name]):
                return self.store.patch(kind.plural, namespace, name, self.headers["Content-Type"], given, validation)
            case ("DELETE", [name]):
                grace = given.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
                return self.store.delete(kind.plural, namespace, name, None if grace is None else int(grace))
        raise Refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _given(self, body: bytes) -> Object:
        if not body:
            return {}
        if self.headers["Content-Type"] == "application/vnd.kubernetes.protobuf":
            return protobuf.read(body)
        return dict(json.loads(body))

    def _shown(self, kind: Kind, found: list[Object], plain: Object) -> Object:
        return table(kind.kind, found) if "as=Table" in self.headers.get("Accept", "") else plain

    def _begin_stream(self, content: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _watch(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> None:
        self._begin_stream("application/json")
        seen, until = int(query.get("resourceVersion") or 0), time.monotonic() + int(query.get("timeoutSeconds", 300))
        while time.monotonic() < until:
            with self.store.changed:
                new = [event for event in self.store.events if event[0] > seen]
                if not new:
                    self.store.changed.wait(0.2)
                    continue
            for serial, what, plural, made in new:
                seen = serial
                if (
                    plural == kind.plural
                    and namespace in ("", made["metadata"].get("namespace"))
                    and _selected(made, query)
                ):
                    self._chunk(json.dumps({"type": what, "object": made}).encode() + b"\n")
        self._chunk(b"")

    def _log(self, pod: Object, query: Mapping[str, str]) -> str | None:
        names = [each["name"] for each in pod["spec"]["containers"]]
        others = [each["name"] for each in pod["spec"].get("initContainers", ())]
        container = query.get("container", "")
        label = f"for pod {pod['metadata']['name']}"
        if not container and len(names) > 1:
            raise Refused(
                400, "BadRequest", f"a container name must be specified {label}, choose one of: [{' '.join(names)}]"
            )
        container = container or names[0]
        if container not in names + others:
            raise Refused(400, "BadRequest", f"container {container} is not valid {label}")
        path = self.store.logs(pod, container)
        if not path.exists():
            raise Refused(
                400,
                "BadRequest",
                f'container "{container}" in pod "{pod["metadata"]["name"]}" is waiting to start: PodInitializing',
            )
        if query.get("follow") not in ("1", "true"):
            return path.read_text(encoding="utf-8")
        self._begin_stream("text/plain")
        self._follow(pod, container, path)
        return None

    def _follow(self, pod: Object, container: str, path: Path) -> None:
        metadata = pod["metadata"]
        with path.open("rb") as log:
            ended = False
            while True:
                if data := log.read():
                    self._chunk(data)
                elif ended:
                    break
                current = self.store.find("pods", metadata["namespace"], metadata["name"])
                ended = (
                    current is None
                    or current["status"]["phase"] in ("Succeeded", "Failed")
                    or any(
                        "terminated" in each["state"]
                        for group in ("initContainerStatuses", "containerStatuses")
                        for each in current["status"].get(group, ())
                        if each["name"] == container
                    )
                )
                time.sleep(0.02)
        self._chunk(b"")


@contextmanager
def serving(store: Store) -> Iterator[str]:
    """Serve a store on a free port of this machine and yield the address."""
    handler = type("Handler", (_Handler,), {"store": store})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
