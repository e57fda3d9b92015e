"""How is a view put to docker or podman? The same directories by -v, the names by --add-host, in an image.

Nothing here can be guaranteed by the kernel for us: if the monitor is killed, the daemon runs the container to its end.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys

from fakekube.sandbox import rungs
from fakekube.sandbox.errors import SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fakekube.sandbox.orders import CommandOrder, RecordOrder, ViewOrder


def new_name() -> str:
    return f"fakekube-{secrets.token_hex(6)}"


def command(view: ViewOrder, name: str, *, is_terminal: bool) -> CommandOrder:
    """Raises SandboxError."""
    if not view["image"]:
        raise SandboxError('the rung "container" runs a command in an image: give the container of the pod one')
    argv = [_program(), "run", "--rm", "--interactive", "--init", "--name", name]
    argv += ["--tty"] if is_terminal else []
    if sys.platform == "linux":
        argv += ["--network", "host"]
    if view["hostname"]:
        argv += ["--hostname", view["hostname"]]
    argv += ["--user", f"{view['uid']}:{view['gid']}", "--workdir", view["working_directory"]]
    for group in view["groups"]:
        argv += ["--group-add", str(group)]
    for source, target, read_only in view["mounts"]:
        if target == "/etc/hosts":
            argv += _host_options(source)
        else:
            argv += ["--volume", f"{os.path.realpath(source)}:{target}{':ro' if read_only else ''}"]
    # Values come from the client's environment: words of a command line are seen by everybody.
    for variable in view["environment"]:
        argv += ["--env", variable]
    argv += ["--entrypoint", view["argv"][0], view["image"], *view["argv"][1:]]
    return {"argv": argv, "environment": _client_environment(view["environment"]), "working_directory": "/"}


def entering(record: RecordOrder, command: CommandOrder, *, is_terminal: bool) -> CommandOrder:
    argv = [_program(), "exec", "--interactive", "--workdir", command["working_directory"]]
    argv += ["--tty"] if is_terminal else []
    for variable in command["environment"]:
        argv += ["--env", variable]
    argv += [record["container"], *command["argv"]]
    return {"argv": argv, "environment": _client_environment(command["environment"]), "working_directory": "/"}


def remove(name: str) -> None:
    """No error when it has ended: it was started with --rm."""
    subprocess.run(
        [_program(), "rm", "--force", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def _host_options(source: str) -> list[str]:
    with open(source) as file:
        lines = [line.partition("#")[0].split() for line in file]
    named = [(words[0], name) for words in lines if words for name in words[1:]]
    return [word for address, name in named if name != "localhost" for word in ("--add-host", f"{name}:{address}")]


def _client_environment(environment: dict[str, str]) -> dict[str, str]:
    """The pod's, and of ours what the client itself needs and the pod does not set."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST", "XDG_RUNTIME_DIR") if name in os.environ}
    return {**own, **environment}


def _program() -> str:
    found = next((path for program in rungs.CONTAINER_PROGRAMS if (path := shutil.which(program))), None)
    if found is None:
        raise SandboxError("neither docker nor podman is installed")
    return found
