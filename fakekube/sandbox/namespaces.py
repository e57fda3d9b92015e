"""How does a process get a file system, a hostname and a network of its own? By the kernel's namespaces, as containers do.

Three processes: the monitor, outside of everything; the first process of the view, which builds it, starts the program
and reaps orphans; and the program. When the monitor ends, for whatever reason, the kernel kills the first process, and
with it everything in its pid namespace; nothing was ever put on the host, so nothing is left there.

Where no pid namespace can be had, or no namespaces at all, the first process kills its descendants itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys

from fakekube.sandbox import linux, processes, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import NoReturn

    from fakekube.sandbox.channel import Channel
    from fakekube.sandbox.mount_plan import Plan
    from fakekube.sandbox.orders import CommandOrder, RecordOrder, ViewOrder


class Kind:
    """Which namespaces to make.

    mounts      own mounts, hostname, and if wanted network; False: nothing but the watching
    user        an own user namespace, which is what an ordinary user needs for the rest
    processes   a pid namespace with a /proc of its own
    """

    def __init__(self, *, mounts: bool, user: bool, processes: bool) -> None:
        self.mounts = mounts
        self.user = user
        self.processes = processes


NONE = Kind(mounts=False, user=False, processes=False)


def unshare(kind: Kind, uid: int, gid: int, *, network: bool) -> None:
    """Raises OSError. `uid` and `gid` are what the caller's own are to look like in a user namespace."""
    flags = (linux.CLONE_NEWNS | linux.CLONE_NEWUTS) if kind.mounts else 0
    flags |= linux.CLONE_NEWUSER if kind.user else 0
    flags |= linux.CLONE_NEWPID if kind.processes else 0
    flags |= linux.CLONE_NEWNET if network else 0
    own_uid, own_gid = os.getuid(), os.getgid()
    if flags:
        linux.unshare(flags)
    if kind.user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/gid_map", f"{gid} {own_gid} 1\n")
        _write("/proc/self/uid_map", f"{uid} {own_uid} 1\n")


def mount_proc() -> None:
    """The /proc of this process's pid namespace, over the one that shows other numbers."""
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def launch(
    launch: program.Launch, view: ViewOrder, plan: Plan | None, ids: program.Ids | None, kind: Kind, *, catches: bool
) -> NoReturn:
    """Body of the monitor's forked child: makes the namespaces and leaves the first process of the view behind."""
    try:
        unshare(kind, view["uid"], view["gid"], network=view["network"] == "pod")
        if os.fork():
            os._exit(0)
        _first_process(launch, view, plan, ids, kind, catches=catches)
    except BaseException as error:
        launch.fail(error)


def _first_process(
    launch: program.Launch, view: ViewOrder, plan: Plan | None, ids: program.Ids | None, kind: Kind, *, catches: bool
) -> NoReturn:
    _watch_parent(launch.channel, by_kernel=kind.processes)
    listeners: list[tuple[socket.socket, str, int]] = []
    if plan is not None:
        from fakekube.sandbox import mounting

        if view["hostname"]:
            linux.set_hostname(view["hostname"])
        if view["network"] == "pod":
            from fakekube.sandbox import pod_network

            listeners = pod_network.build(view)
        mounting.carry_out(plan, keeps_owners=not kind.user)
        if kind.processes:
            mount_proc()
    addresses = [(address, port) for _, address, port in listeners]
    launch.channel.send({"built": addresses}, [listener.fileno() for listener, _, _ in listeners])
    for listener, _, _ in listeners:
        listener.close()
    start_and_reap(launch, view, ids, catches=catches, is_init=kind.processes)


def watch_directly(
    launch: program.Launch, command: CommandOrder, ids: program.Ids | None, *, catches: bool
) -> NoReturn:
    """Body of the monitor's forked child where there are no namespaces: this process only watches over the program."""
    try:
        _watch_parent(launch.channel, by_kernel=False)
        start_and_reap(launch, command, ids, catches=catches, is_init=False)
    except BaseException as error:
        launch.fail(error)


def _watch_parent(channel: Channel, *, by_kernel: bool) -> None:
    """Returns when this process is a child of the monitor, and will not outlive it."""
    channel.send({"first": os.getpid()})
    if channel.receive() is None:
        os._exit(125)
    if by_kernel:
        linux.die_with_parent()
        # Had the monitor ended just before, nobody would answer.
        channel.send({"first": os.getpid()})
        if channel.receive() is None:
            os._exit(125)


def start_and_reap(
    launch: program.Launch, command: CommandOrder, ids: program.Ids | None, *, catches: bool, is_init: bool
) -> NoReturn:
    """Forks the program, tells the monitor how it ended, and ends with everything that it has started.

    `is_init`: this is the first process of a pid namespace, so the kernel kills the others when it ends.
    """
    if not is_init and sys.platform == "linux":
        linux.adopt_orphans()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        program.run(launch, command, ids, catches=catches, dies_with_parent=sys.platform == "linux")
    os.close(launch.failures)
    has_group = sys.platform != "linux"
    terminal = os.dup(launch.descriptors[0]) if has_group and os.isatty(launch.descriptors[0]) else -1
    for descriptor in launch.descriptors:
        os.close(descriptor)
    status = _reap_until(pid, launch.channel, woken)
    if status is not None:
        with contextlib.suppress(OSError):  # The monitor may have ended just now; the others must end all the same.
            launch.channel.send({"ended": status})
    if has_group:
        program.to_foreground(terminal, os.getpgrp())
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    if not is_init:
        processes.kill_descendants()
    os._exit(0)


def _reap_until(pid: int, channel: Channel, woken: int) -> int | None:
    """The wait status of `pid`; None when the monitor is gone."""
    waiting = select.poll()
    waiting.register(channel.socket, 0)  # What is said there is for the program; only its end is for this process.
    waiting.register(woken, select.POLLIN)
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == pid:
            return status
        if ended:
            continue
        for descriptor, events in waiting.poll():
            if descriptor == woken:
                os.read(woken, 4096)
            elif events:
                return None


def enter(launch: program.Launch, record: RecordOrder, command: CommandOrder, ids: program.Ids | None) -> NoReturn:
    """Body of the monitor's forked child: joins the namespaces of a running view and starts the command there."""
    try:
        pidfd = os.pidfd_open(record["pid"])
        flags = 0
        for name, flag in _NAMESPACES.items():
            if os.stat(f"/proc/{record['pid']}/ns/{name}").st_ino != os.stat(f"/proc/self/ns/{name}").st_ino:
                flags |= flag
        if flags:
            linux.setns(pidfd, flags)
        if os.fork():
            os._exit(0)
        _watch_parent(launch.channel, by_kernel=True)
        launch.channel.send({"built": []})
        start_and_reap(launch, command, ids, catches=record["catches"], is_init=False)
    except BaseException as error:
        launch.fail(error)


_NAMESPACES = {
    "user": linux.CLONE_NEWUSER,
    "mnt": linux.CLONE_NEWNS,
    "uts": linux.CLONE_NEWUTS,
    "pid": linux.CLONE_NEWPID,
    "net": linux.CLONE_NEWNET,
}
