"""What the Pod Security profile `restricted` refuses (kubernetes.io/docs/concepts/security/pod-security-standards)."""

from typing import Any

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(spec: dict[str, Any]) -> list[str]:
    """Say which controls of the profile a pod does not fulfil."""
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    pod = spec.get("securityContext", {})
    return [*_of_the_pod(spec), *(fault for each in containers for fault in _of_a_container(each, pod))]


def _of_the_pod(spec: dict[str, Any]) -> list[str]:
    found = []
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            found.append(f"host namespaces ({name}=true)")
    for volume in spec.get("volumes", ()):
        if odd := set(volume) - _VOLUMES - {"name"}:
            found.append(
                f'restricted volume types (volume "{volume["name"]}" uses restricted volume type "{min(odd)}")'
            )
    return found


def _of_a_container(container: dict[str, Any], pod: dict[str, Any]) -> list[str]:
    own = container.get("securityContext", {})
    place = f'container "{container["name"]}"'
    capabilities = own.get("capabilities", {})
    drops_all = "ALL" in capabilities.get("drop", ()) and set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"}
    seccomp = own.get("seccompProfile", pod.get("seccompProfile", {})).get("type")
    controls = {
        f"privileged ({place} must not set securityContext.privileged=true)": not own.get("privileged"),
        f"allowPrivilegeEscalation != false ({place} must set securityContext.allowPrivilegeEscalation=false)": (
            own.get("allowPrivilegeEscalation") is False
        ),
        f'unrestricted capabilities ({place} must set securityContext.capabilities.drop=["ALL"])': drops_all,
        f"runAsNonRoot != true (pod or {place} must set securityContext.runAsNonRoot=true)": (
            own.get("runAsNonRoot", pod.get("runAsNonRoot")) is True
        ),
        f"runAsUser=0 ({place} must not set runAsUser=0)": own.get("runAsUser", pod.get("runAsUser")) != 0,
        f"seccompProfile (pod or {place} must set securityContext.seccompProfile.type)": (
            seccomp in ("RuntimeDefault", "Localhost")
        ),
        f"hostPort ({place} uses a hostPort)": not any(port.get("hostPort") for port in container.get("ports", ())),
    }
    return [said for said, holds in controls.items() if not holds]
