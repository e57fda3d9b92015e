"""Who builds a view, watches its program and answers for it? A small process of its own, started for each view.

It is not the caller itself, because a caller has threads, and the kernel wants none where user namespaces begin; because
the caller's event loop must not hold up each connect(); and because it must notice when the caller dies: its standard
input is a socket to the caller, and the end of that ends the view.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
import socket
import sys
import threading

from fakekube.sandbox import linux, processes, program, rungs
from fakekube.sandbox.channel import Channel
from fakekube.sandbox.connect_filter import Redirects, answer_forever
from fakekube.sandbox.errors import SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from typing import Any, NoReturn

    from fakekube.sandbox.dns import Names
    from fakekube.sandbox.orders import RecordOrder, ViewOrder

_LINUX = sys.platform == "linux"
_ANSWERING_THREADS = 4
_LOOK_AGAIN_MS = 1


def main() -> NoReturn:
    kept_ignored = {number for number in program.LEFT_ALONE if signal.getsignal(number) is signal.SIG_IGN}
    for number in program.LEFT_ALONE:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    control = Channel(socket.socket(fileno=os.dup(0)))
    os.dup2(1, 0)  # A child that is not the program must not hold the caller's socket.
    while (received := control.receive()) is not None:
        try:
            answer = Monitor(control, received.descriptors, kept_ignored).obey(received.message)
        except SandboxError as error:
            answer = {"failed": error.message, "exit_code": error.exit_code}
        except BaseException as error:
            answer = {"failed": f"the sandbox's monitor failed: {type(error).__name__}: {error}", "exit_code": 125}
        with contextlib.suppress(OSError):  # The caller may be gone; then all is undone already.
            control.send(answer)
        if not received.message.get("is_prepared"):
            break
    os._exit(0)


class Monitor:
    """One view: from the order to the program's end."""

    def __init__(self, control: Channel, descriptors: list[int], kept_ignored: set[signal.Signals]) -> None:
        self.control = control
        self.descriptors = descriptors
        self.kept_ignored = kept_ignored
        self.redirects = Redirects([])
        self.names: Names | None = None
        self.first = 0
        """The first process of the view, a child of this one."""
        self.program = 0
        self.program_pidfd = -1
        self.entered_pidfd = -1
        """The first process of the view that a command has entered."""
        self.is_contained = False
        """The kernel ends all processes of the view with the first one."""
        self.before_run: Callable[[], None] = lambda: None
        self.helpers: list[subprocess.Popen[bytes]] = []
        self.missing: list[str] = []

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """The last message to the caller."""
        if order["do"] == "probe":
            return {"rungs": rungs.probe([tuple(address) for address in order["addresses"]])}
        if order["do"] == "choose":
            return {"rungs": [rungs.choose(order["backend"], [tuple(address) for address in order["addresses"]])]}
        if order["do"] == "enter":
            return self._enter(order)
        return self._start(order)

    def _start(self, order: dict[str, Any]) -> dict[str, Any]:
        from fakekube.sandbox import backends

        view: ViewOrder = order["view"]
        self.redirects.replace(view["redirects"])
        if resolver := view["resolver"]:
            from fakekube.sandbox import dns

            self.names = dns.Names(resolver["names"], resolver["domain"])
        # Under sudo this is root, for whom there are other rungs than for the caller.
        rung = rungs.choose(None, []) if order["with_sudo"] else order["rung"] or rungs.choose(order["backend"], [])
        if rung["name"] == "sudo":
            return {"sudo": True}
        with backends.prepare(rung, view, is_terminal=os.isatty(self.descriptors[0])) as backend:
            self.is_contained = backend.is_contained
            self.missing = list(backend.missing)
            self._serve(backend.listeners)
            self.before_run = lambda: self._connect_network(view, own_user_namespace=backend.own_user_namespace)
            self._launch(backend.body, order["tty"])
            if backend.depth:
                self._find_program(backend.depth)
            record: RecordOrder = {
                "rung": "sudo" if order["with_sudo"] else rung["name"],
                "pid": self.first,
                "started": processes.start_time(self.first),
                "network": view["network"],
                "redirects": view["redirects"],
                "uid": view["uid"],
                "gid": view["gid"],
                "groups": view["groups"],
                "catches": backend.catches,
                "environment": backend.environment,
                "container": backend.container,
            }
            return self._follow(record)

    def _enter(self, order: dict[str, Any]) -> dict[str, Any]:
        from fakekube.sandbox import backends

        record: RecordOrder = order["record"]
        self.redirects.replace(record["redirects"])
        body = backends.entering(record, order["command"], is_terminal=os.isatty(self.descriptors[0]))
        if _LINUX:
            # Only a pid namespace ends what has entered it; elsewhere this process sees to it.
            self.entered_pidfd = os.pidfd_open(record["pid"])
        self._launch(body, order["tty"])
        return self._follow(record)

    def _launch(self, body: Callable[[program.Launch], NoReturn], tty: bool) -> None:
        """Forks `body` and sees it through to the execve() of the program. Raises SandboxError when it failed."""
        if _LINUX:
            linux.adopt_orphans()
        ours, theirs = Channel.pair()
        failures, failures_end = os.pipe()
        launch = program.Launch(theirs, failures_end, self.descriptors, tty, self.kept_ignored)
        child = os.fork()
        if child == 0:
            ours.close()
            self.control.close()
            os.close(failures)
            body(launch)
        theirs.close()
        os.close(failures_end)
        self.channel = ours
        self._converse(child)
        with open(failures, "rb") as pipe:
            failed = pipe.read()
        if failed:
            self._end_processes()
            message, exit_code = marshal.loads(failed)
            raise SandboxError(message, exit_code)
        if not self.program:
            self._end_processes()
            raise SandboxError("the view could not be built: the process that built it was killed")
        for descriptor in self.descriptors:
            os.close(descriptor)

    def _converse(self, child: int) -> None:
        """Until the program may run, or all have hung up."""
        listeners: list[tuple[socket.socket, str, int]] = []
        while received := self.channel.receive():
            if "first" in received.message:
                if not self.first:
                    self.first = received.pid or received.message["first"]
                    # Once its parent has ended, the first process is a child of this one.
                    if self.first != child:
                        os.waitpid(child, 0)
                self.channel.send({"go": True})
            elif "built" in received.message:
                listeners = [
                    (socket.socket(fileno=descriptor), address, port)
                    for descriptor, (address, port) in zip(received.descriptors, received.message["built"], strict=True)
                ]
            else:
                self.program = received.pid or received.message["program"]
                self.program_pidfd = os.pidfd_open(self.program) if _LINUX else -1
                self.before_run()
                self._serve(listeners)
                for listener in received.descriptors:
                    for _ in range(_ANSWERING_THREADS):
                        self._thread(answer_forever, listener, self.redirects)
                self.channel.send({"run": True})
                return
        if not self.first:
            os.waitpid(child, 0)

    def _serve(self, listeners: list[tuple[socket.socket, str, int]]) -> None:
        """In threads: relays what is a TCP socket, answers the questions to what is a UDP one."""
        for listener, address, port in listeners:
            if listener.type == socket.SOCK_STREAM:
                from fakekube.sandbox import relays

                self._thread(relays.relay_forever, listener, address, port, self.redirects)
            elif self.names:
                from fakekube.sandbox import dns

                self._thread(dns.serve_forever, listener, self.names)

    def _connect_network(self, view: ViewOrder, *, own_user_namespace: bool) -> None:
        if view["network"] != "pod":
            return
        from fakekube.sandbox import pod_network

        why = pod_network.why_no_pasta()
        if why is None:
            outward = pod_network.lead_outward(self.program, own_user_namespace=own_user_namespace)
            if not isinstance(outward, str):
                self.helpers.append(outward)
                return
            why = outward
        self.missing.append(f"The network of the pod leads nowhere but to the redirected addresses: {why}.")
        self.missing[:] = dict.fromkeys(self.missing)

    def _thread(self, body: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=body, args=arguments, daemon=True).start()

    def _follow(self, record: RecordOrder) -> dict[str, Any]:
        """Until everything in the view has ended; obeys the caller meanwhile."""
        started = {"pid": self.program, "rung": record["rung"], "missing": self.missing, "record": record}
        status: int | None = None
        waiting = select.poll()
        waiting.register(self.channel.socket, select.POLLIN)
        waiting.register(self.control.socket, select.POLLIN)
        if self.entered_pidfd >= 0:
            waiting.register(self.entered_pidfd, select.POLLIN)
        if not self._tell({"started": started}):
            self._kill()
        while True:
            ready = {descriptor for descriptor, _ in waiting.poll()}
            if self.channel.socket.fileno() in ready:
                received = self.channel.receive()
                if received is None:
                    break
                status = received.message["ended"]
            elif self.entered_pidfd in ready:
                waiting.unregister(self.entered_pidfd)
                self._kill()
            elif self.control.socket.fileno() in ready:
                command = self.control.receive()
                if command is None:
                    waiting.unregister(self.control.socket)
                    self._kill()
                else:
                    self._command(command.message)
        self._end_processes()
        code = os.waitstatus_to_exitcode(status) if status is not None else -signal.SIGKILL
        return {"exited": 128 - code if code < 0 else code, "signal": -code if code < 0 else None}

    def _tell(self, message: dict[str, Any]) -> bool:
        try:
            self.control.send(message)
        except OSError:
            return False
        return True

    def _command(self, message: dict[str, Any]) -> None:
        match message["do"]:
            case "signal":
                self._signal(message["number"])
            case "kill":
                self._kill()
            case "redirect":
                self.redirects.replace(message["redirects"])
            case "resolve" if self.names:
                self.names.replace(message["names"])

    def _find_program(self, depth: int) -> None:
        """Where others stand between the process that was started and the program: waits until it is there, or has ended."""
        ended = select.poll()
        ended.register(self.channel.socket, select.POLLIN)
        while not ended.poll(_LOOK_AGAIN_MS):
            line = [self.program]
            while len(line) <= depth and (children := processes.children_of(line[-1])):
                line.append(children[0])
            if len(line) > depth:
                self.first, self.program = line[-2], line[-1]
                with contextlib.suppress(ProcessLookupError):
                    self.program_pidfd = os.pidfd_open(self.program)
                return

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.program_pidfd >= 0:
                signal.pidfd_send_signal(self.program_pidfd, number)
            else:
                os.kill(self.program, number)

    def _kill(self) -> None:
        if self.is_contained and self.first:
            os.kill(self.first, signal.SIGKILL)
        else:
            self._signal(signal.SIGKILL)

    def _end_processes(self) -> None:
        """Waits for the first process, and ends what may be left of the others."""
        for helper in self.helpers:
            helper.kill()
        if self.is_contained and self.first:
            # In Linux this takes until the last process of the pid namespace is gone.
            os.waitpid(self.first, 0)
        else:
            processes.kill_descendants()
