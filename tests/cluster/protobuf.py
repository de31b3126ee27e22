"""Reads what kubectl sends for Jobs and Secrets: messages of protocol buffers with an envelope.

The envelope is documented (kubernetes.io/docs/reference/using-api/api-concepts, "Kubernetes Protobuf encoding"), the
numbers of the fields are published (generated.proto in kubernetes/api, batch/v1 and core/v1, and in
kubernetes/apimachinery, pkg/apis/meta/v1). A field that is not in the table is refused loudly, never left out.
"""

import base64
from collections.abc import Iterator
from typing import Any

_MAGIC = b"k8s\x00"
_TABLE = """\
Job 1=metadata:ObjectMeta 2=spec:JobSpec 3=status:none
JobSpec 1=parallelism:number 2=completions:number 3=activeDeadlineSeconds:number
  11=podFailurePolicy:PodFailurePolicy 7=backoffLimit:number 12=backoffLimitPerIndex:number
  13=maxFailedIndexes:number 4=selector:LabelSelector 5=manualSelector:flag 6=template:PodTemplateSpec
  8=ttlSecondsAfterFinished:number 9=completionMode:text 10=suspend:flag 14=podReplacementPolicy:text
  15=managedBy:text
PodFailurePolicy 1=rules:PodFailurePolicyRule*
PodFailurePolicyRule 1=action:text 2=onExitCodes:PodFailurePolicyOnExitCodesRequirement
  3=onPodConditions:PodFailurePolicyOnPodConditionsPattern*
PodFailurePolicyOnExitCodesRequirement 1=containerName:text 2=operator:text 3=values:number*
PodFailurePolicyOnPodConditionsPattern 1=type:text 2=status:text
PodTemplateSpec 1=metadata:ObjectMeta 2=spec:PodSpec
PodSpec 1=volumes:Volume* 20=initContainers:Container* 2=containers:Container* 3=restartPolicy:text
  4=terminationGracePeriodSeconds:number 5=activeDeadlineSeconds:number 6=dnsPolicy:text 7=nodeSelector:text%
  8=serviceAccountName:text 9=serviceAccount:text 21=automountServiceAccountToken:flag 10=nodeName:text
  11=hostNetwork:flag 12=hostPID:flag 13=hostIPC:flag 27=shareProcessNamespace:flag
  14=securityContext:PodSecurityContext 15=imagePullSecrets:LocalObjectReference* 16=hostname:text 17=subdomain:text
  19=schedulerName:text 24=priorityClassName:text 25=priority:number 29=runtimeClassName:text
  30=enableServiceLinks:flag 31=preemptionPolicy:text 32=overhead:Quantity% 35=setHostnameAsFQDN:flag
  37=hostUsers:flag 40=resources:ResourceRequirements 41=hostnameOverride:text
Volume 1=name:text 2=volumeSource:VolumeSource
VolumeSource 2=emptyDir:EmptyDirVolumeSource 6=secret:SecretVolumeSource
  10=persistentVolumeClaim:PersistentVolumeClaimVolumeSource 19=configMap:ConfigMapVolumeSource
  26=projected:ProjectedVolumeSource
EmptyDirVolumeSource 1=medium:text 2=sizeLimit:Quantity 3=mode:number
SecretVolumeSource 1=secretName:text 3=defaultMode:number 4=optional:flag 5=defaultUser:number
ConfigMapVolumeSource 1=localObjectReference:LocalObjectReference 3=defaultMode:number 4=optional:flag
  5=defaultUser:number
ProjectedVolumeSource 1=sources:VolumeProjection* 2=defaultMode:number 3=defaultUser:number
VolumeProjection 4=serviceAccountToken:ServiceAccountTokenProjection
ServiceAccountTokenProjection 1=audience:text 2=expirationSeconds:number 3=path:text 4=user:number
Container 1=name:text 2=image:text 3=command:text* 4=args:text* 5=workingDir:text 7=env:EnvVar*
  8=resources:ResourceRequirements 24=restartPolicy:text 9=volumeMounts:VolumeMount* 13=terminationMessagePath:text
  20=terminationMessagePolicy:text 14=imagePullPolicy:text 15=securityContext:SecurityContext 16=stdin:flag
  17=stdinOnce:flag 18=tty:flag
EnvVar 1=name:text 2=value:text 3=valueFrom:EnvVarSource
EnvVarSource 4=secretKeyRef:SecretKeySelector
SecretKeySelector 1=localObjectReference:LocalObjectReference 2=key:text 3=optional:flag
LocalObjectReference 1=name:text
VolumeMount 1=name:text 2=readOnly:flag 7=recursiveReadOnly:text 3=mountPath:text 4=subPath:text
  5=mountPropagation:text 6=subPathExpr:text 8=bindMountOptions:text*
ResourceRequirements 1=limits:Quantity% 2=requests:Quantity%
SecurityContext 1=capabilities:Capabilities 2=privileged:flag 4=runAsUser:number 8=runAsGroup:number
  5=runAsNonRoot:flag 6=readOnlyRootFilesystem:flag 7=allowPrivilegeEscalation:flag 9=procMount:text
  11=seccompProfile:SeccompProfile
Capabilities 1=add:text* 2=drop:text*
PodSecurityContext 2=runAsUser:number 6=runAsGroup:number 3=runAsNonRoot:flag 4=supplementalGroups:number*
  12=supplementalGroupsPolicy:text 5=fsGroup:number 9=fsGroupChangePolicy:text 10=seccompProfile:SeccompProfile
  13=seLinuxChangePolicy:text
SeccompProfile 1=type:text 2=localhostProfile:text
Secret 1=metadata:ObjectMeta 5=immutable:flag 2=data:bytes% 4=stringData:text% 3=type:text
PersistentVolumeClaimVolumeSource 1=claimName:text 2=readOnly:flag
ObjectMeta 1=name:text 2=generateName:text 3=namespace:text 4=selfLink:text 5=uid:text 6=resourceVersion:text
  7=generation:none 8=creationTimestamp:none 11=labels:text% 12=annotations:text% 13=ownerReferences:OwnerReference*
  14=finalizers:text*
OwnerReference 1=kind:text 3=name:text 4=uid:text 5=apiVersion:text 6=controller:flag 7=blockOwnerDeletion:flag
LabelSelector 1=matchLabels:text%
Quantity 1=string:text
"""
"""Messages with the fields that Jobs and Secrets have here; `*` is a list, `%` a map, `none` is for the server."""
_OPTIONAL_WHEN_FALSE = {"hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly"}
"""Flags that are always sent, and mean nothing when they are false."""
_INLINE = {"volumeSource", "localObjectReference"}


