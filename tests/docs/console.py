"""Pages with terminal sessions: read them, type them, and compare what is printed.

A block of a page is fenced as ```` ```console ````; `terminal=1` behind it says that it is typed in a terminal of its own, where a
command may go on until the page's end.
Lines that begin with `$ ` are typed, and those that begin with `>` after them; the rest is what is printed, where `...` stands
for any text.
"""

from __future__ import annotations

import os
import pathlib
import pty
import re
import secrets
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

COMMAND_TIMEOUT_S = 60.0
"""For a command to end, or to print what the page promises if it does not end."""
STRAGGLERS_S = 5.0
"""For programs in the background to print it, after a command has ended."""
QUIET_S = 0.05

_BLOCK = re.compile(r"^```console(?: terminal=(?P<terminal>\d+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    line: int
    """Of the page, from 1."""
    terminal: str
    typed: str
    printed: str


def commands(page: str) -> Iterator[Command]:
    """All that is typed on a page, in its order."""
    for block in _BLOCK.finditer(page):
        first = page.count("\n", 0, block.start("text")) + 1
        found: list[tuple[int, list[str], list[str]]] = []
        for number, line in enumerate(block["text"].splitlines(), first):
            if line.startswith("$ "):
                found.append((number, [line[2:]], []))
            elif found and not found[-1][2] and (line.startswith("> ") or line == ">"):
                found[-1][1].append(line[2:])
            elif found:
                found[-1][2].append(line)
            else:
                raise ValueError(f"line {number}: a block begins with a command")
        for number, typed, printed in found:
            yield Command(number, block["terminal"] or "", "\n".join(typed), "\n".join(printed))


def matches(promised: str, printed: str) -> bool:
    """Whether a text is what a page promises, blanks at the ends of lines and of the text aside."""
    pattern = ".*".join(re.escape(part) for part in _trimmed(promised).split("..."))
    return re.fullmatch(pattern, _trimmed(printed), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


class Terminal:
    """A bash whose output goes to a terminal, so that programs print as they do for people."""

    def __init__(self, folder: pathlib.Path, environment: Mapping[str, str]) -> None:
        self._screen, theirs = pty.openpty()
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.OPOST  # lines end as they were written
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, command: Command) -> str:
        """What it printed until it ended and that is what the page promises (programs behind it may print later), or in vain."""
        assert self._bash.stdin is not None
        mark = f"--{secrets.token_hex(8)}--"
        self._bash.stdin.write(f"{command.typed}\necho {mark}\n".encode())
        self._bash.stdin.flush()
        deadline = time.monotonic() + COMMAND_TIMEOUT_S
        printed, ended = "", False
        while True:
            if select.select([self._screen], [], [], QUIET_S)[0]:
                printed += os.read(self._screen, 65536).decode(errors="replace")
                continue
            if mark in printed:
                printed, ended = printed.replace(f"{mark}\n", "", 1), True
                deadline = min(deadline, time.monotonic() + STRAGGLERS_S)
            if matches(command.printed, printed) and (ended or command.terminal):
                return printed
            if time.monotonic() > deadline:
                return printed

    def close(self) -> None:
        """End the shell and all that it started."""
        os.killpg(self._bash.pid, signal.SIGINT)
        time.sleep(0.3)
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        os.close(self._screen)


def story(page: pathlib.Path, command: Command, printed: str) -> str:
    """What to say of a command that has printed something else than the page promises."""
    return f"{page.name}:{command.line}\n$ {command.typed}\n--- promised\n{command.printed}\n--- printed\n{printed}"
