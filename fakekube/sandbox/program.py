"""How does a forked child become the program? Descriptors, session, ids, filter, directory, and then execve()."""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import sys

from fakekube.sandbox import linux
from fakekube.sandbox.errors import SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from fakekube.sandbox.channel import Channel
    from fakekube.sandbox.orders import CommandOrder

_TIOCSCTTY = 0x540E if sys.platform == "linux" else 0x20007461

LEFT_ALONE = (
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
)
"""What a terminal or a process group sends to everybody is for the program, not for those who watch over it."""

_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ", "SIGXFZ")


class Launch:
    """What all children on the way to the program carry along.

    channel       to the monitor, which answers {"run"} once it is ready to watch
    failures      a pipe to the monitor: what went wrong, marshalled; its end without content says that execve() worked
    descriptors   stdin, stdout and stderr of the program
    tty           stdin is a terminal that shall control a session of the program's own
    kept_ignored  signals that the caller of the monitor ignored, as nohup does
    """

    def __init__(
        self, channel: Channel, failures: int, descriptors: list[int], tty: bool, kept_ignored: set[signal.Signals]
    ) -> None:
        self.channel = channel
        self.failures = failures
        self.descriptors = descriptors
        self.tty = tty
        self.kept_ignored = kept_ignored

    def fail(self, error: BaseException) -> NoReturn:
        """Tells the monitor and ends this process."""
        if isinstance(error, SandboxError):
            answer = (error.message, error.exit_code)
        else:
            answer = (
                f"the view could not be built: {error}" if str(error) else f"the view could not be built: {error!r}",
                125,
            )
        os.write(self.failures, marshal.dumps(answer))
        os._exit(125)


class Ids:
    """What to become before execve(); None where the ids are as they should be already."""

    def __init__(self, uid: int, gid: int, groups: list[int]) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups

    def take(self) -> None:
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)


def run(launch: Launch, command: CommandOrder, ids: Ids | None, *, catches: bool, dies_with_parent: bool) -> NoReturn:
    """Never returns; to be called in a child of its own.

    `catches`: each connect() of the program shall be shown to the monitor.
    """
    try:
        # The filter first: a privileged process need not forgo privileges for it, so that sudo still works in the view.
        extra = []
        if catches:
            from fakekube.sandbox import connect_filter

            extra.append(connect_filter.install())
        if ids:
            ids.take()
        if dies_with_parent:
            linux.die_with_parent()
        announce(launch, extra)
        take_terminal(launch)
        restore_signals(launch)
        execute(command)
    except BaseException as error:
        launch.fail(error)


def announce(launch: Launch, descriptors: list[int]) -> None:
    """Tells the monitor that this process is the program, and waits until it watches."""
    launch.channel.send({"program": os.getpid()}, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    if launch.channel.receive() is None:
        os._exit(125)


def take_terminal(launch: Launch) -> None:
    if launch.tty:
        import fcntl

        os.setsid()
        fcntl.ioctl(launch.descriptors[0], _TIOCSCTTY, 0)
    elif sys.platform != "linux":
        # Where orphans cannot be adopted, a process group is what finds the program's children again.
        os.setpgid(0, 0)
        to_foreground(launch.descriptors[0], os.getpid())
    for number, descriptor in enumerate(launch.descriptors):
        os.dup2(descriptor, number, inheritable=True)


def to_foreground(terminal: int, group: int) -> None:
    """Gives a terminal to a process group; nothing where `terminal` is none, or is not the session's."""
    with contextlib.suppress(OSError):
        os.tcsetpgrp(terminal, group)


def restore_signals(launch: Launch) -> None:
    for number in (*LEFT_ALONE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN if number in launch.kept_ignored else signal.SIG_DFL)
    for name in _IGNORED_BY_PYTHON:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def execute(command: CommandOrder) -> NoReturn:
    """Raises SandboxError with the exit code that a shell would return."""
    argv = command["argv"]
    try:
        os.chdir(command["working_directory"])
    except OSError as error:
        raise SandboxError(
            f"the working directory {command['working_directory']} cannot be entered in the view: {error.strerror}; "
            "make it, or mount a directory there",
            126,
        ) from None
    where = command["environment"].get("PATH", os.defpath)
    candidates = [argv[0]] if "/" in argv[0] else [os.path.join(entry, argv[0]) for entry in where.split(":")]
    refused = None
    # Not os.execvpe: it imports a module first, and the view may not show the standard library, nor these ids read it.
    for candidate in candidates:
        try:
            os.execve(candidate, argv, command["environment"])
        except OSError as error:
            # A directory in PATH that may not be entered gives EACCES, though there is no such program.
            refused = error if os.path.exists(candidate) else refused
    if refused:
        raise SandboxError(f"{argv[0]}: cannot be executed: {refused.strerror}", 126)
    raise SandboxError(f"{argv[0]}: no such program{'' if '/' in argv[0] else f' in PATH ({where})'}", 127)
