"""How does a caller start a program in a view, follow it, and enter one that runs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from fakekube.sandbox.view import Address, Record, Rung, RungName, Rungs, View


class Process:
    """A program that runs in a view. Leaves nothing behind when it is closed, and when the caller dies.

    pid         of the program, as the host numbers it
    rung        what built the view
    missing     what the view lacks, one sentence each; empty on the upper rungs
    record      for `enter`; keep it with `record.to_json()`
    exit_code   None while it runs; 128 + N after signal N, as a shell has it
    exit_signal the number of the signal that ended it, else None
    """

    pid: int
    rung: RungName
    missing: tuple[str, ...]
    record: Record
    exit_code: int | None
    exit_signal: int | None

    def fileno(self) -> int:
        """Readable when `poll` has something to find: for `loop.add_reader` and `select`."""
        raise NotImplementedError

    def poll(self) -> int | None:
        """The exit code, or None while the program runs. Never blocks."""
        raise NotImplementedError

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, once the program and everything that it started have ended. Raises TimeoutError.

        Blocks: an asynchronous caller waits for `fileno()`, or runs it in a thread.
        """
        raise NotImplementedError

    def signal(self, number: int) -> None:
        """Sends a signal to the program; no error when it has ended."""
        raise NotImplementedError

    def kill(self) -> None:
        """SIGKILL to the program and everything that it started."""
        raise NotImplementedError

    def redirect(self, redirects: Mapping[Address, Address]) -> None:
        """Replaces the redirects. In network "pod" and on the lower rungs only addresses given at the start may stay."""
        raise NotImplementedError

    def resolve(self, names: Mapping[str, tuple[str, ...]]) -> None:
        """Replaces the names that the DNS server of network "pod" answers."""
        raise NotImplementedError

    def close(self) -> None:
        """Kills what still runs and waits for it."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(
    view: View,
    *,
    backend: RungName | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    tty: bool = False,
) -> Process:
    """Starts the command of `view` and returns once it has been executed. Raises SandboxError.

    backend     the rung to take; None tries them in order, really, and takes the first that works
    stdin, ...  descriptors for the program; None: the caller's own. They stay the caller's to close
    tty         stdin is the slave of a pty that the caller made: it becomes the controlling terminal of a session of the
                program's own. Leave it False to stay in the caller's session, where Ctrl-C reaches the program by itself
    """
    raise NotImplementedError


def enter(
    record: Record,
    argv: Sequence[str],
    environment: Mapping[str, str],
    working_directory: str,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    tty: bool = False,
) -> Process:
    """Starts another command in a running view, of this process or another of the same user; as `start` otherwise.

    Raises SandboxError when the view has ended.
    """
    raise NotImplementedError


def probe() -> Rungs:
    """Tries every rung in forked children and says what worked; costs some 100 ms."""
    raise NotImplementedError


def choose(backend: RungName | None = None) -> Rung:
    """The rung that `start` would take, tried no further than the first usable one. Raises SandboxError if `backend` is not.

    For the caller that must know before it writes the environment, because of `Rung.reaches`.
    """
    raise NotImplementedError
