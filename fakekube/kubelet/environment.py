"""Which environment variables a container gets, and what becomes of its command.

After makeEnvironmentVariables of pkg/kubelet/kubelet_pods.go.
https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

from fakekube.kubelet import Object, environment_file, service_variables
from fakekube.kubelet.downward_api import DownwardAPIError, field_of_environment, resource_of_environment
from fakekube.kubelet.expansion import expand
from fakekube.kubelet.hostname import hostname
from fakekube.kubelet.source import Source
from fakekube.objects.go_text import quoted

DirectoryOfVolume = Callable[[str], Path]

HOSTNAME = "HOSTNAME"


class ContainerConfigError(Exception):
    """The container waits with the reason CreateContainerConfigError; the message is that of its state."""


def environment(
    pod: Object, container: Object, source: Source, directory_of_volume: DirectoryOfVolume | None = None
) -> dict[str, str]:
    """The variables of `container`, HOSTNAME first, then those of Services, envFrom and env.

    `directory_of_volume` says where a volume of the pod lies on this machine; only variables from files (fileKeyRef) ask for it.
    Raises ContainerConfigError, and HostnameError where the pod's sandbox cannot be made.
    """
    if pod["spec"].get("enableServiceLinks") is None:
        raise ContainerConfigError("nil pod.spec.enableServiceLinks encountered, cannot construct envvars")
    services = service_variables.visible_to(pod, source)
    if services is None:
        raise ContainerConfigError("services have not yet been read at least once, cannot construct envvars")
    of_services = service_variables.variables_of(services)
    own: dict[str, str] = {}
    for each in container.get("envFrom") or ():
        own |= _all_of(each, pod["metadata"]["namespace"], source)
    for variable in container.get("env") or ():
        # What came before can be named in what follows.
        value: str | None = expand(variable.get("value") or "", own, of_services)
        if not variable.get("value") and variable.get("valueFrom"):
            value = _value_from(variable["valueFrom"], pod, container, source, directory_of_volume)
        if value is not None:
            own[variable["name"]] = value
    return {HOSTNAME: hostname(pod), **of_services, **own}


def command_line(container: Object, environment: Mapping[str, str]) -> list[str]:
    """command and args with their `$(NAME)` replaced; empty where the image decides."""
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    return [expand(word, environment) for word in words]


def references(container: Object) -> frozenset[tuple[str, str]]:
    """("configmaps" | "secrets", name) of what the container's variables are read from."""
    found: set[tuple[str, str]] = set()
    given = [*(container.get("envFrom") or ()), *(each.get("valueFrom") or {} for each in container.get("env") or ())]
    for each in given:
        for key, resource in _RESOURCES.items():
            if key in each:
                found.add((resource, each[key].get("name", "")))
    return frozenset(found)


_RESOURCES = {
    "configMapRef": "configmaps",
    "configMapKeyRef": "configmaps",
    "secretRef": "secrets",
    "secretKeyRef": "secrets",
}


def _all_of(reference: Object, namespace: str, source: Source) -> dict[str, str]:
    """What one entry of envFrom gives."""
    prefix = reference.get("prefix") or ""
    if "configMapRef" in reference:
        found = _read(reference["configMapRef"], "configmap", source.config_map, namespace)
        values = _config_map_data(found)
    elif "secretRef" in reference:
        values = _secret_data(_read(reference["secretRef"], "secret", source.secret, namespace))
    else:
        values = {}
    return {prefix + key: value for key, value in values.items()}


def _value_from(
    given: Object, pod: Object, container: Object, source: Source, directory_of_volume: DirectoryOfVolume | None
) -> str | None:
    """None: the variable is not set."""
    namespace = pod["metadata"]["namespace"]
    try:
        if "fieldRef" in given:
            return field_of_environment(pod, given["fieldRef"], source.node(pod["spec"].get("nodeName", "")))
        if "resourceFieldRef" in given:
            node = source.node(pod["spec"].get("nodeName", ""))
            if node is None:
                raise ContainerConfigError("failed to find node object, expected a node")
            allocatable = (node.get("status") or {}).get("allocatable") or {}
            return resource_of_environment(pod, container, given["resourceFieldRef"], allocatable)
    except DownwardAPIError as error:
        raise ContainerConfigError(str(error)) from None
    if "configMapKeyRef" in given:
        reference = given["configMapKeyRef"]
        found = _read(reference, "configmap", source.config_map, namespace)
        return _one_of(reference, found, _config_map_data(found), "ConfigMap", namespace)
    if "secretKeyRef" in given:
        reference = given["secretKeyRef"]
        found = _read(reference, "secret", source.secret, namespace)
        return _one_of(reference, found, _secret_data(found), "Secret", namespace)
    if "fileKeyRef" in given:
        return _of_file(given["fileKeyRef"], pod, directory_of_volume)
    return ""


def _read(reference: Object, kind: str, get: Callable[[str, str], Object | None], namespace: str) -> Object | None:
    """The object; None where it is not there and need not be."""
    name = reference.get("name", "")
    found = get(namespace, name)
    if found is None and not reference.get("optional"):
        raise ContainerConfigError(f"{kind} {quoted(name)} not found")
    return found


def _one_of(
    reference: Object, found: Object | None, values: Mapping[str, str], kind: str, namespace: str
) -> str | None:
    if found is None:
        return None
    key = reference["key"]
    if key not in values and not reference.get("optional"):
        raise ContainerConfigError(f"couldn't find key {key} in {kind} {namespace}/{reference.get('name', '')}")
    return values.get(key)


def _config_map_data(config_map: Object | None) -> Mapping[str, str]:
    return (config_map or {}).get("data") or {}


def _secret_data(secret: Object | None) -> Mapping[str, str]:
    data = (secret or {}).get("data") or {}
    # What is no UTF-8 reaches the process as the bytes it is.
    return {key: base64.b64decode(value).decode(errors="surrogateescape") for key, value in data.items()}


def _of_file(reference: Object, pod: Object, directory_of_volume: DirectoryOfVolume | None) -> str | None:
    name, key = reference["volumeName"], reference["key"]
    known = {volume["name"] for volume in pod["spec"].get("volumes") or ()}
    if directory_of_volume is None or name not in known:
        raise ContainerConfigError(f"cannot find the volume {quoted(name)} referenced by FileKeyRef")
    directory = directory_of_volume(name).resolve()
    path = (directory / reference["path"]).resolve()
    try:
        if not path.is_relative_to(directory):
            raise FileNotFoundError(path)
        value = environment_file.parse(path.read_text()).get(key, "")
    except (OSError, UnicodeDecodeError, environment_file.EnvironmentFileError):
        raise ContainerConfigError("couldn't parse env file") from None
    if value:
        return value
    if reference.get("optional"):
        return None
    raise ContainerConfigError(f"environment variable key {quoted(key)} not found in file {quoted(str(path))}")