def _messages() -> dict[str, dict[int, tuple[str, str, str]]]:
    made: dict[str, dict[int, tuple[str, str, str]]] = {}
    fields: dict[int, tuple[str, str, str]] = {}
    for word in _TABLE.split():
        number, equals, rest = word.partition("=")
        if not equals:
            fields = made[word] = {}
            continue
        name, _, kind = rest.partition(":")
        many = kind[-1] if kind[-1] in "*%" else ""
        fields[int(number)] = (name, kind.rstrip("*%"), many)
    return made


_MESSAGES = _messages()


class UnknownField(Exception):
    """The table lacks a field: look its number up in the published files, and add it."""


def read(data: bytes) -> dict[str, Any]:
    """Return the object that an envelope holds."""
    if not data.startswith(_MAGIC):
        raise ValueError("the envelope lacks its first four bytes")
    parts = {number: value for number, _, value in _fields(data[len(_MAGIC) :])}
    names = {number: bytes(value).decode() for number, _, value in _fields(bytes(parts[1]))}
    return {"apiVersion": names[1], "kind": names[2]} | _message(names[2], bytes(parts[2]))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, wire, value
        elif wire == 2:
            length, at = _varint(data, at)
            yield number, wire, data[at : at + length]
            at += length
        else:
            raise UnknownField(f"field {number} has the wire type {wire}")


def _value(kind: str, value: Any) -> Any:
    match kind:
        case "number":
            return value
        case "flag":
            return bool(value)
        case "text":
            return bytes(value).decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "Quantity":
            return _message(kind, value).get("string", "0")
    return _message(kind, value)


def _message(kind: str, data: bytes) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for number, _, raw in _fields(data):
        if number not in _MESSAGES[kind]:
            raise UnknownField(f"{kind} has a field {number} that is not in the table")
        name, of, many = _MESSAGES[kind][number]
        if of == "none":
            continue
        if many == "%":
            entry = {each: value for each, _, value in _fields(raw)}
            made.setdefault(name, {})[bytes(entry.get(1, b"")).decode()] = _value(of, entry.get(2, b""))
            continue
        value = _value(of, raw)
        if many:
            made.setdefault(name, []).append(value)
        elif name in _INLINE:
            made |= value
        elif value != "" and not (value is False and name in _OPTIONAL_WHEN_FALSE):
            made[name] = value
    return made
