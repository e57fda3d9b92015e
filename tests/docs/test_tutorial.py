"""docs/tutorial.md, typed as it is printed, with the real curl, the real kubectl and the real client libraries."""

from __future__ import annotations

import pathlib
import shutil
import socket
from collections.abc import Callable

import pytest

from .console import Terminal, commands, matches, story

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"


def test_the_tutorial_runs_as_it_is_printed(terminals: Callable[[str], Terminal]) -> None:
    for program in ("curl", "bash"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    for port in (6443, 8001):
        require_free(port)

    for command in commands(PAGE.read_text()):
        printed = terminals(command.terminal).type(command)

        assert matches(command.printed, printed), story(PAGE, command, printed)


def test_every_command_of_the_page_is_found() -> None:
    typed = [line for line in PAGE.read_text().splitlines() if line.startswith("$ ")]

    assert len(list(commands(PAGE.read_text()))) == len(typed)


def test_dots_stand_for_any_text() -> None:
    assert matches("{\n...\n}", '{\n  "a": 1\n}\n')
    assert matches("pod-... Running", "pod-x7k Running")
    assert not matches("pod Running", "pod Pending")


def require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            pytest.fail(f"port {port} of the tutorial is in use on this machine")
