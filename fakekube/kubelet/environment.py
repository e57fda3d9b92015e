"""Which environment variables a container gets, and what becomes of its command.

After makeEnvironmentVariables of pkg/kubelet/kubelet_pods.go.
https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source


class ContainerConfigError(Exception):
    """The container waits with the reason CreateContainerConfigError; the message is that of its state."""


def environment(
    pod: Object, container: Object, source: Source, directory_of_volume: Callable[[str], Path] | None = None
) -> dict[str, str]:
    """The variables of `container`, HOSTNAME first, then those of Services, envFrom and env. Raises ContainerConfigError.

    `directory_of_volume` says where a volume of the pod lies on this machine; only variables from files (fileKeyRef) ask for it.
    """
    raise NotImplementedError


def command_line(container: Object, environment: Mapping[str, str]) -> list[str]:
    """command and args with their `$(NAME)` replaced; empty where the image decides."""
    raise NotImplementedError
