"""What does each rung do to build a view? One function per rung, which yields how the monitor is to start the program."""

from __future__ import annotations

import contextlib
import os

from fakekube.sandbox import mount_plan, namespaces, program
from fakekube.sandbox.errors import SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import NoReturn

    from fakekube.sandbox.orders import CommandOrder, RecordOrder, RungAnswer, ViewOrder

    Body = Callable[[program.Launch], NoReturn]


class Backend:
    """How to start the program of one view.

    body                 run in a forked child; leaves the program running
    catches              its connect() calls come to the monitor
    is_contained         the kernel ends all processes of the view with its first one
    own_user_namespace   the view has one
    missing              what the view lacks
    listeners            sockets to relay from, with the address that each stands for
    environment          what must be added to the environment of each command in the view
    depth                how many processes stand between the started one and the program
    container            the name of the container, if it is one
    """

    def __init__(
        self,
        body: Body,
        *,
        catches: bool,
        is_contained: bool = False,
        own_user_namespace: bool = False,
        missing: Sequence[str] = (),
        listeners: Sequence[tuple[socket.socket, str, int]] = (),
        environment: dict[str, str] | None = None,
        depth: int = 0,
        container: str = "",
    ) -> None:
        self.body = body
        self.catches = catches
        self.is_contained = is_contained
        self.own_user_namespace = own_user_namespace
        self.missing = missing
        self.listeners = list(listeners)
        self.environment = environment or {}
        self.depth = depth
        self.container = container


def prepare(rung: RungAnswer, view: ViewOrder, *, is_terminal: bool) -> AbstractContextManager[Backend]:
    """The backend, as a context that undoes what it did to the host. Raises SandboxError.

    `is_terminal`: the program's standard input is one.
    """
    if view["network"] == "pod" and rung["name"] not in ("root", "namespaces"):
        raise SandboxError(
            f'the rung "{rung["name"]}" cannot give a view a network of its own: leave the network at "host", or see '
            "`fakekube doctor` for a better rung"
        )
    return contextlib.contextmanager(_BACKENDS[rung["name"]])(rung, view, is_terminal)


def entering(record: RecordOrder, command: CommandOrder, *, is_terminal: bool) -> Body:
    """Runs another command in a running view. Raises SandboxError when that has ended."""
    from fakekube.sandbox import processes

    if processes.start_time(record["pid"]) != record["started"]:
        raise SandboxError("the view has ended: start it again")
    command["environment"].update(record["environment"])
    if record["rung"] == "container":
        from fakekube.sandbox import container

        return _started_directly(container.entering(record, command, is_terminal=is_terminal), None, catches=False)
    return lambda launch: namespaces.enter(launch, record, command, _ids(record["rung"], record))


_WITH_REAL_IDS = ("root", "sudo", "files")
"""Rungs on which root really becomes another; the others show the caller's ids as they can."""


def _ids(rung: str, order: ViewOrder | RecordOrder) -> program.Ids | None:
    is_other = (order["uid"], order["gid"]) != (os.getuid(), os.getgid()) or order["groups"]
    if rung not in _WITH_REAL_IDS or not is_other:
        return None
    return program.Ids(order["uid"], order["gid"], order["groups"])


def _catches(rung: RungAnswer, view: ViewOrder) -> bool:
    return rung["redirects"] == "any" and view["network"] == "host" and bool(view["redirects"])


class _Relays:
    """Listens on what can be listened on, where connect() cannot be caught; `left` are the addresses that cannot."""

    def __init__(self, rung: RungAnswer, view: ViewOrder) -> None:
        self.listeners: list[tuple[socket.socket, str, int]] = []
        self.left: list[tuple[str, int, str, int]] = []
        self.missing: list[str] = []
        if rung["redirects"] == "any" or view["network"] != "host":
            return
        from fakekube.sandbox import relays

        for redirect in view["redirects"]:
            address, port, _, _ = redirect
            try:
                self.listeners += relays.listen_with_loopbacks(address, port)
            except OSError as error:
                self.left.append(redirect)
                self.missing.append(f"{address}:{port} does not lead to the API server: {error.strerror}.")


