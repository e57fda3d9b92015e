from __future__ import annotations

import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the driver needs pidfds", allow_module_level=True)

DRIVER = Path(__file__).with_name("stream_driver.py")
ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30


class Driven:
    """The driver with a command, and what it heard of the command's output."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "heard"
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def command(self, *command: str) -> list[str]:
        return [sys.executable, str(DRIVER), str(self._file), *command]

    def heard(self, name: str) -> str:
        return "".join(text for stream, text in json.loads(self._file.read_text()) if stream == name)


@pytest.fixture
def driven(tmp_path: Path) -> Driven:
    return Driven(tmp_path)


class Terminal:
    """A person's side of a terminal in which the driver runs."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._pid, self._screen = pty.fork()
        if self._pid == 0:
            os.execve(command[0], command, environment)
        self.shown = ""

    def read_until(self, ends: Callable[[str], bool]) -> str:
        while not ends(self.shown):
            try:
                piece = os.read(self._screen, 65536)
            except OSError:
                break
            self.shown += piece.decode(errors="replace")
        return self.shown

    def type(self, keys: bytes) -> None:
        os.write(self._screen, keys)

    def resize(self, rows: int, columns: int) -> None:
        ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self) -> int:
        self.read_until(lambda shown: False)
        _, status = os.waitpid(self._pid, 0)
        os.close(self._screen)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def terminal(driven: Driven) -> Callable[..., Terminal]:
    return lambda *command: Terminal(driven.command(*command), driven.environment)


def test_output_goes_where_it_belongs_and_is_heard(driven: Driven) -> None:
    done = subprocess.run(
        driven.command("sh", "-c", "echo out; echo err >&2; exit 7"),
        capture_output=True,
        text=True,
        env=driven.environment,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert (driven.heard("stdout"), driven.heard("stderr")) == ("out\n", "err\n")


def test_two_streams_into_one_pipe_keep_their_order(driven: Driven) -> None:
    lines = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done"
    done = subprocess.run(
        driven.command("sh", "-c", lines),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=driven.environment,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.stdout == "".join(f"out {i}\nerr {i}\n" for i in range(1, 6))


def test_input_that_the_program_does_not_want_is_left_for_others(driven: Driven) -> None:
    inner = " ".join(f"'{word}'" for word in driven.command("sh", "-c", "read line; echo first $line"))
    done = subprocess.run(
        ["sh", "-c", f"{inner}; read line; echo second $line"],
        input="one\ntwo\n",
        capture_output=True,
        text=True,
        env=driven.environment,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.stdout == "first one\nsecond two\n"


def test_others_can_write_to_a_program_that_takes_input(driven: Driven) -> None:
    done = subprocess.run(
        driven.command("--takes-input", "sh", "-c", "read line; echo got $line"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=driven.environment,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.stdout == "got from elsewhere\n"


def test_large_input_and_output_pass_unharmed(driven: Driven) -> None:
    text = "".join(f"line {number}\n" for number in range(100_000))
    done = subprocess.run(
        driven.command("--takes-input", "cat"),
        input=text,
        capture_output=True,
        text=True,
        env=driven.environment,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.stdout.replace("from elsewhere\n", "") == text
    assert driven.heard("stdout") == done.stdout


def test_a_program_whose_reader_goes_away_is_ended_as_without_us(driven: Driven) -> None:
    inner = " ".join(f"'{word}'" for word in driven.command("yes"))
    done = subprocess.run(
        ["sh", "-c", f"{inner} | head -1"],
        capture_output=True,
        text=True,
        env=driven.environment,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.stdout == "y\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_program(driven: Driven, number: signal.Signals) -> None:
    script = f"trap 'echo got it; exit 5' {int(number)}; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        driven.command("sh", "-c", script),
        stdout=subprocess.PIPE,
        text=True,
        env=driven.environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "got it\n"
        assert process.wait(TIMEOUT_S) == 5


def test_in_a_terminal_the_program_has_one_too(terminal: Callable[..., Terminal], driven: Driven) -> None:
    screen = terminal(
        "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo terminal; stty size; read x; stty size; exit 6"
    )
    screen.resize(50, 132)
    screen.read_until(lambda shown: shown.count("\n") >= 2)
    screen.resize(20, 40)
    screen.type(b"go\n")

    assert screen.end() == 6
    lines = screen.shown.replace("\r", "").splitlines()
    assert lines[0] == "terminal"
    assert lines[-1] == "20 40"
    assert "terminal" in driven.heard("stdout")


def test_ctrl_c_interrupts_the_program_alone(terminal: Callable[..., Terminal]) -> None:
    screen = terminal("sh", "-c", "trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.05; done")
    screen.read_until(lambda shown: "ready" in shown)
    screen.type(b"\x03")

    assert screen.end() == 4
    assert "interrupted" in screen.shown


def test_a_program_that_lets_go_of_its_terminal_ends_by_itself(terminal: Callable[..., Terminal]) -> None:
    screen = terminal("sh", "-c", "echo bye; exec 0<&- 1>&- 2>&-; sleep 0.3; exit 3")

    assert screen.end() == 3


def test_the_terminal_is_as_it_was_afterwards(driven: Driven) -> None:
    inner = " ".join(f"'{word}'" for word in driven.command("true"))
    screen = Terminal(
        ["/bin/sh", "-c", f'before=$(stty -g); {inner}; test "$before" = "$(stty -g)" && echo same'], driven.environment
    )

    assert screen.end() == 0
    assert "same" in screen.shown


def test_output_alone_in_a_terminal_still_looks_like_one(driven: Driven) -> None:
    inner = " ".join(f"'{word}'" for word in driven.command("sh", "-c", "test -t 1 && echo terminal; cat"))
    screen = Terminal(["/bin/sh", "-c", f"echo piped | {inner}"], driven.environment)

    assert screen.end() == 0
    assert screen.shown.replace("\r", "") == "terminal\npiped\n"
