"""Programs of this machine that run for a client: started with pipes or a terminal, and ended together with whatever they have started.

Only a server that was told to (`--allow-exec`) has any.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import signal
import struct
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

PIECE_BYTES = 1 << 16

END_OF_TRANSMISSION = b"\x04"
"""What a terminal's user types (Ctrl-D) to end the input."""

REST_TIMEOUT_S = 0.5
"""So long output may still come after a program has ended: of children that it has left behind."""

BEGINNING = """\
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
if sys.argv[1] == "terminal":
    import fcntl, termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""How each program begins: it is to die with this process (PR_SET_PDEATHSIG, which Linux alone has), even if that is killed; it takes the
terminal at its standard input, so that Ctrl-C there becomes a signal; and becomes the program."""


@dataclass(frozen=True, slots=True)
class Target:
    """The container in which a command is to run."""

    namespace: str
    pod: str
    container: str


@dataclass(frozen=True, slots=True)
class Launch:
    """What is really started on this machine."""

    arguments: Sequence[str]
    environment: Mapping[str, str] | None = None
    """None: that of this process."""


Launcher = Callable[[Target, Sequence[str], bool, bool], Launch]
"""(container, the command's words, whether it reads standard input, whether it has a terminal) -> how it is started."""


class StartError(Exception):
    """The program could not be started; the message says why."""


class Descriptor:
    """One end of a pipe or terminal, read or written without blocking the event loop."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._loop = asyncio.get_running_loop()
        self._waiters: set[asyncio.Future[None]] = set()
        os.set_blocking(number, False)

    async def read(self, count: int = PIECE_BYTES) -> bytes:
        """The next piece, of `count` bytes at the most; b"" at the end."""
        while self.number >= 0:
            try:
                return os.read(self.number, count)
            except BlockingIOError:
                await self._ready(self._loop.add_reader, self._loop.remove_reader)
            except OSError as error:
                if error.errno == errno.EIO:  # how a terminal says that nobody is at its other end
                    return b""
                raise
        return b""

    async def write(self, data: bytes) -> None:
        """All of it; what nobody reads any more is dropped."""
        view = memoryview(data)
        while view and self.number >= 0:
            try:
                view = view[os.write(self.number, view) :]
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer)
            except OSError:
                return

    async def _ready(self, add: Callable[..., object], remove: Callable[[int], object]) -> None:
        waiter = self._loop.create_future()
        self._waiters.add(waiter)
        number = self.number
        add(number, _wake, waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
            if self.number == number:
                remove(number)

    def close(self) -> None:
        """Whoever waits sees the end."""
        if self.number >= 0:
            self._loop.remove_reader(self.number)
            self._loop.remove_writer(self.number)
            os.close(self.number)
            self.number = -1
            for waiter in self._waiters:
                _wake(waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Program:
    """A program that runs. `end()` must be called, whatever happens."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        stdin: Descriptor | None,
        outputs: Mapping[str, Descriptor],
        terminal: Descriptor | None,
    ) -> None:
        self._process = process
        self._stdin = stdin
        self.outputs = outputs
        """By name: stdout and, without a terminal, stderr."""
        self._terminal = terminal

    @property
    def pid(self) -> int:
        return self._process.pid

    async def write(self, data: bytes) -> None:
        if self._stdin is not None:
            await self._stdin.write(data)

    async def close_stdin(self) -> None:
        """No more input will come. A terminal stays open, its reader is told by the character for that."""
        if self._terminal is not None:
            await self._terminal.write(END_OF_TRANSMISSION)
        elif self._stdin is not None:
            self._stdin.close()

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal is not None and self._terminal.number >= 0:
            size = struct.pack("HHHH", min(rows, 0xFFFF), min(columns, 0xFFFF), 0, 0)
            with suppress(OSError):
                fcntl.ioctl(self._terminal.number, termios.TIOCSWINSZ, size)

    async def wait(self) -> int:
        """Its exit code; that of one which a signal has ended is 128 and the number of the signal."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """And what it has started in its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill it, if it still runs; returns when it is gone."""
        for descriptor in {self._stdin, *self.outputs.values(), self._terminal} - {None}:
            assert descriptor is not None
            descriptor.close()
        self.kill()
        await asyncio.shield(self._process.wait())


async def start(launch: Launch, *, reads: bool, terminal: bool) -> Program:
    """Start a program. `reads`: whether there is anything to read at its standard input; with a terminal there always may be.

    Raises StartError.
    """
    if terminal:
        return await _start_with_terminal(launch)
    outside: list[Descriptor] = []
    inside: list[int] = []
    try:
        stdin = None
        if reads:
            there, here = os.pipe()
            inside.append(there)
            stdin = Descriptor(here)
            outside.append(stdin)
        outputs: dict[str, Descriptor] = {}
        for name in ("stdout", "stderr"):
            here, there = os.pipe()
            inside.append(there)
            outputs[name] = Descriptor(here)
            outside.append(outputs[name])
        first = inside[0] if reads else asyncio.subprocess.DEVNULL
        process = await _spawn(launch, "pipes", first, inside[-2], inside[-1])
    except BaseException:
        for descriptor in outside:
            descriptor.close()
        raise
    finally:
        for number in inside:
            os.close(number)
    return Program(process, stdin, outputs, None)


async def _start_with_terminal(launch: Launch) -> Program:
    here, there = os.openpty()
    terminal = Descriptor(here)
    try:
        process = await _spawn(launch, "terminal", there, there, there)
    except BaseException:
        terminal.close()
        raise
    finally:
        os.close(there)
    return Program(process, terminal, {"stdout": terminal}, terminal)


async def _spawn(launch: Launch, streams: str, stdin: int, stdout: int, stderr: int) -> asyncio.subprocess.Process:
    program = launch.arguments[0]
    environment = os.environ if launch.environment is None else launch.environment
    if shutil.which(program, path=environment.get("PATH")) is None:
        raise StartError(f"{program}: there is no such program")
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", BEGINNING, streams, *launch.arguments),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        raise StartError(f"{program}: {error}") from None


def fakekube_exec(kubeconfig: Callable[[], str]) -> Launcher:
    """Commands run in the view of their container: `fakekube exec`, which finds this server by `kubeconfig`, the path of a file."""

    def launch(target: Target, command: Sequence[str], reads: bool, terminal: bool) -> Launch:
        options = [option for option, is_set in (("-i", reads), ("-t", terminal)) if is_set]
        arguments = [
            *(sys.executable, "-P", "-m", "fakekube", "exec", f"pod/{target.pod}"),
            *("-n", target.namespace, "-c", target.container),
            *options,
            "--",
            *command,
        ]
        return Launch(arguments, {**os.environ, "KUBECONFIG": kubeconfig()})

    return launch
