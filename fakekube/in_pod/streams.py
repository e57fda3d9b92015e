"""What stands between a program and the terminal, pipes or files of the command that runs it: its output is wanted twice.

A program that would see a terminal gets one: a pty in its place. Where both its input and its output are the terminal, that pty is
its controlling one, as with `docker run -it`: keys, Ctrl-C and sizes go through it. Else input is left to the program as it is, so
that nothing is read which it does not want.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import queue
import selectors
import signal
import struct
import termios
import time
import tty
from collections.abc import Callable, Iterator
from typing import Any

STDIN, STDOUT, STDERR = 0, 1, 2
NAMES = {STDOUT: "stdout", STDERR: "stderr"}

PIECE_BYTES = 1 << 16
AHEAD_BYTES = 1 << 18
"""So much input may wait for the program; then no more is read."""
DRAIN_S = 1.0
"""After the program's end, for what it has left in pipes that somebody else still holds open."""

PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


class Streams:
    """The three streams of one program.

    `fds` are for `sandbox.start`, and to be closed with `started` afterwards; `has_terminal` says that they are one of its own.
    `written(name, data)` hears all output, after it has gone where it belongs. With `takes_input` the program reads a pipe
    if it has no terminal, so that others can write to it as well (`feed`).
    """

    def __init__(self, written: Callable[[str, bytes], None] | None = None, *, takes_input: bool = False) -> None:
        self._written = written
        self._selector = selectors.DefaultSelector()
        self._outputs: dict[int, tuple[int, str]] = {}
        """Our end -> (where it goes, name)"""
        self._theirs: list[int] = []
        self._input: int | None = None
        """Our end of the program's stdin: a pty or a pipe; None: it has ours, or none any more."""
        self._pending = b""
        self._pending_end = False
        self._reads_stdin = False
        self._mode: list[Any] | None = None
        self._pty: int | None = None
        self._notes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self.has_terminal = False
        self.fds: dict[int, int] = {}
        if written is not None:
            self._make(takes_input)

    def _make(self, takes_input: bool) -> None:
        terminals = {fd: is_terminal(fd) for fd in (STDIN, STDOUT, STDERR)}
        self.has_terminal = terminals[STDIN] and terminals[STDOUT]
        slave: int | None = None
        if terminals[STDOUT] or terminals[STDERR]:
            self._pty, slave = os.openpty()
            self._theirs.append(slave)
            shown = STDOUT if terminals[STDOUT] else STDERR
            _copy_size(shown, slave)
            if self.has_terminal:
                termios.tcsetattr(slave, termios.TCSANOW, termios.tcgetattr(STDIN))
            else:
                tty.setraw(slave)  # what it writes goes through the real terminal, which does what terminals do
            self._add_output(self._pty, shown)
        same = _is_same(STDOUT, STDERR)
        for fd in (STDOUT, STDERR):
            if terminals[fd]:
                assert slave is not None
                self.fds[fd] = slave
            elif fd == STDERR and same:
                self.fds[fd] = self.fds[STDOUT]
            else:
                reading, writing = os.pipe()
                self._theirs.append(writing)
                self.fds[fd] = writing
                self._add_output(reading, fd)
        if self.has_terminal:
            assert slave is not None
            self.fds[STDIN] = slave
            self._input = self._pty
            self._reads_stdin = True
        elif takes_input:
            reading, self._input = os.pipe()
            self._theirs.append(reading)
            self.fds[STDIN] = reading
            # Of nothing there is an end at once, but others may have something to say.
            self._reads_stdin = not _is_nothing(STDIN)
        if self._input is not None:
            os.set_blocking(self._input, False)

    def _add_output(self, ours: int, fd: int) -> None:
        os.set_blocking(ours, False)
        self._outputs[ours] = (fd, NAMES[fd])

    def started(self) -> None:
        """The program has its ends; ours are the only other ones."""
        for fd in self._theirs:
            os.close(fd)
        self._theirs.clear()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Our terminal passes every key on, until the block is left."""
        if self.has_terminal:
            self._mode = termios.tcgetattr(STDIN)
            tty.setraw(STDIN)
        try:
            yield
        finally:
            if self._mode is not None:
                termios.tcsetattr(STDIN, termios.TCSADRAIN, self._mode)
            self.started()
            for fd in {*self._outputs, self._input, self._pty} - {None}:
                assert fd is not None
                with contextlib.suppress(OSError):
                    os.close(fd)
            self._outputs.clear()
            self._selector.close()
            for fd in (self._wake_read, self._wake_write):
                os.close(fd)

    def soon(self, note: Callable[[], None]) -> None:
        """Have `run` call something; for other threads."""
        self._notes.put(note)
        with contextlib.suppress(OSError):  # full: it will wake anyway; closed: the program has ended
            os.write(self._wake_write, b"!")

    def feed(self, data: bytes | None) -> None:
        """Input from elsewhere; None: there is no more. Within `run`, or by `soon`."""
        if data is None:
            self._pending_end = True
        else:
            self._pending += data
        self._write_input()

    def resize(self, width: int, height: int) -> None:
        """Only where nobody's own terminal says how large it is."""
        if self._pty is not None and not self.has_terminal:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._pty, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def run(self, ended: int, poll: Callable[[], int | None], send_signal: Callable[[int], None]) -> int:
        """Pass on everything until the program has ended; its exit code.

        `ended` is readable then, `poll` has the exit code, and `send_signal` reaches the program.
        """
        selector = self._selector
        selector.register(ended, selectors.EVENT_READ, poll)
        selector.register(self._wake_read, selectors.EVENT_READ, self._take_notes)
        for fd in self._outputs:
            selector.register(fd, selectors.EVENT_READ, self._pass_output)
        if self._reads_stdin:
            self._register_stdin()
        exit_code: int | None = None
        with self._signals(send_signal):
            while exit_code is None:
                for key, _ in selector.select():
                    if key.fileobj is ended:
                        exit_code = poll()
                    elif key.data == self._pass_output:
                        self._pass_output(key.fd)
                    else:
                        key.data()
            self._drain()
        return exit_code

    @contextlib.contextmanager
    def _signals(self, send_signal: Callable[[int], None]) -> Iterator[None]:
        """Signals to us are for the program."""

        def arrived(number: int, _: Any) -> None:
            # Ctrl-C reaches all programs of the terminal's foreground, this one and the program alike.
            if number != signal.SIGINT or self.has_terminal or not in_foreground():
                send_signal(number)

        def resized(*_: Any) -> None:
            if self._pty is not None:
                with contextlib.suppress(OSError):
                    _copy_size(STDOUT if is_terminal(STDOUT) else STDERR, self._pty)

        before = {number: signal.signal(number, arrived) for number in PASSED_ON}
        before[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, resized)
        wakeup = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take_notes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        while True:
            try:
                note = self._notes.get_nowait()
            except queue.Empty:
                return
            note()

    def _pass_output(self, fd: int) -> bool:
        """One piece; False at the end, or when there is none now."""
        try:
            data = os.read(fd, PIECE_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # a pty's way to say that nobody holds its other end
                raise
            data = b""
        to, name = self._outputs[fd]
        if not data:
            self._forget_output(fd)
            return False
        try:
            _write_all(to, data)
        except OSError:
            # Nobody reads us: let the program find out as it would without us between.
            self._forget_output(fd)
            return False
        if self._written is not None:
            self._written(name, data)
        return True

    def _forget_output(self, fd: int) -> None:
        del self._outputs[fd]
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fd)
        # Closing a pty sends SIGHUP to a program that has let go of its terminal, and is just about to end.
        if fd != self._pty:
            os.close(fd)

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN_S
        while self._outputs and (left := deadline - time.monotonic()) > 0:
            found = [key for key, _ in self._selector.select(left) if key.data == self._pass_output]
            for key in found:
                self._pass_output(key.fd)
            if not found and not self._outputs:
                return

    def _register_stdin(self) -> None:
        try:
            self._selector.register(STDIN, selectors.EVENT_READ, self._read_stdin)
        except (OSError, ValueError, KeyError):
            # A regular file, which is always readable: epoll does not take it.
            self._reads_stdin = False
            while data := os.read(STDIN, PIECE_BYTES):
                self._pending += data
            self.feed(None)

    def _read_stdin(self) -> None:
        try:
            data = os.read(STDIN, PIECE_BYTES)
        except OSError:
            data = b""
        if not data:
            self._stop_reading()
        self.feed(data or None)
        if len(self._pending) > AHEAD_BYTES:
            self._selector.unregister(STDIN)

    def _stop_reading(self) -> None:
        self._reads_stdin = False
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(STDIN)

    def _write_input(self) -> None:
        if self._input is None:
            self._pending = b""
            return
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._input, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self._pending = b""
        self._wait_to_write(bool(self._pending))
        if not self._pending and self._pending_end and not self.has_terminal:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(self._input)
            os.close(self._input)
            self._input = None
        elif self._reads_stdin and len(self._pending) <= AHEAD_BYTES:
            with contextlib.suppress(KeyError):
                self._selector.register(STDIN, selectors.EVENT_READ, self._read_stdin)

    def _wait_to_write(self, wanted: bool) -> None:
        """A pty is one descriptor for both directions; a pipe is watched only while something waits for it."""
        assert self._input is not None
        if self._input == self._pty:
            if wanted:
                # The terminal takes a few kilobytes at once; look again as soon as it has printed something, or at the next key.
                self.soon(self._write_input)
                time.sleep(0.001)
            return
        with contextlib.suppress(KeyError, ValueError):
            if wanted:
                self._selector.register(self._input, selectors.EVENT_WRITE, self._write_input)
            else:
                self._selector.unregister(self._input)


def is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def in_foreground() -> bool:
    """Whether this process belongs to the foreground of a terminal, whose Ctrl-C reaches it and its children alike."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _is_same(one: int, other: int) -> bool:
    """Whether both are the same pipe or file, where what is written to them has one order."""
    try:
        first, second = os.fstat(one), os.fstat(other)
    except OSError:
        return False
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _is_nothing(fd: int) -> bool:
    try:
        return os.fstat(fd).st_rdev == os.stat(os.devnull).st_rdev
    except OSError:
        return True


def _copy_size(source: int, target: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, b"\0" * 8))


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # a terminal that somebody else has made so
            time.sleep(0.001)