def _own_mounts(rung: RungAnswer, view: ViewOrder, _is_terminal: bool) -> Iterator[Backend]:
    is_user = rung["name"] == "namespaces"
    plan = mount_plan.plan(view["mounts"], _files(view), view["hidden"])
    kind = namespaces.Kind(mounts=True, user=is_user, processes=rung["processes"])
    catches = _catches(rung, view)
    ids = _ids(rung["name"], view)
    relays = _Relays(rung, view)
    yield Backend(
        lambda launch: namespaces.launch(launch, view, plan, ids, kind, catches=catches),
        catches=catches,
        is_contained=rung["processes"],
        own_user_namespace=is_user,
        missing=[*rung["missing"], *relays.missing],
        listeners=relays.listeners,
    )


def _files(view: ViewOrder) -> dict[str, bytes]:
    files = dict(view["files"])
    if view["resolver"] and "/etc/resolv.conf" not in {target for _, target, _ in view["mounts"]}:
        from fakekube.sandbox import pod_network

        files.setdefault("/etc/resolv.conf", pod_network.resolver_file(view))
    return files


def _bubblewrap(rung: RungAnswer, view: ViewOrder, _is_terminal: bool) -> Iterator[Backend]:
    from fakekube.sandbox import bubblewrap, rungs

    plan = mount_plan.plan(view["mounts"], view["files"], view["hidden"])
    command, descriptors = bubblewrap.command(view, plan)
    catches = _catches(rung, view)
    relays = _Relays(rung, view)
    try:
        yield Backend(
            _started_directly(command, None, catches=catches, kept=descriptors),
            catches=catches,
            missing=[*(each for each in rung["missing"] if each != rungs.NO_OWN_NETWORK), *relays.missing],
            listeners=relays.listeners,
            depth=2,
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _placed_files(rung: RungAnswer, view: ViewOrder, _is_terminal: bool) -> Iterator[Backend]:
    from fakekube.sandbox import placed_files

    plan = mount_plan.plan(view["mounts"], view["files"], (), make_in_source=placed_files.make_parent)
    relays = _Relays(rung, view)
    catches = _catches(rung, view)
    environment = _no_kubeconfig(view)
    view["environment"].update(environment)
    with placed_files.placed(plan) as missing:
        yield Backend(
            _started_directly(view, _ids(rung["name"], view), catches=catches),
            catches=catches,
            missing=[*rung["missing"], *missing, *relays.missing],
            listeners=relays.listeners,
            environment=environment,
        )


def _python(rung: RungAnswer, view: ViewOrder, _is_terminal: bool) -> Iterator[Backend]:
    from fakekube.sandbox import python_view

    relays = _Relays(rung, view)
    catches = _catches(rung, view)
    with python_view.sources(view) as sources:
        environment = _no_kubeconfig(view) | python_view.environment(view, sources, relays.left)
        view["environment"].update(environment)
        yield Backend(
            _started_directly(view, None, catches=catches),
            catches=catches,
            missing=[*rung["missing"], *relays.missing],
            listeners=relays.listeners,
            environment=environment,
        )


def _container(rung: RungAnswer, view: ViewOrder, is_terminal: bool) -> Iterator[Backend]:
    from fakekube.sandbox import container

    relays = _Relays(rung, view)
    name = container.new_name()
    try:
        yield Backend(
            _started_directly(container.command(view, name, is_terminal=is_terminal), None, catches=False),
            catches=False,
            missing=[*rung["missing"], *relays.missing],
            listeners=relays.listeners,
            container=name,
        )
    finally:
        container.remove(name)


def _started_directly(
    command: CommandOrder, ids: program.Ids | None, *, catches: bool, kept: Sequence[int] = ()
) -> Body:
    """Without namespaces of ours; `kept` are descriptors that the program inherits."""

    def body(launch: program.Launch) -> NoReturn:
        for descriptor in kept:
            os.set_inheritable(descriptor, True)
        namespaces.watch_directly(launch, command, ids, catches=catches)

    return body


def _no_kubeconfig(view: ViewOrder) -> dict[str, str]:
    """Where ~/.kube cannot be hidden, a client must not find the developer's real clusters there."""
    if not view["hidden"] or "KUBECONFIG" in view["environment"]:
        return {}
    return {"KUBECONFIG": _NO_KUBECONFIG}


_NO_KUBECONFIG = "/nonexistent/kubeconfig"

_BACKENDS: dict[str, Callable[[RungAnswer, ViewOrder, bool], Iterator[Backend]]] = {
    "root": _own_mounts,
    "namespaces": _own_mounts,
    "bubblewrap": _bubblewrap,
    "files": _placed_files,
    "python": _python,
    "container": _container,
}
