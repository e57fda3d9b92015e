"""`fakekube render`: what a container would see, as files that anything can mount, and how docker is told so."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from fakekube.in_pod import pod_view
from fakekube.in_pod.cluster_source import ClusterSource
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.errors import InPodError
from fakekube.in_pod.live_volumes import LiveVolumes, SetUpFailed
from fakekube.in_pod.runtime_directory import DIRECTORY_MODE
from fakekube.kubelet import Object, hostname, hosts_file
from fakekube.kubelet import environment as environments
from fakekube.kubelet import mounts as kubelet_mounts

ENVIRONMENT = "environment"
HOSTS = "hosts"
VOLUMES = "volumes"


def render(connection: Connection, pod: Object, container: Object, directory: Path) -> list[str]:
    """Write DIRECTORY/environment, hosts and volumes/; options for `docker run`, one a line. Raises InPodError, RemoteError."""
    endpoint = connection.endpoint
    address = pod_view.address_of(endpoint.host, endpoint.port)
    source = ClusterSource(connection, address)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        # There are tokens and Secrets below; but a directory that was there, such as /tmp, has its mode from others.
        directory.mkdir(DIRECTORY_MODE, exist_ok=True)
        (directory / VOLUMES).mkdir(DIRECTORY_MODE, exist_ok=True)
        (directory / VOLUMES).chmod(DIRECTORY_MODE)
        volumes = LiveVolumes(pod, source, lambda name, is_shared: directory / VOLUMES / name)
        volumes.set_up()
        variables = environments.environment(pod, container, source, volumes.path)
        mounts = kubelet_mounts.mounts(pod, container, variables, volumes.path)
        lines = {name: value for name, value in variables.items() if "\n" not in value}
        _write(directory / ENVIRONMENT, "".join(f"{name}={value}\n" for name, value in lines.items()), 0o600)
        hosts = hosts_file.with_api_names(hosts_file.content(pod), address[0], namespace=pod["metadata"]["namespace"])
        _write(directory / HOSTS, hosts, hosts_file.MODE)
    except OSError as error:
        raise InPodError(f"{error.filename or directory} cannot be written: {error.strerror}") from None
    except (SetUpFailed, environments.ContainerConfigError) as error:
        raise InPodError(
            f'container "{container["name"]}" of pod "{pod["metadata"]["name"]}" cannot start: {error}'
        ) from None
    options = [f"--network host --hostname {hostname.hostname(pod)}", f"--env-file {_quoted(directory / ENVIRONMENT)}"]
    # A line of the file is a variable, so that those of several lines have to be told otherwise.
    options += [f"-e {shlex.quote(f'{name}={value}')}" for name, value in variables.items() if name not in lines]
    for mount in mounts:
        options.append(f"-v {_quoted(mount.source)}:{shlex.quote(mount.target)}{':ro' if mount.read_only else ''}")
    if hosts_file.is_managed(container):
        options.append(f"-v {_quoted(directory / HOSTS)}:{hosts_file.PATH}")
    if container.get("workingDir"):
        options.append(f"-w {shlex.quote(container['workingDir'])}")
    return options


def _quoted(path: Path) -> str:
    return shlex.quote(str(path.absolute()))


def _write(path: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
